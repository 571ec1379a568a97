"""A batch that goes through the model some rows at a time: the step is that of the whole batch."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from components.model.forms import CPU, PLAIN, Forms
from components.settings.model import Model
from components.settings.training import Training
from components.tasks import TASKS, Task
from components.tasks.tagging import IGNORED
from components.training import initial_model
from components.training.dataset import Rows
from components.training.loop import fit
from components.training.step import Parts
from tests.together import toy_split
from tests.trainings import weights

STRATEGIES: dict[str, dict[str, Any]] = {
    "full": {"layer_decay": 0.9},
    "freeze_layers": {"strategy": "freeze_layers", "freeze_layers": 1},
    "head": {"strategy": "head", "clip_norm": 0.1},
    "gradual": {"strategy": "gradual", "unfreeze_epochs": 0.2},
}

CASES = [
    ("classification", "full", CPU),
    ("multilabel", "head", PLAIN),
    ("pair", "gradual", CPU),
    ("similarity", "full", PLAIN),
    ("regression", "freeze_layers", CPU),
    ("tagging", "gradual", CPU),
    ("embedding", "full", CPU),
    ("answering", "freeze_layers", CPU),
]


def split(name: str, folder: Path) -> tuple[Rows, Task]:
    """45 rows of 3 to 14 tokens, two texts of them where the task reads two, and their task."""
    if name in ("answering", "classification", "pair", "tagging"):
        return toy_split(name, folder / "rows")
    kind = TASKS[name]
    if name == "embedding":
        texts = [[2, *range(5, 6 + n % 7), 3, 2, *range(9, 10 + n % 4), 3] for n in range(16)]
        (folder / "rows").write_bytes(np.concatenate(texts).astype(np.int32).tobytes())
        lengths = np.array([len(text) for text in texts], np.int32)
        return Rows(folder / "rows", lengths, np.linspace(0, 1, 16, dtype=np.float32)), kind()
    rows, _ = toy_split("pair" if len(kind.texts) > 1 else "classification", folder / "rows")
    draws = np.random.default_rng(1)
    targets = draws.random(len(rows)).astype(np.float32)
    if name == "multilabel":
        targets = (draws.random((len(rows), 3)) < [0.1, 0.3, 0.6]).astype(np.float32)
    return Rows(folder / "rows", rows.lengths, targets), kind(("a", "b", "c") if kind.has_label_names else ())


def trained(checkpoint: Path, folder: Path, name: str, training: Training, forms: Forms) -> dict[str, np.ndarray]:
    rows, task = split(name, folder)
    keras.utils.set_random_seed(training.seed)
    model = initial_model.build_model(checkpoint, Model(base="toy", pooling="mean"), training, task, forms)
    before = weights(model)
    of_labels = np.array([1.0, 2.5, 0.5], np.float32)[: len(task.weight_names)]
    fit(model, rows, rows, training, of_labels, folder, folder)
    after = weights(model)
    assert any(np.abs(after[path] - before[path]).max() > 1e-3 for path in before)
    return after


@pytest.mark.parametrize(("task", "strategy", "forms"), CASES)
def test_a_divided_batch_gives_the_weights_of_the_whole(
    checkpoint: Path, shallow: Path, tmp_path: Path, eagerly: None, task: str, strategy: str, forms: Forms
) -> None:
    """With weights of labels, where a task takes some; in parts of 3, 3 and 2 rows, some of few words to tag."""
    base = checkpoint if strategy == "freeze_layers" else shallow
    whole, divided = (
        trained(
            base,
            tmp_path,
            task,
            Training(steps=3, batch_size=8, micro_batch=rows, learning_rate=1e-3, dropout=0.0, **STRATEGIES[strategy]),
            forms,
        )
        for rows in (None, 3)
    )
    # A softmax over tokens does not change with what is added to all: this bias has no gradient but rounding.
    for path in whole.keys() - ({"classifier/bias"} if task == "answering" else set()):
        np.testing.assert_allclose(divided[path], whole[path], rtol=0, atol=1e-5, err_msg=path)


def test_traced_steps_in_parts_draw_new_dropout_for_each_and_are_the_same_again(shallow: Path, tmp_path: Path) -> None:
    training = Training(steps=3, batch_size=8, micro_batch=3, learning_rate=1e-3, dropout=0.3)
    first, again = (trained(shallow, tmp_path, "classification", training, CPU) for _ in range(2))
    assert all(np.array_equal(again[path], value) for path, value in first.items())


def test_a_part_counts_for_its_rows_and_of_tags_for_its_words() -> None:
    targets = np.array([[0, IGNORED], [1, 2], [IGNORED, IGNORED], [0, 1]], np.int32)
    tagger, classifier = TASKS["tagging"](("LOC",)), TASKS["classification"](("a", "b"))
    assert Parts(tagger.loss_weight, 3).shares(targets, targets).tolist() == pytest.approx([3 / 5, 2 / 5])
    assert Parts(classifier.loss_weight, 3).shares(np.zeros(4), np.zeros(8)).tolist() == [3 / 8, 1 / 8]
    assert Parts(classifier.loss_weight).shares(np.zeros(4), np.zeros(8)).tolist() == [0.5]
    assert Parts(classifier.loss_weight, 3).shares(np.zeros(0), np.zeros(1)).tolist() == [0.0]
