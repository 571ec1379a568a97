"""Pushed models: the directory of versions, and predictions from them."""
