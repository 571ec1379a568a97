"""The state of a training on disk: one that was killed goes on where it was, and ends with the same bits."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from components.common import atomic_files, stored_paths
from components.common.errors import InputError
from components.settings.training import Training

_KEPT = 2
"""Checkpoints at a time: the newest, and the one to go back to if that is damaged."""

_METADATA = "state"


class SavedState(NamedTuple):
    """What a checkpoint holds."""

    arrays: dict[str, np.ndarray]
    plain: dict[str, Any]
    """The rest, as JSON has it."""


class Checkpoints:
    """The checkpoints of one training. Those of others beside them are removed: only one training is on at a time.

    They stay when the training ends: who runs it removes them once its result is noted as complete.

    Each is a safetensors file, `STEP-SHA256.safetensors`, written aside and renamed; the hash in its name is that of
    its content, by which damage shows.

    Args:
        directory: of all trainings' checkpoints.
        key: names the training: equal for those that give equal bits, on equally many devices.
        training: how often a checkpoint is due.

    Raises:
        InputError: the directory is a link: what it leads to is not ours to remove.
    """

    def __init__(self, directory: Path, key: str, training: Training) -> None:
        self._directory = directory / key
        self._steps, self._seconds = training.checkpoint_steps, 60 * training.checkpoint_minutes
        self._saved = time.monotonic()
        self.taken: Path | None = None
        """The checkpoint that `newest` gave."""
        self.damaged: list[str] = []
        """Names of checkpoints that `newest` could not use."""
        if directory.is_symlink():
            raise InputError(
                str(directory), f"a link, to {directory.resolve()}", "Remove it: checkpoints are kept here"
            )
        directory.mkdir(parents=True, exist_ok=True)
        for other in directory.iterdir():
            if other != self._directory or other.is_symlink():
                _remove(other)
        self._directory.mkdir(exist_ok=True)
        for unfinished in self._directory.glob(".*"):
            _remove(unfinished)

    def due(self, step: int) -> bool:
        """Whether it is time for one after this step."""
        by_steps = self._steps is not None and step % self._steps == 0
        return by_steps or time.monotonic() - self._saved >= self._seconds

    def save(self, step: int, state: SavedState) -> None:
        """Writes one and removes all but the newest two."""
        aside = self._directory / f".{step}"
        save_file(state.arrays, aside, metadata={_METADATA: json.dumps(state.plain)})
        atomic_files.publish(aside, self._directory / f"{step:010}-{atomic_files.sha256(aside)}.safetensors")
        for path in self._paths()[:-_KEPT]:
            path.unlink()
        self._saved = time.monotonic()

    def newest(self) -> SavedState | None:
        """The state of the newest checkpoint that is whole; None: there is none."""
        for path in reversed(self._paths()):
            try:
                # A pipe would be waited for.
                if path.is_file() and atomic_files.sha256(path) == path.stem.partition("-")[2]:
                    state, self.taken = read(path), path
                    return state
            except (OSError, SafetensorError, KeyError, ValueError):
                pass
            self.damaged.append(path.name)
            logging.getLogger(__name__).warning(
                "the checkpoint %s is damaged, the one before it is taken, or the start", path
            )
            _remove(path)
        return None

    def _paths(self) -> list[Path]:
        return sorted(self._directory.glob("*.safetensors"))


def _remove(path: Path) -> None:
    """A directory with what is in it, a file, or a link without what it leads to."""
    if not stored_paths.remove(path.parent, path):
        path.unlink()


def read(path: Path) -> SavedState:
    """What a checkpoint holds, which is known to be whole."""
    with safe_open(path, "np") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return SavedState(arrays, json.loads(file.metadata()[_METADATA]))
