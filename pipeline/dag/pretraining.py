"""The DAG of a run that pre-trains a model: wiring only."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from tfx.components.trainer.component import Trainer
from tfx.orchestration.data_types import RuntimeParameter
from tfx.proto import trainer_pb2

from components.nodes.pretraining_evaluator import PretrainingEvaluator
from components.nodes.pusher import Pusher
from components.settings.kinds.pretraining import Pretraining
from components.settings.serialization import dump
from pipeline.config.corpus_preflight import CheckedPretraining
from pipeline.dag.corpus import corpus_nodes
from pipeline.runs.cache_key import source_hash
from pipeline.runs.manifest import Manifest
from pipeline.runs.paths import PRETRAINER


def pretraining_nodes(
    checked: CheckedPretraining,
    manifest: Manifest,
    data_path: str | RuntimeParameter,
    push: dict[str, Any],
) -> list[Any]:
    """CorpusExampleGen to Pusher; arguments as `build_pipeline`, and those of Pusher that all kinds share."""
    run = checked.run
    example_gen, validator = corpus_nodes(run.corpus, data_path)
    examples = example_gen.outputs["examples"]
    pretrainer = Trainer(
        run_fn="components.nodes.pretrainer.run_fn",
        examples=examples,
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=["dev"]),
        custom_config={
            "base_model": str(checked.base_model),
            "base_model_sha256": json.dumps(manifest.base_model),
            "model": dump(run.model),
            "training": dump(run.training),
            "name": run.name,
            "source": source_hash("components.nodes.pretrainer"),
        },
    ).with_id(PRETRAINER)
    pretrainer.add_upstream_node(validator)
    model = pretrainer.outputs["model"]
    goes_on = run.model.base is not None
    evaluator = PretrainingEvaluator(
        examples=examples,
        model=model,
        base_model=str(checked.base_model) if goes_on else "",
        base_model_sha256=manifest.base_model if goes_on else {},
        training=_measured(run.training),
        max_length=run.model.max_length,
        gate=run.gate,
        source=source_hash("components.nodes.pretraining_evaluator"),
    )
    pusher = Pusher(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        **push,
    )
    return [example_gen, validator, pretrainer, evaluator, pusher]


def _measured(training: Pretraining) -> Pretraining:
    """What of it counts where a model is measured; all else is as by default."""
    kept = ("objectives", "masked_share", "whole_words", "seed")
    return Pretraining(**{name: value for name, value in dataclasses.asdict(training).items() if name in kept})
