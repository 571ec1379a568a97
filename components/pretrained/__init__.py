"""Base models: found, checked, and read into the encoder."""
