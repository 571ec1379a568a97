"""The predictions that TensorFlow Model Analysis (TFMA) has made of each row, kept where it is computed in lists.

They are what the metrics come from, so that a report can show single rows without asking the model again. The entry
function is `extractors`, as Evaluator names it to TFX. TFX reloads this module: no state lives here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.extractors import extractor
from tensorflow_model_analysis.metrics import metric_types

from components.evaluation import finite_answers
from components.examples import labelled_texts
from components.examples.labelled_texts import LabelledTexts
from components.export.card import identity, read_card
from components.export.card_task import task_of
from components.settings.serialization import dump
from components.statistics.filled import filled_up
from components.tasks import Task
from components.tasks.metrics import Assessment
from components.tasks.tagging import IGNORED
from components.verdict.answers import ANSWERS_FILE, AnsweredRow, Answers
from components.verdict.summary import BASELINE, CANDIDATE

PATH = f"{__name__}.extractors"

Kept = tuple[bytes, list[np.ndarray]]
"""A row's Example, and what each model predicts of it, float32[...], the candidate first."""


class KeepRows(beam.PTransform):
    """Passes rows on, and leaves them as `Kept` in the `rows` of a pipeline whose steps are computed at once.

    Args:
        eval_config: TFMA's.
    """

    def __init__(self, eval_config: Any) -> None:
        super().__init__()
        self._eval_config = eval_config

    def expand(self, extracts: Any) -> Any:
        """Of `EagerPipeline`'s `Values`."""
        config = self._eval_config
        # Where there is one model alone, TFMA calls it by no name.
        names = [spec.name for spec in config.model_specs] if len(config.model_specs) > 1 else [""]
        names.sort(key=lambda name: name == BASELINE)
        keys = [metric_types.MetricKey(name="", model_name=name) for name in names]
        extracts.pipeline.rows = [
            (
                np.asarray(row[tfma.INPUT_KEY]).item(),
                [finite_answers.row(row, key, config)[1].reshape(-1) for key in keys],
            )
            for row in map(metric_types.StandardMetricInputs, extracts.values)
        ]
        return extracts


def extractors(eval_shared_model: Any, eval_config: Any, tensor_adapter_config: Any) -> list[Any]:
    """TFMA's own, and one behind them that keeps the rows; arguments as TFX gives them."""
    found = tfma.default_extractors(
        eval_shared_model=eval_shared_model,
        eval_config=eval_config,
        tensor_adapter_config=tensor_adapter_config,
    )
    return [*found, extractor.Extractor("KeepRows", KeepRows(eval_config))]


def write(
    evaluation: Path, rows: list[Kept], directory: Path, models: Mapping[str, Path], version: str | None, split: str
) -> None:
    """Writes ANSWERS_FILE, if the task's evaluation has what it takes. No evaluation fails for it.

    Args:
        evaluation: where to.
        rows: of the split, in any order.
        directory: of its raw Examples.
        models: name of each that was measured -> its directory, the candidate's first.
        version: that the baseline was pushed as; None: there is none among them.
        split: its name.
    """
    try:
        found = answered(rows, directory, {name: task_of(model) for name, model in models.items()})
    except Exception:
        # A task of somebody's own may answer clients otherwise than its evaluation has it.
        logging.getLogger(__name__).exception("the answers to the rows of %s are not kept", split)
        return
    if found:
        model = identity(read_card(models[CANDIDATE]))
        written = dump(Answers(split, model, version, len(found), found))
        Path(evaluation, ANSWERS_FILE).write_text(written, encoding="utf-8")


def answered(rows: list[Kept], directory: Path, models: Mapping[str, Task]) -> list[AnsweredRow]:
    """The answers to the rows of a split, in its order; none where a task's evaluation has less than an answer.

    Args:
        rows: of the split, in any order.
        directory: of its raw Examples.
        models: name of each that was measured -> its task, the candidate's first.
    """
    task = models[CANDIDATE]
    texts = [labelled_texts.of(example, task) for example, _ in rows]
    found = [_assessed(of, texts, [kept[place] for _, kept in rows]) for place, of in enumerate(models.values())]
    if not rows or not all(found):
        return []
    # Rows that are equal have equal answers.
    by_row = {row: assessed for row, *assessed in zip(texts, *found, strict=True)}
    return [
        AnsweredRow(place, row[0], *by_row[row]) for place, row in enumerate(labelled_texts.read(directory, task), 1)
    ]


def _assessed(task: Task, rows: list[LabelledTexts], predictions: list[np.ndarray]) -> list[Assessment]:
    values: Iterator[dict[str, Any]] | None = task.evaluated(filled_up(predictions, IGNORED)) if predictions else None
    if values is None:
        return []
    return [task.assess(texts, label, one) for (texts, label), one in zip(rows, values, strict=True)]
