"""Measures a learned vocabulary on the documents that were held out, beside a reference, and gates it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import path_utils

from components.nodes import measured
from components.pretraining import vocabulary_metrics
from components.pretraining.vocabulary_metrics import REFERENCE, VocabularyMeasures
from components.settings.gate import Gate
from components.settings.serialization import dump, load
from components.tokenization.tokenizer_files import read_tokenizer
from components.verdict.summary import CANDIDATE

_DEV = "dev"


class Executor(base_executor.BaseExecutor):
    """Measures and judges."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the summary, as the Evaluator's with `texts`, the statistics of each vocabulary; and the blessing."""
        self._log_startup(input_dict, output_dict, exec_properties)
        directories = {
            CANDIDATE: Path(path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict["model"])))
        }
        if exec_properties["base_model"]:
            directories[REFERENCE] = Path(exec_properties["base_model"])
        examples = Path(artifact_utils.get_split_uri(input_dict["examples"], _DEV))
        texts, metrics = {}, {}
        for name, directory in directories.items():
            found, values = vocabulary_metrics.measure(examples, read_tokenizer(directory))
            metrics[name] = {"": values}
            texts[name] = found and dataclasses.asdict(found)
        gate = load(Gate, exec_properties["gate"])
        measured.write(output_dict, gate, VocabularyMeasures.metrics, metrics, texts=texts)


class VocabularyEvaluatorSpec(component_spec.ComponentSpec):
    """The component's contract."""

    PARAMETERS = {  # noqa: RUF012
        "base_model": component_spec.ExecutionParameter(type=str),
        "base_model_sha256": component_spec.ExecutionParameter(type=str),
        "gate": component_spec.ExecutionParameter(type=str),
        "source": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
    }
    OUTPUTS = {  # noqa: RUF012
        "evaluation": component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class VocabularyEvaluator(base_component.BaseComponent):
    """Coverage, pieces a word and the like on held-out documents, and the verdict.

    Args:
        examples: channel of Examples of documents.
        model: channel of the vocabulary.
        base_model: directory of the reference's tokenizer; empty: there is none.
        base_model_sha256: file -> sha256 of what is there, for the cache key.
        gate: the bounds.
        source: hash of the code behind the component, for the cache key.
    """

    SPEC_CLASS = VocabularyEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        base_model: str,
        base_model_sha256: dict[str, str],
        gate: Gate,
        source: str,
    ) -> None:
        spec = VocabularyEvaluatorSpec(
            examples=examples,
            model=model,
            base_model=base_model,
            base_model_sha256=json.dumps(base_model_sha256),
            gate=dump(gate),
            source=source,
            evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
            blessing=types.Channel(type=standard_artifacts.ModelBlessing),
        )
        super().__init__(spec=spec)
