import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from components.common.errors import InputError
from components.settings.training import Training
from components.training import checkpoints as checkpoints_module
from components.training.checkpoints import Checkpoints, SavedState
from components.training.dataset import Rows
from components.training.history import History
from components.training.loop import fit
from tests.trainings import ONES, build, weights

TIMES = ("seconds", "examples_per_second", "epoch_seconds", "frozen_seconds", "resumed", "damaged")


class Killed(BaseException):
    """Stands for the end of the process."""


def kill_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends the next training as it asks for the batch of a step."""
    epoch, count = Rows.epoch, itertools.count(1)

    def until(*arguments: Any) -> Any:
        for batch in epoch(*arguments):
            if next(count) == step:
                raise Killed
            yield batch

    monkeypatch.setattr(Rows, "epoch", until)


def comparable(history: History) -> dict[str, Any]:
    """What must not depend on a kill."""
    return {name: getattr(history, name) for name in history.__dataclass_fields__ if name not in TIMES}


@pytest.fixture
def train(shallow: Path, rows: Rows, tmp_path: Path) -> Callable[[Training], Any]:
    def run(training: Training) -> Any:
        model = build(shallow, training)
        checkpoints = Checkpoints(tmp_path / "checkpoints", "key", training)
        history = fit(model, rows, rows, training, ONES, tmp_path, tmp_path, checkpoints)
        shutil.rmtree(tmp_path / "checkpoints")
        return weights(model), history

    return run


@pytest.mark.parametrize(
    "settings",
    [{}, {"strategy": "head"}, {"early_stopping": 8, "evaluations_per_epoch": 5, "micro_batch": 2}],
    ids=["full", "head", "early stopping, in parts"],
)
def test_a_killed_training_goes_on_where_it_was_and_ends_with_the_same_bits(
    train: Callable[[Training], Any],
    shallow: Path,
    rows: Rows,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
) -> None:
    training = Training(batch_size=5, epochs=3, learning_rate=0.02, dropout=0.2, checkpoint_steps=2, **settings)
    undisturbed = build(shallow, training)
    wanted = fit(undisturbed, rows, rows, training, ONES, tmp_path, tmp_path)
    for step in (4, 3):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            kill_at(step, patch)
            train(training)
    found, history = train(training)
    # Killed before its 4th step it had a checkpoint after the 2nd; killed again two steps on, one after the 4th.
    assert history.resumed == [2, 4]
    assert comparable(history) == comparable(wanted)
    for path, value in weights(undisturbed).items():
        np.testing.assert_array_equal(found[path], value)


@pytest.mark.parametrize("damage", [b"", b"\0" * 64, None], ids=["cut short", "overwritten", "one bit"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    train: Callable[[Training], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes | None
) -> None:
    training = Training(batch_size=5, epochs=2, learning_rate=0.02, checkpoint_steps=1)
    wanted = train(training)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_at(5, patch)
        train(training)
    before, newest = sorted((tmp_path / "checkpoints" / "key").iterdir())
    content = newest.read_bytes()
    newest.write_bytes(content[:-1] + bytes([content[-1] ^ 1]) if damage is None else damage)
    found, history = train(training)
    assert history.resumed == [3]
    assert history.damaged == [newest.name]
    assert before.name.startswith("0000000003-")
    assert comparable(history) == comparable(wanted[1])
    for path, value in wanted[0].items():
        np.testing.assert_array_equal(found[path], value)


@pytest.fixture
def some() -> SavedState:
    return SavedState({"a": np.arange(3)}, {"b": [1, "two"]})


def test_the_newest_two_are_kept_and_the_newest_is_taken(tmp_path: Path, some: SavedState) -> None:
    checkpoints = Checkpoints(tmp_path, "key", Training())
    assert checkpoints.newest() is None
    for step in (8, 9, 10):
        checkpoints.save(step, SavedState({"a": np.array([step])}, some.plain))
    assert [path.name[:10] for path in sorted((tmp_path / "key").iterdir())] == ["0000000009", "0000000010"]
    newest = Checkpoints(tmp_path, "key", Training()).newest()
    assert newest is not None
    assert (newest.arrays["a"].tolist(), newest.plain) == ([10], some.plain)


def test_what_another_training_or_a_kill_left_is_removed(tmp_path: Path, some: SavedState) -> None:
    Checkpoints(tmp_path, "another", Training()).save(1, some)
    (tmp_path / "key").mkdir()
    (tmp_path / "key" / ".7").write_bytes(b"unfinished")
    checkpoints = Checkpoints(tmp_path, "key", Training())
    assert [path.name for path in tmp_path.rglob("*")] == ["key"]
    assert checkpoints.newest() is None


@pytest.mark.parametrize("name", ["key", "another"])
def test_a_link_is_removed_and_what_it_leads_to_stays(tmp_path: Path, name: str) -> None:
    for file in ("kept", ".hidden"):
        (tmp_path / "elsewhere").mkdir(exist_ok=True)
        (tmp_path / "elsewhere" / file).touch()
    link = tmp_path / "checkpoints" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "elsewhere")
    Checkpoints(tmp_path / "checkpoints", "key", Training())
    assert not link.is_symlink()
    assert (tmp_path / "checkpoints" / "key").is_dir()
    assert {path.name for path in (tmp_path / "elsewhere").iterdir()} == {"kept", ".hidden"}


def test_a_directory_of_checkpoints_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "kept").mkdir(parents=True)
    (tmp_path / "checkpoints").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="a link, to "):
        Checkpoints(tmp_path / "checkpoints", "key", Training())
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["kept"]


def test_a_checkpoint_is_due_by_steps_and_by_minutes(
    tmp_path: Path, some: SavedState, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(checkpoints_module, "time", SimpleNamespace(monotonic=lambda: now))
    by_steps = Checkpoints(tmp_path, "key", Training(checkpoint_steps=3))
    assert [step for step in range(1, 10) if by_steps.due(step)] == [3, 6, 9]
    by_minutes = Checkpoints(tmp_path, "key", Training(checkpoint_minutes=2))
    now = 119
    assert not by_minutes.due(1)
    now = 120
    assert by_minutes.due(2)
    by_minutes.save(2, some)
    assert not by_minutes.due(3)


def test_a_disk_that_fills_up_costs_the_checkpoint_and_not_the_ones_before(
    tmp_path: Path, some: SavedState, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(tmp_path, "key", Training())
    checkpoints.save(1, some)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints_module, "save_file", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(2, some)
    newest = checkpoints.newest()
    assert newest is not None
    assert newest.arrays["a"].tolist() == [0, 1, 2]


def test_a_pipe_or_a_directory_named_like_a_checkpoint_is_a_damaged_one(tmp_path: Path) -> None:
    found = Checkpoints(tmp_path, "key", Training())
    found.save(1, SavedState({"a": np.ones(1)}, {}))
    os.mkfifo(tmp_path / "key" / f"{2:010}-{'0' * 64}.safetensors")
    (tmp_path / "key" / f"{3:010}-{'0' * 64}.safetensors").mkdir()
    state = found.newest()
    assert state is not None
    assert state.arrays["a"].tolist() == [1.0]
    assert [name[:10] for name in found.damaged] == ["0000000003", "0000000002"]
    assert len(list((tmp_path / "key").iterdir())) == 1
