"""A model directory of Hugging Face's to the tokenizer that it describes. Loads no TensorFlow.

What is not WordPiece after BERT's normalizer and pre-tokenizer is refused by name: it would be cut into other tokens
than the model has learned.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

from components.common.errors import InputError
from components.common.json_files import read_json, shown
from components.tokenization import added_tokens, tokenizer_json
from components.tokenization.added_tokens import content_of
from components.tokenization.tokenizer_json import (
    DESCRIPTION,
    ENDS,
    GOOGLE_CONFIG,
    OTHER_MODEL,
    PUBLISHED,
    WHOLE,
    TokenizerJson,
    config_name,
    read_flag,
)
from components.tokenization.vocabulary import (
    CONTINUATION,
    LONGEST_OF_GOOGLE,
    NEEDED,
    AddedToken,
    Tokenizer,
    TokenizerSettings,
    cased_token,
    read_vocabulary,
    without_vocabulary,
)

VOCABULARY = "vocab.txt"

SPECIAL = "special_tokens_map.json"

TOKENIZER_FILES = (VOCABULARY, DESCRIPTION, WHOLE, added_tokens.ADDED, SPECIAL)
"""All that a tokenizer is read from, beside the model's own config."""

_BERT_CLASSES = tuple(
    f"{name}Tokenizer"
    for name in ("Bert", "ConvBert", "DistilBert", "Electra", "LayoutLM", "Lxmert", "MobileBert", "SqueezeBert")
)
"""Classes that are BertTokenizer or differ from it in name alone, with or without `Fast` at the end."""

_FILE_CLASSES = ("PreTrainedTokenizer", "TokenizersBackend")
"""Classes that take all from tokenizer.json."""

_SAME_MODEL = "Take all files of the tokenizer from the same model."

NAMES = {
    "unknown": "unk_token",
    "start": "cls_token",
    "separator": "sep_token",
    "padding": "pad_token",
    "mask": "mask_token",
}
"""The settings' control tokens -> what Hugging Face calls them."""

_SENTENCE_PIECE = "▁"
"""Begins a word in SentencePiece's vocabularies, where WordPiece marks what does not begin one."""


class _Files(NamedTuple):
    """What stands in the directory."""

    directory: Path
    config: str
    """Name of the file with the model's shape."""
    model: dict[str, Any]
    """What that says."""
    description: dict[str, Any] | None
    """tokenizer_config.json; None: there is none."""
    whole: TokenizerJson | None
    class_is_file: bool
    """Whether the tokenizer's class takes all from tokenizer.json."""

    @property
    def place(self) -> str:
        return str(self.directory / DESCRIPTION)


def read_tokenizer(model: Path, *, parses_control_tokens: bool = False) -> Tokenizer:
    """Read the tokenizer of a base model.

    Where files contradict each other, it is as in transformers 5: BertTokenizer is made anew of the vocabulary and of
    `tokenizer_config.json`, a key that this leaves out has its default; PreTrainedTokenizerFast is `tokenizer.json`.
    Without `tokenizer_config.json`, `tokenizer.json` decides, and without either the vocabulary. Where the vocabulary
    stands beside Google's `bert_config.json`, it is as in google-research/bert's `tokenization.py`.

    Args:
        model: a directory with `tokenizer.json`, `vocab.txt` or both, or the path prefix of a checkpoint in it.
        parses_control_tokens: whether [SEP], typed in a text, is the control token, as for AutoTokenizer.

    Returns:
        The tokenizer; its padding id is the model's.

    Raises:
        InputError: a file is missing, broken or contradicts another one, the vocabulary lacks a control token or is
            larger than the model's embedding, or the tokenizer is not of BERT's kind.
    """
    model_dir = model if model.is_dir() else model.parent
    files = _read_files(model_dir)
    vocabulary = _vocabulary(files)
    described = _with_special_map(files)
    names = _names(files, described)
    _check_vocabulary(files, vocabulary, names)
    if not files.class_is_file:
        described = {key: names[name] for name, key in NAMES.items()} | described
    added = added_tokens.read_added_tokens(
        model_dir, described, files.whole, vocabulary, class_is_file=files.class_is_file
    )
    control = set(names.values())
    honoured = tuple(token for token in added if token.content not in control)
    if parses_control_tokens:
        honoured += tuple(
            AddedToken(content=token, token_id=vocabulary.index(token), special=True)
            for token in sorted(control & set(vocabulary), key=vocabulary.index)
        )
    added_tokens.check_supported(honoured, str(model_dir))
    normalizer, about_case = _normalizer(files, vocabulary, {*control, *(token.content for token in added)})
    usual = LONGEST_OF_GOOGLE if files.config == GOOGLE_CONFIG else normalizer.longest_word
    settings = dataclasses.replace(
        normalizer,
        unknown=names["unknown"],
        start=names["start"],
        separator=names["separator"],
        padding=names["padding"],
        mask=names["mask"],
        continuation=files.whole.continuation if files.whole else normalizer.continuation,
        longest_word=files.whole.longest_word if files.whole else usual,
        added_tokens=honoured,
    )
    tokenizer = Tokenizer(vocabulary=vocabulary, settings=settings, about_case=about_case)
    _check_against_model(files, tokenizer)
    return tokenizer


