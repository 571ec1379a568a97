"""What the files of a Hugging Face checkpoint are called."""

from __future__ import annotations

CONFIG = "config.json"

WEIGHTS = "model.safetensors"

INDEX = "model.safetensors.index.json"
"""Where the weights lie in several files: which tensor is in which."""
