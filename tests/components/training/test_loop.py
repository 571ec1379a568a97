import json
import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.common.errors import InputError
from components.model.freezing import freeze, learning_rate_factors
from components.settings.training import Training
from components.tasks import Task
from components.training import loop, state
from components.training import step as step_module
from components.training.dataset import Batch, Rows
from components.training.history import Evaluation, History
from components.training.loop import Plan, fit
from components.training.optimizer.cpu_adamw import CpuAdamW
from components.training.optimizer.schedule import warm_up_linear
from tests.trainings import ONES, build, probabilities, weights

Script = Callable[[list[float]], None]


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Script:
    """Replaces a training step by adding 1 to the classifier's bias, and dev's accuracies by a list.

    A step takes a second by the clock and an evaluation a hundred.
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
        left = iter(accuracies)

        def predict_split(*_: object) -> tuple[np.ndarray, np.ndarray]:
            clock[0] += 100
            return np.zeros((24, 2)), np.ones(24, np.float32)

        def evaluate(
            task: Task, predictions: np.ndarray, losses: np.ndarray, _: np.ndarray, step: int, metric: str
        ) -> Evaluation:
            return Evaluation(step, next(left), float(losses.mean()))

        for module in (loop, state):
            monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=monotonic))
        monkeypatch.setattr(step_module, "training_step", training_step)
        monkeypatch.setattr(state, "predict_split", predict_split)
        monkeypatch.setattr(state, "evaluate", evaluate)

    return install


def scripted_fit(checkpoint: Path, rows: Rows, folder: Path, **settings: Any) -> tuple[History, float]:
    """The history, and the classifier's bias at the end: the step of the kept checkpoint."""
    training = Training(batch_size=8, **settings)
    model = build(checkpoint, training)
    history = fit(model, rows, rows, training, ONES, folder, folder)
    assert model.dense is not None
    return history, float(model.dense.bias.numpy()[0])


