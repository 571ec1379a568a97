"""How targets fit a vocabulary that is to write them: some rows of train, in plain Python."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from components.common.errors import InputError
from components.pretrained import base_model, head_weights
from components.rows import reader, tsv
from components.rows.files import InputFiles
from components.settings.run import Run
from components.settings.toml import TomlSource
from components.tasks.generation.task import Generation
from components.tokenization.plain import PlainWordPiece
from components.tokenization.spacing import Detokenizer, Spacing
from components.tokenization.vocabulary import Tokenizer

SAMPLE_ROWS = 1000
"""Rows of each file that are looked at."""


def check(run: Run, task: Generation, base: Path, tokenizer: Tokenizer, source: TomlSource) -> None:
    """Refuses a base model that cannot write so much, or nothing at all.

    Raises:
        InputError: it is one, or its head for masked tokens is damaged or has embeddings of its own.
    """
    config = base_model.read_config(base)
    if tokenizer.mask_id is None:
        problem = f"the vocabulary has no {tokenizer.settings.mask}, by which {task.name} asks for a token"
        raise InputError(source.locate(("model", "base")), problem, "Take another base model")
    if config.type_vocab_size < 2:
        problem = f"the task {task.name} needs 2 segments, the base model has {config.type_vocab_size}"
        raise InputError(source.locate(("model", "base")), problem, "Take another base model")
    most = max(task.target_length, run.model.generation.max_tokens or 0)
    if run.model.max_length + most > config.max_position_embeddings:
        problem = (
            f"`model.max_length` is {run.model.max_length} and a target has up to {most} tokens, the base model takes "
            f"at most {config.max_position_embeddings} of both together"
        )
        remedy = "Lower it, data.target_length or model.generation.max_tokens, or take another base model"
        raise InputError(source.locate(("model", "max_length")), problem, remedy)
    if head_weights.has_masked_language_model(base):
        head_weights.check_masked_language_model(base, config)


def check_lengths(run: Run, task: Generation, tokenizer: Tokenizer, files: InputFiles) -> None:
    """Refuses the first target that is too long, if it is not to be cut.

    Raises:
        InputError: there is one among the first rows of a file.
    """
    if task.cuts_targets:
        return
    tokenize = PlainWordPiece(tokenizer)
    for split, path in files:
        for row in _rows(run, task, split, str(path)):
            # [CLS] in place of an end.
            if (tokens := len(tokenize([row.label])) - 1) > task.target_length:
                problem = (
                    f"the target has {tokens} tokens, its end among them, at most {task.target_length} are learned"
                )
                remedy = 'Shorten it, raise data.target_length, or set data.long_targets = "cut"'
                raise InputError(f"{path}:{row.line}", problem, remedy)


def _rows(run: Run, task: Generation, split: str | None, path: str) -> Iterator[reader.Row]:
    rows = islice(reader.read_rows(Path(path), split, run.data, task.check_row), SAMPLE_ROWS)
    return (row for row in rows if not isinstance(row, tsv.BadRow))


class TargetSample(NamedTuple):
    """Of some rows of train, how many there are and what becomes of their targets as pieces, and back as text."""

    rows: int
    longest: int
    """Tokens of a target, its end among them."""
    cut: int
    """Rows with more than are learned."""
    letters: int
    """Rows with capitals or accents that the vocabulary does not give."""
    unknown: int
    """Rows with a word that it has no pieces for."""
    spaces: int
    """Rows that come out with other spaces between words and signs."""

    def __str__(self) -> str:
        def share(count: int) -> str:
            return f"{count / max(1, self.rows):.1%}"

        parts = [f"of {self.rows:,} rows of train the longest has {self.longest} tokens"]
        parts += [f"{share(self.cut)} are cut"] if self.cut else []
        parts += [f"{share(self.letters)} have capitals or accents that an uncased vocabulary does not give"]
        parts += [f"{share(self.unknown)} have a word that it has no pieces for"] if self.unknown else []
        parts += [f"{share(self.spaces)} come out with other spaces beside signs"] if self.spaces else []
        return ", ".join(parts)


def target_sample(run: Run, task: Generation, tokenizer: Tokenizer, size: int, files: InputFiles) -> TargetSample:
    """Some rows of train.

    Args:
        run: the settings.
        task: its task.
        tokenizer: of the base model.
        size: rows of its word embeddings.
        files: of all splits.
    """
    rows = (row for split, path in files for row in _rows(run, task, split, str(path)))
    targets = [row.label for row in islice((row for row in rows if row.split == "train"), SAMPLE_ROWS)]
    tokenize, detokenizer = PlainWordPiece(tokenizer), Detokenizer(tokenizer, Spacing.learned(targets), size)
    longest, cut, letters, unknown, spaces = 0, 0, 0, 0, 0
    for target in targets:
        ids = tokenize([target])[1:]
        longest, cut = max(longest, len(ids)), cut + (len(ids) > task.target_length)
        unknown += tokenizer.unknown_id in ids
        text = detokenizer.plain(ids[:-1])
        letters += _letters(text) != _letters(target) and _folded(text) == _folded(target)
        spaces += text.split() != target.split() and _letters(text) == _letters(target)
    return TargetSample(len(targets), longest, cut, letters, unknown, spaces)


def _letters(text: str) -> str:
    return "".join(text.split())


def _folded(text: str) -> str:
    parts = unicodedata.normalize("NFD", _letters(text).lower())
    return "".join(part for part in parts if unicodedata.category(part) != "Mn")
