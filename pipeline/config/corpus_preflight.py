"""A run over documents, that learns a vocabulary or pre-trains, checked against its files; TensorFlow is not needed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from components.common.errors import InputError
from components.model.config import BertConfig
from components.pretrained import base_model as base_models
from components.pretrained import encoder_weights, head_weights, hub
from components.pretraining import corpus_statistics, new_shape, objectives
from components.pretraining.corpus_statistics import CorpusStatistics, Counter
from components.pretraining.documents import Document, read_documents
from components.pretraining.sentences import sentences
from components.pretraining.vocabulary_metrics import VocabularyMeasures
from components.rows.files import InputFiles, find_files
from components.settings.gate import Gate
from components.settings.kinds.corpus import Corpus
from components.settings.kinds.pretraining_run import PretrainingRun
from components.settings.kinds.registry import OfCorpus
from components.settings.kinds.vocabulary_run import VocabularyRun
from components.settings.toml import TomlSource
from components.tokenization.tokenizer_files import read_tokenizer
from components.tokenization.vocabulary import Tokenizer
from components.verdict import gate
from components.verdict.gate import Measured
from pipeline.beam import options
from pipeline.config.push_checks import check_push

_SHOWN = 2
"""Documents that are shown."""

_MOST_CHARACTERS = 20_000_000
"""That are read before anything starts, of all files together."""


_COMPARING = ("max_drop", "no_worse", "undecided", "max_flips", "anchor", "anchor_no_worse")
"""What a gate asks about another version."""


class First(NamedTuple):
    """A document as it is read."""

    place: str
    """FILE:LINE."""
    split: str
    sentences: list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedCorpus:
    """A run whose files exist and fit together."""

    run: OfCorpus
    path: Path
    """The TOML file."""
    files: InputFiles
    base_model: Path | None
    """The directory of a model that is read, fetched if need be; None: there is none."""
    corpus: CorpusStatistics
    """Of the first documents."""
    corpus_of_all: bool
    """Whether these are all."""
    first: tuple[First, ...]
    """Some of them."""
    came_from: tuple[dict[str, Any], ...] = ()
    """What a base model, or a vocabulary, came from that another pipeline has pushed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedVocabulary(CheckedCorpus):
    """One that learns a vocabulary; its base model is the reference."""

    run: VocabularyRun
    reference: Tokenizer | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedPretraining(CheckedCorpus):
    """One that pre-trains; its base model is what it goes on from, or the directory of the vocabulary."""

    run: PretrainingRun
    base_model: Path
    tokenizer: Tokenizer
    model_config: BertConfig
    random: tuple[str, ...]
    """Parts that the base model lacks, and that begin with random values."""


def check_corpus_run(run: OfCorpus, path: Path, source: TomlSource, documents: int) -> CheckedCorpus:
    """Validates a config against the real files.

    Args:
        run: what was loaded.
        path: from where.
        source: tells lines of that file.
        documents: of each file that are read.

    Raises:
        InputError: the first thing that is wrong.
    """
    if isinstance(run, VocabularyRun):
        return _check_vocabulary(run, path, source, documents)
    return _check_pretraining(run, path, source, documents)


def _check_vocabulary(run: VocabularyRun, path: Path, source: TomlSource, documents: int) -> CheckedVocabulary:
    _check_gate(run, VocabularyMeasures(), "a vocabulary", "another vocabulary is for another model", source)
    base_model = reference = None
    if run.vocabulary.reference is not None:
        base_model = hub.resolve(run.vocabulary.reference)
        reference = read_tokenizer(base_model)
    read = _check_files(run, path, source, documents)
    return CheckedVocabulary(run=run, path=path, base_model=base_model, reference=reference, **read)


