"""Answers to questions that are parts of a text: the task, its labels, and SQuAD's metrics."""
