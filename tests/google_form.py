"""Google's form of a checkpoint, written without TensorFlow: the names of google-research/bert spelled out one by one,
apart from what reads them."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import google_crc32c
import numpy as np
from safetensors.numpy import load_file

from tests.toys import write_toy_checkpoint

CODES = {"float32": 1, "float64": 2, "int32": 3, "int8": 6, "int64": 9, "bfloat16": 14, "float16": 19}

_LAYER = {
    "attention/self/query/kernel": "attention.self.query.weight",
    "attention/self/query/bias": "attention.self.query.bias",
    "attention/self/key/kernel": "attention.self.key.weight",
    "attention/self/key/bias": "attention.self.key.bias",
    "attention/self/value/kernel": "attention.self.value.weight",
    "attention/self/value/bias": "attention.self.value.bias",
    "attention/output/dense/kernel": "attention.output.dense.weight",
    "attention/output/dense/bias": "attention.output.dense.bias",
    "attention/output/LayerNorm/gamma": "attention.output.LayerNorm.weight",
    "attention/output/LayerNorm/beta": "attention.output.LayerNorm.bias",
    "intermediate/dense/kernel": "intermediate.dense.weight",
    "intermediate/dense/bias": "intermediate.dense.bias",
    "output/dense/kernel": "output.dense.weight",
    "output/dense/bias": "output.dense.bias",
    "output/LayerNorm/gamma": "output.LayerNorm.weight",
    "output/LayerNorm/beta": "output.LayerNorm.bias",
}

_OTHERS = {
    "bert/embeddings/word_embeddings": "embeddings.word_embeddings.weight",
    "bert/embeddings/token_type_embeddings": "embeddings.token_type_embeddings.weight",
    "bert/embeddings/position_embeddings": "embeddings.position_embeddings.weight",
    "bert/embeddings/LayerNorm/gamma": "embeddings.LayerNorm.weight",
    "bert/embeddings/LayerNorm/beta": "embeddings.LayerNorm.bias",
    "bert/pooler/dense/kernel": "pooler.dense.weight",
    "bert/pooler/dense/bias": "pooler.dense.bias",
    "cls/predictions/output_bias": "cls.predictions.bias",
    "cls/predictions/transform/dense/kernel": "cls.predictions.transform.dense.weight",
    "cls/predictions/transform/dense/bias": "cls.predictions.transform.dense.bias",
    "cls/predictions/transform/LayerNorm/gamma": "cls.predictions.transform.LayerNorm.weight",
    "cls/predictions/transform/LayerNorm/beta": "cls.predictions.transform.LayerNorm.bias",
    "cls/seq_relationship/output_weights": "cls.seq_relationship.weight",
    "cls/seq_relationship/output_bias": "cls.seq_relationship.bias",
}

KEYS = (
    *("attention_probs_dropout_prob", "hidden_act", "hidden_dropout_prob", "hidden_size", "intermediate_size"),
    *("max_position_embeddings", "num_attention_heads", "num_hidden_layers", "type_vocab_size", "vocab_size"),
)
"""Of bert_config.json that config.json has too."""


def google_tensors(tensors: Mapping[str, np.ndarray], layers: int) -> dict[str, np.ndarray]:
    """Tensors by Hugging Face's names to those by Google's, whose kernels are [inputs, outputs]."""
    names = _OTHERS | {
        f"bert/encoder/layer_{number}/{google}": f"encoder.layer.{number}.{name}"
        for number in range(layers)
        for google, name in _LAYER.items()
    }
    return {
        google: tensors[name].T if google.endswith("/kernel") else tensors[name]
        for google, name in names.items()
        if name in tensors
    }


def write_google_checkpoint(directory: Path, toy: Path | None = None, prefix: str = "bert_model.ckpt") -> Path:
    """Writes bert_config.json, vocab.txt and the checkpoint of a toy; returns the directory.

    Args:
        directory: made if it is not there.
        toy: what `write_toy_checkpoint` has written, whose weights it gets; None: a toy with heads.
        prefix: of the checkpoint's files.
    """
    if toy is None:
        toy = write_toy_checkpoint(directory.with_name(f"{directory.name}-hf"), heads_of_pretraining=True)
    config = json.loads((toy / "config.json").read_text())
    described = {"directionality": "bidi", "pooler_type": "first_token_transform", "initializer_range": 0.02}
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "bert_config.json").write_text(json.dumps(described | {key: config[key] for key in KEYS}, indent=2))
    (directory / "vocab.txt").write_bytes((toy / "vocab.txt").read_bytes())
    tensors = google_tensors(load_file(toy / "model.safetensors"), config["num_hidden_layers"])
    write_bundle(directory / prefix, tensors)
    return directory


def as_google(toy: Path) -> None:
    """Has the directory of a toy in Google's form in place of Hugging Face's."""
    write_google_checkpoint(toy, toy)
    for name in ("model.safetensors", "config.json", "tokenizer_config.json"):
        (toy / name).unlink()


def write_bundle(prefix: Path, tensors: Mapping[str, np.ndarray], *, shards: int = 1, block: int = 1000) -> None:
    """Writes PREFIX.index and PREFIX.data-*; `tests/components/pretrained/test_google_tf1.py` has TensorFlow read it.

    Args:
        prefix: of the files' paths.
        tensors: by name.
        shards: files that they are dealt to.
        block: bytes of entries after which a block of the index ends.
    """
    entries, data = bundle_entries(tensors, shards)
    for shard, part in enumerate(data):
        prefix.with_name(f"{prefix.name}.data-{shard:05}-of-{shards:05}").write_bytes(part)
    prefix.with_name(f"{prefix.name}.index").write_bytes(table(entries, block))


def bundle_entries(
    tensors: Mapping[str, np.ndarray], shards: int = 1
) -> tuple[list[tuple[bytes, bytes]], list[bytearray]]:
    """Keys and values of a checkpoint's index, the header first, and the content of each file of weights."""
    data = [bytearray() for _ in range(shards)]
    entries = [(b"", _field(1, shards) + _field(3, _field(1, 1)))]
    for number, (name, values) in enumerate(sorted(tensors.items())):
        content, shard = np.ascontiguousarray(values).tobytes(), number % shards
        dims = b"".join(_field(2, _field(1, size)) for size in values.shape)
        entry = _field(1, CODES[values.dtype.name]) + _field(2, dims) + _field(3, shard)
        entry += _field(4, len(data[shard])) + _field(5, len(content)) + b"\x35" + _masked(content)
        entries.append((name.encode(), entry))
        data[shard] += content
    return entries, data


