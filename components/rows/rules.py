"""What makes a row a bad one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from components.rows.columns import Layout
from components.tasks.label_text import hidden_character

Rule = Callable[[Sequence[str], str], tuple[str, str] | None]
"""Texts and label of a row -> the rule that they break and the remedy; none of them is empty."""


def tokens_before(columns: list[str], broken: Callable[[list[str]], object]) -> int:
    """Tokens of a CoNLL sentence before the one with which it breaks a rule."""
    rows = list(zip(*(column.split(" ") for column in columns), strict=True))
    return next(n for n in range(len(rows)) if broken([" ".join(some) for some in zip(*rows[: n + 1], strict=True)]))


def broken_rule(fields: list[str], layout: Layout, rule: Rule | None) -> tuple[str, str] | None:
    """The first rule a row breaks and its remedy, or None."""
    if len(fields) != layout.width:
        if fields == [""]:
            return f"an empty line, expected {_fields(layout.width)}", "Delete the line"
        more = len(fields) > layout.width
        hint = "replace a tab that belongs to a text by a space" if more else "a tab seems to be missing"
        return f"expected {_fields(layout.width)}, got {len(fields)}", f"Correct the row; {hint}"
    alone = (index for index in (layout.label, layout.group) if index is not None)
    used = (*layout.texts, *alone, *layout.slices)
    for index in used:
        if "\0" in fields[index]:
            return f"a NUL byte in field {index + 1}", "Remove it; with many of them the file is binary or UTF-16"
    for index in layout.texts:
        if not fields[index].strip():
            return f"the text (field {index + 1}) is empty", "Give a text or delete the row"
    if layout.group is not None and not fields[layout.group].strip():
        return f"the group (field {layout.group + 1}) is empty", "Give each row a group, one of its own if need be"
    if layout.label is None:
        return None
    label = fields[layout.label]
    if not label.strip():
        return f"the label (field {layout.label + 1}) is empty", "Give a label or delete the row"
    if hidden := hidden_character(label):
        return hidden
    return rule([fields[index] for index in layout.texts], label) if rule else None


def _fields(count: int) -> str:
    return f"{count} tab-separated field{'s' * (count != 1)}"
