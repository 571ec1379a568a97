"""Evaluator: TFX's, with an EvalConfig made when the label names are known, and a summary people can read."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tfx import types
from tfx.components.evaluator import executor
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import path_utils, proto_utils

from components.calibration import cross_fitted
from components.evaluation import (
    comparable,
    eval_config,
    kept_rows,
    raw_text,
    shared_model,
    slice_values,
    split_examples,
    unlearned,
)
from components.evaluation.eager_pipeline import EagerPipeline
from components.evaluation.tfma_summary import read_summary
from components.examples.in_process import stays_here
from components.export import served_ops
from components.export.card_task import task_of
from components.rows import row_counts
from components.serving.predictor import Predictor
from components.settings.gate import Gate
from components.settings.serialization import dump, load
from components.tasks import Task
from components.tasks.tagging import RAW_TEXT_F1
from components.verdict import blessing, estimates, verdict
from components.verdict.gate import check_labels
from components.verdict.summary import BASELINE, CANDIDATE, SUMMARY_FILE

_ON_REST = "compared"
"""Within the evaluation: TFMA's files of the second measurement, where there is one."""

_OF_BOTH = ("differences", "flips")
"""What a summary says of two models together."""

MOST_EAGER_ROWS, _MOST_EAGER_BYTES = 10_000, 1 << 24
"""Rows of a split, and bytes of its gzipped files, up to which an evaluation in this process is computed in lists: some
10 KB of a row stay in memory meanwhile, and its texts several times."""


class Executor(executor.Executor):
    """Fills in what TFX's executor is configured with, runs it, and sums up."""

    _eager: EagerPipeline | None
    """What computes the measurement that is under way in lists, if the split is one for that."""
    _is_eager: bool
    """Whether it is."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the evaluation with its summary and, where there is a gate, the blessing.

        Absolute bounds hold on all rows. Where the baseline has learned from some of them, it is compared with on
        the others, which are measured once more by themselves.
        """
        model = artifact_utils.get_single_uri(input_dict["model"])
        candidate = Path(path_utils.serving_model_path(model))
        served_ops.check(candidate)
        task = task_of(candidate)
        gate = load(Gate, exec_properties["gate"]) if exec_properties["gate"] else None
        examples, split = artifact_utils.get_single_instance(input_dict["examples"]), exec_properties["split"]
        if gate:
            check_labels(gate, task, split)
        learned = None
        notes: dict[str, Any] = {}
        if baseline := next(iter(input_dict.get("baseline_model") or ()), None):
            notes, learned = comparable.about(baseline, task, Path(examples.uri), split)
        labels = {label: rows for (of, label), rows in row_counts.row_counts(Path(examples.uri)).items() if of == split}
        size = sum(path.stat().st_size for path in Path(artifact_utils.get_split_uri([examples], split)).glob("*"))
        is_small = sum(labels.values()) <= MOST_EAGER_ROWS and size <= _MOST_EAGER_BYTES
        self._is_eager = is_small and stays_here(self)
        evaluation = Path(artifact_utils.get_single_uri(output_dict["evaluation"]))
        evaluation.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=evaluation) as scratch:
            slices, most = json.loads(exec_properties["slices"]), exec_properties["max_slice_values"]
            sliced = slice_values.limited(examples, split, slices, most, Path(scratch, "sliced"))
            input_dict = {**input_dict, "examples": [sliced]}
            rest = None
            if gate and gate.compares and learned is not None:
                rest, counts = unlearned.without(sliced, split, task, learned, Path(scratch, "examples"))
                if few := comparable.too_few(notes, task, labels, counts, split):
                    notes["not_compared"], rest = few, None
            if "not_compared" in notes:
                input_dict = {key: value for key, value in input_dict.items() if key != "baseline_model"}
            summary = {**self._measure(input_dict, output_dict, exec_properties, task), **notes, "split": split}
            self._keep_answers(evaluation, examples, split, input_dict, notes)
            if rest is not None:
                inputs = {**input_dict, "examples": [rest]}
                _merge(summary, self._measure(inputs, _aside(evaluation / _ON_REST), exec_properties, task))
            elif learned is not None:
                # Of rows that one of the two knows by heart.
                summary = {name: value for name, value in summary.items() if name not in _OF_BOTH}
            if input_dict.get("anchor_model"):
                of_rows = Path(examples.uri), labels
                summary["anchor"] = self._anchored(input_dict, exec_properties, task, *of_rows, Path(scratch))
        summary["megabytes"] = blessing.megabytes(candidate)
        if split == "dev":
            cross_fitted.hold(summary, Path(model), task)
        if gate:
            cross_fitted.hold_abstention(summary, Path(model))
            summary |= verdict.verdict(gate, task, summary, split)
            blessing.write(artifact_utils.get_single_instance(output_dict["blessing"]), input_dict, summary, task)
        # Without line breaks, which take seconds for a confusion matrix of a thousand classes.
        Path(evaluation, SUMMARY_FILE).write_text(json.dumps(summary), encoding="utf-8")

    def _keep_answers(
        self,
        evaluation: Path,
        examples: types.Artifact,
        split: str,
        input_dict: dict[str, list[types.Artifact]],
        notes: dict[str, Any],
    ) -> None:
        """Writes what the models answered to each row in the measurement before, if it was computed in lists."""
        if self._eager is None:
            return
        models = _models(input_dict)
        version = notes["baseline_version"] if BASELINE in models else None
        directory = Path(artifact_utils.get_split_uri([examples], split))
        kept_rows.write(evaluation, self._eager.rows, directory, models, version, split)

    def _anchored(
        self,
        input_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
        task: Task,
        every: Path,
        labels: Collection[str],
        scratch: Path,
    ) -> dict[str, Any]:
        """The comparison with a second version, on the rows that it has not learned from.

        Args:
            input_dict: all models, and Examples of which the split is measured.
            exec_properties: the node's own.
            task: of the candidate.
            every: where the Examples of all rows lie.
            labels: of all rows of the split, as the task counts them.
            scratch: where Examples and TFMA's files go.
        """
        examples, split = artifact_utils.get_single_instance(input_dict["examples"]), exec_properties["split"]
        (anchor,) = input_dict["anchor_model"]
        notes, learned = comparable.about(anchor, task, every, split)
        if "not_compared" in notes:
            return notes
        if learned is not None:
            examples, counts = unlearned.without(examples, split, task, learned, scratch / "unknown_to_anchor")
            if few := comparable.too_few(notes, task, labels, counts, split):
                return {**notes, "not_compared": few}
        inputs = {**input_dict, "baseline_model": [anchor], "examples": [examples]}
        found = self._measure(inputs, _aside(scratch / "anchored"), exec_properties, task)
        overall = {model: by_slice[""] for model, by_slice in found["metrics"].items()}
        return {**notes, "metrics": overall, "differences": found["differences"]}

    def _measure(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
        task: Task,
    ) -> dict[str, Any]:
        """TFMA's metrics, summed up.

        Args:
            input_dict: models, and Examples of which the split is measured.
            output_dict: where TFMA writes.
            exec_properties: the node's own.
            task: of the models.
        """
        split, confidence = exec_properties["split"], exec_properties["confidence"]
        models = _models(input_dict)
        counts: dict[str, np.ndarray] = {}
        served: dict[str, dict[str, float]] = {}
        if task.served_metrics:
            directory = artifact_utils.get_split_uri(input_dict["examples"], split)
            counts = {name: _raw_text_counts(model, directory, task) for name, model in models.items()}
            served[RAW_TEXT_F1.name] = {name: raw_text.f1(of_model) for name, of_model in counts.items()}
        slices = list(json.loads(exec_properties["slices"]))
        known = task_of(models[BASELINE]) if BASELINE in models else None
        config = eval_config.build_eval_config(task, slices, list(models), confidence, served, known)
        properties = {
            "eval_config": proto_utils.proto_to_json(config),
            "example_splits": json.dumps([split]),
            "custom_eval_shared_model": shared_model.PATH,
        }
        self._eager = EagerPipeline() if self._is_eager else None
        if self._eager is not None:
            properties["custom_extractors"] = kept_rows.PATH
        super().Do(input_dict, output_dict, properties)
        summary = read_summary(artifact_utils.get_single_uri(output_dict["evaluation"]), task)
        if counts:
            of_served = estimates.of_served(counts, RAW_TEXT_F1.name, confidence)
            for name, found in of_served["intervals"].items():
                summary["intervals"][name][""] |= found
            if BASELINE in counts:
                summary["differences"] |= of_served["differences"]
        return {**summary, "confidence": confidence}

    def _make_beam_pipeline(self) -> Any:
        return super()._make_beam_pipeline() if self._eager is None else self._eager


