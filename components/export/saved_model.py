"""What the exported model answers to: raw text, token ids, and serialized tf.Examples for its evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from components.export.embedding_signatures import ExportedEmbedding
from components.export.signatures import Exported
from components.export.tagger_signatures import ExportedTagger
from components.model.task_model import TaskModel


def exported(model: TaskModel, transform: Callable[..., Any], raw_spec: dict[str, Any]) -> Exported:
    """The form of export that the model's task asks for."""
    if model.task.bi_encoder:
        return ExportedEmbedding(model, transform, raw_spec)
    return (ExportedTagger if model.task.per_token else Exported)(model, transform, raw_spec)
