"""Which rows are worth a label."""
