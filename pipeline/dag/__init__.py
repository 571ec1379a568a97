"""The DAG of a run."""
