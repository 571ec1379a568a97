import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from components import finetune, task, trainer
from components.batching import Tokens
from components.classifier import Classifier
from components.finetune import Evaluation, History, LayerwiseAdamW, WarmUpLinear, fit
from components.settings import Model, Training
from tests.toys import VOCABULARY, write_toy_checkpoint

GOOD, BAD = VOCABULARY.index("good"), VOCABULARY.index("bad")
ONES = np.ones(2, np.float32)


@pytest.fixture(scope="module")
def shallow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with one layer: half the time to trace."""
    return write_toy_checkpoint(tmp_path_factory.mktemp("shallow"), layers=1)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    """24 rows of letters with "good" (label 1) or "bad" (label 0) somewhere among them."""
    draws = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("rows")
    with tf.io.TFRecordWriter(str(folder / "rows.gz"), "GZIP") as writer:
        for index in range(24):
            ids = [2, *draws.integers(5, 15, draws.integers(1, 8)), (BAD, GOOD)[index % 2], 3]
            example = tf.train.Example()
            example.features.feature[task.TOKEN_IDS].int64_list.value.extend(ids)
            example.features.feature[task.LABEL_ID].int64_list.value.append(index % 2)
            writer.write(example.SerializeToString())
    return Tokens([str(folder / "rows.gz")], {task.LABEL_ID: tf.io.FixedLenFeature([1], tf.int64)}, folder / "ids")


@pytest.fixture
def eagerly() -> Iterator[None]:
    """For a few steps tracing costs more than it saves."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def build(checkpoint: Path, training: Training) -> Classifier:
    keras.utils.set_random_seed(training.seed)
    return trainer.build_model(checkpoint, Model(base="toy"), training, 2)


def values(model: Classifier) -> dict[str, np.ndarray]:
    return {variable.path: variable.numpy().copy() for variable in model.variables if "seed" not in variable.path}


# The schedule.


def test_the_learning_rate_rises_over_the_warm_up_and_then_falls_to_nothing() -> None:
    schedule = WarmUpLinear(1.0, 10, 0.2)
    rates = [float(schedule(step)) for step in range(11)]
    np.testing.assert_allclose(rates, [0.5, 1.0, 1.0, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8, 0.0], rtol=1e-6)


def test_without_warm_up_the_first_step_has_the_peak() -> None:
    schedule = WarmUpLinear(3e-4, 4, 0.0)
    np.testing.assert_allclose([float(schedule(s)) for s in range(4)], [3e-4, 2.25e-4, 1.5e-4, 0.75e-4], rtol=1e-6)


def test_a_schedule_of_warm_up_alone_ends_at_the_peak() -> None:
    np.testing.assert_allclose([float(WarmUpLinear(1.0, 2, 1.0)(s)) for s in range(2)], [0.5, 1.0], rtol=1e-6)


# The optimiser.


Moments = tuple[np.ndarray, np.ndarray, np.ndarray]


