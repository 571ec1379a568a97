"""The DAG of a run that learns a vocabulary: wiring only."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfx.orchestration.data_types import RuntimeParameter

from components.nodes.pusher import Pusher
from components.nodes.vocabulary_evaluator import VocabularyEvaluator
from components.nodes.vocabulary_learner import VocabularyLearner
from components.nodes.word_counter import WordCounter
from components.tokenization.learning.vocabulary_learner import tokenizer_settings
from pipeline.config.corpus_preflight import CheckedVocabulary
from pipeline.dag.corpus import corpus_nodes
from pipeline.runs.cache_key import source_hash
from pipeline.runs.manifest import Manifest


def vocabulary_nodes(
    checked: CheckedVocabulary,
    manifest: Manifest,
    data_path: str | RuntimeParameter,
    push: dict[str, Any],
) -> list[Any]:
    """CorpusExampleGen to Pusher; arguments as `build_pipeline`, and those of Pusher that all kinds share."""
    run = checked.run
    example_gen, validator = corpus_nodes(run.corpus, data_path)
    examples = example_gen.outputs["examples"]
    counter = WordCounter(
        examples=examples,
        tokenizer=tokenizer_settings(run.vocabulary),
        min_count=run.vocabulary.min_count,
        source=source_hash("components.nodes.word_counter"),
    )
    counter.add_upstream_node(validator)
    learner = VocabularyLearner(
        counts=counter.outputs["counts"],
        examples=examples,
        vocabulary=dataclasses.replace(run.vocabulary, reference=None),
        name=run.name,
        source=source_hash("components.nodes.vocabulary_learner"),
    )
    model = learner.outputs["model"]
    evaluator = VocabularyEvaluator(
        examples=examples,
        model=model,
        base_model=str(checked.base_model or ""),
        base_model_sha256=manifest.base_model,
        gate=run.gate,
        source=source_hash("components.nodes.vocabulary_evaluator"),
    )
    pusher = Pusher(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        **push,
    )
    return [example_gen, validator, counter, learner, evaluator, pusher]
