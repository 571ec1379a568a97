from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components import trainer
from components.classifier import Classifier, freeze, learning_rate_factors
from components.settings import Model, Training

IDS = np.array([[2, 57, 58, 3], [2, 60, 3, 0]], np.int32)
MASK = IDS != 0


def build(checkpoint: Path, *, pooling: Any = "cls", **training: Any) -> Classifier:
    return trainer.build_model(checkpoint, Model(base="toy", pooling=pooling), Training(**training), 3)


def parts(model: Classifier) -> list[str]:
    """The trainable variables by the first two parts of their path, each named once."""
    return list(dict.fromkeys("/".join(variable.path.split("/")[:2]) for variable in model.trainable_variables))


BERT = ["bert/embeddings", "bert/layer_0", "bert/layer_1", "bert/pooler"]
CLASSIFIER = ["classifier/kernel", "classifier/bias"]


@pytest.mark.parametrize(
    ("settings", "pooling", "trainable"),
    [
        ({"strategy": "full"}, "cls", [*BERT, *CLASSIFIER]),
        ({"strategy": "full"}, "mean", [*BERT[:-1], *CLASSIFIER]),
        ({"strategy": "freeze_layers", "freeze_layers": 1}, "cls", [*BERT[2:], *CLASSIFIER]),
        ({"strategy": "freeze_layers", "freeze_layers": 2}, "mean", CLASSIFIER),
        ({"strategy": "head"}, "cls", [BERT[3], *CLASSIFIER]),
        ({"strategy": "head"}, "mean", CLASSIFIER),
    ],
)
def test_a_strategy_trains_these_parts(
    checkpoint: Path, settings: dict[str, Any], pooling: str, trainable: list[str]
) -> None:
    model = build(checkpoint, pooling=pooling)
    freeze(model, Training(**settings))
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


def test_mean_pooling_is_the_mean_over_the_tokens_without_padding(checkpoint: Path) -> None:
    model = build(checkpoint, pooling="mean")
    states = model.encoder(IDS, MASK)["sequence_output"].numpy()
    pooled = np.stack([states[0].mean(0), states[1, :3].mean(0)])
    kernel, bias = (variable.numpy() for variable in (model.dense.kernel, model.dense.bias))
    np.testing.assert_allclose(model(IDS, MASK), pooled @ kernel + bias, atol=1e-6)


def test_cls_pooling_is_the_pooler_of_the_first_token(checkpoint: Path) -> None:
    model = build(checkpoint)
    pooled = model.encoder(IDS, MASK)["pooled_output"].numpy()
    np.testing.assert_allclose(model(IDS, MASK), pooled @ model.dense.kernel.numpy(), atol=1e-6)


def test_dropout_is_active_in_training_only_and_can_be_set(checkpoint: Path) -> None:
    quiet, noisy = build(checkpoint, dropout=0.0), build(checkpoint, dropout=0.5)
    asked = quiet(IDS, MASK)
    np.testing.assert_array_equal(quiet(IDS, MASK, training=True), asked)
    np.testing.assert_array_equal(noisy(IDS, MASK), asked)
    assert np.abs(noisy(IDS, MASK, training=True) - asked).max() > 1e-3


def test_the_seed_decides_on_the_classifiers_first_values(checkpoint: Path) -> None:
    kernels = [build(checkpoint, seed=seed).dense.kernel.numpy() for seed in (1, 1, 2)]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])
