"""The BERT encoder and the task's head on it."""
