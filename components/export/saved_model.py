"""Which form of export a model gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from components.export.embedding_signatures import ExportedEmbedding
from components.export.of_task.answering import ExportedAnswering
from components.export.of_task.generation import ExportedWriter, Writer
from components.export.signatures import Exported
from components.export.tagger_signatures import ExportedTagger
from components.model.task_model import TaskModel
from components.model.writing.decoder import GenerationModel
from components.tokenization.joins import Joins


def exported(
    model: TaskModel | GenerationModel,
    transform: Callable[..., Any],
    raw_spec: dict[str, Any],
    joins: Joins | None = None,
    most_words: int | None = None,
    writer: Writer | None = None,
) -> Exported:
    """Puts the transform graph in front of a model, with the signatures of its task.

    Arguments as for `Exported`, the next two for a tagger as for `ExportedTagger`, the last for a model that writes.
    """
    if isinstance(model, GenerationModel):
        if writer is None:
            raise ValueError("a model that writes needs a writer")
        return ExportedWriter(model, transform, raw_spec, writer)
    if model.task.per_token:
        return ExportedTagger(model, transform, raw_spec, joins or Joins(), most_words)
    if model.task.finds_span:
        return ExportedAnswering(model, transform, raw_spec)
    return (ExportedEmbedding if model.task.bi_encoder else Exported)(model, transform, raw_spec)
