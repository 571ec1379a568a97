"""Evaluator: TFX's, with an EvalConfig made when the label names are known, and a summary people can read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.evaluator import executor
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import path_utils, proto_utils

from components import tasks
from components.evaluation import eval_config, raw_text
from components.evaluation.gate import verdict
from components.evaluation.summary import BASELINE, CANDIDATE, SUMMARY_FILE, read_summary
from components.export import card, saved_weights, served_ops
from components.rows import row_counts, sentences
from components.serving.predictor import Predictor
from components.settings.gate import Gate
from components.settings.serialization import dump, load
from components.tasks import Task
from components.tasks.tagging import RAW_TEXT_F1


class Executor(executor.Executor):
    """Fills in what TFX's executor is configured with, runs it, and sums up."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the evaluation with its summary and, where there is a gate, the blessing."""
        model = artifact_utils.get_single_uri(input_dict["model"])
        candidate = Path(path_utils.serving_model_path(model))
        served_ops.check(candidate)
        task = tasks.from_card(card.read_card(candidate))
        thresholds = load(Gate, exec_properties["gate"]) if exec_properties["gate"] else None
        notes = {}
        baseline = next(iter(input_dict.get("baseline_model") or ()), None)
        if baseline is not None:
            version = baseline.get_string_custom_property("pushed_version")
            notes["baseline_version"] = version
            production = Path(path_utils.serving_model_path(baseline.uri))
            served_ops.check(production)
            saved_weights.check(production)
            known = tasks.from_card(card.read_card(production))
            if known.name != task.name or known.labels != task.labels:
                # Answers of another kind cannot be compared; the absolute thresholds still hold.
                notes["not_compared"] = (
                    f"version {version} knows other classes ({', '.join(known.labels) or known.name})"
                )
            elif known.scores_differently(task):
                notes["not_compared"] = f"version {version} has another threshold or range"
            if "not_compared" in notes:
                input_dict = {key: value for key, value in input_dict.items() if key != "baseline_model"}
        counted = row_counts.row_counts(Path(artifact_utils.get_single_uri(input_dict["examples"])))
        absent = frozenset(label for label in task.labels if (exec_properties["split"], label) not in counted)
        served = {}
        if task.served_metrics:
            models = {CANDIDATE: model}
            if compared := input_dict.get("baseline_model"):
                models[BASELINE] = artifact_utils.get_single_uri(compared)
            split = artifact_utils.get_split_uri(input_dict["examples"], exec_properties["split"])
            served[RAW_TEXT_F1.name] = {name: _raw_text_f1(uri, split, task) for name, uri in models.items()}
        slices = json.loads(exec_properties["slices"])
        config = eval_config.build_eval_config(task, slices, thresholds, absent, served)
        properties = {
            "eval_config": proto_utils.proto_to_json(config),
            "example_splits": json.dumps([exec_properties["split"]]),
        }
        super().Do(input_dict, output_dict, properties)
        evaluation = artifact_utils.get_single_uri(output_dict["evaluation"])
        summary = {**read_summary(evaluation, task), **notes}
        if thresholds is not None:
            summary |= verdict(evaluation, thresholds, summary["metrics"])
        Path(evaluation, SUMMARY_FILE).write_text(json.dumps(summary, indent=1), encoding="utf-8")


def _raw_text_f1(model: str, split: str, task: Task) -> float:
    """Of a Model artifact, asked for entities of a split's rows as text."""
    served = Predictor(Path(path_utils.serving_model_path(model)))
    return raw_text.f1(sentences.read(split, task), served.predict)


class EvaluatorSpec(component_spec.ComponentSpec):
    """The component's contract."""

    PARAMETERS = {  # noqa: RUF012
        "gate": component_spec.ExecutionParameter(type=str),
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
        slices: raw features to slice by.
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
        slices: list[str],
        gate: Gate | None,
        source: str,
    ) -> None:
        spec = EvaluatorSpec(
            examples=examples,
            model=model,
            baseline_model=baseline_model,
            split=split,
            slices=json.dumps(slices),
            gate=dump(gate) if gate else "",
            source=source,
            evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
            blessing=types.Channel(type=standard_artifacts.ModelBlessing),
        )
        super().__init__(spec=spec)