def adamw(state: Moments, gradient: np.ndarray, step: int, rate: float, decay: float) -> Moments:
    """Weight, mean and mean square after a step counted from 1 (Loshchilov & Hutter 2019, algorithm 2)."""
    weight, mean, square = state[0], 0.9 * state[1] + 0.1 * gradient, 0.999 * state[2] + 0.001 * gradient**2
    update = (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return weight - rate * (update + decay * weight), mean, square


def test_adamw_equals_its_formula_with_decay_on_matrices_and_a_rate_for_each_layer() -> None:
    start = {"kernel": np.array([[1.0, -2.0], [0.5, 4.0]]), "bias": np.array([1.0, -1.0])}
    variables = [keras.Variable(value.astype(np.float32), name=name) for name, value in start.items()]
    optimizer = LayerwiseAdamW(WarmUpLinear(0.1, 4, 0.5), factors={"kernel": 0.5}, weight_decay=0.1, clip_norm=1e9)
    optimizer.build(variables)
    kernel, bias = ((value, np.zeros_like(value), np.zeros_like(value)) for value in start.values())
    draws = np.random.default_rng(0)
    for step, rate in enumerate([0.05, 0.1, 0.1], 1):
        gradients = [draws.normal(size=value.shape) for value in start.values()]
        optimizer.apply([tf.constant(gradient, tf.float32) for gradient in gradients], variables)
        kernel = adamw(kernel, gradients[0], step, 0.5 * rate, decay=0.1)
        bias = adamw(bias, gradients[1], step, rate, decay=0.0)
        np.testing.assert_allclose(variables[0].numpy(), kernel[0], rtol=2e-5)
        np.testing.assert_allclose(variables[1].numpy(), bias[0], rtol=2e-5)


class Stub:
    """Stands for a classifier: the logits are the sum of its tokens' rows in a table."""

    def __init__(self, table: list[list[float]]) -> None:
        self.table = keras.layers.Embedding(len(table), len(table[0]))
        self.table.build()
        self.table.embeddings.assign(np.array(table, np.float32))
        self.trainable_variables = [self.table.embeddings]

    def __call__(self, token_ids: tf.Tensor, padding_mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        return tf.reduce_sum(self.table(token_ids) * tf.cast(padding_mask, tf.float32)[:, :, tf.newaxis], axis=1)


def stub_step(
    stub: Any, ids: list[list[int]], label_ids: list[int], weights: list[float], smoothing: float, clip_norm: float
) -> tuple[float, Any]:
    """One training step: its loss, and the optimiser after it."""
    optimizer = LayerwiseAdamW(0.1, factors={}, weight_decay=0.0, clip_norm=clip_norm)
    optimizer.build(stub.trainable_variables)
    step = finetune._training_step(stub, optimizer, np.array(weights, np.float32), smoothing)
    return float(step(tf.constant(ids), tf.ones_like(ids, tf.bool), tf.constant(label_ids))), optimizer


def test_the_loss_is_the_mean_cross_entropy() -> None:
    loss, _ = stub_step(Stub([[0.0, 0.0], [1.0, 3.0]]), [[0], [1]], [0, 1], [1, 1], 0.0, 1.0)
    assert loss == pytest.approx((math.log(2) + math.log(1 + math.exp(-2))) / 2, rel=1e-6)


def test_a_class_weight_multiplies_the_loss_of_its_rows() -> None:
    loss, _ = stub_step(Stub([[0.0, 0.0], [1.0, 3.0]]), [[0], [1]], [0, 1], [3, 0.5], 0.0, 1.0)
    assert loss == pytest.approx((3 * math.log(2) + 0.5 * math.log(1 + math.exp(-2))) / 2, rel=1e-6)


def test_label_smoothing_gives_every_class_a_share() -> None:
    loss, _ = stub_step(Stub([[0.0, 0.0], [1.0, 3.0]]), [[1]], [1], [1, 1], 0.2, 1.0)
    right, wrong = math.log(1 + math.exp(-2)), math.log(1 + math.exp(2))
    assert loss == pytest.approx(0.9 * right + 0.1 * wrong, rel=1e-6)


def test_the_gradient_is_scaled_down_to_the_norm_that_is_set() -> None:
    # At equal logits the gradient of a row is (-1/2, 1/2) for label 0: a norm of 1 / sqrt(2).
    for clip_norm, norm in [(10.0, math.sqrt(0.5)), (0.25, 0.25)]:
        _, optimizer = stub_step(Stub([[0.0, 0.0]]), [[0]], [0], [1, 1], 0.0, clip_norm)
        mean = optimizer._momentums[0].numpy()
        assert np.linalg.norm(mean) / 0.1 == pytest.approx(norm, rel=1e-5)


def test_a_token_that_stands_twice_counts_once_in_the_gradients_norm_with_the_sum_of_both() -> None:
    _, optimizer = stub_step(Stub([[0.0, 0.0]]), [[0, 0, 0, 0]], [0], [1, 1], 0.0, 0.25)
    assert np.linalg.norm(optimizer._momentums[0].numpy()) / 0.1 == pytest.approx(0.25, rel=1e-5)


def test_balanced_weights_are_scikit_learns() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    label_ids = np.array([0, 0, 0, 1, 2, 2])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=label_ids)
    np.testing.assert_allclose(finetune.balanced(label_ids, 3), expected, rtol=1e-6)
    assert finetune.balanced(np.array([0, 0]), 2).tolist() == [0.5, 1.0]


# The loop.


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[float]], list[np.ndarray]]:
    """Replaces a training step by adding 1 to the classifier's bias, and the measurements on dev by a list."""

    def install(accuracies: list[float]) -> list[np.ndarray]:
        measured: list[np.ndarray] = []

        def training_step(model: Classifier, *_: object) -> Callable[..., float]:
            def step(*_: object) -> float:
                model.dense.bias.assign_add(np.ones(2, np.float32))
                return 0.5

            return step

        def evaluate(model: Classifier, dev: Tokens, step: int) -> Evaluation:
            measured.append(model.dense.bias.numpy().copy())
            return Evaluation(step, accuracies[len(measured) - 1], 1.0)

        monkeypatch.setattr(finetune, "_training_step", training_step)
        monkeypatch.setattr(finetune, "evaluate", evaluate)
        return measured

    return install