def _read_files(directory: Path) -> _Files:
    def read(name: str) -> dict[str, Any] | None:
        return read_json(directory / name, PUBLISHED) if (directory / name).exists() else None

    config = config_name(directory)
    model, description = read(config) or {}, read(DESCRIPTION)
    class_is_file = _takes_all_from_file(directory, config, model, description or {})
    path = directory / WHOLE
    if path.exists():
        whole = tokenizer_json.read(path)
        if class_is_file and whole.ends is None:
            raise InputError(f"{path}: post_processor", f"expected {ENDS}, got null", OTHER_MODEL)
        return _Files(directory, config, model, description, whole, class_is_file)
    if class_is_file:
        problem = f"expected a file, from which {DESCRIPTION}'s tokenizer_class takes everything; there is none"
        raise InputError(str(path), problem, PUBLISHED)
    return _Files(directory, config, model, description, None, False)


def _takes_all_from_file(directory: Path, config: str, model: dict[str, Any], description: dict[str, Any]) -> bool:
    """Whether the tokenizer's class is one that is tokenizer.json and nothing else; refuses what is not BERT's."""
    key, source = "tokenizer_class", DESCRIPTION if description.get("tokenizer_class") else config
    name = description.get(key) or model.get(key) or "BertTokenizer"
    plain = str(name).removesuffix("Fast")
    if plain not in (*_BERT_CLASSES, *_FILE_CLASSES):
        problem = f"expected BertTokenizer or a class that cuts as it does, got {shown(name)}"
        raise InputError(f"{directory / source}: {key}", problem, OTHER_MODEL)
    place = directory / DESCRIPTION
    for key, kind in (("word_tokenizer_type", "basic"), ("subword_tokenizer_type", "wordpiece")):
        if description.get(key) not in (None, kind):
            raise InputError(f"{place}: {key}", f'expected "{kind}", got {shown(description[key])}', OTHER_MODEL)
    auto_map = description.get("auto_map")
    if isinstance(auto_map, list) or (isinstance(auto_map, dict) and "AutoTokenizer" in auto_map):
        problem = f"expected none of Hugging Face's own classes to be replaced, got {shown(auto_map)}"
        raise InputError(f"{place}: auto_map", problem, f"Code that comes with a model is not run. {OTHER_MODEL}")
    return plain in _FILE_CLASSES


def _vocabulary(files: _Files) -> tuple[str, ...]:
    """The tokens in the order of their ids, equal in both files where there are both."""
    path, whole = files.directory / VOCABULARY, files.whole
    if whole is None:
        if not path.exists():
            raise without_vocabulary(files.directory, (VOCABULARY, WHOLE))
        return tuple(read_vocabulary(path))
    if path.exists():
        behind = {str(each.get("id")): each.get("content") for each in whole.added_tokens}
        lines = read_vocabulary(path)
        for token_id, token in enumerate(lines):
            other = whole.vocabulary[token_id] if token_id < len(whole.vocabulary) else behind.get(str(token_id))
            if token != other:
                has = "has no such id" if other is None else f"has {other!r}"
                raise InputError(
                    f"{path}:{token_id + 1}", f"the id {token_id} is {token!r}, {WHOLE} {has}", _SAME_MODEL
                )
        if len(lines) < len(whole.vocabulary):
            problem = f"the id {len(lines)} is missing, {WHOLE} has {whole.vocabulary[len(lines)]!r}"
            raise InputError(str(path), problem, _SAME_MODEL)
    return whole.vocabulary


def _with_special_map(files: _Files) -> dict[str, Any]:
    """`tokenizer_config.json`, with the special tokens of the file that older directories have for them."""
    path, described = files.directory / SPECIAL, files.description or {}
    if added_tokens.DECODER in described or not path.exists():
        return described
    # The list there does not take the place of the one here.
    kept = {added_tokens.LISTS[0]: added_tokens.special_list(described)}
    return described | kept | read_json(path, PUBLISHED)


