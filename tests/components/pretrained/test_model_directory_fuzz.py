"""A base model's directory of any content is taken or refused with a message, and nothing is written: `make fuzz`."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import random
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from components.common.errors import InputError
from components.pretrained.base_model import read_config
from components.pretrained.encoder_weights import check_weights
from components.pretrained.tensor_bundle import Bundle
from components.tokenization.tokenizer_files import read_tokenizer
from tests.conftest import fuzz_cases
from tests.google_form import bundle_entries, table, write_google_checkpoint
from tests.toys import VOCABULARY, write_toy_checkpoint
from tests.watched_files import CANARY, unchanged_around

_AT_A_TIME = 100
"""Cases after which what is around the directory is looked at."""

MOST_SECONDS, MOST_MEGABYTES = 2.0, 300
"""Of a case, and of what all of them together may add to the process."""

NESTED, LONG = "NESTED", "LONG"
"""In place of values that no Python object could be written from; see `as_text`."""

STRANGE: list[Any] = [
    *[None, True, False, -1, 0, 1, 2, 7, 66, 2**31, 10**6, 10**18, 10**400, 0.5, 1e308, float("nan"), float("inf")],
    *["", "[UNK]", "bert", "é", "\ud800", "a\0b", "\x1b[2J", "x" * 100_000, NESTED, LONG, [], {}, [[]], {"": {}}],
    *[f"../{CANARY}/file", "/etc/hostname", "..", ".", f"../{CANARY}/x.safetensors", "//", "a/b", {"content": None}],
    *["model-00001-of-00002.safetensors", ".safetensors", "-.safetensors", "\ud800.safetensors", [1, 2], {"a": [None]}],
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Directories in which all is well: of one file of weights and a vocab.txt, of two and a tokenizer.json, and in
    Google's form."""
    folder = tmp_path_factory.mktemp("models")
    plain, whole = (write_toy_checkpoint(folder / name) for name in ("plain", "whole"))
    (whole / "vocab.txt").unlink()
    ends = [{"SpecialToken": {"id": token, "type_id": 0}} for token in ("[CLS]", "[SEP]")]
    single = [ends[0], {"Sequence": {"id": "A", "type_id": 0}}, ends[1]]
    second = [{"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}]
    tokens = {token: {"id": token, "ids": [VOCABULARY.index(token)], "tokens": [token]} for token in ("[CLS]", "[SEP]")}
    tokenizer = {
        "added_tokens": [{"id": 0, "content": "[PAD]", "special": True, "normalized": False}],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "lowercase": True, "strip_accents": None},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": single,
            "pair": [*single, *second],
            "special_tokens": tokens,
        },
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": {word: at for at, word in enumerate(VOCABULARY)}},
    }
    special = {"cls_token": {"content": "[CLS]", "special": True}, "additional_special_tokens": ["[MASK]"]}
    weights = load_file(whole / "model.safetensors")
    (whole / "model.safetensors").unlink()
    shards = {f"model-0000{part + 1}-of-00002.safetensors": sorted(weights)[part::2] for part in (0, 1)}
    for name, names in shards.items():
        save_file({tensor: weights[tensor] for tensor in names}, whole / name)
    for name, content in (
        ("tokenizer.json", tokenizer),
        ("special_tokens_map.json", special),
        ("added_tokens.json", {}),
        ("model.safetensors.index.json", {"weight_map": {t: name for name, names in shards.items() for t in names}}),
    ):
        (whole / name).write_text(json.dumps(content))
    return [plain, whole, write_google_checkpoint(folder / "google", plain)]


def as_text(values: Any) -> bytes:
    """JSON, also of what `json.dumps` would not write; half of a surrogate pair as an escape or as bytes."""
    text = json.dumps(values)
    text = text.replace(f'"{NESTED}"', "[" * 100_000 + "]" * 100_000).replace(f'"{LONG}"', "9" * 5000)
    return text.encode()


def strange(rng: random.Random) -> Any:
    value = copy.deepcopy(rng.choice(STRANGE))
    for _ in range(rng.choice([0, 0, 0, 0, 1, 90, 120, 950])):
        value = [value] if rng.random() < 0.5 else {"a": value}
    return value


def change_json(values: Any, rng: random.Random) -> Any:
    """The same with a value exchanged, taken out, put in or named otherwise, anywhere within."""
    place = values
    while isinstance(place, (dict, list)) and place and rng.random() < 0.7:
        key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if not isinstance(place[key], (dict, list)) or not place[key]:
            break
        place = place[key]
    if not isinstance(place, (dict, list)) or not place or rng.random() < 0.02:
        return strange(rng)
    key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
    match rng.randrange(5):
        case 0:
            del place[key]
        case 1 if isinstance(place, dict):
            place[rng.choice([str(each)[:50] for each in STRANGE])] = place.pop(key)
        case 2 if isinstance(place, list):
            place.append(strange(rng))
        case _:
            place[key] = strange(rng)
    return values


def spoil_json(path: Path, rng: random.Random) -> None:
    with contextlib.suppress(ValueError, RecursionError):
        path.write_bytes(as_text(change_json(json.loads(path.read_bytes()), rng)))