Script = Callable[[list[float]], list[np.ndarray]]


def scripted_fit(checkpoint: Path, rows: Tokens, logs: Path, **settings: Any) -> tuple[History, float]:
    """The history and the classifier's bias at the end, which tells the step of the kept checkpoint."""
    training = Training(batch_size=8, **settings)
    model = build(checkpoint, training)
    history = fit(model, rows, rows, training, ONES, logs)
    return history, float(model.dense.bias.numpy()[0])


def test_the_best_checkpoint_by_dev_is_kept(shallow: Path, rows: Tokens, tmp_path: Path, scripted: Script) -> None:
    scripted([0.5, 0.7, 0.6])
    history, bias = scripted_fit(shallow, rows, tmp_path, epochs=3)
    assert [e.step for e in history.evaluations] == [3, 6, 9]
    assert (history.best_step, bias) == (6, 6.0)
    assert not history.stopped_early


def test_training_stops_after_so_many_evaluations_without_a_better_one(
    shallow: Path, rows: Tokens, tmp_path: Path, scripted: Script
) -> None:
    scripted([0.5, 0.6, 0.6, 0.4, 0.9])
    history, bias = scripted_fit(shallow, rows, tmp_path, epochs=5, early_stopping=2)
    assert history.stopped_early
    assert [e.step for e in history.evaluations] == [3, 6, 9, 12]
    assert (history.best_step, bias) == (6, 6.0)


def test_patience_that_runs_out_at_the_last_step_stops_nothing(
    shallow: Path, rows: Tokens, tmp_path: Path, scripted: Script
) -> None:
    scripted([0.5, 0.4])
    history, _ = scripted_fit(shallow, rows, tmp_path, epochs=2, early_stopping=1)
    assert not history.stopped_early


@pytest.mark.parametrize(
    ("settings", "steps", "evaluated"),
    [
        ({}, 6, [3, 6]),
        ({"epochs": 1}, 3, [3]),
        ({"steps": 4}, 4, [3, 4]),
        ({"epochs": 1, "evaluations_per_epoch": 3}, 3, [1, 2, 3]),
        ({"epochs": 1, "evaluations_per_epoch": 100}, 3, [1, 2, 3]),
    ],
)
def test_so_many_steps_and_evaluations(
    shallow: Path,
    rows: Tokens,
    tmp_path: Path,
    scripted: Script,
    settings: dict[str, Any],
    steps: int,
    evaluated: list[int],
) -> None:
    scripted([0.5] * 9)
    history, _ = scripted_fit(shallow, rows, tmp_path, **settings)
    assert history.steps == steps
    assert [e.step for e in history.evaluations] == evaluated


