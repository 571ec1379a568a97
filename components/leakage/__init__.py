"""Texts that stand in several splits, and texts that a model has learned from."""
