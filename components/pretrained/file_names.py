"""What the files of a Hugging Face checkpoint are called."""

from __future__ import annotations

CONFIG = "config.json"

WEIGHTS = "model.safetensors"

INDEX = "model.safetensors.index.json"
"""Where the weights lie in several files: which tensor is in which."""

MODULES = "modules.json"
"""Marks a model that sentence-transformers wrote."""

POOLING = "1_Pooling/config.json"
"""Where sentence-transformers keeps how the states are pooled."""
