"""What the command line's exit status says; the one place that numbers them."""

DONE = 0
"""What was asked for is done; of `run`, the model is pushed."""
FAILED = 1
"""A run failed or was interrupted, or a reproduction differs."""
WRONG_INPUT = 2
"""The user's input is wrong: config, data, model directory or command line."""
REFUSED = 3
"""The model is not pushed: the gate refused it, or a rollback has withdrawn it. A bound of `evaluate` was missed."""
SKIPPED = 99
"""Only of the commands that a scheduler starts: there is nothing to do. Airflow takes the task for skipped."""
