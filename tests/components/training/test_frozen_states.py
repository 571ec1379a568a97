import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from components.common.errors import InputError
from components.model.forms import CPU, PLAIN, Forms
from components.settings.training import Training
from components.training.dataset import Rows
from components.training.frozen_states import frozen_states
from components.training.replicas import SINGLE_REPLICA, Replicas
from tests.trainings import build


@pytest.mark.parametrize("forms", [CPU, PLAIN], ids=["cpu", "plain"])
@pytest.mark.parametrize(("frozen", "pooling"), [(1, "cls"), (2, "cls"), (2, "mean")])
def test_the_states_on_disk_are_those_that_the_first_layers_give(
    checkpoint: Path, rows: Rows, tmp_path: Path, eagerly: None, forms: Forms, frozen: int, pooling: str
) -> None:
    model = build(checkpoint, Training(dropout=0.0), pooling, forms)
    rows.inference_tokens = 30
    (kept,) = frozen_states(model, frozen, {"train": rows}, tmp_path)
    token_ids, states = rows.batch(np.arange(24)), kept.batch(np.arange(24))
    expected = model.lower(token_ids.inputs, token_ids.padding_mask, frozen).numpy()
    np.testing.assert_array_equal(states.targets, token_ids.targets)
    np.testing.assert_allclose(states.inputs, np.where(states.padding_mask[..., np.newaxis], expected, 0), atol=1e-6)
    assert states.inputs.shape[1] == (1 if frozen == 2 else token_ids.inputs.shape[1])


@pytest.mark.parametrize(
    ("replicas", "remedy"),
    [
        (SINGLE_REPLICA, "give the run a --root on a larger disk"),
        (Replicas(None, 1, 2), "set TMPDIR to a directory on a larger disk"),
    ],
    ids=["chief", "another worker"],
)
@pytest.mark.parametrize(("frozen", "states"), [(1, "one a token"), (2, "one a row")])
def test_states_that_the_disk_has_no_room_for_are_not_begun(
    checkpoint: Path,
    rows: Rows,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    frozen: int,
    states: str,
    replicas: Replicas,
    remedy: str,
) -> None:
    model = build(checkpoint, Training())
    count = len(rows) if states == "one a row" else int(rows.lengths.sum())
    needed = 2 * 4 * model.encoder.config.hidden_size * count
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=needed - 1))
    monkeypatch.setattr(Rows, "mapped", lambda *_: pytest.fail("was begun"))
    with pytest.raises(InputError, match=remedy):
        frozen_states(model, frozen, {"train": rows, "dev": rows}, tmp_path, replicas)


def test_states_that_just_fit_are_kept(
    checkpoint: Path, rows: Rows, tmp_path: Path, eagerly: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build(checkpoint, Training())
    needed = 2 * 4 * model.encoder.config.hidden_size * len(rows)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=needed))
    assert [len(kept) for kept in frozen_states(model, 2, {"train": rows, "dev": rows}, tmp_path)] == [24, 24]
