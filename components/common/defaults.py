"""Defaults that a setting and an option of the command line share; importing this imports nothing else."""

from __future__ import annotations

MAX_LENGTH = 128
"""Tokens a text is truncated to, [CLS] and [SEP] included."""
