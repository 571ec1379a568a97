"""Learns a WordPiece vocabulary from counts of words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import path_utils

from components.common import progress
from components.export import vocabulary_directory
from components.rows import data_hash
from components.settings.kinds.vocabulary import Vocabulary
from components.settings.serialization import dump, load
from components.tokenization.learning import vocabulary_learner, word_counts
from components.tokenization.learning.vocabulary_learner import LEARNED_FILE


class Executor(base_executor.BaseExecutor):
    """Learns, and writes what a tokenizer is read from."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the vocabulary's directory, and LEARNED_FILE.

        Raises:
            InputError: the words do not give such a vocabulary.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        vocabulary = load(Vocabulary, exec_properties["vocabulary"])
        counts = word_counts.read(Path(artifact_utils.get_single_uri(input_dict["counts"])))
        with progress.progress() as bar:
            learned = vocabulary_learner.learn(
                counts, vocabulary, "VocabularyLearner", lambda text: bar.advance(1, text)
            )
        model = artifact_utils.get_single_uri(output_dict["model"])
        vocabulary_directory.write(
            Path(path_utils.serving_model_dir(model)),
            learned.tokens,
            vocabulary_learner.tokenizer_settings(vocabulary),
            name=exec_properties["name"],
            data_sha256=data_hash.read(artifact_utils.get_single_uri(input_dict["examples"])),
        )
        about = {**learned._asdict(), "tokens": len(learned.tokens)}
        Path(model, LEARNED_FILE).write_text(json.dumps(about, indent=1), encoding="utf-8")


class VocabularyLearnerSpec(component_spec.ComponentSpec):
    """The component's contract."""

    PARAMETERS = {  # noqa: RUF012
        "vocabulary": component_spec.ExecutionParameter(type=str),
        "name": component_spec.ExecutionParameter(type=str),
        "source": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "counts": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
    }
    OUTPUTS = {"model": component_spec.ChannelParameter(type=standard_artifacts.Model)}  # noqa: RUF012


class VocabularyLearner(base_component.BaseComponent):
    """A vocabulary of the size that is asked for.

    Args:
        counts: channel of the words and their counts.
        examples: channel of the Examples that they are of, for what the card says of the data.
        vocabulary: what is asked for.
        name: of the pipeline, for the card.
        source: hash of the code behind the component, for the cache key.
    """

    SPEC_CLASS = VocabularyLearnerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        counts: types.BaseChannel,
        examples: types.BaseChannel,
        vocabulary: Vocabulary,
        name: str,
        source: str,
    ) -> None:
        spec = VocabularyLearnerSpec(
            counts=counts,
            examples=examples,
            vocabulary=dump(vocabulary),
            name=name,
            source=source,
            model=types.Channel(type=standard_artifacts.Model),
        )
        super().__init__(spec=spec)
