"""Evaluator: TFX's, with an EvalConfig made when the label names are known, and a summary people can read."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tfx import types
from tfx.components.evaluator import constants, executor
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import path_utils, proto_utils

from components import tasks
from components.evaluation import eval_config, raw_text, sentences, shared_model, slice_values, unlearned
from components.evaluation.eager_pipeline import EagerPipeline
from components.evaluation.gate import verdict
from components.evaluation.summary import BASELINE, CANDIDATE, SUMMARY_FILE, read_summary
from components.examples.in_process import stays_here
from components.export import saved_weights, served_ops
from components.export.card_task import task_of
from components.leakage import learned as learned_texts
from components.rows import row_counts
from components.serving import versions
from components.serving.predictor import Predictor
from components.settings.gate import Gate
from components.settings.serialization import dump, load
from components.tasks import Task
from components.tasks.tagging import RAW_TEXT_F1

_ON_REST = "compared"
"""Within the evaluation: TFMA's files of the second measurement, where there is one."""


MOST_EAGER_ROWS, _MOST_EAGER_BYTES = 10_000, 1 << 24
"""Rows of a split, and bytes of its gzipped files, up to which an evaluation in this process is computed in lists: some
10 KB of a row stay in memory meanwhile, and its texts several times."""

FEWEST_ROWS = 30
"""Rows that two models are compared on at least, where one has learned the others: of fewer, one row is more than three
points of accuracy, and all but large differences are chance."""


class Executor(executor.Executor):
    """Fills in what TFX's executor is configured with, runs it, and sums up."""

    _eager: bool
    """Whether the split that is measured is one for lists."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the evaluation with its summary and, where there is a gate, the blessing.

        Absolute thresholds hold on all rows. Where the baseline has learned from some of them, it is compared with on
        the others, which are measured once more by themselves.
        """
        model = artifact_utils.get_single_uri(input_dict["model"])
        candidate = Path(path_utils.serving_model_path(model))
        served_ops.check(candidate)
        task = task_of(candidate)
        gate = load(Gate, exec_properties["gate"]) if exec_properties["gate"] else None
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        split, learned = exec_properties["split"], None
        notes: dict[str, Any] = {}
        if baseline := next(iter(input_dict.get("baseline_model") or ()), None):
            notes, learned = _about(baseline, task, Path(examples.uri), split)
        labels = {label: rows for (of, label), rows in row_counts.row_counts(Path(examples.uri)).items() if of == split}
        size = sum(path.stat().st_size for path in Path(artifact_utils.get_split_uri([examples], split)).glob("*"))
        is_small = sum(labels.values()) <= MOST_EAGER_ROWS and size <= _MOST_EAGER_BYTES
        self._eager = is_small and stays_here(self)
        evaluation = Path(artifact_utils.get_single_uri(output_dict["evaluation"]))
        evaluation.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=evaluation) as scratch:
            slices, most = json.loads(exec_properties["slices"]), exec_properties["max_slice_values"]
            sliced = slice_values.limited(examples, split, slices, most, Path(scratch, "sliced"))
            input_dict = {**input_dict, "examples": [sliced]}
            rest, on_rest = None, Gate()
            if gate and gate.max_drop and learned is not None:
                rest, counts = unlearned.without(sliced, split, task, learned, Path(scratch, "examples"))
                if few := _too_few(notes, task, labels, counts, split):
                    notes["not_compared"], rest = few, None
                else:
                    gate, on_rest = dataclasses.replace(gate, max_drop={}), Gate(max_drop=gate.max_drop)
            if "not_compared" in notes:
                input_dict = {key: value for key, value in input_dict.items() if key != "baseline_model"}
            summary = {**self._measure(input_dict, output_dict, exec_properties, task, gate), **notes}
            if rest is not None:
                outputs = _aside(evaluation, Path(scratch, "blessing"))
                inputs = {**input_dict, "examples": [rest]}
                found = self._measure(inputs, outputs, exec_properties, task, on_rest)
                _merge(summary, found, split)
                if not summary["blessed"]:
                    _refuse(artifact_utils.get_single_instance(output_dict["blessing"]))
        # Without line breaks, which take seconds for a confusion matrix of a thousand classes.
        Path(evaluation, SUMMARY_FILE).write_text(json.dumps(summary), encoding="utf-8")

    def _measure(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
        task: Task,
        gate: Gate | None,
    ) -> dict[str, Any]:
        """TFMA's metrics, summed up, and the verdict where there is a gate.

        Args:
            input_dict: models, and Examples of which the split is measured.
            output_dict: where TFMA and TFX write.
            exec_properties: the node's own.
            task: of the models.
            gate: thresholds on the metrics.
        """
        model, split = artifact_utils.get_single_uri(input_dict["model"]), exec_properties["split"]
        served = {}
        if task.served_metrics:
            models = {CANDIDATE: model}
            if compared := input_dict.get("baseline_model"):
                models[BASELINE] = artifact_utils.get_single_uri(compared)
            directory = artifact_utils.get_split_uri(input_dict["examples"], split)
            served[RAW_TEXT_F1.name] = {name: _raw_text_f1(uri, directory, task) for name, uri in models.items()}
        config = eval_config.build_eval_config(task, list(json.loads(exec_properties["slices"])), gate, served)
        properties = {
            "eval_config": proto_utils.proto_to_json(config),
            "example_splits": json.dumps([split]),
            "custom_eval_shared_model": shared_model.PATH,
        }
        super().Do(input_dict, output_dict, properties)
        evaluation = artifact_utils.get_single_uri(output_dict["evaluation"])
        summary = read_summary(evaluation, task)
        return summary if gate is None else summary | verdict(evaluation, gate, summary["metrics"])

    def _make_beam_pipeline(self) -> Any:
        return EagerPipeline() if self._eager else super()._make_beam_pipeline()


