"""How unlike the training data new rows are."""
