"""StatisticsGen whose rows go without Beam where Beam would run in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.statistics_gen import component, executor
from tfx.dsl.components.base import executor_spec
from tfx.types import artifact_utils

from components.examples import feature_statistics
from components.examples.in_process import stays_here


class Executor(executor.Executor):
    """TFX's, or the same statistics without a pipeline."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the statistics of each split."""
        if not stays_here(self):
            super().Do(input_dict, output_dict, exec_properties)
            return
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        statistics = artifact_utils.get_single_instance(output_dict["statistics"])
        statistics.split_names, statistics.span = examples.split_names, examples.span
        for split in artifact_utils.decode_split_names(examples.split_names):
            found = feature_statistics.of_examples(Path(artifact_utils.get_split_uri([examples], split)))
            directory = Path(artifact_utils.get_split_uri([statistics], split))
            directory.mkdir(parents=True, exist_ok=True)
            (directory / executor.DEFAULT_FILE_NAME).write_bytes(found.SerializeToString(deterministic=True))


class StatisticsGen(component.StatisticsGen):
    """TFX's StatisticsGen with the executor above.

    Args:
        examples: channel of Examples.
        source: hash of the code behind the component, for the cache key.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, examples: types.BaseChannel, source: str) -> None:
        super().__init__(examples=examples)
        # TFX's contract has no parameter for this, but every one counts in the cache key.
        self.spec.exec_properties["source"] = source
