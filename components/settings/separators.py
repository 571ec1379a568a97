"""What stands between the fields of a row, and how fields are told apart."""

from __future__ import annotations

from typing import Literal

SEPARATORS = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar"}
"""What may stand between the fields of a row, and what it is called."""

Separator = Literal["\t", ",", ";", "|"]

RowQuoting = Literal["none", "csv", "csv,", "csv;", "csv|"]
"""How the fields of a row are told apart: `none`: between tabs, a quote is a character like any other; `csv`: as RFC
4180 has it, with a tab, or the character named behind it, for the comma."""

QUOTING: dict[str, RowQuoting] = {",": "csv,", ";": "csv;", "|": "csv|"}
"""Of fields between anything but tabs."""
