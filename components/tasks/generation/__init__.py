"""The task `generation`."""
