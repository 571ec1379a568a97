import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.common import feature_names
from components.common.errors import InputError
from components.model.freezing import freeze, learning_rate_factors
from components.model.task_model import TaskModel
from components.settings.model import Model
from components.settings.training import Training
from components.tasks import Task
from components.tasks.classification import Classification
from components.training import dataset, fine_tuning, initial_model, loop, state, trainable_part
from components.training import step as step_module
from components.training.adamw import AdamW
from components.training.dataset import Batch, Rows
from components.training.history import Evaluation, History
from components.training.loop import fit
from components.training.replicas import ALONE, Replicas
from components.training.schedule import warm_up_linear
from tests.toys import VOCABULARY, write_toy_checkpoint

GOOD, BAD = VOCABULARY.index("good"), VOCABULARY.index("bad")

ONES = np.ones(2, np.float32)

TASK = Classification(("bad", "good"))

IDS, TARGETS = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)


@pytest.fixture(scope="module")
def shallow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with one layer: half the time to trace."""
    return write_toy_checkpoint(tmp_path_factory.mktemp("shallow"), layers=1)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """24 rows of letters with "good" (label 1) or "bad" (label 0) somewhere among them."""
    draws = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("rows")
    with tf.io.TFRecordWriter(str(folder / "rows.gz"), "GZIP") as writer:
        for index in range(24):
            ids = [2, *draws.integers(5, 15, draws.integers(1, 8)), (BAD, GOOD)[index % 2], 3]
            example = tf.train.Example()
            example.features.feature[feature_names.TOKEN_IDS].int64_list.value.extend(ids)
            example.features.feature[feature_names.TARGET].int64_list.value.append(index % 2)
            writer.write(example.SerializeToString())
    spec: dict[str, object] = {feature_names.TARGET: tf.io.FixedLenFeature([1], tf.int64)}
    return Rows.of_examples([str(folder / "rows.gz")], spec, TASK, folder / "ids")


@pytest.fixture
def eagerly() -> Iterator[None]:
    """For a few steps tracing costs more than it saves."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def build(checkpoint: Path, training: Training, pooling: Any = "cls") -> TaskModel:
    keras.utils.set_random_seed(training.seed)
    return initial_model.build_model(checkpoint, Model(base="toy", pooling=pooling), training, TASK)


def values(model: TaskModel) -> dict[str, np.ndarray]:
    return {variable.path: variable.numpy().copy() for variable in model.variables if "seed" not in variable.path}


class Stub:
    """Stands for a classifier: the logits are the sum of its tokens' rows in a table."""

    def __init__(self, table: list[list[float]]) -> None:
        self.table = keras.layers.Embedding(len(table), len(table[0]))
        self.table.build()
        self.table.embeddings.assign(np.array(table, np.float32))
        self.trainable_variables = [self.table.embeddings]

    def __call__(self, token_ids: tf.Tensor, padding_mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        return tf.reduce_sum(self.table(token_ids) * tf.cast(padding_mask, tf.float32)[:, :, tf.newaxis], axis=1)


def stub_loss(ids: list[list[int]], label_ids: list[int], weights: list[float], smoothing: float) -> float:
    """The loss of one training step, at logits (0, 0) for token 0 and (1, 3) for token 1."""
    stub = Stub([[0.0, 0.0], [1.0, 3.0]])
    (table,) = stub.trainable_variables
    optimizer = AdamW([table], np.ones(1), table=table.path, factors={}, weight_decay=0.0, clip_norm=1.0)
    infer = trainable_part.inference(TASK, stub, IDS, TARGETS)
    part = trainable_part.TrainedPart([table], stub, IDS, TARGETS, infer, table=table.path)
    step = step_module.training_step(part, optimizer, TASK, np.array(weights, np.float32), smoothing, [True])
    return float(step(tf.constant(ids), tf.ones_like(ids, tf.bool), tf.constant(label_ids)))


def test_the_loss_is_the_mean_cross_entropy() -> None:
    loss = stub_loss([[0], [1]], [0, 1], [1, 1], 0.0)
    assert loss == pytest.approx((math.log(2) + math.log(1 + math.exp(-2))) / 2, rel=1e-6)


def test_a_class_weight_multiplies_the_loss_of_its_rows() -> None:
    loss = stub_loss([[0], [1]], [0, 1], [3, 0.5], 0.0)
    assert loss == pytest.approx((3 * math.log(2) + 0.5 * math.log(1 + math.exp(-2))) / 2, rel=1e-6)


def test_label_smoothing_gives_every_class_a_share() -> None:
    loss = stub_loss([[1]], [1], [1, 1], 0.2)
    right, wrong = math.log(1 + math.exp(-2)), math.log(1 + math.exp(2))
    assert loss == pytest.approx(0.9 * right + 0.1 * wrong, rel=1e-6)


def test_balanced_weights_are_scikit_learns() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    label_ids = np.array([0, 0, 0, 1, 2, 2])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=label_ids)
    np.testing.assert_allclose(fine_tuning.balanced(label_ids, 3), expected, rtol=1e-6)
    assert fine_tuning.balanced(np.array([0, 0]), 2).tolist() == [0.5, 1.0]


