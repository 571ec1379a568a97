"""Holds what was counted of a corpus against the limits in `[corpus]`, and stops the run at an anomaly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts

from components.pretraining import corpus_statistics
from components.settings.kinds.corpus import Corpus
from components.settings.serialization import dump, load


class Executor(base_executor.BaseExecutor):
    """Sums up the files, and judges."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the statistics of the whole corpus.

        Raises:
            InputError: there are anomalies; all are named.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        found = corpus_statistics.read(Path(artifact_utils.get_single_uri(input_dict["examples"])))
        corpus_statistics.refuse(found, load(Corpus, exec_properties["corpus"]), "CorpusValidator")
        corpus_statistics.write_whole(Path(artifact_utils.get_single_uri(output_dict["anomalies"])), found)


class CorpusValidatorSpec(component_spec.ComponentSpec):
    """The component's contract."""

    PARAMETERS = {  # noqa: RUF012
        "corpus": component_spec.ExecutionParameter(type=str),
        "source": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {"examples": component_spec.ChannelParameter(type=standard_artifacts.Examples)}  # noqa: RUF012
    OUTPUTS = {  # noqa: RUF012
        "anomalies": component_spec.ChannelParameter(type=standard_artifacts.ExampleAnomalies),
    }


class CorpusValidator(base_component.BaseComponent):
    """Stops the run where a corpus is not what it should be.

    Args:
        examples: channel of Examples, for what was counted beside them.
        corpus: its limits.
        source: hash of the code behind the component, for the cache key.
    """

    SPEC_CLASS = CorpusValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, examples: types.BaseChannel, corpus: Corpus, source: str) -> None:
        anomalies = types.Channel(type=standard_artifacts.ExampleAnomalies)
        spec = CorpusValidatorSpec(examples=examples, corpus=dump(corpus), source=source, anomalies=anomalies)
        super().__init__(spec=spec)
