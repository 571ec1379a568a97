"""Rows of TSV and CoNLL files: read, checked, dealt to splits, written."""