def test_of_equal_accuracies_the_smaller_loss_is_better() -> None:
    assert Evaluation(1, 0.5, 1.0).better_than(None)
    assert Evaluation(2, 0.6, 2.0).better_than(Evaluation(1, 0.5, 1.0))
    assert Evaluation(2, 0.5, 0.9).better_than(Evaluation(1, 0.5, 1.0))
    assert not Evaluation(2, 0.5, 1.0).better_than(Evaluation(1, 0.5, 1.0))


def test_an_evaluation_is_accuracy_and_mean_cross_entropy(rows: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    certain = np.tile(np.array([0.25, 0.75], np.float32), (24, 1))
    monkeypatch.setattr(finetune, "probabilities", lambda *_: certain)
    result = finetune.evaluate(Any, rows, 7)  # type: ignore[arg-type]
    assert (result.step, result.accuracy) == (7, 0.5)
    assert result.loss == pytest.approx(-(math.log(0.25) + math.log(0.75)) / 2, rel=1e-6)


def test_a_loss_that_is_no_number_stops_the_run(shallow: Path, rows: Tokens, tmp_path: Path, eagerly: None) -> None:
    training = Training(batch_size=8, steps=4)
    weights = np.array([np.nan, 1], np.float32)
    with pytest.raises(ArithmeticError, match="the loss is nan at step 1 of 4"):
        fit(build(shallow, training), rows, rows, training, weights, tmp_path)


@pytest.mark.parametrize(
    "settings",
    [{"strategy": "freeze_layers", "freeze_layers": 1}, {"strategy": "head"}],
    ids=lambda settings: settings["strategy"],
)
def test_nothing_frozen_changes_by_a_bit_and_all_else_does(
    checkpoint: Path, rows: Tokens, tmp_path: Path, eagerly: None, settings: dict[str, Any]
) -> None:
    training = Training(batch_size=8, steps=2, learning_rate=0.01, **settings)
    model = build(checkpoint, training)
    before = values(model)
    history = fit(model, rows, rows, training, ONES, tmp_path)
    trainable = {variable.path for variable in model.trainable_variables}
    changed = {path for path, value in values(model).items() if not np.array_equal(value, before[path])}
    assert changed == trainable
    assert 0 < len(trainable) < len(before)
    assert history.trainable_parameters == sum(before[path].size for path in trainable)
    assert history.parameters == sum(value.size for value in before.values())


def weights_after(steps: int, seed: int, checkpoint: Path, rows: Tokens, logs: Path) -> dict[str, np.ndarray]:
    training = Training(batch_size=8, steps=steps, learning_rate=0.01, seed=seed)
    model = build(checkpoint, training)
    fit(model, rows, rows, training, ONES, logs)
    return values(model)


def test_equal_seeds_give_equal_weights_bit_for_bit(shallow: Path, rows: Tokens, tmp_path: Path) -> None:
    first, again = (weights_after(3, 1, shallow, rows, tmp_path) for _ in range(2))
    assert all(np.array_equal(again[path], value) for path, value in first.items())


def test_another_seed_gives_other_weights(shallow: Path, rows: Tokens, tmp_path: Path, eagerly: None) -> None:
    first, other = (weights_after(1, seed, shallow, rows, tmp_path) for seed in (1, 2))
    assert not any(np.array_equal(other[path], value) for path, value in first.items())


def test_a_separable_task_is_learned_and_the_model_returned_is_the_best_one(
    shallow: Path, rows: Tokens, tmp_path: Path
) -> None:
    training = Training(batch_size=8, epochs=20, learning_rate=0.01, dropout=0.0)
    model = build(shallow, training)
    history = fit(model, rows, rows, training, ONES, tmp_path)
    best = next(e for e in history.evaluations if e.step == history.best_step)
    assert best.accuracy == 1.0
    assert finetune.evaluate(model, rows, history.best_step) == best
    assert all(not e.better_than(best) for e in history.evaluations)
    assert history.rows == 24
    assert list(tmp_path.glob("events.out.tfevents.*"))
    history.write(tmp_path / "history.json")
    assert json.loads((tmp_path / "history.json").read_text())["best_step"] == history.best_step