Script = Callable[[list[float]], None]


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Script:
    """Replaces a training step by adding 1 to the classifier's bias, and dev's accuracies by a list.

    A step takes a second by the clock and a measurement, whose answers are its number, a hundred.
    """
    clock = [0.0]

    def monotonic() -> float:
        return clock[0]

    def training_step(part: Any, *_: object) -> Callable[..., float]:
        (bias,) = (variable for variable in part.variables if variable.path == "classifier/bias")

        def step(*_: object) -> float:
            bias.assign_add(np.ones(2, np.float32))
            clock[0] += 1
            return 0.5

        return step

    def install(accuracies: list[float]) -> None:
        measured: list[np.ndarray] = []

        def answered(*_: object) -> tuple[np.ndarray, np.ndarray]:
            clock[0] += 100
            measured.append(np.array(len(measured)))
            return measured[-1], np.ones(24, np.float32)

        def evaluation(task: Task, answers: np.ndarray, losses: np.ndarray, _: np.ndarray, step: int) -> Evaluation:
            return Evaluation(step, accuracies[int(answers)], float(losses.mean()))

        for module in (loop, state):
            monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=monotonic))
        monkeypatch.setattr(step_module, "training_step", training_step)
        monkeypatch.setattr(state, "predict_split", answered)
        monkeypatch.setattr(state, "evaluate", evaluation)

    return install


def scripted_fit(checkpoint: Path, rows: Rows, folder: Path, **settings: Any) -> tuple[History, float, int]:
    """The history, the classifier's bias at the end, which tells the step of the kept checkpoint, and whose answers
    were returned.
    """
    training = Training(batch_size=8, **settings)
    model = build(checkpoint, training)
    history, answers = fit(model, rows, rows, training, ONES, folder, folder)
    assert model.dense is not None
    return history, float(model.dense.bias.numpy()[0]), int(answers)


def test_the_best_checkpoint_by_dev_is_kept_and_its_answers(
    shallow: Path, rows: Rows, tmp_path: Path, scripted: Script
) -> None:
    scripted([0.5, 0.7, 0.6])
    history, bias, answers = scripted_fit(shallow, rows, tmp_path, epochs=3)
    assert [e.step for e in history.evaluations] == [3, 6, 9]
    assert (history.best_step, bias, answers) == (6, 6.0, 1)
    assert not history.stopped_early


def test_training_stops_after_so_many_evaluations_without_a_better_one(
    shallow: Path, rows: Rows, tmp_path: Path, scripted: Script
) -> None:
    scripted([0.5, 0.6, 0.6, 0.4, 0.9])
    history, bias, answers = scripted_fit(shallow, rows, tmp_path, epochs=5, early_stopping=2)
    assert history.stopped_early
    assert [e.step for e in history.evaluations] == [3, 6, 9, 12]
    assert (history.best_step, bias, answers) == (6, 6.0, 1)


def test_patience_that_runs_out_at_the_last_step_stops_nothing(
    shallow: Path, rows: Rows, tmp_path: Path, scripted: Script
) -> None:
    scripted([0.5, 0.4])
    assert not scripted_fit(shallow, rows, tmp_path, epochs=2, early_stopping=1)[0].stopped_early


def test_the_time_is_that_of_the_steps_epoch_by_epoch_without_the_measurements(
    shallow: Path, rows: Rows, tmp_path: Path, scripted: Script
) -> None:
    scripted([0.5] * 3)
    history, *_ = scripted_fit(shallow, rows, tmp_path, steps=7)
    assert history.epoch_seconds == [3.0, 3.0, 1.0]
    assert (history.seconds, history.examples_per_second, history.frozen_seconds) == (7.0, 8.0, 0.0)


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
    rows: Rows,
    tmp_path: Path,
    scripted: Script,
    settings: dict[str, Any],
    steps: int,
    evaluated: list[int],
) -> None:
    scripted([0.5] * 9)
    history, *_ = scripted_fit(shallow, rows, tmp_path, **settings)
    assert history.steps == steps
    assert [e.step for e in history.evaluations] == evaluated


