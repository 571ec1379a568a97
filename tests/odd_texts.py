"""Texts that somebody will use for a name: what is markup, a pattern, a template or an escape somewhere."""

from __future__ import annotations

import random
import unicodedata

_SEEN = [
    *("[/x]", "[bold]", "[red", "]", "[[", "*", "**", "?", "[!a]", "{", "}", "{{ x }}", "{% if %}", "{0}", "%s"),
    *("%", "#", "'", '"', "`id`", "$HOME", "$(id)", ";", "&", "|", "<b>", ">", "\\", "\\n", "=", "+", "-", "--"),
    *("~", "!", ":", ",", ".", "_", ":smile:", "a b", "nan", "None", "null", "1", "-0", "1.0", "x"),
    *("é", "e\u0301", "ß", "李", "😀", "עברית", "Ω"),
]

_UNSEEN = ["\x1b[31m", "\x1b]0;t\x07", "\u009b1m", "\u202e", "\u200b", "\x7f", "\x01"]


def odd_label(draws: random.Random) -> str:
    """As a class may be called: it can be seen, in Unicode's form NFC, and has no space around it."""
    return unicodedata.normalize("NFC", _joined(draws, _SEEN).strip()) or "-"


def odd_value(draws: random.Random) -> str:
    """As a slice's value may be: of anything but tabs and line breaks, or empty."""
    return draws.choice(["", " ", *([_joined(draws, _SEEN + _UNSEEN)] * 18)])


def odd_name(draws: random.Random) -> str:
    """As a file or a directory may be called."""
    name = _joined(draws, [*_SEEN, *_UNSEEN, "\n", "\t", " "]).strip("/")
    return f"n{name}" if name.strip(".") == "" else name


def _joined(draws: random.Random, parts: list[str]) -> str:
    return "".join(draws.choices(parts, k=draws.choice([1, 1, 2, 3])))


def as_toml(text: str) -> str:
    """A TOML string; JSON's has halves of surrogates where TOML has none."""
    escaped = "".join(f"\\u{ord(c):04x}" if c in '"\\' or unicodedata.category(c) == "Cc" else c for c in text)
    return f'"{escaped}"'
