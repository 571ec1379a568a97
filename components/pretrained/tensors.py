"""The tensors of a checkpoint directory: found in safetensors files, checked, and read without TensorFlow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors

from components.common.errors import InputError
from components.common.json_files import read_json, shown
from components.pretrained.file_names import INDEX, WEIGHTS

GIVE_A_DIRECTORY = (
    "Give a directory with config.json, model.safetensors and the tokenizer's files, or hf://organisation/name"
)

OLD_NAMES = {".LayerNorm.gamma": ".LayerNorm.weight", ".LayerNorm.beta": ".LayerNorm.bias"}
"""What the first checkpoints call a tensor -> what it is called now."""

_WRAPPERS = re.compile(r"^((module|_orig_mod|model|0|auto_model|bert)\.)+")
"""What stands before a tensor's name where the encoder was saved within something else: `bert.` of a head's, `module.`
of DataParallel, `_orig_mod.` of torch.compile, `model.` of trainers, `0.auto_model.` of sentence-transformers."""

FLOATS = ("F64", "F32", "F16", "BF16")
"""Types of safetensors that are read; others, such as float8 and int8, are numbers only together with a scale."""

LARGEST = 1e6
"""What a weight may be in size. Those of trained models are below 100; the products of larger ones than this overflow
float32 within a few layers."""

_AT_A_TIME = 1 << 22
"""Numbers of a tensor that are looked at at a time."""

_SHARD = re.compile(r"[\w-][\w.-]{0,200}\.safetensors", re.ASCII)

_PUBLISHED = "Copy or download the model again."


class Stored(NamedTuple):
    """A tensor in a file."""

    path: Path
    name: str
    """In there."""
    dtype: str
    """As safetensors calls it."""
    shape: tuple[int, ...]

    def rows(self, opened: Any) -> Iterator[tuple[int, np.ndarray]]:
        """The tensor in parts: the number of the first row of each, and float32[rows, ...]."""
        part = opened.get_slice(self.name)
        if not self.shape:
            yield 0, _float32(opened.get_tensor(self.name).reshape(1))
            return
        step = max(1, _AT_A_TIME // max(1, int(np.prod(self.shape[1:]))))
        for first in range(0, self.shape[0], step):
            yield first, _float32(part[first : min(first + step, self.shape[0])])


class Tensors:
    """The tensors of a checkpoint directory, whole or in shards, by their present names without what the encoder was
    wrapped in.

    Raises:
        InputError: there are no weights, or a file is damaged.
    """

    def __init__(self, directory: Path) -> None:
        self.stored: dict[str, list[Stored]] = {}
        """More than one where a tensor stands under several names or in several files."""
        for path in _weight_files(directory):
            with _opened(path) as file:
                for name in file.keys():  # noqa: SIM118
                    part = file.get_slice(name)
                    stored = Stored(path, name, part.get_dtype(), tuple(part.get_shape()))
                    self.stored.setdefault(_present(name), []).append(stored)

    def check_headers(self, names: Iterable[str]) -> None:
        """Refuses tensors that stand twice or are no floating-point numbers; a name has to be there.

        Raises:
            InputError: there is one.
        """
        wrong = []
        for name in names:
            first, *others = self.stored[name]
            for other in others:
                stand = " and ".join(f"{each.name!r} in {each.path.name}" for each in (first, other))
                remedy = "Nothing says which one the model learned: delete one, or take another model"
                raise InputError(str(other.path), f"{name} stands twice, as {stand}", remedy)
            if first.dtype not in FLOATS:
                wrong.append(first)
        if wrong:
            problem = f"expected weights of the type {' or '.join(FLOATS)}, got {wrong[0].dtype} in {wrong[0].name!r}"
            more = f" and {len(wrong) - 1} more" if wrong[1:] else ""
            remedy = "Quantised weights are not supported: take the model's weights as floating-point numbers"
            raise InputError(str(wrong[0].path), problem + more, remedy)

    def check_values(self, names: Iterable[str]) -> None:
        """Refuses tensors that `check_headers` lets through and that hold what no trained model does.

        Raises:
            InputError: there is one.
        """
        by_file: dict[Path, list[Stored]] = {}
        for name in names:
            by_file.setdefault(self.stored[name][0].path, []).append(self.stored[name][0])
        for path, of_file in by_file.items():
            with _opened(path) as file:
                for stored in of_file:
                    for first_row, values in stored.rows(file):
                        check_weights(values, str(path), stored.name, first_row)

    def prefixes(self, names: Iterable[str]) -> list[str]:
        """What else stands before all of these names, once for each encoder of the file: `tower.`."""
        of_each = ({known.removesuffix(name) for known in self.stored if known.endswith(f".{name}")} for name in names)
        return sorted(set.intersection(*of_each))

    def shape(self, name: str) -> tuple[int, ...]:
        """Of a tensor that is there."""
        return self.stored[name][0].shape

    def read(self, name: str) -> np.ndarray:
        """A tensor, float32."""
        path, stored, *_ = self.stored[name][0]
        with _opened(path) as file:
            return _float32(file.get_tensor(stored))


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


def _float32(values: np.ndarray) -> np.ndarray:
    # What float32 cannot hold becomes infinite, which `check_values` refuses.
    with np.errstate(over="ignore"):
        return values.astype(np.float32, copy=False)


def _present(name: str) -> str:
    name = _WRAPPERS.sub("", name)
    for old, new in OLD_NAMES.items():
        name = name.replace(old, new)
    return name


def _opened(path: Path) -> Any:
    try:
        # A pipe would be waited for.
        if not path.is_file():
            raise FileNotFoundError("there is no such file")
        return safetensors.safe_open(path, framework="np")
    except (safetensors.SafetensorError, OSError) as error:
        remedy = "The file is cut short or damaged: copy or download it again."
        raise InputError(str(path), f"cannot be read as safetensors ({error})", remedy) from None


def _weight_files(directory: Path) -> list[Path]:
    if (directory / WEIGHTS).is_file():
        return [directory / WEIGHTS]
    index = directory / INDEX
    if index.is_file():
        shards = read_json(index, _PUBLISHED).get("weight_map")
        names = sorted(set(map(str, shards.values()))) if isinstance(shards, dict) else []
        # A name with a folder in it could lead out of the directory.
        wrong = [name for name in names if not _SHARD.fullmatch(name)]
        if not names or wrong:
            got = shown(wrong[0] if wrong else shards)
            problem = f"weight_map must map tensors to .safetensors files beside it, got {got}"
            raise InputError(str(index), problem, _PUBLISHED)
        return [directory / name for name in names]
    if (directory / "pytorch_model.bin").exists():
        problem = "there is no such file, and pytorch_model.bin is refused because unpickling it can run any code"
        remedy = (
            "Where you trust the file, convert it with transformers and PyTorch: "
            "AutoModel.from_pretrained(DIRECTORY).save_pretrained(DIRECTORY, safe_serialization=True)."
        )
        raise InputError(str(directory / WEIGHTS), problem, remedy)
    raise InputError(str(directory / WEIGHTS), "there is no such file", f"{GIVE_A_DIRECTORY}.")
