"""The one exception for what the user can put right, and words for the others."""

from __future__ import annotations

import errno
import os
from typing import Any, NamedTuple

from components.common.streams import printable

_LONGEST = 2000
"""Characters of a problem's line, which may quote a value of any length from a file."""


class InputError(Exception):
    """A mistake in what the user gave: config, data, model directory or command line.

    It reads `PLACE: RULE AND VALUE. REMEDY` and ends a command with exit status 2, without a traceback. What they quote
    does not control a terminal.

    Args:
        place: where to look, as narrow as is known: `train.tsv:17`, `run.toml: [training] epochs`, a directory.
        problem: the rule and the value that broke it: `expected 2 tab-separated fields, got 3`.
        remedy: what to do about it, as a sentence.
    """

    def __init__(self, place: str, problem: str, remedy: str) -> None:
        problem = "\n".join(_cut(line) for line in problem.split("\n"))
        self.place, self.problem, self.remedy = printable(place), printable(problem), printable(remedy)
        super().__init__(self.place, self.problem, self.remedy)

    def __str__(self) -> str:
        end = "" if self.remedy.endswith((".", "?")) else "."
        # A remedy below a list has a line of its own.
        gap = "" if self.remedy.startswith("\n") else " "
        return f"{self.place}: {self.problem}.{gap}{self.remedy}{end}"


class Failure(NamedTuple):
    """Why a command did not do what it was asked for, as `--json` has it."""

    exit_status: int
    place: str
    rule: str
    """What was to be, with what there is instead."""
    remedy: str

    @classmethod
    def of(cls, error: InputError, exit_status: int) -> Failure:
        """Of a mistake."""
        return cls(exit_status, error.place, error.problem, error.remedy)

    def document(self) -> dict[str, Any]:
        """An object of its own, or to be added to what a command has to tell besides."""
        return {"failure": self._asdict()}


def _cut(line: str) -> str:
    half = _LONGEST // 2 - 3
    return line if len(line) <= _LONGEST else f"{line[:half]} ... {line[-half:]}"


def changed(place: str, on_kubeflow: str = "") -> InputError:
    """What a run reads is no longer what it began with: what it makes of that would be kept as made of the other.

    Args:
        place: the file, or the directory.
        on_kubeflow: what else to do there, where the spec holds what was there at its export.
    """
    remedy = "Run again once the files are complete; of a scheduled run, clear all tasks"
    elsewhere = f"; on Kubeflow, {on_kubeflow}" if on_kubeflow else ""
    return InputError(place, "changed since the run began", remedy + elsewhere)


class WorkerError(RuntimeError):
    """A process of a training by several has failed or has not come; its text is all that is to say of it."""


def find_input_error(error: BaseException | None) -> InputError | None:
    """The user's mistake that an error comes from: Beam wraps what its functions raise."""
    while error is not None:
        if isinstance(error, InputError):
            return error
        error = error.__cause__ or error.__context__
    return None


def describe(error: BaseException) -> str:
    """What failed, in a line."""
    # TensorFlow's own class is not imported here, where there may be no TensorFlow.
    first = (str(error).strip() or "no message").splitlines()[0]
    # Of a full disk it has the same.
    no_memory = type(error).__name__ == "ResourceExhaustedError" and os.strerror(errno.ENOSPC) not in str(error)
    if isinstance(error, MemoryError) or no_memory:
        return "out of memory: training.micro_batch, a smaller model.max_length or a smaller base model needs less"
    return first if isinstance(error, WorkerError) else f"{type(error).__name__}: {first[:300]}"
