"""Base models: found, checked, and read into the encoder and the heads of pre-training."""
