"""The BERT encoder, the task's head on it, and the heads of pre-training."""
