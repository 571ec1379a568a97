from pathlib import Path
from typing import Any

import pytest

from components.model.freezing import freeze, learning_rate_factors, unfrozen_at
from components.model.task_model import TaskModel
from components.settings.model import Model
from components.settings.training import Training
from components.tasks.classification import Classification
from components.tasks.embedding import Embedding
from components.training import initial_model

TASK = Classification(("bad", "good", "ugly"))


def build(checkpoint: Path, pooling: Any = "cls") -> TaskModel:
    return initial_model.build_model(checkpoint, Model(base="toy", pooling=pooling), Training(), TASK)


def parts(model: TaskModel) -> list[str]:
    """The trainable variables by the first two parts of their path, each named once."""
    return list(dict.fromkeys("/".join(variable.path.split("/")[:2]) for variable in model.trainable_variables))


BERT = ["bert/embeddings", "bert/layer_0", "bert/layer_1", "bert/pooler"]

CLASSIFIER = ["classifier/kernel", "classifier/bias"]


@pytest.mark.parametrize(
    ("settings", "pooling", "frozen", "trainable"),
    [
        ({"strategy": "full"}, "cls", None, [*BERT, *CLASSIFIER]),
        ({"strategy": "full"}, "mean", None, [*BERT[:-1], *CLASSIFIER]),
        ({"strategy": "freeze_layers", "freeze_layers": 1}, "cls", 1, [*BERT[2:], *CLASSIFIER]),
        ({"strategy": "freeze_layers", "freeze_layers": 2}, "mean", 2, CLASSIFIER),
        ({"strategy": "head"}, "cls", 2, [BERT[3], *CLASSIFIER]),
        ({"strategy": "head"}, "mean", 2, CLASSIFIER),
    ],
)
def test_a_strategy_trains_these_parts(
    checkpoint: Path, settings: dict[str, Any], pooling: str, frozen: int | None, trainable: list[str]
) -> None:
    model = build(checkpoint, pooling)
    assert freeze(model, Training(**settings)) == frozen
    assert sorted(parts(model)) == sorted(trainable)


def test_the_head_over_a_mean_is_two_variables(checkpoint: Path) -> None:
    model = build(checkpoint, pooling="mean")
    freeze(model, Training(strategy="head"))
    shapes = {variable.path: tuple(variable.shape) for variable in model.trainable_variables}
    assert shapes == {"classifier/kernel": (8, 3), "classifier/bias": (3,)}


def test_the_learning_rate_halves_from_layer_to_layer(checkpoint: Path) -> None:
    model = build(checkpoint)
    factors = learning_rate_factors(model, 0.5)
    by_part = {
        "/".join(variable.path.split("/")[:2]): factors.get(variable.path, 1.0)
        for variable in model.trainable_variables
    }
    assert by_part == {
        "bert/embeddings": 0.125,
        "bert/layer_0": 0.25,
        "bert/layer_1": 0.5,
        "bert/pooler": 1.0,
        "classifier/kernel": 1.0,
        "classifier/bias": 1.0,
    }


def test_the_head_starts_at_once_and_each_layer_a_stage_after_the_one_above_it(checkpoint: Path) -> None:
    model = build(checkpoint)
    starts = unfrozen_at(model, stage_steps=5)
    by_part = {
        "/".join(variable.path.split("/")[:2]): starts.get(variable.path, 0) for variable in model.trainable_variables
    }
    assert by_part == {
        "bert/embeddings": 15,
        "bert/layer_0": 10,
        "bert/layer_1": 5,
        "bert/pooler": 0,
        "classifier/kernel": 0,
        "classifier/bias": 0,
    }


def test_without_a_head_the_last_layer_starts_at_once(checkpoint: Path) -> None:
    model = initial_model.build_model(checkpoint, Model(base="toy"), Training(), Embedding())
    starts = unfrozen_at(model, stage_steps=5)
    variables = (model.encoder.blocks[1].inner.kernel, model.encoder.blocks[0].inner.kernel)
    assert [starts[variable.path] for variable in variables] == [0, 5]
