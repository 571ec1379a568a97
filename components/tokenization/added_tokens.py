"""Tokens that were added to a vocabulary: gathered from the files that tell of them. Loads no TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from components.common.errors import InputError
from components.common.json_files import json_object, read_json, shown
from components.tokenization.tokenizer_json import DESCRIPTION, PUBLISHED, WHOLE, TokenizerJson
from components.tokenization.vocabulary import AddedToken

ADDED = "added_tokens.json"
"""Content -> id, in directories that were saved before `added_tokens_decoder` was."""

DECODER = "added_tokens_decoder"

MOST_ADDED = 1000
"""Each is looked for by itself in texts that hold one."""

_FLAGS = ("special", "normalized", "single_word", "lstrip", "rstrip")

_NAMED = tuple(f"{name}_token" for name in ("bos", "eos", "unk", "sep", "pad", "cls", "mask"))
"""In the order in which they are added where they are not in the vocabulary; before what else ends so."""

LISTS = ("extra_special_tokens", "additional_special_tokens")
"""Keys of `tokenizer_config.json`, the present one first: the other is read where it is empty."""


class _Entry(NamedTuple):
    place: str
    values: dict[str, Any]
    """`content` and the flags."""
    token_id: int | None
    """None: wherever it comes to stand."""


def content_of(value: Any) -> str | None:
    """The token in a value of `tokenizer_config.json`, which is a string or an object; None: it is neither."""
    value = value.get("content") if isinstance(value, dict) else value
    return value if isinstance(value, str) else None


def read_added_tokens(
    directory: Path,
    described: dict[str, Any],
    whole: TokenizerJson | None,
    vocabulary: tuple[str, ...],
    *,
    class_is_file: bool,
) -> tuple[AddedToken, ...]:
    """The added tokens, control tokens among them, by their ids.

    As in transformers 5: `added_tokens_decoder` has the word where it stands, and else `added_tokens.json` and then
    `tokenizer.json`; of a class that takes all from `tokenizer.json` both together. Special tokens that
    `tokenizer_config.json` names besides are added too. What is in the vocabulary has its id there, and the others
    have the ids behind it, in the order of the ids in the files.

    Args:
        directory: the model's.
        described: `tokenizer_config.json`, or nothing.
        whole: `tokenizer.json`.
        vocabulary: the tokens in the order of their ids.
        class_is_file: whether the tokenizer's class takes all from `tokenizer.json`.

    Raises:
        InputError: an id is another than the tokenizer would give, or a token is of a kind that is not supported.
    """
    place = str(directory / DESCRIPTION)
    stated = json_object(described.get(DECODER) or {}, f"{place}: {DECODER}", PUBLISHED)
    entries: dict[int, _Entry] = {}
    if DECODER not in described:
        entries |= _by_id(_legacy(directory, set(_special(described))))
    if whole is not None and (class_is_file or DECODER not in described):
        entries |= _by_id(
            _Entry(f"{directory / WHOLE}: added_tokens", each, each.get("id")) for each in whole.added_tokens
        )
    entries |= _by_id(
        _Entry(
            f"{place}: {DECODER}",
            json_object(each, f"{place}: {DECODER}", PUBLISHED),
            int(key) if key.isdecimal() and len(key) < 10 else None,
        )
        for key, each in stated.items()
    )
    gathered = [entry for _, entry in sorted(entries.items())]
    known = {content_of(entry.values) for entry in gathered}
    gathered += [
        _Entry(f"{place}: {key}", {"content": content, "special": True}, None)
        for content, key in _special(described).items()
        if content not in known
    ]
    return _with_ids(gathered, vocabulary)


def _special(described: dict[str, Any]) -> dict[str, str]:
    """The special tokens that `tokenizer_config.json` names -> the key that does."""
    found: dict[str, str] = {}
    for key in (*_NAMED, *(key for key in described if key.endswith("_token"))):
        if content := content_of(described.get(key)):
            found.setdefault(content, key)
    for value in special_list(described):
        if content := content_of(value):
            found.setdefault(content, LISTS[0])
    return found


def special_list(described: dict[str, Any]) -> list[Any]:
    """The special tokens of `tokenizer_config.json` that have no name there."""
    values = next((described[key] for key in LISTS if described.get(key)), None)
    return list(values.values()) if isinstance(values, dict) else values if isinstance(values, list) else []


def _legacy(directory: Path, special: set[str]) -> Iterator[_Entry]:
    path = directory / ADDED
    if path.exists():
        for content, token_id in read_json(path, PUBLISHED).items():
            yield _Entry(str(path), {"content": content, "special": content in special}, token_id)


def _by_id(entries: Iterable[_Entry]) -> dict[int, _Entry]:
    found = {}
    for entry in entries:
        if type(entry.token_id) is not int or entry.token_id < 0:
            problem = f"expected an id of {shown(entry.values.get('content'))}, got {shown(entry.token_id)}"
            raise InputError(entry.place, problem, PUBLISHED)
        found[entry.token_id] = entry
    return found


def _with_ids(entries: list[_Entry], vocabulary: tuple[str, ...]) -> tuple[AddedToken, ...]:
    """Each token with the id that a tokenizer gives it; one without content is none."""
    ids = {token: token_id for token_id, token in enumerate(vocabulary)}
    found = []
    for entry in entries:
        if entry.values.get("content") == "":
            continue
        token = _token(entry)
        token_id = ids.setdefault(token.content, len(ids))
        if entry.token_id not in (None, token_id):
            known = "in the vocabulary" if token_id < len(vocabulary) else "is the next free one"
            problem = f"the id of {token.content!r} is {entry.token_id} there, {token_id} {known}"
            raise InputError(entry.place, problem, "Take all files of the tokenizer from the same model.")
        found.append(dataclasses.replace(token, token_id=token_id))
    return tuple(sorted(found, key=lambda token: token.token_id))


def _token(entry: _Entry) -> AddedToken:
    """As the entry has it, with the id 0."""
    content = entry.values.get("content")
    if not isinstance(content, str):
        raise InputError(entry.place, f"expected content, a string, got {shown(content)}", PUBLISHED)
    # A token is looked for in the normalised text unless it is special: Hugging Face's default.
    flags = {"special": False, "normalized": not entry.values.get("special"), **entry.values}
    given = {key: flags[key] for key in _FLAGS if key in flags}
    for key, value in given.items():
        if not isinstance(value, bool):
            raise InputError(entry.place, f"expected {key} of {content!r} true or false, got {shown(value)}", PUBLISHED)
    return AddedToken(content=content, token_id=0, **given)


def check_supported(tokens: Iterable[AddedToken], place: str) -> None:
    """Refuses tokens that are not looked for in the normalised text as the library does it, and too many of them.

    Raises:
        InputError: there is one, or more than `MOST_ADDED`.
    """
    tokens = list(tokens)
    if len(tokens) > MOST_ADDED:
        problem = f"{len(tokens):,} added tokens, at most {MOST_ADDED:,} are looked for in texts"
        raise InputError(place, problem, "Put them into the vocabulary, or choose another base model.")
    for token in tokens:
        if token.normalized and (token.single_word or token.content != token.content.strip()):
            problem = (
                f"the added token {token.content!r} has normalized true, which is not supported with single_word or "
                "with white space at an end"
            )
            raise InputError(place, problem, "Set normalized to false, or choose another base model.")
        if token.normalized and not (token.content.isascii() and token.content.isprintable()):
            problem = f"the added token {token.content!r} has normalized true, supported is that for ASCII alone"
            raise InputError(place, problem, "Set normalized to false, or choose another base model.")
