"""What of a model is trained, at which share of the learning rate, and from which step on."""

from __future__ import annotations

from typing import Any

from components.model.trained_model import TrainedModel
from components.settings.training import Training


def freeze(model: TrainedModel, training: Training) -> int | None:
    """Freezes what the strategy keeps as it is.

    Under `head` that is the whole encoder; the pooler is part of the head and is trained with it, if it is in use. A
    pooler that is not in use is frozen: no gradient reaches it.

    Returns:
        How many of the first layers are frozen, and the embeddings with them; None: nothing is.
    """
    encoder = model.encoder
    layers = {"freeze_layers": training.freeze_layers, "head": len(encoder.blocks)}.get(training.strategy)
    encoder.embeddings.trainable = layers is None
    for block in encoder.blocks[: layers or 0]:
        block.trainable = False
    encoder.pooler.trainable = model.uses_pooler
    model.frozen = layers
    return layers


def learning_rate_factors(model: TrainedModel, decay: float) -> dict[str, float]:
    """Variable path -> its share of the learning rate: `decay` to the power of the layers above it.

    The classifier and pooler have 1, the encoder's last layer `decay`, the embeddings `decay ** (layers + 1)`.
    """
    encoder = model.encoder
    factors = {variable.path: decay ** (len(encoder.blocks) + 1) for variable in encoder.embeddings.variables}
    for index, block in enumerate(encoder.blocks):
        factors |= {variable.path: decay ** (len(encoder.blocks) - index) for variable in block.variables}
    return factors


def unfrozen_at(model: TrainedModel, stage_steps: int) -> dict[str, int]:
    """Variable path -> the steps that have to be done before it is trained, where layers are unfrozen from the top.

    Howard & Ruder 2018 (arXiv:1801.06146), section 3.3: the head first, then with each stage one layer more. Without a
    head the last layer is the first.

    Args:
        model: the whole.
        stage_steps: steps of a stage.
    """
    encoder = model.encoder
    layers: list[Any] = [*reversed(encoder.blocks), encoder.embeddings]
    first = 0 if model.dense is None else 1
    return {v.path: (stage + first) * stage_steps for stage, layer in enumerate(layers) for v in layer.variables}
