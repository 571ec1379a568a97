"""What makes a row a bad one, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from components.rows.columns import Layout
from components.rows.format_hints import tag_columns
from components.settings.data import FROM_TRAIN, Data
from components.settings.separators import SEPARATORS
from components.tasks import TASKS
from components.tasks.label_text import LIST_IT, hidden_character
from components.tasks.multilabel import Multilabel
from components.tasks.tagging import Tagging

Problem = tuple[str, str]
"""The rule that a row breaks, and the remedy."""

Rule = Callable[[Sequence[str], str], Problem | None]
"""Texts and label of a row -> the rule that they break and the remedy; no text is empty."""

_GIVE_A_LABEL = "Give a label or delete the row"


def tokens_before(columns: list[str], broken: Callable[[list[str]], object]) -> int:
    """Tokens of a CoNLL sentence before the one with which it breaks a rule."""
    rows = list(zip(*(column.split(" ") for column in columns), strict=True))
    return next(n for n in range(len(rows)) if broken([" ".join(some) for some in zip(*rows[: n + 1], strict=True)]))


def broken_rule(fields: list[str], layout: Layout, rule: Rule | None) -> Problem | None:
    """The first rule a row breaks and its remedy, or None."""
    if len(fields) != layout.width:
        name = SEPARATORS[layout.separator]
        expected = f"{layout.width} {name}-separated field{'s' * (layout.width != 1)}"
        if fields == [""]:
            return f"an empty line, expected {expected}", "Delete the line"
        hint = f"a {name} seems to be missing"
        if len(fields) > layout.width:
            hint = "replace a tab that belongs to a text by a space" if name == "tab" else f"quote a text with a {name}"
        return f"expected {expected}, got {len(fields)}", f"Correct the row; {hint}"
    alone = (index for index in (layout.label, layout.group, layout.start) if index is not None)
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
    if not label.strip() and layout.needs_label:
        return f"the label (field {layout.label + 1}) is empty", _GIVE_A_LABEL
    if not layout.label_is_part and (hidden := hidden_character(label)):
        return hidden
    return rule([fields[index] for index in layout.texts], label) if rule else None


def with_better_remedy(
    problem: Problem,
    fields: list[str],
    layout: Layout,
    data: Data,
    dealt_to: str | None,
    of_file: Callable[[], str | None],
) -> Problem:
    """The same problem with the setting that is the remedy, where it looks as if one were wrong, not the row.

    Args:
        problem: of the row.
        fields: of the row, or of a sentence in one of CoNLL's formats.
        layout: by which it was read.
        data: the settings.
        dealt_to: the split, where a hash decides.
        of_file: what `format_hints.remedy` says of the file.
    """
    rule, remedy = problem
    counted, label = len(fields) != layout.width, layout.label
    if (counted or data.format == "conll") and (hint := of_file()):
        return rule, hint
    if data.format != "tsv":
        if counted:
            rule = f"its tokens have {len(fields)} columns, and number {layout.width} is in use"
        return rule, _of_conll(remedy, fields, layout, counted, data.task == Tagging.name) or remedy
    if data.row_quoting == "none" and (
        any(field.startswith('"') for field in fields)
        if counted
        else label is not None and re.fullmatch('".*"', fields[label])
    ):
        return rule, f'{remedy}; if the quotes are those of CSV, as pandas writes them, set data.quoting = "csv"'
    if counted:
        return rule, remedy
    if remedy == _GIVE_A_LABEL and issubclass(TASKS[data.task], Multilabel):
        return rule, f"{remedy}; if rows may have none of the labels, set data.allow_no_label = true"
    if dealt_to not in (None, "train") and data.labels == FROM_TRAIN and LIST_IT in remedy:
        given = "add rows of its label, or give data.train and data.dev in place of data.files, with the row in train"
        what = f"{rule}, the labels of the rows dealt to train; this one was dealt to {dealt_to}"
        return what, remedy.replace(f"or {LIST_IT}", given)
    return rule, remedy


def _of_conll(remedy: str, fields: list[str], layout: Layout, counted: bool, is_tagging: bool) -> str | None:
    """What to do about a sentence whose columns are others than the settings say; None: they are not."""
    columns = [field.split(" ") for field in fields]
    begin = columns[layout.texts[0]][0] if layout.texts[0] < len(columns) else ""
    if begin.startswith("#") and not counted:
        start = "# " if begin == "#" else "#"
        return f'{remedy}; if the line is a comment, set data.comments = "{start}"'
    tagged, label = tag_columns(columns) if is_tagging else [], layout.label
    if label is None or (not counted and label + 1 in tagged):
        return None
    if tagged:
        listed = " and ".join(map(str, tagged))
        hold = f"column{'s' * (len(tagged) > 1)} {listed} hold{'s' * (len(tagged) == 1)} tags of entities"
        return f"data.label is column {label + 1}, and {hold}: set data.label = {tagged[-1]}"
    return "Correct data.text and data.label" if counted else None