def test_of_equal_accuracies_the_smaller_loss_is_better() -> None:
    assert Evaluation(1, 0.5, 1.0).better_than(None)
    assert Evaluation(2, 0.6, 2.0).better_than(Evaluation(1, 0.5, 1.0))
    assert Evaluation(2, 0.5, 0.9).better_than(Evaluation(1, 0.5, 1.0))
    assert not Evaluation(2, 0.5, 1.0).better_than(Evaluation(1, 0.5, 1.0))


def test_an_evaluation_is_accuracy_and_mean_cross_entropy() -> None:
    infer = trainable_part.inference(TASK, Stub([[math.log(0.25), math.log(0.75)]]), IDS, TARGETS)
    targets = np.array([0, 1], np.int32)
    answers, losses = (value.numpy() for value in infer(np.zeros((2, 1), np.int32), np.ones((2, 1), bool), targets))
    np.testing.assert_allclose(answers, [[0.25, 0.75], [0.25, 0.75]], rtol=1e-6)
    result = state.evaluate(TASK, answers, losses, targets, 7)
    assert (result.step, result.value) == (7, 0.5)
    assert result.loss == pytest.approx(-(math.log(0.25) + math.log(0.75)) / 2, rel=1e-6)


def test_answers_and_losses_stand_in_the_order_of_the_rows(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "_EVAL_TOKENS", 20)

    def infer(inputs: np.ndarray, mask: np.ndarray, targets: np.ndarray) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.reduce_sum(inputs, axis=1)[:, tf.newaxis], tf.constant(targets + 10 * mask.sum(axis=1))

    answers, losses = state.predict_split(infer, rows)
    whole = rows.batch(np.arange(24))
    assert answers.tolist() == whole.inputs.sum(axis=1, keepdims=True).tolist()
    assert losses.tolist() == (rows.targets + 10 * rows.lengths).tolist()


def test_a_loss_that_is_no_number_stops_the_run(shallow: Path, rows: Rows, tmp_path: Path, eagerly: None) -> None:
    training = Training(batch_size=8, steps=4)
    weights = np.array([np.nan, 1], np.float32)
    with pytest.raises(ArithmeticError, match="the loss is nan at step 1 of 4"):
        fit(build(shallow, training), rows, rows, training, weights, tmp_path, tmp_path)


@pytest.mark.parametrize(
    "settings",
    [{"strategy": "freeze_layers", "freeze_layers": 1}, {"strategy": "head"}],
    ids=lambda settings: settings["strategy"],
)
def test_nothing_frozen_changes_by_a_bit_and_all_else_does(
    checkpoint: Path, rows: Rows, tmp_path: Path, settings: dict[str, Any]
) -> None:
    training = Training(batch_size=8, steps=2, learning_rate=0.01, **settings)
    model = build(checkpoint, training)
    before = values(model)
    history, _ = fit(model, rows, rows, training, ONES, tmp_path, tmp_path)
    trainable = {variable.path for variable in model.trainable_variables}
    changed = {path for path, value in values(model).items() if not np.array_equal(value, before[path])}
    assert changed == trainable
    assert 0 < len(trainable) < len(before)
    assert history.trainable_parameters == sum(before[path].size for path in trainable)
    assert history.parameters == sum(value.size for value in before.values())
    assert history.frozen_seconds > 0


@pytest.mark.parametrize(
    ("replicas", "remedy"),
    [
        (ALONE, "give the run a --root on a larger disk"),
        (Replicas(None, 1, 2), "set TMPDIR to a directory on a larger disk"),
    ],
    ids=["chief", "another worker"],
)
@pytest.mark.parametrize(
    ("settings", "states"),
    [({"strategy": "freeze_layers", "freeze_layers": 1}, "one a token"), ({"strategy": "head"}, "one a row")],
    ids=["freeze_layers", "head"],
)
def test_states_that_the_disk_has_no_room_for_are_not_begun(
    checkpoint: Path,
    rows: Rows,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    states: str,
    replicas: Replicas,
    remedy: str,
) -> None:
    training = Training(steps=1, **settings)
    model = build(checkpoint, training)
    count = len(rows) if states == "one a row" else int(rows.lengths.sum())
    needed = 2 * 4 * model.encoder.config.hidden_size * count
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=needed - 1))
    monkeypatch.setattr(Rows, "mapped", lambda *_: pytest.fail("was begun"))
    with pytest.raises(InputError, match=remedy):
        fit(model, rows, rows, training, ONES, tmp_path, tmp_path, replicas=replicas)


