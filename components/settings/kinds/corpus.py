"""`[corpus]`: which documents a run sees, and how they are cut into sentences."""

from __future__ import annotations

import dataclasses
import os
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from components.common.json_files import shown
from components.settings.data import Split
from components.settings.fields import Columns, ConflictError, Count, Paths, Share, settings
from components.settings.separators import RowQuoting

# fmt: off
Language = Literal[
    "am", "ar", "bg", "bn", "ca", "da", "de", "el", "en", "es", "fi", "fr", "gu", "hi", "hy", "it", "ja", "kk", "kn",
    "ml", "mr", "my", "nl", "pa", "pl", "pt", "ru", "sk", "ta", "te",
]
# fmt: on
"""Those that sentencex has abbreviations and marks of their own for."""

_DEFAULT_SPLIT: dict[Split, int] = {"train": 95, "dev": 5}


@settings
class Corpus:
    """The documents that a run with `kind = "vocabulary"` or `kind = "pretraining"` learns from. Relative paths are
    taken from the TOML file's directory. A path may be a glob, and may end in .gz."""

    table: ClassVar[str] = "corpus"
    """Where in a TOML file they are."""

    files: Paths
    """The files of all documents, UTF-8. Example: `files = "articles/*.txt.gz"`"""
    format: Literal["blocks", "lines", "tsv"] = "blocks"
    """`blocks`: a document has lines, and an empty line ends it. `lines`: each line is a document. `tsv`: each row of a
    TSV file is a document, its text in the columns `text`.
    Example: `format = "lines"`"""
    text: Columns = ("text",)
    """With `format = "tsv"`: the columns of a document's text, names or numbers from 1.
    Example: `text = ["title", "body"]` with `format = "tsv"`"""
    header: bool = True
    """With `format = "tsv"`: whether the first line of each file names the columns.
    Example: `header = false` with `format = "tsv"`, `text = 2`"""
    quoting: Literal["none", "csv"] = "none"
    """With `format = "tsv"`, as `data.quoting`. Example: `quoting = "csv"` with `format = "tsv"`"""
    splitter: Literal["sentencex", "lines"] = "sentencex"
    """What cuts a document into sentences. `sentencex`: the library of that name, by the rules of `language`; where a
    line ends within a sentence makes no difference. `lines`: each line of a document is a sentence.
    Example: `splitter = "lines"`"""
    language: Language = "en"
    """By whose abbreviations and marks sentences are told apart; of a language that is not listed, the nearest one.
    Example: `language = "de"`"""
    split: dict[Split, Count] = Field(default_factory=_DEFAULT_SPLIT.copy)
    """The shares of documents to learn from and of those that are held out to measure on. A hash of its text decides
    for each document, so that equal ones are on the same side.
    Example: `split = { train = 90, dev = 10 }`"""
    on_bad_row: Literal["fail", "quarantine"] = "fail"
    """What a line or row that breaks a rule does, as `data.on_bad_row`; the rest of its document is kept.
    Example: `on_bad_row = "quarantine"`"""
    max_bad_share: Share = 0.01
    """With `on_bad_row = "quarantine"`: a run with a larger share of bad lines among bad lines and documents fails.
    Example: `max_bad_share = 0.001` with `on_bad_row = "quarantine"`"""
    max_duplicate_share: Share = 0.2
    """The largest share of documents that stand in the corpus before. More of them stop the run. Documents are equal if
    they differ in white space and case alone.
    Example: `max_duplicate_share = 0.01`"""
    max_one_sentence_share: Share = 0.9
    """The largest share of documents of one sentence, which tell nothing of what follows a sentence: with more of them
    lines may have been taken for documents. Example: `max_one_sentence_share = 1.0`"""
    most_characters: Count = 100_000
    """Of a line, or of a row's text: a longer one counts as too long. Example: `most_characters = 10000`"""
    max_long_share: Share = 0.001
    """The largest share of lines, or rows, that are longer than `most_characters`. Example: `max_long_share = 0.0`"""
    max_control_share: Share = 0.01
    """The largest share of documents with a control character other than a tab, of which a tokenizer sees nothing: with
    more of them the files may be no plain text. Example: `max_control_share = 0.0`"""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.files:
            raise ConflictError("files", "`corpus.files` names no file", "Name the files of the documents")
        if "test" in self.split or set(self.split) < {"train", "dev"}:
            problem = f"`corpus.split` needs a share for train, one for dev and no other, got {shown(self.split)}"
            raise ConflictError("split", problem, "Give both, say split = { train = 95, dev = 5 }")
        if self.format != "tsv":
            defaults = {"text": ("text",), "header": True, "quoting": "none"}
            if wrong := next((name for name, value in defaults.items() if getattr(self, name) != value), None):
                problem = f'`corpus.{wrong}` is given, but `corpus.format` is "{self.format}", whose lines are all text'
                raise ConflictError(wrong, problem, 'Delete it, or set format = "tsv"')
        if not self.text or len(set(self.text)) < len(self.text):
            problem = f"`corpus.text` needs a column or several, each once, got {shown(self.text)}"
            raise ConflictError("text", problem, "Name the columns of the text")
        if not self.header and (names := [column for column in self.text if isinstance(column, str)]):
            problem = f"`corpus.text` is {shown(names[0])}, but without a header there are no names"
            raise ConflictError("text", problem, "Number the columns from 1, say text = 1; or set header = true")
        if self.splitter == "lines" and self.language != "en":
            problem = f'`corpus.language` is {shown(self.language)}, but `corpus.splitter` "lines" asks for none'
            raise ConflictError("language", problem, 'Delete it, or set splitter = "sentencex"')
        return self

    @property
    def splits(self) -> tuple[str, ...]:
        """What there is to learn from, and what is held out."""
        return ("train", "dev")

    @property
    def patterns(self) -> list[tuple[str | None, str]]:
        """(None, path or glob) of every input: a hash decides for each document."""
        return [(None, pattern) for pattern in self.files]

    @property
    def row_quoting(self) -> RowQuoting:
        """`quoting` as readers take it."""
        return self.quoting

    def under(self, folder: str) -> Self:
        """The same with relative paths taken from a directory."""
        return dataclasses.replace(self, files=tuple(os.path.join(folder, path) for path in self.files))  # noqa: PTH118