def _models(input_dict: dict[str, list[types.Artifact]]) -> dict[str, Path]:
    """The directories of the models that are measured, the candidate's first."""
    of_key = {CANDIDATE: input_dict["model"], BASELINE: input_dict.get("baseline_model")}
    uris = {name: artifact_utils.get_single_uri(found) for name, found in of_key.items() if found}
    return {name: Path(path_utils.serving_model_path(uri)) for name, uri in uris.items()}


def _aside(directory: Path) -> dict[str, list[types.Artifact]]:
    """The output of another measurement than the first."""
    output = standard_artifacts.ModelEvaluation()
    output.uri = str(directory)
    directory.mkdir()
    return {"evaluation": [output]}


def _merge(summary: dict[str, Any], on_rest: dict[str, Any]) -> None:
    """Adds the comparison on the rows that the baseline has not learned from."""
    summary["learned"]["metrics"] = {model: by_slice[""] for model, by_slice in on_rest["metrics"].items()}
    for name in _OF_BOTH:
        summary.pop(name, None)
    summary.update({name: on_rest[name] for name in _OF_BOTH if name in on_rest})


def _raw_text_counts(model: Path, split: str, task: Task) -> np.ndarray:
    """Of a model that is asked for entities of a split's rows as text: `raw_text.counts`."""
    return raw_text.counts(split_examples.sentences(split, task), Predictor(model).predict)


class EvaluatorSpec(component_spec.ComponentSpec):
    """The component's contract."""

    PARAMETERS = {  # noqa: RUF012
        "confidence": component_spec.ExecutionParameter(type=float),
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
        "anchor_model": component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True),
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
        gate: bounds; None measures only.
        confidence: of the intervals, and of each claim on the difference of two models.
        source: hash of the code behind the component, for the cache key.
        anchor_model: channel of the Model that is compared with beside production; None: there is none.
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
        confidence: float,
        source: str,
        anchor_model: types.BaseChannel | None = None,
    ) -> None:
        spec = EvaluatorSpec(
            examples=examples,
            model=model,
            baseline_model=baseline_model,
            anchor_model=anchor_model,
            split=split,
            slices=json.dumps(slices),
            max_slice_values=max_slice_values,
            gate=dump(gate) if gate else "",
            confidence=confidence,
            source=source,
            evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
            blessing=types.Channel(type=standard_artifacts.ModelBlessing),
        )
        super().__init__(spec=spec)
