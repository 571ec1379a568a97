"""Writes a pushed model in another form: aside, held against the model's own answers, and then there as a whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from components.common import atomic_files
from components.export.card import ASSETS, EXPORTED, identity, write_card
from components.export.formats import (
    forms,
    huggingface,
    onnx_file,
    parity,
    read_back,
    readme,
    sentence_transformers,
    tokenizer,
)
from components.export.formats.parity import Parity, Predict, Reference, Texts
from components.export.formats.pushed import Pushed
from components.pretrained.file_names import WEIGHTS
from components.settings.model_forms import Form

ODD_TEXTS = 64
"""Texts of no one's data that an export is held against the model on, beside the rows that are given."""

_NOT_OF_EXPORTS = ("warmup_sha256", "signed_by", "restored_from")
"""What a version's card says of files that an export has not."""


def export(model: Pushed, destination: Path, form: Form, rows: Sequence[Texts] = ()) -> Parity:
    """Writes a directory.

    Args:
        model: the version.
        destination: the directory, which is not there yet.
        form: what it is to be.
        rows: real texts that both are held against each other on.

    Returns:
        How the export compares with the version.

    Raises:
        InputError: the form cannot state the model or needs rows, there is something at the destination, or the export
            answers otherwise than the model.
    """
    forms.check(model, form)
    forms.check_texts(model, form, rows)
    with atomic_files.appearing(destination) as aside:
        (aside / ASSETS).mkdir()
        reference = Reference(model)
        predict = _written(model, aside, form, reference, rows)
        per_row = 1 if model.task.bi_encoder else len(model.task.texts)
        every = [*rows, *parity.odd_texts(model.tokenizer, ODD_TEXTS, per_row)]
        found = parity.measure(model, reference, every, _tokenize(model, aside), predict)
        parity.check(model, found, parity.MOST_DIFFERENCE if form.precision == "float32" else None)
        _describe(model, aside, form, found, len(rows))
    return found


def _written(model: Pushed, directory: Path, form: Form, reference: Reference, rows: Sequence[Texts]) -> Predict:
    """Writes the files; what predicts by them."""
    if form.format == "onnx":
        onnx_file.write(model, directory, reference, form.precision, rows)
        return onnx_file.predict_of(model, directory)
    if form.format == "hf":
        huggingface.write(model, directory)
        return read_back.predict_of(model, directory, None if model.task.bi_encoder else directory / WEIGHTS)
    sentence_transformers.write(model, directory)
    head = directory / sentence_transformers.DENSE / WEIGHTS
    return read_back.predict_of(model, directory, head if head.is_file() else None)


def _tokenize(model: Pushed, directory: Path) -> Callable[[list[Texts]], list[list[int]]]:
    cut = tokenizer.load(directory)
    cut.no_padding()

    def tokenize(rows: list[Texts]) -> list[list[int]]:
        return [found.ids for found in cut.encode_batch([row if len(row) > 1 else row[0] for row in rows])]

    return tokenize


def _describe(model: Pushed, directory: Path, form: Form, found: Parity, real: int) -> None:
    """Writes README.md and the card."""
    (directory / "README.md").write_text(readme.text(model, form, found, real), encoding="utf-8")
    card: dict[str, Any] = {name: value for name, value in model.card.items() if name not in _NOT_OF_EXPORTS}
    card[EXPORTED] = {
        "form": form.name,
        "version": model.path.name,
        "identity": identity(model.card),
        "parity": {**dataclasses.asdict(found), "real_texts": real},
        "files": {
            str(path.relative_to(directory)): atomic_files.sha256(path)
            for path in sorted(directory.rglob("*"))
            if path.is_file()
        },
    }
    write_card(directory, card)