def _check_pretraining(run: PretrainingRun, path: Path, source: TomlSource, documents: int) -> CheckedPretraining:
    remedy = "bound what it has to reach by itself"
    _check_gate(run, objectives.task(run.training.next_sentence), "a pre-trained model", remedy, source)
    key = "base" if run.model.base is not None else "vocabulary"
    directory = hub.resolve(str(run.model.base or run.model.vocabulary))
    random: tuple[str, ...] = ()
    if run.model.base is not None:
        config, tokenizer, random = _read_base(directory, run)
    else:
        tokenizer = read_tokenizer(directory)
        config = _new_config(run, tokenizer, source)
    if tokenizer.mask_id is None:
        problem = f"its vocabulary has no {tokenizer.settings.mask}, which hidden tokens become"
        raise InputError(str(directory), problem, f"Take another model.{key}, with the vocabulary of a pre-training")
    if run.model.max_length > config.max_position_embeddings:
        limit = config.max_position_embeddings
        problem = f"`model.max_length` is {run.model.max_length}, the base model takes at most {limit} tokens"
        raise InputError(source.locate(("model", "max_length")), problem, "Lower it, or take another base model")
    if run.training.next_sentence and config.type_vocab_size < 2:
        problem = f"next sentences need 2 segments, the base model has {config.type_vocab_size}"
        raise InputError(
            source.locate(("model", "base")), problem, 'Set training.objectives = "mlm", or take another base model'
        )
    read = _check_files(run, path, source, documents)
    return CheckedPretraining(
        run=run, path=path, base_model=directory, tokenizer=tokenizer, model_config=config, random=random, **read
    )


def _read_base(directory: Path, run: PretrainingRun) -> tuple[BertConfig, Tokenizer, tuple[str, ...]]:
    """Shape and tokenizer of a base model, and what of pre-training it lacks."""
    config = base_models.read_config(directory)
    tokenizer = read_tokenizer(directory)
    has_pooler = encoder_weights.check_weights(directory, config)
    lacks = []
    if head_weights.has_masked_language_model(directory):
        head_weights.check_masked_language_model(directory, config)
    else:
        lacks.append("the head for masked tokens")
    if run.training.next_sentence:
        lacks += [] if has_pooler else ["the pooler"]
        lacks += [] if head_weights.has_next_sentence(directory) else ["the head for the next sentence"]
    return config, tokenizer, tuple(lacks)


def _new_config(run: PretrainingRun, tokenizer: Tokenizer, source: TomlSource) -> BertConfig:
    try:
        return new_shape.new_config(run.model, tokenizer, run.training.dropout)
    except ValueError as error:
        raise InputError(source.locate(("model",)), str(error), "Correct the shape of the new model") from None


def _check_gate(run: OfCorpus, measured: Measured, what: str, why: str, source: TomlSource) -> None:
    place = source.locate(("gate",))
    default = Gate()
    for key in (field.name for field in dataclasses.fields(Gate)):
        if key in ("min", "max") or getattr(run.gate, key) == getattr(default, key):
            continue
        if key in _COMPARING:
            problem = f"gate.{key} is given, but {what} is not compared with the one in production"
            raise InputError(place, problem, f"Delete it: {why}")
        problem = f"gate.{key} is given, but {what}'s values are held against `min` and `max` alone"
        raise InputError(place, problem, "Delete it")
    gate.check(run.gate, measured, place)


def _check_files(run: OfCorpus, path: Path, source: TomlSource, documents: int) -> dict[str, Any]:
    """What `CheckedCorpus` has of the documents, once push and Beam are in order too."""
    files = find_files(run.corpus)
    found, is_all, first = _read(files, run.corpus, documents)
    if is_all:
        corpus_statistics.refuse(found, run.corpus, str(path))
    check_push(run.push, source)
    if run.push.formats:
        is_model = isinstance(run, PretrainingRun)
        why = "a pre-trained model is pushed in Hugging Face's form anyway" if is_model else "a vocabulary is no model"
        problem = f"`push.formats` is {list(run.push.formats)}, and {why}"
        raise InputError(source.locate(("push", "formats")), problem, "Leave it out")
    if run.push.precision != "float32":
        problem = f"`push.precision` is {run.push.precision!r}, and it is for models that are fine-tuned for a task"
        raise InputError(source.locate(("push", "precision")), problem, "Leave it out")
    options.check(run.beam, source)
    return {"files": files, "corpus": found, "corpus_of_all": is_all, "first": tuple(first)}


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
