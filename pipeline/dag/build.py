"""The DAG of one run: wiring only."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.components.trainer.component import Trainer
from tfx.orchestration import metadata
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.orchestration.data_types import RuntimeParameter
from tfx.proto import pusher_pb2, trainer_pb2, transform_pb2
from tfx.types import BaseChannel

from components.nodes.baseline import Anchor, Baseline, Predecessor
from components.nodes.calibration import Calibration
from components.nodes.drift_validator import DriftValidator
from components.nodes.evaluator import Evaluator
from components.nodes.example_gen import TsvExampleGen
from components.nodes.example_validator import ExampleValidator
from components.nodes.pusher import Pusher
from components.nodes.schema_gen import SchemaGen
from components.nodes.serving_validator import ServingValidator
from components.nodes.statistics_gen import StatisticsGen
from components.nodes.transform import Transform
from components.rows.columns import width_without_header
from components.serving import signing
from components.settings.data import Data
from components.settings.run import Run
from components.settings.serialization import dump
from components.tasks import TASKS
from pipeline.beam import options
from pipeline.config.corpus_preflight import CheckedPretraining, CheckedVocabulary
from pipeline.config.preflight import AnyChecked, Checked
from pipeline.dag.pretraining import pretraining_nodes
from pipeline.dag.vocabulary import vocabulary_nodes
from pipeline.runs.cache_key import libraries, source_hash
from pipeline.runs.manifest import Manifest
from pipeline.runs.paths import PipelinePaths


def build_pipeline(
    checked: AnyChecked,
    paths: PipelinePaths,
    manifest: Manifest,
    data_path: str | RuntimeParameter = "",
    run_name: str | RuntimeParameter = "",
) -> tfx_pipeline.Pipeline:
    """ExampleGen to Pusher, by the run's kind, each node with the hash of the code behind it.

    Args:
        checked: the run.
        paths: where it keeps what.
        manifest: what the run stands on.
        data_path: directory that relative paths of the data are taken from.
        run_name: what a pushed version's card says it was pushed by, where no record of the run will tell.
    """
    run = checked.run
    push = {
        "custom_config": {
            "source": source_hash("components.nodes.pusher"),
            **({} if run.push.warmup else {"warmup": False}),
            **({"formats": list(run.push.formats)} if run.push.formats else {}),
            **_signing(run.push.sign_key),
        },
        "push_destination": pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(paths.serving))
        ),
    }
    if isinstance(checked, CheckedVocabulary):
        nodes = vocabulary_nodes(checked, manifest, data_path, push)
    elif isinstance(checked, CheckedPretraining):
        nodes = pretraining_nodes(checked, manifest, data_path, push)
    else:
        assert isinstance(checked, Checked)  # noqa: S101
        nodes = _fine_tuning_nodes(checked, paths, manifest, data_path, push)
    nodes[-1].spec.exec_properties["run_name"] = run_name
    return tfx_pipeline.Pipeline(
        pipeline_name=run.name,
        pipeline_root=str(paths.artifacts),
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(paths.metadata)),
        components=nodes,
        enable_cache=True,
        beam_pipeline_args=options.arguments(run.beam),
    )


def _fine_tuning_nodes(
    checked: Checked,
    paths: PipelinePaths,
    manifest: Manifest,
    data_path: str | RuntimeParameter,
    push: dict[str, Any],
) -> list[Any]:
    """Arguments as `build_pipeline`, and those of Pusher that all kinds share."""
    run = checked.run
    base_model: dict[str, Any] = {"base_model": str(checked.base_model), "base_model_sha256": manifest.base_model}
    splits = list(run.data.splits)

    example_gen = TsvExampleGen(
        data=_of_rows(run.data), data_path=data_path, source=source_hash("components.nodes.example_gen")
    )
    examples = example_gen.outputs["examples"]
    statistics_gen = StatisticsGen(examples=examples, source=source_hash("components.nodes.statistics_gen"))
    if run.validation.schema_file:
        schema_gen = ImportSchemaGen(schema_file=run.validation.schema_file)
        # The cache key holds the file's name; its content is added.
        schema_gen.spec.exec_properties["source"] = str(manifest.schema) + libraries()
    else:
        schema_gen = SchemaGen(
            statistics=statistics_gen.outputs["statistics"],
            examples=examples,
            source=source_hash("components.nodes.schema_gen"),
        )
    example_validator = ExampleValidator(
        statistics=statistics_gen.outputs["statistics"],
        schema=schema_gen.outputs["schema"],
        examples=examples,
        validation=run.validation,
        max_tokens=run.model.most_tokens,
        control_tokens=run.model.control_tokens,
        **base_model,
        source=source_hash("components.nodes.example_validator"),
    )
    init_from = None if run.training.init_from in ("base", "pushed") else Path(run.training.init_from)
    predecessor = Predecessor(
        examples=examples,
        directory=str(init_from.parent if init_from else paths.serving),
        pinned=init_from.name if init_from else "",
        source=source_hash("components.nodes.baseline"),
    )
    predecessor.add_upstream_node(example_validator)
    drift_validator = DriftValidator(
        examples=examples,
        predecessor=predecessor.outputs["baseline"],
        data=_of_rows(checked.newest),
        data_path=data_path,
        limits=run.drift,
        source=source_hash("components.nodes.drift_validator"),
    )
    transform = Transform(
        examples=examples,
        schema=schema_gen.outputs["schema"],
        preprocessing_fn="components.nodes.preprocessing.preprocessing_fn",
        splits_config=transform_pb2.SplitsConfig(analyze=["train"], transform=splits),
        custom_config={
            **base_model,
            "max_tokens": run.model.most_tokens,
            "parses_control_tokens": run.model.parses_control_tokens,
            "source": source_hash("components.nodes.transform") + source_hash("components.nodes.preprocessing"),
        },
        disable_statistics=True,
    )
    transform.add_upstream_node(drift_validator)
    trainer = Trainer(
        run_fn="components.nodes.trainer.run_fn",
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema_gen.outputs["schema"],
        base_model=None if run.training.init_from == "base" else predecessor.outputs["baseline"],
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=["dev"]),
        custom_config={
            **base_model,
            "model": dump(run.model),
            "training": dump(run.training),
            **({} if run.push.precision == "float32" else {"stored": run.push.precision}),
            "card": {
                "name": run.name,
                "base_model": run.model.base,
                "input": _input_format(run),
            },
            "source": source_hash("components.nodes.trainer"),
        },
    )
    model, candidates = trainer.outputs["model"], [trainer]
    if run.calibrates:
        calibration = Calibration(
            trained_model=model,
            transformed_examples=transform.outputs["transformed_examples"],
            transform_graph=transform.outputs["transform_graph"],
            calibration=run.calibration,
            source=source_hash("components.nodes.calibration"),
        )
        model, candidates = calibration.outputs["model"], [trainer, calibration]
    baseline = Baseline(model=model, directory=str(paths.serving), source=source_hash("components.nodes.baseline"))
    measured = {
        "examples": examples,
        "model": model,
        "baseline_model": baseline.outputs["baseline"],
        "slices": {
            name: list(run.data.slice_values.get(str(column), ()))
            for column, name in zip(run.data.slices, checked.layout.slice_names, strict=True)
        },
        "max_slice_values": run.data.max_slice_values,
        "confidence": run.gate.confidence,
        "source": source_hash("components.nodes.evaluator"),
    }
    anchors = [_anchor(run, model, paths)] if run.gate.anchor is not None else []
    of_anchor = anchors[0].outputs["baseline"] if anchors else None
    evaluator = Evaluator(split=run.data.gated, gate=run.gate, anchor_model=of_anchor, **measured)
    nodes = [example_gen, statistics_gen, schema_gen, example_validator, predecessor, drift_validator]
    evaluators = [evaluator]
    if "test" in splits:
        evaluators.append(Evaluator(split="test", gate=None, **measured).with_id("Evaluator.test"))
    serving_validators = []
    if run.serving.validate:
        serving_validators.append(
            ServingValidator(
                model=model,
                examples=examples,
                transform_graph=transform.outputs["transform_graph"],
                serving=run.serving,
                **base_model,
                source=source_hash("components.nodes.serving_validator"),
            )
        )
        # It measures time and memory, so nothing of the run goes on beside it.
        baseline.add_upstream_node(serving_validators[0])
        for anchor in anchors:
            anchor.add_upstream_node(serving_validators[0])
    nodes += [transform, *candidates, *serving_validators, baseline, *anchors, *evaluators]
    pusher = Pusher(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=serving_validators[0].outputs["blessing"] if serving_validators else None,
        examples=examples if run.push.formats else None,
        **push,
    )
    return [*nodes, pusher]


def _anchor(run: Run, model: BaseChannel, paths: PipelinePaths) -> Anchor:
    """The version that the gate names beside the one in production."""
    name = run.gate.anchor_metric
    metric = TASKS[run.data.task].metric_of(name)
    return Anchor(
        model=model,
        directory=str(paths.serving),
        version=None if run.gate.anchor == "best" else run.gate.anchor,
        metric=name,
        higher=metric is None or metric.higher_is_better,
        source=source_hash("components.nodes.baseline"),
    )


def _of_rows(data: Data) -> Data:
    """The same whichever values of a column are measured apart, for which no row is another one."""
    return dataclasses.replace(data, slice_values={}, max_slice_values=1)


def _signing(key: str | None) -> dict[str, str]:
    """By which key Pusher signs, and which key that is: its fingerprint counts in the cache key, not where it lies."""
    return {} if key is None else {"sign_key": key, "signed_by": signing.fingerprint(Path(key))}


def _input_format(run: Run) -> dict[str, object]:
    """What `predict --input`, `evaluate` and `check-data` need to know of the training data, for the model's card."""
    data, task = run.data, TASKS[run.data.task]
    # Of a bi-encoder the columns of pairs are no use to somebody who asks for one text's vector; nor are sentences'.
    alone = task.bi_encoder or data.format != "tsv"
    return {
        "predict_text": ["text"] if alone else data.text,
        "text": data.text,
        "label": data.label,
        "header": True if alone else data.header,
        "quoting": data.row_quoting,
        # Below a header they are found by name, wherever they stand.
        "columns": None if alone or data.header else width_without_header(data),
        # Of files with labels, which may be of another form than those without.
        "labelled": {
            **{"format": data.format, "header": data.header, "scheme": data.scheme},
            **{"comments": data.comments, "allow_no_label": data.allow_no_label},
        },
    }
