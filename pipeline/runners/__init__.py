"""What executes the DAG; an environment each, wiring only."""