def spoil_bytes(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    at = rng.randrange(len(content) + 1)
    match rng.randrange(5):
        case 0:
            del content[at:]
        case 1:
            content[at:at] = rng.choice([b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r\n", b"\n", b"[" * 5000])
        case 2:
            del content[at : at + rng.randrange(1, 40)]
        case 3:
            content[at : at + 1] = rng.randbytes(1)
        case 4:
            content[at:at] = content[max(0, at - rng.randrange(1, 200)) : at]
    path.write_bytes(content)


def spoil_header(path: Path, rng: random.Random) -> None:
    """Of a safetensors file: its length, or a tensor's name, type, shape or place."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header, data = content[8 : 8 + length], content[8 + length :]
    said = None
    if rng.random() < 0.1:
        said = rng.choice([0, 1, length - 1, length + 1, 2**31, 2**63, 2**64 - 1])
    else:
        with contextlib.suppress(ValueError, RecursionError):
            tensors = json.loads(header)
            name = rng.choice(sorted(tensors))
            match rng.randrange(5):
                case 0:
                    types = [
                        "F64",
                        "F16",
                        "BF16",
                        "I8",
                        "U8",
                        "BOOL",
                        "I64",
                        "F8_E4M3",
                        "F8_E5M2",
                        "F4",
                        "C64",
                        "X",
                        "",
                    ]
                    tensors[name]["dtype"] = rng.choice(types)
                case 1:
                    other = rng.choice([f"bert.{name}", name.replace("weight", "gamma"), "bert.bert.x", "", "\x1b[2J"])
                    tensors[other] = tensors.pop(name)
                case 2:
                    tensors[f"bert.{name}"] = tensors[name]
                case _:
                    tensors = change_json(tensors, rng)
            header = as_text(tensors)
    path.write_bytes((len(header) if said is None else said).to_bytes(8, "little") + header + data)


def spoil_values(path: Path, rng: random.Random) -> None:
    """A well-formed file of other numbers and types."""
    with contextlib.suppress(Exception), np.errstate(all="ignore"):
        tensors = load_file(path)
        name = rng.choice(sorted(tensors))
        value = np.array(tensors[name])
        value.reshape(-1)[rng.randrange(value.size)] = rng.choice([np.nan, np.inf, -np.inf, 1e38, 1e7, 3.0])
        tensors[name] = value.astype(rng.choice(["float16", "float32", "float64", "int8", "bool", "int64"]))
        if rng.random() < 0.3:
            tensors[name] = tensors[name].reshape(-1)[: rng.randrange(value.size)]
        save_file(tensors, path)


def spoil_index(path: Path, rng: random.Random) -> None:
    """Of a TensorFlow checkpoint: entries that say something else, below checksums that hold."""
    with contextlib.suppress(InputError):
        bundle = Bundle(path.with_suffix(""))
        entries, _ = bundle_entries({name: bundle.read(name) for name in bundle.names})
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(entries))
            key, value = entries[at]
            place = rng.randrange(len(value))
            match rng.randrange(6):
                case 0:
                    del entries[at]
                case 1:
                    entries.insert(rng.randrange(len(entries)), (rng.choice([key, b"", b"\xff", b"k" * 2000]), value))
                case 2:
                    entries[at] = key, value[:place]
                case 3:
                    entries[at] = key, value + rng.randbytes(rng.randrange(1, 12))
                case _:
                    entries[at] = key, value[:place] + rng.randbytes(1) + value[place + 1 :]
        path.write_bytes(table(entries, rng.choice([1, 100, 10_000])))


def spoil_file(path: Path, rng: random.Random) -> None:
    """Something else than a file of its own."""
    path.unlink()
    match rng.randrange(6):
        case 1:
            path.mkdir()
        case 2:
            path.symlink_to(path.parent.parent / CANARY / "file")
        case 3:
            path.symlink_to(path.name)
        case 4:
            os.mkfifo(path)
        case 5:
            path.symlink_to(rng.choice(["/dev/zero", "/dev/null", "/no/such/file", ".."]))


SPOIL: dict[str, list[Callable[[Path, random.Random], None]]] = {
    ".json": [spoil_json, spoil_json, spoil_json, spoil_json, spoil_bytes, spoil_file],
    ".txt": [spoil_bytes, spoil_bytes, spoil_file],
    ".index": [spoil_index, spoil_index, spoil_index, spoil_bytes, spoil_file],
    ".data-00000-of-00001": [spoil_bytes, spoil_bytes, spoil_file],
    ".safetensors": [spoil_header, spoil_header, spoil_header, spoil_values, spoil_values, spoil_bytes, spoil_file],
}


def case(model: Path, root: Path, rng: random.Random) -> None:
    """Copies the model and spoils some of it."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(model, root)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        path = rng.choice(sorted(root.iterdir()))
        if path.is_file() and not path.is_symlink():
            rng.choice(SPOIL[path.suffix])(path, rng)


def taken_or_refused(root: Path) -> str:
    """The message; empty where all is well. Anything but an InputError is a failure."""
    try:
        config = read_config(root)
        read_tokenizer(root)
        check_weights(root, config)
    except InputError as error:
        return str(error)
    return ""


def test_a_model_directory_of_any_content_is_taken_or_refused_with_a_message(
    models: list[Path], tmp_path: Path
) -> None:
    root, cases = tmp_path / "root", fuzz_cases(250)
    refused = 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for first in range(0, cases, _AT_A_TIME):
        with unchanged_around(root):
            for seed in range(first, min(first + _AT_A_TIME, cases)):
                case(models[seed % len(models)], root, random.Random(seed))  # noqa: S311
                started = time.process_time()
                try:
                    message = taken_or_refused(root)
                except Exception as error:
                    raise AssertionError(f"case {seed}") from error
                refused += bool(message)
                assert time.process_time() - started < MOST_SECONDS, seed
                assert len(message.encode()) < 4000, seed
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert more < MOST_MEGABYTES
    # Some changes change nothing that matters; a test that refuses nothing or everything tests nothing.
    assert cases * 0.5 < refused < cases


def test_what_the_cases_spoil_is_in_order_before(models: list[Path]) -> None:
    assert [taken_or_refused(model) for model in models] == ["", "", ""]
