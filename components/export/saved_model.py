"""Which form of export a model gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from components.export.embedding_signatures import ExportedEmbedding
from components.export.signatures import Exported
from components.export.tagger_signatures import ExportedTagger
from components.model.task_model import TaskModel


def exported(model: TaskModel, transform: Callable[..., Any], raw_spec: dict[str, Any]) -> Exported:
    """Puts the transform graph in front of a model, with the signatures of its task; arguments as for `Exported`."""
    if model.task.bi_encoder:
        return ExportedEmbedding(model, transform, raw_spec)
    return (ExportedTagger if model.task.per_token else Exported)(model, transform, raw_spec)
