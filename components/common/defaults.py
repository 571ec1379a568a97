"""Defaults that more than one room states: settings, what obeys them, and options of the command line."""

from __future__ import annotations

MAX_LENGTH = 128
"""Tokens a text is truncated to, [CLS] and [SEP] included."""

THRESHOLD = 0.5
"""With several labels a text: the score from which on a label is given."""
