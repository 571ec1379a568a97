"""The tensors of a base model, by Hugging Face's names whatever form it has, checked and read without TensorFlow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from components.common.errors import InputError

LARGEST = 1e6
"""What a weight may be in size. Those of trained models are below 100; the products of larger ones than this overflow
float32 within a few layers."""

_AT_A_TIME = 1 << 22
"""Numbers of a tensor that are looked at at a time."""


class Stored(NamedTuple):
    """A tensor in a file."""

    path: Path
    name: str
    """In there."""
    dtype: str
    """As the file's form calls it."""
    shape: tuple[int, ...]
    """As it lies there."""


class Tensors(ABC):
    """The tensors of a checkpoint, by the names that transformers' BertForPreTraining has for them today, without the
    `bert.` before those of the encoder.
    """

    place: str
    """What to name where one is missing."""
    config: str
    """Name of the file that states the encoder's shape."""
    floats: tuple[str, ...]
    """Types that are read, as the form calls them."""

    @abstractmethod
    def stored(self, name: str) -> list[Stored]:
        """Where a tensor stands: nowhere, or more than once where it has several names or is in several files."""

    @abstractmethod
    def parts(self, tensors: Iterable[Stored]) -> Iterator[tuple[Stored, int, np.ndarray]]:
        """Tensors of one file, each in parts of some rows as they lie there: it, the number of the first row,
        float32[rows, ...].

        Raises:
            InputError: the file is damaged.
        """

    @abstractmethod
    def read(self, name: str) -> np.ndarray:
        """A tensor that is there, float32; of a dense layer [outputs, inputs], as in PyTorch."""

    def called(self, name: str) -> str:
        """What the form calls a tensor."""
        return name

    def laid_out(self, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape that a tensor has in the form's files."""
        return shape

    @abstractmethod
    def why_missing(self, names: list[str]) -> tuple[str, str]:
        """What else is to be said of tensors that are not there, perhaps nothing, and the remedy."""

    def check(self, expected: Mapping[str, tuple[int, ...]], optional: Sequence[str] = ()) -> bool:
        """Refuses tensors that are missing, stand twice, are of another type or shape, or hold what no trained model
        does.

        Args:
            expected: name -> shape.
            optional: those of them that may be missing, all together.

        Returns:
            Whether these are there.

        Raises:
            InputError: there is such a tensor, or a file is damaged.
        """
        has_optional = any(self.stored(name) for name in optional)
        missing = [name for name in expected if not self.stored(name) and (has_optional or name not in optional)]
        if missing:
            problem = f"{len(missing)} of {len(expected)} tensors are missing: {_first(map(self.called, missing))}"
            more, remedy = self.why_missing(missing)
            raise InputError(self.place, problem + more, remedy)
        used = {name: shape for name, shape in expected.items() if self.stored(name)}
        self._check_headers(used)
        wrong = [
            f"{self.called(name)} expected {list(self.laid_out(name, shape))}, got {list(self.stored(name)[0].shape)}"
            for name, shape in used.items()
            if self.stored(name)[0].shape != self.laid_out(name, shape)
        ]
        if wrong:
            problem = f"{len(wrong)} tensors have another shape than {self.config} says: {_first(wrong)}"
            raise InputError(self.place, problem, f"Take weights and {self.config} from the same model.")
        self._check_values(used)
        return has_optional

    def _check_headers(self, names: Iterable[str]) -> None:
        """Refuses tensors that stand twice or are no floating-point numbers."""
        wrong = []
        for name in names:
            first, *others = self.stored(name)
            for other in others:
                stand = " and ".join(f"{each.name!r} in {each.path.name}" for each in (first, other))
                remedy = "Nothing says which one the model learned: delete one, or take another model"
                raise InputError(str(other.path), f"{name} stands twice, as {stand}", remedy)
            if first.dtype not in self.floats:
                wrong.append(first)
        if wrong:
            types = " or ".join(self.floats)
            problem = f"expected weights of the type {types}, got {wrong[0].dtype} in {wrong[0].name!r}"
            more = f" and {len(wrong) - 1} more" if wrong[1:] else ""
            remedy = "Quantised weights are not supported: take the model's weights as floating-point numbers"
            raise InputError(str(wrong[0].path), problem + more, remedy)

    def _check_values(self, names: Iterable[str]) -> None:
        """Refuses tensors that `_check_headers` lets through and that hold what no trained model does."""
        by_file: dict[Path, list[Stored]] = {}
        for name in names:
            by_file.setdefault(self.stored(name)[0].path, []).append(self.stored(name)[0])
        for path, of_file in by_file.items():
            for stored, first_row, values in self.parts(of_file):
                check_weights(values, str(path), stored.name, first_row)


def check_weights(values: np.ndarray, place: str, name: str, first_row: int = 0) -> None:
    """Refuses weights that are NaN, infinite or too large to compute with.

    Args:
        values: float32[rows, ...].
        place: where they are from, for the message.
        name: what they are called there.
        first_row: the number of the first of the rows.

    Raises:
        InputError: there is one; with its row.
    """
    if np.abs(values).max(initial=0) <= LARGEST:
        return
    # Not `>`: of NaN that is false too.
    wrong = ~(np.abs(values) <= LARGEST)
    row, value = int(np.argwhere(wrong)[0][0]), values[wrong][0]
    problem = f"expected weights up to {LARGEST:,.0f} in size, got {value:g} in row {first_row + row} of {name!r}"
    remedy = "It is damaged, or its training diverged: download it again, or take another model"
    raise InputError(place, problem, remedy)


def row_ranges(shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """First row and the one behind the last, of parts of a tensor that are looked at at a time; of a number, one row.

    Args:
        shape: of the tensor.
    """
    rows = 0 if 0 in shape else shape[0] if shape else 1
    step = max(1, _AT_A_TIME // max(1, int(np.prod(shape[1:]))))
    for first in range(0, rows, step):
        yield first, min(first + step, rows)


def float32(values: np.ndarray) -> np.ndarray:
    """Floating-point numbers of any type as float32; what that cannot hold is infinite, and no weight."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32, copy=False)


def _first(names: Iterable[str], count: int = 3) -> str:
    names = list(names)
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")
