"""Transform that takes the task from the Examples it reads, not from the config: their label names are known by now."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.transform import component, executor
from tfx.dsl.components.base import executor_spec
from tfx.types import artifact_utils
from tfx.types.standard_component_specs import TRANSFORMED_EXAMPLES_KEY
from tfx.utils import json_utils

from components import tasks
from components.evaluation import split_examples
from components.examples import labelled_texts
from components.examples.in_process import stays_here
from components.examples.transformation import Transformation
from components.leakage import learned
from components.rows import data_hash, row_counts
from components.tasks import Task
from components.tokenization.joins import Joins
from components.tokenization.spacing import Spacing

_SENTENCES = 50_000
"""Of train, about, to learn from how words of raw text are joined."""


class Executor(executor.Executor):
    """TFX's, with the task added to `custom_config`; what lies beside the Examples is carried on."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the transform graph, the transformed examples, and beside the graph task.json and what train says of
        words: a tagger's joins, a target's spacing."""
        examples = artifact_utils.get_single_uri(input_dict["examples"])
        task = tasks.read(examples)
        custom_config = json_utils.loads(exec_properties["custom_config"])
        config_with_task = json_utils.dumps({**custom_config, "task": tasks.to_dict(task)})
        properties = {**exec_properties, "custom_config": config_with_task}
        graph = artifact_utils.get_single_uri(output_dict["transform_graph"])
        if stays_here(self):
            # Without rows to write, and as the task learns nothing from them, TFX traces the graph and is done.
            transformed = artifact_utils.get_single_instance(output_dict[TRANSFORMED_EXAMPLES_KEY])
            others = {name: made for name, made in output_dict.items() if name != TRANSFORMED_EXAMPLES_KEY}
            super().Do(input_dict, others, properties)
            _write_rows(Path(graph), input_dict["examples"], transformed)
        else:
            super().Do(input_dict, output_dict, properties)
        tasks.write(graph, task)
        data_hash.write(graph, data_hash.read(examples))
        learned.carry_on(Path(examples), Path(graph))
        if task.per_token:
            _joins(Path(examples), task).write(graph)
        if task.writes:
            _spacing(Path(examples), task).write(graph)


def _write_rows(graph: Path, examples: list[types.Artifact], transformed: types.Artifact) -> None:
    """Writes all splits of Examples, transformed."""
    transformed.split_names = artifact_utils.get_single_instance(examples).split_names
    transform = Transformation(str(graph))
    for split in artifact_utils.decode_split_names(transformed.split_names):
        source, target = (Path(artifact_utils.get_split_uri(some, split)) for some in (examples, [transformed]))
        transform.write(source, target)


def _joins(examples: Path, task: Task) -> Joins:
    """What train's words say of those of raw text, learned from all sentences or every second, third and so on."""
    rows = sum(count for (split, _), count in row_counts.row_counts(examples).items() if split == "train")
    read = split_examples.sentences(examples / "Split-train", task)
    return Joins.learned(words for words, _ in itertools.islice(read, 0, None, rows // _SENTENCES + 1))


def _spacing(examples: Path, task: Task) -> Spacing:
    """How train's targets join words and signs, learned from as many."""
    rows = sum(count for (split, _), count in row_counts.row_counts(examples).items() if split == "train")
    read = labelled_texts.read(examples / "Split-train", task)
    return Spacing.learned(target for _, target in itertools.islice(read, 0, None, rows // _SENTENCES + 1))


class Transform(component.Transform):
    """TFX's Transform with the executor above."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
