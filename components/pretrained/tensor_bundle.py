"""TensorFlow's checkpoints, format V2, read without TensorFlow: PREFIX.index says what PREFIX.data-* hold, and where.

The index is a table of LevelDB's (its doc/table_format.md; TensorFlow has a copy in core/lib/io), whose values are
messages of core/protobuf/tensor_bundle.proto. TensorFlow's own reader would cost its import of some seconds, and it
ends the process where a file is damaged in ways that it does not expect.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import google_crc32c
import numpy as np

from components.common.errors import InputError
from components.pretrained.file_names import CHECKPOINT_DATA, CHECKPOINT_INDEX
from components.pretrained.tensors import Stored, float32, row_ranges

_TYPES = {1: "float32", 2: "float64", 19: "float16", 14: "bfloat16", 3: "int32", 9: "int64", 6: "int8", 4: "uint8"}
"""core/framework/types.proto, as far as a message is likely to name them."""

FLOATS = ("float64", "float32", "float16", "bfloat16")

_MAGIC = 0xDB4775248B80FB57
"""At the end of a table."""

_FOOTER, _TRAILER = 48, 5
"""Bytes behind the blocks, and behind each: its compression and a checksum."""

_LARGEST, _LONGEST_NAME, _MOST_TENSORS = 1 << 24, 1000, 100_000
"""Bytes of an index, characters of a name, tensors: a BERT-large with its optimizer has 100 kB and 1,200 tensors."""

_DAMAGED = "The file is cut short or damaged: copy or download it again."


class _Entry(NamedTuple):
    """Where a tensor lies."""

    stored: Stored
    offset: int
    """In the file, bytes."""
    size: int
    checksum: int


class Bundle:
    """A checkpoint.

    Args:
        prefix: of its files' paths.

    Raises:
        InputError: there is none, its index is damaged, or a file of weights is missing or cut short.
    """

    def __init__(self, prefix: Path) -> None:
        self.index = prefix.with_name(prefix.name + CHECKPOINT_INDEX)
        self._entries = _entries(self.index, prefix)
        self._check_files(f"Copy or download all files of {prefix.name} again.")

    def _check_files(self, remedy: str) -> None:
        ends: dict[Path, int] = {}
        for entry in self._entries.values():
            ends[entry.stored.path] = max(ends.get(entry.stored.path, 0), entry.offset + entry.size)
        for path, end in ends.items():
            # A pipe would be waited for.
            if not path.is_file():
                raise InputError(str(path), f"there is no such file, and {self.index.name} names it", remedy)
            if (size := path.stat().st_size) < end:
                problem = f"expected the {end:,} bytes that {self.index.name} tells of, got {size:,}"
                raise InputError(str(path), problem, _DAMAGED)

    @property
    def names(self) -> list[str]:
        """Of all tensors, sorted."""
        return list(self._entries)

    def find(self, name: str) -> Stored | None:
        """Where a tensor stands; None: it does not."""
        entry = self._entries.get(name)
        return None if entry is None else entry.stored

    def parts(self, name: str) -> Iterator[tuple[int, np.ndarray]]:
        """A floating-point tensor that is there, in parts of some rows: the first one's number, float32[rows, ...].

        Raises:
            InputError: the file is damaged.
        """
        stored, offset, size, checksum = self._entries[name]
        path, width = stored.path, {"float64": 8, "float32": 4}.get(stored.dtype, 2)
        if size != math.prod(stored.shape) * width:
            problem = f"cannot be read: {name!r} has {size} bytes, which are not {list(stored.shape)} {stored.dtype}s"
            raise InputError(str(self.index), problem, _DAMAGED)
        found, a_row = 0, math.prod(stored.shape[1:]) * width
        with path.open("rb") as file:
            file.seek(offset)
            for first, end in row_ranges(stored.shape):
                # Where another process has cut it meanwhile, zeros take its place, and the checksum tells.
                content = file.read((end - first) * a_row).ljust((end - first) * a_row, b"\0")
                found = google_crc32c.extend(found, content)
                yield first, _numbers(content, stored.dtype).reshape(end - first, *stored.shape[1:])
        if found != checksum:
            raise InputError(str(path), f"the bytes of {name!r} have another checksum than the index says", _DAMAGED)

    def read(self, name: str) -> np.ndarray:
        """The same, whole."""
        rows = np.concatenate([rows for _, rows in self.parts(name)] or [np.zeros(0, np.float32)])
        return rows.reshape(self._entries[name].stored.shape)


def _numbers(content: bytes, dtype: str) -> np.ndarray:
    if dtype == "bfloat16":
        # The upper half of a float32.
        return (np.frombuffer(content, "<u2").astype(np.uint32) << 16).view(np.float32)
    return float32(np.frombuffer(content, np.dtype(dtype).newbyteorder("<")))


def _entries(index: Path, prefix: Path) -> dict[str, _Entry]:
    if not index.is_file():
        raise InputError(str(index), "there is no such file", f"Copy or download all files of {prefix.name} again.")
    if (size := index.stat().st_size) > _LARGEST:
        raise InputError(str(index), f"expected the index of a checkpoint, got {size:,} bytes", _DAMAGED)
    try:
        return dict(_read(index.read_bytes(), prefix))
    except (ValueError, IndexError, struct.error) as error:
        problem = f"cannot be read as the index of a TensorFlow checkpoint ({error})"
        raise InputError(str(index), problem, _DAMAGED) from None


def _read(content: bytes, prefix: Path) -> Iterator[tuple[str, _Entry]]:
    """Every tensor of a table.

    Raises:
        ValueError, IndexError: it is damaged.
    """
    if len(content) < _FOOTER or struct.unpack_from("<Q", content, len(content) - 8)[0] != _MAGIC:
        raise ValueError("it does not end as one")
    _, at = _handle(content, len(content) - _FOOTER)
    (of_index, _) = _handle(content, at)
    header, shards = None, 0
    for number, (key, value) in enumerate(_in_blocks(content, of_index)):
        if number > _MOST_TENSORS:
            raise ValueError(f"more than {_MOST_TENSORS:,} tensors")
        if header is None:
            header = _message("Header", value)
            shards = header.num_shards
            if key or not 1 <= shards <= 1000 or header.endianness:
                raise ValueError(f"its first entry is {key[:40]!r}, of {shards} files, byte order {header.endianness}")
            continue
        yield _entry(key.decode(), _message("Entry", value), prefix, shards)
    if header is None:
        raise ValueError("it is empty")


def _entry(name: str, message: Any, prefix: Path, shards: int) -> tuple[str, _Entry]:
    shape = tuple(dim.size for dim in message.shape.dim)
    if not 0 <= message.shard_id < shards or min(message.offset, message.size, *shape, 0) < 0 or len(shape) > 8:
        raise ValueError(f"{name[:80]!r} cannot lie where it says")
    # Variables that were partitioned are in slices, whose entries have names of their own.
    dtype = "slices" if message.slices else _TYPES.get(message.dtype, f"number {message.dtype} of TensorFlow's")
    path = prefix.with_name(prefix.name + CHECKPOINT_DATA.format(shard=message.shard_id, shards=shards))
    checksum = _unmasked(message.crc32c)
    return name, _Entry(Stored(path, name, dtype, shape), message.offset, message.size, checksum)


def _in_blocks(content: bytes, of_index: tuple[int, int]) -> Iterator[tuple[bytes, bytes]]:
    """The entries of all blocks, by their keys, which rise."""
    before, behind = None, 0
    for _, value in _in_block(content, of_index):
        (offset, size), _ = _handle(value, 0)
        if offset < behind:
            raise ValueError("its blocks overlap")
        behind = offset + size
        for key, found in _in_block(content, (offset, size)):
            if before is not None and key <= before:
                raise ValueError(f"{key[:80]!r} stands behind {before[:80]!r}")
            before = key
            yield key, found


def _in_block(content: bytes, handle: tuple[int, int]) -> Iterator[tuple[bytes, bytes]]:
    """A block's entries: each key shares its first bytes with the one before."""
    offset, size = handle
    if offset + size + _TRAILER > len(content):
        raise ValueError("a block lies behind its end")
    block, kind = content[offset : offset + size], content[offset + size]
    checksum = struct.unpack_from("<I", content, offset + size + 1)[0]
    if google_crc32c.value(content[offset : offset + size + 1]) != _unmasked(checksum):
        raise ValueError("a block has another checksum than it says")
    if kind:
        raise ValueError(f"a block is compressed, kind {kind}, which TensorFlow never does")
    restarts = struct.unpack_from("<I", block, size - 4)[0]
    end, at, key = size - 4 - 4 * restarts, 0, b""
    if end < 0:
        raise ValueError("a block is too short")
    while at < end:
        shared, at = _varint(block, at)
        rest, at = _varint(block, at)
        length, at = _varint(block, at)
        if shared > len(key) or shared + rest > _LONGEST_NAME or at + rest + length > end:
            raise ValueError("an entry is longer than its block")
        key = key[:shared] + block[at : at + rest]
        at += rest + length
        yield key, block[at - length : at]