def _names(files: _Files, described: dict[str, Any]) -> dict[str, str]:
    """The control tokens, of which the files must not say different things."""
    whole, defaults = files.whole, TokenizerSettings()
    ends = (whole.ends if whole else None) or (None, None)
    of_file = {
        "unknown": whole.unknown if whole else None,
        "start": ends[0],
        "separator": ends[1],
    }
    names = {}
    for name, key in NAMES.items():
        value, other = described.get(key), of_file.get(name)
        stated = content_of(value)
        if stated is None and value is not None:
            raise InputError(f"{files.place}: {key}", f"expected a token, got {shown(value)}", PUBLISHED)
        if stated and other and stated != other:
            raise InputError(f"{files.place}: {key}", f"{stated!r} here, {other!r} in {WHOLE}", _SAME_MODEL)
        padding = whole.padding if whole and name == "padding" else None
        names[name] = stated or other or padding or getattr(defaults, name)
    return names


def _normalizer(files: _Files, vocabulary: tuple[str, ...], special: set[str]) -> tuple[TokenizerSettings, str]:
    """The settings of BERT's normalizer, and what is to be said of the case."""
    whole, description = files.whole, files.description
    cased = cased_token(vocabulary, special)
    but = f"but the vocabulary holds {cased!r}" if cased else ""
    if whole is not None and (files.class_is_file or description is None):
        settings = TokenizerSettings(
            lower_case=whole.lower_case, strip_accents=whole.strip_accents, chinese_chars=whole.chinese_chars
        )
    elif description is not None:
        path = files.directory / DESCRIPTION
        settings = TokenizerSettings(
            lower_case=read_flag(path, description, "do_lower_case", True),
            strip_accents=read_flag(path, description, "strip_accents", None),
            chinese_chars=read_flag(path, description, "tokenize_chinese_chars", True),
        )
        if cased and "do_lower_case" not in description:
            return settings, f"the default where {DESCRIPTION} has no do_lower_case, {but}"
    else:
        # BertTokenizer would lower-case. Every cased token would then be out of reach, most words of a text would be
        # cut otherwise than when the model learned them, and nothing would fail.
        found = repr(cased) if cased else "no capital letter"
        return TokenizerSettings(lower_case=cased is None), f"as the vocabulary holds {found}: no file says which"
    return settings, but if settings.lower_case else ""


def _check_vocabulary(files: _Files, vocabulary: tuple[str, ...], names: dict[str, str]) -> None:
    """Refuses a vocabulary of another kind, and one without control tokens."""
    source = VOCABULARY if files.whole is None else WHOLE
    place, continuation = str(files.directory / source), files.whole.continuation if files.whole else CONTINUATION
    begins = [token for token in vocabulary if token.startswith(_SENTENCE_PIECE) and token != _SENTENCE_PIECE]
    if len(begins) > sum(token.startswith(continuation) for token in vocabulary):
        problem = (
            f"expected WordPiece's pieces, {len(begins):,} of {len(vocabulary):,} tokens begin with "
            f"{_SENTENCE_PIECE} as SentencePiece's do: {begins[0]!r}"
        )
        raise InputError(place, problem, OTHER_MODEL)
    known = set(vocabulary)
    if missing := [names[name] for name in NEEDED if names[name] not in known]:
        problem = f"expected the control tokens of BERT, {', '.join(missing)} not found"
        raise InputError(place, problem, f"Take the {source} that was published with the model.")


_VOCAB_SIZE = 30522
"""What a config.json means that has no `vocab_size` (transformers' BertConfig)."""


def _check_against_model(files: _Files, tokenizer: Tokenizer) -> None:
    """Holds the ids against the model's own config."""
    # A vocabulary by itself has no model yet.
    size = files.model.get("vocab_size", _VOCAB_SIZE) if files.model else None
    padding_id = files.model.get("pad_token_id")
    source = VOCABULARY if files.whole is None else WHOLE
    if type(size) is int and len(tokenizer.vocabulary) > size:
        problem = f"expected 1 to {size} tokens ({files.config}'s vocab_size), got {len(tokenizer.vocabulary)}"
        raise InputError(
            str(files.directory / source), problem, f"Take {source} and {files.config} from the same model."
        )
    for token in tokenizer.settings.added_tokens:
        if type(size) is int and token.token_id >= size:
            problem = f"the added token {token.content!r} has the id {token.token_id}, the model has {size} embeddings"
            remedy = (
                "Save the model again after resize_token_embeddings, or take the token out of the tokenizer's files."
            )
            raise InputError(str(files.directory), problem, remedy)
    if padding_id is not None and padding_id != tokenizer.padding_id:
        problem = (
            f"pad_token_id is {shown(padding_id)}, the tokenizer's padding token {tokenizer.settings.padding!r} has "
            f"the id {tokenizer.padding_id}"
        )
        raise InputError(str(files.directory / files.config), problem, "Take all files from the same model.")
