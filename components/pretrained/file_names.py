"""What the files of a Hugging Face checkpoint are called."""

from __future__ import annotations

CONFIG, WEIGHTS, INDEX, VOCABULARY = "config.json", "model.safetensors", "model.safetensors.index.json", "vocab.txt"
