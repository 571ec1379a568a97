"""One file a command of `pipeline_runner.py`."""
