"""What the files of a base model are called, in Hugging Face's layout and in Google's original TensorFlow form."""

from __future__ import annotations

from components.tokenization.tokenizer_json import GOOGLE_CONFIG, HUGGING_FACE_CONFIG

CONFIG = HUGGING_FACE_CONFIG

WEIGHTS = "model.safetensors"

INDEX = "model.safetensors.index.json"
"""Where the weights lie in several files: which tensor is in which."""

MODULES = "modules.json"
"""Marks a model that sentence-transformers wrote."""

POOLING = "1_Pooling/config.json"
"""Where sentence-transformers keeps how the states are pooled."""

BERT_CONFIG = GOOGLE_CONFIG

CHECKPOINT = "bert_model.ckpt"
"""What Google's checkpoints are called: their files are this with a suffix."""

CHECKPOINT_INDEX = ".index"
"""Suffix of the file that says which tensor lies where."""

CHECKPOINT_DATA = ".data-{shard:05}-of-{shards:05}"
"""Suffix of a file of weights; nearly always there is one."""
