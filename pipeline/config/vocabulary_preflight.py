"""A run that learns a vocabulary, checked against its files; TensorFlow is not needed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from components.common.errors import InputError
from components.pretrained import hub
from components.pretraining import corpus_statistics
from components.pretraining.corpus_statistics import CorpusStatistics, Counter
from components.pretraining.documents import Document, read_documents
from components.pretraining.sentences import sentences
from components.pretraining.vocabulary_metrics import VocabularyMeasures
from components.rows.files import InputFiles, find_files
from components.settings.gate import Gate
from components.settings.kinds.corpus import Corpus
from components.settings.kinds.vocabulary_run import VocabularyRun
from components.settings.toml import TomlSource
from components.tokenization.tokenizer_files import read_tokenizer
from components.tokenization.vocabulary import Tokenizer
from components.verdict import gate
from pipeline.beam import options
from pipeline.config.push_checks import check_push

_SHOWN = 2
"""Documents that are shown."""

_COMPARING = ("max_drop", "no_worse", "undecided", "max_flips", "anchor", "anchor_no_worse")
"""What a gate asks about another version."""

_MOST_CHARACTERS = 20_000_000
"""That are read before anything starts, of all files together."""


class First(NamedTuple):
    """A document as it is read."""

    place: str
    """FILE:LINE."""
    split: str
    sentences: list[str]


@dataclass(frozen=True, slots=True)
class CheckedVocabulary:
    """A run whose files exist and fit together."""

    run: VocabularyRun
    path: Path
    """The TOML file."""
    files: InputFiles
    base_model: Path | None
    """The reference's directory, fetched if need be; None: there is none."""
    reference: Tokenizer | None
    corpus: CorpusStatistics
    """Of the first documents."""
    corpus_of_all: bool
    """Whether these are all."""
    first: tuple[First, ...]
    """Some of them."""


def check_vocabulary(run: VocabularyRun, path: Path, source: TomlSource, documents: int) -> CheckedVocabulary:
    """Validates a config against the real files.

    Args:
        run: what was loaded.
        path: from where.
        source: tells lines of that file.
        documents: of each file that are read.

    Raises:
        InputError: the first thing that is wrong.
    """
    _check_gate(run, source)
    base_model = reference = None
    if run.vocabulary.reference is not None:
        base_model = hub.resolve(run.vocabulary.reference)
        reference = read_tokenizer(base_model)
    files = find_files(run.corpus)
    found, is_all, first = _read(files, run.corpus, documents)
    if is_all:
        corpus_statistics.refuse(found, run.corpus, str(path))
    check_push(run.push, source)
    if run.push.formats:
        problem = f"`push.formats` is {list(run.push.formats)}, and a vocabulary is no model"
        raise InputError(source.locate(("push", "formats")), problem, "Leave it out")
    options.check(run.beam, source)
    return CheckedVocabulary(run, path, files, base_model, reference, found, is_all, tuple(first))


def _check_gate(run: VocabularyRun, source: TomlSource) -> None:
    place = source.locate(("gate",))
    default = Gate()
    for key in (field.name for field in dataclasses.fields(Gate)):
        if key in ("min", "max") or getattr(run.gate, key) == getattr(default, key):
            continue
        if key in _COMPARING:
            problem = f"gate.{key} is given, but a vocabulary is not compared with the one in production"
            raise InputError(place, problem, "Delete it: another vocabulary is for another model")
        problem = f"gate.{key} is given, but a vocabulary's values are held against `min` and `max` alone"
        raise InputError(place, problem, "Delete it")
    gate.check(run.gate, VocabularyMeasures(), place)


def _read(files: InputFiles, corpus: Corpus, documents: int) -> tuple[CorpusStatistics, bool, list[First]]:
    """The statistics of the first documents of each file, whether these are all, and the first of all."""
    counted, is_all, first, room = [], True, list[First](), _MOST_CHARACTERS
    for _, path in files:
        counter = Counter(str(path), corpus)
        for count, found in enumerate(read_documents(path, corpus)):
            if count == documents or room <= 0:
                is_all = False
                break
            if not isinstance(found, Document):
                if corpus.on_bad_row == "fail":
                    raise found.error()
                continue
            parts, split = sentences(found, corpus), found.split(corpus)
            counter.add(found, parts, split)
            room -= sum(map(len, found.lines))
            if len(first) < _SHOWN:
                first.append(First(f"{path}:{found.line}", split, parts))
        counted.append((str(path), counter.found, counter.hashes()))
    return corpus_statistics.whole(counted), is_all, first
