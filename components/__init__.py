"""What the nodes of the pipeline are made of; knows no orchestrator."""