def _handle(content: bytes, at: int) -> tuple[tuple[int, int], int]:
    """Offset and size of a block, and what comes behind the two numbers."""
    offset, at = _varint(content, at)
    size, at = _varint(content, at)
    return (offset, size), at


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """A number, seven bits a byte from the lowest on, and the place behind it."""
    value = 0
    for shift in range(0, 64, 7):
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number has no end")


def _unmasked(checksum: int) -> int:
    """A CRC-32C as it was before LevelDB's masking: rotated by 15 bits, and a constant added."""
    rotated = (checksum - 0xA282EAD8) & 0xFFFFFFFF
    return (rotated >> 17 | rotated << 15) & 0xFFFFFFFF


def _message(name: str, content: bytes) -> Any:
    """A message of tensor_bundle.proto.

    Raises:
        ValueError: it is none.
    """
    from google.protobuf.message import DecodeError

    try:
        return _messages()[name].FromString(content)
    except DecodeError as error:
        raise ValueError(f"an entry is no message: {error}") from None


@cache
def _messages() -> dict[str, Any]:
    """Those fields of the messages that are read, by core/protobuf/tensor_bundle.proto and tensor_shape.proto."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    types = {
        "Dim": [("size", 1, field.TYPE_INT64)],
        "Shape": [("dim", 2, "Dim")],
        # Enumerations are numbers.
        "Header": [("num_shards", 1, field.TYPE_INT32), ("endianness", 2, field.TYPE_INT32)],
        "Entry": [
            *[("dtype", 1, field.TYPE_INT32), ("shape", 2, "Shape"), ("shard_id", 3, field.TYPE_INT32)],
            *[("offset", 4, field.TYPE_INT64), ("size", 5, field.TYPE_INT64), ("crc32c", 6, field.TYPE_FIXED32)],
            ("slices", 7, field.TYPE_BYTES),
        ],
    }
    file = descriptor_pb2.FileDescriptorProto(name="tensor_bundle", package="bundle", syntax="proto3")
    for name, fields in types.items():
        message = file.message_type.add(name=name)
        for called, number, kind in fields:
            made = message.field.add(name=called, number=number, label=field.LABEL_OPTIONAL)
            if called in ("dim", "slices"):
                made.label = field.LABEL_REPEATED
            if isinstance(kind, str):
                made.type, made.type_name = field.TYPE_MESSAGE, f".bundle.{kind}"
            else:
                made.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"bundle.{name}")) for name in types}
