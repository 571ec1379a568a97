"""Measures a pre-trained model on the documents that were held out, beside what it began with, and gates it."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import path_utils

from components.nodes import measured
from components.pretrained import head_weights
from components.pretraining import examples, initial_model, measuring, objectives
from components.pretraining.objectives import PRETRAINED_FILE, REFERENCE, UNIGRAM
from components.settings.gate import Gate
from components.settings.kinds.pretraining import Pretraining
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
        """Writes the summary, as the Evaluator's; and the blessing.

        Beside the model's metrics are those of telling tokens by how often they stand in train, and of the base model,
        if it has a head for hidden tokens.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        training = load(Pretraining, exec_properties["training"])
        artifact = artifact_utils.get_single_uri(input_dict["model"])
        directories = {CANDIDATE: Path(path_utils.serving_model_path(artifact))}
        base = exec_properties["base_model"]
        if base and head_weights.has_masked_language_model(Path(base)):
            directories[REFERENCE] = Path(base)
        tokenizer, task = read_tokenizer(directories[CANDIDATE]), objectives.task(training.next_sentence)
        files = Path(artifact_utils.get_split_uri(input_dict["examples"], _DEV)).glob("*.gz")
        found, rows = {}, None
        with tempfile.TemporaryDirectory(dir=artifact_utils.get_single_uri(output_dict["evaluation"])) as scratch:
            for name, directory in directories.items():
                model, drawn = initial_model.read_model(directory, training, tokenizer)
                if rows is None:
                    length, size = exec_properties["max_length"], model.encoder.config.vocab_size
                    paths = sorted(map(str, files))
                    rows = examples.examples(_DEV, paths, tokenizer, training, length, size, Path(scratch)).rows
                found[name] = {"": measuring.measure(model, task, rows)}
                if drawn:
                    # Of a head or a pooler that the base model has not.
                    found[name][""].pop(objectives.NEXT.name, None)
        loss = json.loads(Path(artifact, PRETRAINED_FILE).read_text(encoding="utf-8"))["unigram_loss"]
        found[UNIGRAM] = {"": {objectives.LOSS.name: loss, objectives.PERPLEXITY.name: math.exp(loss)}}
        measured.write(output_dict, load(Gate, exec_properties["gate"]), task.metrics, found)


class PretrainingEvaluatorSpec(component_spec.ComponentSpec):
    """The component's contract."""

    PARAMETERS = {  # noqa: RUF012
        "base_model": component_spec.ExecutionParameter(type=str),
        "base_model_sha256": component_spec.ExecutionParameter(type=str),
        "training": component_spec.ExecutionParameter(type=str),
        "max_length": component_spec.ExecutionParameter(type=int),
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


class PretrainingEvaluator(base_component.BaseComponent):
    """Loss and accuracy of hidden tokens and next sentences on held-out documents, and the verdict.

    Args:
        examples: channel of Examples of documents.
        model: channel of the pre-trained model.
        base_model: directory of the base model that it went on from; empty: it is new.
        base_model_sha256: file -> sha256 of what is there, for the cache key.
        training: what of it counts where a model is measured.
        max_length: tokens of an example.
        gate: the bounds.
        source: hash of the code behind the component, for the cache key.
    """

    SPEC_CLASS = PretrainingEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        base_model: str,
        base_model_sha256: dict[str, str],
        training: Pretraining,
        max_length: int,
        gate: Gate,
        source: str,
    ) -> None:
        spec = PretrainingEvaluatorSpec(
            examples=examples,
            model=model,
            base_model=base_model,
            base_model_sha256=json.dumps(base_model_sha256),
            training=dump(training),
            max_length=max_length,
            gate=dump(gate),
            source=source,
            evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
            blessing=types.Channel(type=standard_artifacts.ModelBlessing),
        )
        super().__init__(spec=spec)
