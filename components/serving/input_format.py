"""How the rows of a file look that a pushed model predicts: as those it learned from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from components.common.errors import InputError
from components.export.card import CARD_FILE, read_card
from components.rows.columns import first_fields
from components.rows.label_names import name_columns
from components.rows.tsv import Quoting
from components.serving import versions
from components.settings.fields import Column


def card_with_input(model: Path) -> dict[str, Any]:
    """What a model says of itself, the rows it learned from included.

    Raises:
        InputError: it does not say.
    """
    card = read_card(versions.resolve(model, other_forms=True))
    if "input" not in card:
        problem = f"no {CARD_FILE} in it that says how rows look"
        raise InputError(str(model), problem, "Give a model that this pipeline pushed")
    return card


def prediction_names(taken: Iterable[str], names: Iterable[str]) -> dict[str, str]:
    """What a prediction's columns are called beside those of its input: `predicted_NAME` where NAME is taken."""
    used, found = set(taken), {}
    for name in names:
        new = name
        while new in used:
            new = f"predicted_{new}"
        used.add(new)
        found[name] = new
    return found


def renaming_note(names: Mapping[str, str]) -> str | None:
    """What to say of columns that got other names; None: there are none."""
    renamed = [f"{name!r} is {new!r}" for name, new in names.items() if name != new]
    return f"the input has columns of these names, so of the prediction {', '.join(renamed)}" if renamed else None


def row_format(
    card: dict[str, Any], columns: Sequence[str] | None, has_header: bool
) -> tuple[tuple[Column, ...], bool, Quoting]:
    """The texts' columns, whether there is a header, and the quoting of rows for a model: as in training, or as given.

    Args:
        card: of the model.
        columns: of each `--column`, a name or a number.
        has_header: false with `--no-header`.

    Raises:
        InputError: a column that cannot be.
    """
    declared = card["input"]
    texts: tuple[Column, ...] = tuple(declared["predict_text"])
    header, quoting = declared["header"], declared["quoting"]
    if columns:
        texts = tuple(int(column) if column.isdecimal() else column for column in columns)
        # A name can only stand in a header.
        header = header or any(isinstance(column, str) for column in texts)
    if not has_header:
        if named := [column for column in texts if isinstance(column, str)]:
            problem = f"the text's column is {named[0]!r}, but without a header there are no names"
            raise InputError("--no-header", problem, "Give its number with --column")
        header = False
    if 0 in texts:
        raise InputError("--column", "got 0, but columns are numbered from 1", "Correct the number")
    return texts, header, quoting


def note_of_width(path: Path, card: dict[str, Any], quoting: Quoting, is_said: bool) -> str | None:
    """What to say of a file with more or fewer columns than rows had in training; None: nothing.

    Args:
        path: a TSV file.
        card: of the model.
        quoting: of the file.
        is_said: whether `--column` or `--no-header` says how the file begins.

    Raises:
        InputError: training had no header, and line 1 looks like one, which would be predicted as a row.
    """
    width, fields = card["input"].get("columns"), first_fields(path, quoting)
    if not card["input"]["header"] and not is_said and name_columns(fields):
        problem = f"line 1 looks like a header ({', '.join(map(repr, fields))}), and the model's training data had none"
        raise InputError(f"{path}:1", problem, "Give --column NAME, or --no-header if line 1 is a row")
    if width is None or not fields or len(fields) == width:
        return None
    return f"{path}: {len(fields)} column{'s' * (len(fields) != 1)}, rows had {width} in training"