def table(entries: list[tuple[bytes, bytes]], most: int) -> bytes:
    """A table of LevelDB's with these keys and values, in blocks of so many bytes."""
    content, handles, some = bytearray(), [], []
    for number, entry in enumerate(entries, 1):
        some.append(entry)
        if sum(map(len, (part for pair in some for part in pair))) >= most or number == len(entries):
            handles.append((some[-1][0], _add_block(content, some)))
            some = []
    of_meta, of_index = _add_block(content, []), _add_block(content, handles)
    footer = (of_meta + of_index).ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    return bytes(content) + footer


def _add_block(content: bytearray, entries: list[tuple[bytes, bytes]]) -> bytes:
    """Adds a block, each key shortened by what it shares with the one before; returns where it lies."""
    block, before = bytearray(), b""
    for key, value in entries:
        shared = next((at for at, pair in enumerate(zip(key, before, strict=False)) if pair[0] != pair[1]), None)
        shared = min(len(key), len(before)) if shared is None else shared
        block += _number(shared) + _number(len(key) - shared) + _number(len(value)) + key[shared:] + value
        before = key
    block += struct.pack("<II", 0, 1)
    handle = _number(len(content)) + _number(len(block))
    content += block + b"\0" + _masked(bytes(block) + b"\0")
    return handle


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return _number(number << 3 | 2) + _number(len(value)) + value
    return _number(number << 3) + _number(value)


def _number(value: int) -> bytes:
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _masked(content: bytes) -> bytes:
    checksum = google_crc32c.value(content)
    return struct.pack("<I", ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF)
