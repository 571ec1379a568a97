"""Counts the words of the documents to learn from, with Beam."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.transforms import window
from apache_beam.utils.windowed_value import WindowedValue
from tfx import types
from tfx.dsl.components.base import base_beam_component, base_beam_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts

from components.common import feature_names
from components.common.json_files import take_lines
from components.settings.serialization import dump, load
from components.tokenization.learning import word_counts
from components.tokenization.learning.basic_words import BasicWords
from components.tokenization.vocabulary import TokenizerSettings

_TRAIN = "train"

_AT_ONCE = 100_000
"""Different words that a bundle holds before it hands their counts on."""

_SENTENCES = 1000
"""That are counted together."""


class _CountWords(beam.DoFn):
    """Serialized Examples of documents -> (word, count), added up over some of them."""

    def __init__(self, settings: TokenizerSettings) -> None:
        self._settings = settings

    def setup(self) -> None:
        self._words = BasicWords(self._settings)

    def start_bundle(self) -> None:
        self._counts, self._waiting = Counter[str](), list[str]()

    def process(self, record: bytes) -> Iterator[tuple[str, int]]:
        found = tf.train.Example.FromString(record).features.feature[feature_names.SENTENCES].bytes_list.value
        self._waiting += [sentence.decode() for sentence in found]
        if len(self._waiting) >= _SENTENCES:
            self._count()
            if len(self._counts) > _AT_ONCE:
                yield from self._counts.items()
                self._counts.clear()

    def finish_bundle(self) -> Iterator[Any]:
        self._count()
        end = window.GlobalWindow().max_timestamp()
        for one in self._counts.items():
            yield WindowedValue(one, end, [window.GlobalWindow()])

    def _count(self) -> None:
        self._counts.update(self._words.count(self._waiting))
        self._waiting.clear()


class Executor(base_beam_executor.BaseBeamExecutor):
    """Counts, and puts the counts in order."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the words of train with their counts, but for rare ones: the same bytes, whoever counts what."""
        self._log_startup(input_dict, output_dict, exec_properties)
        settings = load(TokenizerSettings, exec_properties["tokenizer"])
        examples = artifact_utils.get_split_uri(input_dict["examples"], _TRAIN)
        output = Path(artifact_utils.get_single_uri(output_dict["counts"]))
        least = exec_properties["min_count"]
        with self._make_beam_pipeline() as pipeline:
            (
                pipeline
                | "Read" >> beam.io.ReadFromTFRecord(f"{examples}/*")
                | "Count" >> beam.ParDo(_CountWords(settings))
                | "Sum" >> beam.CombinePerKey(sum)
                | "Frequent" >> beam.Filter(lambda one: one[1] >= least)
                | "Json" >> beam.Map(json.dumps)
                | "Write" >> beam.io.WriteToText(str(output / "unordered"), shard_name_template="")
            )
        word_counts.write(output, ((word, count) for word, count in take_lines(output / "unordered")))


class WordCounterSpec(component_spec.ComponentSpec):
    """The component's contract."""

    PARAMETERS = {  # noqa: RUF012
        "tokenizer": component_spec.ExecutionParameter(type=str),
        "min_count": component_spec.ExecutionParameter(type=int),
        "source": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {"examples": component_spec.ChannelParameter(type=standard_artifacts.Examples)}  # noqa: RUF012
    OUTPUTS = {  # noqa: RUF012
        "counts": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
    }


class WordCounter(base_beam_component.BaseBeamComponent):
    """The words of train with their counts, cut as the tokenizer cuts them that the vocabulary will be for.

    Args:
        examples: channel of Examples of documents.
        tokenizer: its settings.
        min_count: words that stand there less often are left out.
        source: hash of the code behind the component, for the cache key.
    """

    SPEC_CLASS = WordCounterSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, examples: types.BaseChannel, tokenizer: TokenizerSettings, min_count: int, source: str) -> None:
        counts = types.Channel(type=standard_artifacts.ExampleStatistics)
        given = {"tokenizer": dump(tokenizer), "min_count": min_count, "source": source}
        super().__init__(spec=WordCounterSpec(examples=examples, counts=counts, **given))
