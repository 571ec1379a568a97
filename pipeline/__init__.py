"""One run: its config, its DAG, its record, its runners."""