def test_a_last_batch_of_one_row_has_an_empty_half_and_trains_all_the_same(
    shallow: Path, rows: Rows, tmp_path: Path
) -> None:
    training = Training(batch_size=len(rows) - 1, steps=2, learning_rate=0.01, dropout=0.3)
    model = build(shallow, training)
    history, _ = fit(model, rows, rows, training, ONES, tmp_path, tmp_path)
    assert len(history.epoch_seconds) == 1
    assert all(np.isfinite(value).all() for value in values(model).values())


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"strategy": "freeze_layers", "freeze_layers": 1}, {"strategy": "head"}],
    ids=lambda settings: settings.get("strategy", "full"),
)
def test_stored_states_and_rows_caught_up_late_give_the_model_that_plain_steps_over_all_of_it_give(
    checkpoint: Path,
    rows: Rows,
    tmp_path: Path,
    eagerly: None,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    pooling: Any,
) -> None:
    """Rows are few to a batch, so that most words are in few of them; dropout would differ."""
    seen: list[np.ndarray] = []
    epoch = Rows.epoch

    def noted(*arguments: Any) -> Iterator[Batch]:
        for batch in epoch(*arguments):
            seen.append(batch.rows)
            yield batch

    monkeypatch.setattr(Rows, "epoch", noted)
    training = Training(
        batch_size=3, epochs=1, learning_rate=0.03, dropout=0.0, layer_decay=0.9, weight_decay=0.1, **settings
    )
    model, plain = (build(checkpoint, training, pooling) for _ in range(2))
    history, answers = fit(model, rows, rows, training, ONES, tmp_path, tmp_path)
    assert (history.best_step, len(seen)) == (8, 8)

    freeze(plain, training)
    variables = plain.trainable_variables
    optimizer = AdamW(
        variables,
        warm_up_linear(0.03, 8, training.warmup),
        table=None,
        factors=learning_rate_factors(plain, 0.9),
        weight_decay=0.1,
        clip_norm=1.0,
    )
    whole = rows.batch(np.arange(24))
    before = tf.nn.softmax(plain(whole.inputs, whole.padding_mask))
    for batch in map(rows.batch, seen):
        with tf.GradientTape() as tape:
            logits = plain(batch.inputs, batch.padding_mask)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(batch.targets, logits)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        optimizer.apply([tf.convert_to_tensor(gradient) for gradient in gradients])
    expected = tf.nn.softmax(plain(whole.inputs, whole.padding_mask)).numpy()
    assert np.abs(expected - before).max() > 0.01
    np.testing.assert_allclose(answers, expected, atol=1e-6)
    np.testing.assert_allclose(tf.nn.softmax(model(whole.inputs, whole.padding_mask)), expected, atol=1e-6)


def weights_after(steps: int, seed: int, checkpoint: Path, rows: Rows, folder: Path) -> dict[str, np.ndarray]:
    training = Training(batch_size=8, steps=steps, learning_rate=0.01, seed=seed)
    model = build(checkpoint, training)
    fit(model, rows, rows, training, ONES, folder, folder)
    return values(model)


def test_equal_seeds_give_equal_weights_bit_for_bit(shallow: Path, rows: Rows, tmp_path: Path) -> None:
    first, again = (weights_after(3, 1, shallow, rows, tmp_path) for _ in range(2))
    assert all(np.array_equal(again[path], value) for path, value in first.items())


def test_another_seed_gives_other_weights(shallow: Path, rows: Rows, tmp_path: Path, eagerly: None) -> None:
    first, other = (weights_after(1, seed, shallow, rows, tmp_path) for seed in (1, 2))
    assert not any(np.array_equal(other[path], value) for path, value in first.items())


def test_a_separable_task_is_learned_and_the_model_returned_is_the_best_one(
    shallow: Path, rows: Rows, tmp_path: Path
) -> None:
    training = Training(batch_size=8, epochs=20, learning_rate=0.01, dropout=0.0)
    model = build(shallow, training)
    history, answers = fit(model, rows, rows, training, ONES, tmp_path, tmp_path)
    best = next(e for e in history.evaluations if e.step == history.best_step)
    assert best.value == 1.0
    losses = -np.log(answers[np.arange(24), rows.targets])
    again = state.evaluate(TASK, answers, losses, rows.targets, history.best_step)
    assert (again.step, again.value) == (best.step, best.value)
    assert again.loss == pytest.approx(best.loss, rel=1e-3, abs=1e-6)
    whole = rows.batch(np.arange(24))
    np.testing.assert_allclose(tf.nn.softmax(model(whole.inputs, whole.padding_mask)), answers, atol=1e-5)
    assert all(not e.better_than(best) for e in history.evaluations)
    assert history.rows == 24
    assert list(tmp_path.glob("events.out.tfevents.*"))
    history.write(tmp_path / "history.json")
    assert json.loads((tmp_path / "history.json").read_text())["best_step"] == history.best_step