def test_the_loss_that_is_shown_is_the_mean_of_the_last_twenty_steps(
    shallow: Path, rows: Rows, tmp_path: Path, scripted: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    bar = SimpleNamespace(advance=lambda _, text: shown.append(text))
    monkeypatch.setattr(loop, "progress", lambda _: nullcontext(bar))
    # A step's own loss, which the mean over all steps since the first would not show at the end.
    losses = iter([9.0] * 5 + [1.0, 3.0] * 10)
    count_step = state.TrainingState.count_step
    monkeypatch.setattr(state.TrainingState, "count_step", lambda self, of, _: count_step(self, of, next(losses)))
    scripted([0.5] * 9)
    scripted_fit(shallow, rows, tmp_path, steps=25)
    assert "loss 9.000 (mean of 1 steps)" in shown[0]
    assert "loss 7.667 (mean of 6 steps)" in shown[5]
    assert "loss 2.000 (mean of 20 steps)" in shown[-1]


def test_the_best_checkpoint_by_dev_is_kept(shallow: Path, rows: Rows, tmp_path: Path, scripted: Script) -> None:
    scripted([0.5, 0.7, 0.6])
    history, bias = scripted_fit(shallow, rows, tmp_path, epochs=3)
    assert [e.step for e in history.evaluations] == [3, 6, 9]
    assert (history.best_step, bias) == (6, 6.0)
    assert not history.stopped_early


@pytest.mark.parametrize(("metric", "best"), [("auc", 6), ("f1/good", 6), ("loss", 9)])
def test_the_metric_of_the_settings_chooses_the_checkpoint_and_stops_the_training(
    shallow: Path, rows: Rows, tmp_path: Path, scripted: Script, metric: str, best: int
) -> None:
    scripted([0.5, 0.7, 0.4, 0.6, 0.6, 0.6])
    history, bias = scripted_fit(shallow, rows, tmp_path, epochs=6, metric=metric, early_stopping=2)
    assert (history.metric, history.best_step, bias) == (metric, best, float(best))
    assert history.evaluations[-1].step == best + 6


def test_a_metric_of_a_label_that_there_is_not_is_refused_before_the_first_step(
    shallow: Path, rows: Rows, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"training\.metric: is 'f1/ugly', the labels are bad, good"):
        scripted_fit(shallow, rows, tmp_path, epochs=1, metric="f1/ugly")


def test_training_stops_after_so_many_evaluations_without_a_better_one(
    shallow: Path, rows: Rows, tmp_path: Path, scripted: Script
) -> None:
    scripted([0.5, 0.6, 0.6, 0.4, 0.9])
    history, bias = scripted_fit(shallow, rows, tmp_path, epochs=5, early_stopping=2)
    assert history.stopped_early
    assert [e.step for e in history.evaluations] == [3, 6, 9, 12]
    assert (history.best_step, bias) == (6, 6.0)


def test_patience_that_runs_out_at_the_last_step_stops_nothing(
    shallow: Path, rows: Rows, tmp_path: Path, scripted: Script
) -> None:
    scripted([0.5, 0.4])
    assert not scripted_fit(shallow, rows, tmp_path, epochs=2, early_stopping=1)[0].stopped_early


def test_the_time_is_that_of_the_steps_epoch_by_epoch_without_the_evaluations(
    shallow: Path, rows: Rows, tmp_path: Path, scripted: Script
) -> None:
    scripted([0.5] * 3)
    history, _ = scripted_fit(shallow, rows, tmp_path, steps=7)
    assert history.epoch_seconds == [3.0, 3.0, 1.0]
    assert (history.seconds, history.examples_per_second, history.frozen_seconds) == (7.0, 8.0, 0.0)


@pytest.mark.parametrize(
    ("settings", "plan"),
    [
        ({}, Plan(3, 60, 3, 3)),
        ({"steps": 5}, Plan(3, 5, 3, 3)),
        ({"epochs": 1, "evaluations_per_epoch": 2}, Plan(3, 3, 1, 3)),
        ({"evaluations_per_epoch": 4}, Plan(3, 60, 1, 3)),
        ({"strategy": "gradual", "unfreeze_epochs": 0.5}, Plan(3, 60, 3, 2)),
        ({"strategy": "gradual", "unfreeze_epochs": 0.01}, Plan(3, 60, 3, 1)),
    ],
)
def test_a_plan_counts_in_steps(settings: dict[str, Any], plan: Plan) -> None:
    assert Plan.of(Training(batch_size=8, **settings), 17) == plan


@pytest.mark.parametrize(
    ("settings", "steps", "evaluated"),
    [
        ({"epochs": 2}, 6, [3, 6]),
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
    history, _ = scripted_fit(shallow, rows, tmp_path, **settings)
    assert history.steps == steps
    assert [e.step for e in history.evaluations] == evaluated


def test_a_loss_that_is_no_number_stops_the_run(shallow: Path, rows: Rows, tmp_path: Path, eagerly: None) -> None:
    training = Training(batch_size=8, steps=4)
    class_weights = np.array([np.nan, 1], np.float32)
    with pytest.raises(
        ArithmeticError, match="the loss is nan at step 1 of 4, before any update: the weights"
    ) as raised:
        fit(build(shallow, training), rows, rows, training, class_weights, tmp_path, tmp_path)
    assert "learning_rate" not in str(raised.value)


def test_a_loss_that_is_no_number_later_is_the_learning_rates() -> None:
    with pytest.raises(ArithmeticError, match="the loss is inf at step 2 of 4: a smaller learning_rate may help"):
        state.check_loss(math.inf, "at step 2 of 4")


def test_a_loss_on_dev_that_is_no_number_is_never_the_best(
    shallow: Path, rows: Rows, tmp_path: Path, scripted: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted([0.9])
    monkeypatch.setattr(state, "predict_split", lambda *_: (np.zeros((24, 2)), np.full(24, np.nan, np.float32)))
    with pytest.raises(ArithmeticError, match="the loss is nan on dev after step 2 of 2: a smaller learning_rate"):
        scripted_fit(shallow, rows, tmp_path, steps=2)


def test_a_weight_that_no_row_meets_has_to_be_a_number_too(
    shallow: Path, rows: Rows, tmp_path: Path, scripted: Script
) -> None:
    scripted([0.9])
    training = Training(batch_size=8, steps=1)
    model = build(shallow, training)
    words = model.encoder.embeddings.word.embeddings
    values = words.numpy()
    values[60, 2] = np.inf
    words.assign(values)
    with pytest.raises(ArithmeticError, match=r"the weights .*word.* are not finite: a smaller learning_rate may help"):
        fit(model, rows, rows, training, ONES, tmp_path, tmp_path)


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
    before = weights(model)
    history = fit(model, rows, rows, training, ONES, tmp_path, tmp_path)
    trainable = {variable.path for variable in model.trainable_variables}
    changed = {path for path, value in weights(model).items() if not np.array_equal(value, before[path])}
    assert changed == trainable
    assert 0 < len(trainable) < len(before)
    assert history.trainable_parameters == sum(before[path].size for path in trainable)
    assert history.parameters == sum(value.size for value in before.values())
    assert history.frozen_seconds > 0


def test_a_last_batch_of_one_row_has_an_empty_half_and_trains_all_the_same(
    shallow: Path, rows: Rows, tmp_path: Path
) -> None:
    training = Training(batch_size=len(rows) - 1, steps=2, learning_rate=0.01, dropout=0.3)
    model = build(shallow, training)
    history = fit(model, rows, rows, training, ONES, tmp_path, tmp_path)
    assert len(history.epoch_seconds) == 1
    assert all(np.isfinite(value).all() for value in weights(model).values())


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
    history = fit(model, rows, rows, training, ONES, tmp_path, tmp_path)
    assert (history.best_step, len(seen)) == (8, 8)

    freeze(plain, training)
    variables = plain.trainable_variables
    optimizer = CpuAdamW(
        variables,
        warm_up_linear(0.03, 8, training.warmup),
        table=None,
        factors=learning_rate_factors(plain, 0.9),
        weight_decay=0.1,
        clip_norm=1.0,
    )
    before = probabilities(plain, rows)
    for batch in map(rows.batch, seen):
        with tf.GradientTape() as tape:
            logits = plain(batch.inputs, batch.padding_mask)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(batch.targets, logits)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        optimizer.apply([tf.convert_to_tensor(gradient) for gradient in gradients])
    expected = probabilities(plain, rows)
    assert np.abs(expected - before).max() > 0.01
    np.testing.assert_allclose(probabilities(model, rows), expected, atol=1e-6)


def trained(steps: int, seed: int, checkpoint: Path, rows: Rows, folder: Path) -> dict[str, np.ndarray]:
    training = Training(batch_size=8, steps=steps, learning_rate=0.01, seed=seed)
    model = build(checkpoint, training)
    fit(model, rows, rows, training, ONES, folder, folder)
    return weights(model)


def test_equal_seeds_give_equal_weights_bit_for_bit(shallow: Path, rows: Rows, tmp_path: Path) -> None:
    first, again = (trained(3, 1, shallow, rows, tmp_path) for _ in range(2))
    assert all(np.array_equal(again[path], value) for path, value in first.items())


def test_another_seed_gives_other_weights(shallow: Path, rows: Rows, tmp_path: Path, eagerly: None) -> None:
    first, other = (trained(1, seed, shallow, rows, tmp_path) for seed in (1, 2))
    assert not any(np.array_equal(other[path], value) for path, value in first.items())


def test_a_separable_task_is_learned_and_the_model_returned_is_the_best_one(
    shallow: Path, rows: Rows, tmp_path: Path
) -> None:
    training = Training(batch_size=8, epochs=20, learning_rate=0.01, dropout=0.0)
    model = build(shallow, training)
    history = fit(model, rows, rows, training, ONES, tmp_path, tmp_path)
    best = next(e for e in history.evaluations if e.step == history.best_step)
    assert best.value == 1.0
    assert all(not e.better_than(best) for e in history.evaluations)
    losses = -np.log(probabilities(model, rows)[np.arange(24), rows.targets])
    assert losses.mean() == pytest.approx(best.loss, rel=1e-3, abs=1e-6)
    assert list(tmp_path.glob("events.out.tfevents.*"))
    history.write(tmp_path / "history.json")
    assert json.loads((tmp_path / "history.json").read_text())["best_step"] == history.best_step


@pytest.mark.parametrize("strategy", ["full", "gradual"])
def test_a_training_in_stages_gets_to_its_end(shallow: Path, rows: Rows, tmp_path: Path, strategy: Any) -> None:
    stage: dict[str, Any] = {"unfreeze_epochs": 0.5} if strategy == "gradual" else {}
    training = Training(strategy=strategy, batch_size=8, epochs=20, learning_rate=0.01, dropout=0.0, **stage)
    history = fit(build(shallow, training), rows, rows, training, ONES, tmp_path, tmp_path)
    assert len(history.evaluations) == 20
    assert min(evaluation.loss for evaluation in history.evaluations) < 0.9 * history.evaluations[0].loss
