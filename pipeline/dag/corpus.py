"""The nodes that runs over documents begin with."""

from __future__ import annotations

import dataclasses

from tfx.orchestration.data_types import RuntimeParameter

from components.nodes.corpus_example_gen import CorpusExampleGen
from components.nodes.corpus_validator import CorpusValidator
from components.settings.kinds.corpus import Corpus
from pipeline.runs.cache_key import source_hash


def corpus_nodes(corpus: Corpus, data_path: str | RuntimeParameter) -> tuple[CorpusExampleGen, CorpusValidator]:
    """What reads documents, and what stops at anomalies.

    Args:
        corpus: settings of the files.
        data_path: directory that relative paths of them are taken from.
    """
    example_gen = CorpusExampleGen(
        corpus=_reading(corpus), data_path=data_path, source=source_hash("components.nodes.corpus_example_gen")
    )
    validator = CorpusValidator(
        examples=example_gen.outputs["examples"],
        corpus=dataclasses.replace(corpus, files=("",)),
        source=source_hash("components.nodes.corpus_validator"),
    )
    return example_gen, validator


def _reading(corpus: Corpus) -> Corpus:
    """The same whatever the limits are, for which no document is another one."""
    return dataclasses.replace(
        corpus, max_duplicate_share=1.0, max_one_sentence_share=1.0, max_long_share=1.0, max_control_share=1.0
    )