def _about(
    baseline: types.Artifact, task: Task, examples: Path, split: str
) -> tuple[dict[str, Any], np.ndarray | None]:
    """What the summary says of the version in production, and the texts to leave out of the comparison, if any."""
    version = baseline.get_string_custom_property("pushed_version")
    production = Path(path_utils.serving_model_path(baseline.uri))
    versions.check_files(production)
    served_ops.check(production)
    saved_weights.check(production)
    known = task_of(production)
    notes: dict[str, Any] = {"baseline_version": version}
    # Answers of another kind cannot be compared; the absolute thresholds still hold.
    if unlike := tasks.unlike(known, task):
        return {**notes, "not_compared": f"version {version} {unlike}"}, None
    if known.scores_differently(task):
        return {**notes, "not_compared": f"version {version} has another threshold or range"}, None
    learned = learned_texts.read(production)
    if learned is None:
        return {**notes, "learned": {"rows": None}}, None
    rows, total = unlearned.count(examples, split, learned)
    notes["learned"] = {"rows": rows, "of": total}
    if rows == total:
        return {**notes, "not_compared": f"it has learned from all {total:,} rows of {split}"}, None
    return notes, learned if rows else None


def _too_few(
    notes: dict[str, Any], task: Task, labels: Collection[str], left: Collection[str], split: str
) -> str | None:
    """Why two models cannot be compared on the rows that are left of a split; None: they can be.

    Args:
        notes: what the summary says of the baseline.
        task: of the models.
        labels: of all rows, as the task counts them.
        left: of those that the baseline has not learned from.
        split: its name.
    """
    total = notes["learned"]["of"]
    rows = total - notes["learned"]["rows"]
    if rows < FEWEST_ROWS:
        return (
            f"only {rows:,} of {total:,} rows of {split} are left that version {notes['baseline_version']} has not "
            "learned from"
        )
    classes, there = ({name for label in some for name in task.label_names(label)} for some in (labels, left))
    if gone := sorted(classes - there):
        return f"it has learned from all rows of {split} with the label {gone[0]!r}"
    return None


def _aside(evaluation: Path, blessing: Path) -> dict[str, list[types.Artifact]]:
    """Outputs for a second measurement, whose metrics stay within the first one's."""
    outputs = {"evaluation": standard_artifacts.ModelEvaluation(), "blessing": standard_artifacts.ModelBlessing()}
    for name, place in (("evaluation", evaluation / _ON_REST), ("blessing", blessing)):
        place.mkdir()
        outputs[name].uri = str(place)
    return {name: [artifact] for name, artifact in outputs.items()}


def _merge(summary: dict[str, Any], on_rest: dict[str, Any], split: str) -> None:
    """Adds the comparison on the rows that the baseline has not learned from, and what it means for the verdict."""
    learned, version = summary["learned"], summary["baseline_version"]
    learned["metrics"] = {model: by_slice[""] for model, by_slice in on_rest["metrics"].items()}
    left = f"on the {learned['of'] - learned['rows']:,} of {learned['of']:,} rows of {split}"
    where = f"{left} that version {version} has not learned from"
    summary["blessed"] = summary["blessed"] and on_rest["blessed"]
    summary["reasons"] += [f"{reason}; {where}" for reason in on_rest["reasons"]]


def _refuse(blessing: types.Artifact) -> None:
    """Takes back what TFX has blessed for the absolute thresholds alone."""
    Path(blessing.uri, constants.BLESSED_FILE_NAME).unlink(missing_ok=True)
    Path(blessing.uri, constants.NOT_BLESSED_FILE_NAME).touch()
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, constants.NOT_BLESSED_VALUE)


def _raw_text_f1(model: str, split: str, task: Task) -> float:
    """Of a Model artifact, asked for entities of a split's rows as text."""
    served = Predictor(Path(path_utils.serving_model_path(model)))
    return raw_text.f1(sentences.read(split, task), served.predict)


class EvaluatorSpec(component_spec.ComponentSpec):
    """The component's contract."""

    PARAMETERS = {  # noqa: RUF012
        "gate": component_spec.ExecutionParameter(type=str),
        "max_slice_values": component_spec.ExecutionParameter(type=int),
        "slices": component_spec.ExecutionParameter(type=str),
        "split": component_spec.ExecutionParameter(type=str),
        "source": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "baseline_model": component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        "evaluation": component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class Evaluator(base_beam_component.BaseBeamComponent):
    """Measures a model on one split, beside the model in production, and gates it there if there are thresholds.

    Args:
        examples: channel of raw Examples: evaluation starts from raw text, as a client does.
        model: channel of the candidate Model.
        baseline_model: channel of the Model in production, empty where there is none.
        split: the split to measure on.
        slices: raw features to slice by -> the values with a slice each; none: those of the most rows.
        max_slice_values: how many values of a feature have a slice each where none are given.
        gate: thresholds; None measures only.
        source: hash of the code behind the component, for the cache key.
    """

    SPEC_CLASS = EvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        baseline_model: types.BaseChannel,
        split: str,
        slices: Mapping[str, Sequence[str]],
        max_slice_values: int,
        gate: Gate | None,
        source: str,
    ) -> None:
        spec = EvaluatorSpec(
            examples=examples,
            model=model,
            baseline_model=baseline_model,
            split=split,
            slices=json.dumps(slices),
            max_slice_values=max_slice_values,
            gate=dump(gate) if gate else "",
            source=source,
            evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
            blessing=types.Channel(type=standard_artifacts.ModelBlessing),
        )
        super().__init__(spec=spec)
