"""How far new rows are from the training data."""
