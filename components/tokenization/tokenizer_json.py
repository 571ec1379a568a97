"""`tokenizer.json`, the whole tokenizer in one file: read, and refused where it is not BERT's. Loads no TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.common.errors import InputError
from components.common.json_files import json_object, read_json, shown
from components.tokenization.vocabulary import TokenizerSettings

WHOLE, DESCRIPTION = "tokenizer.json", "tokenizer_config.json"

HUGGING_FACE_CONFIG, GOOGLE_CONFIG = "config.json", "bert_config.json"
"""Where a base model's shape stands, in either of its forms."""

ENDS = 'BertProcessing, or the template "[CLS] $A [SEP] $B:1 [SEP]:1"'
"""The post-processors that are BERT's, in a message."""

PUBLISHED = "Take the file that was published with the model."

OTHER_MODEL = "Only tokenizers of BERT's kind are supported: choose another base model."


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenizerJson:
    """What the file says."""

    vocabulary: tuple[str, ...]
    lower_case: bool
    strip_accents: bool | None
    chinese_chars: bool
    unknown: str
    continuation: str
    longest_word: int
    ends: tuple[str, str] | None
    """The tokens before and behind a text; None: the file puts none there."""
    padding: str | None
    """None: it does not pad."""
    added_tokens: tuple[dict[str, Any], ...]
    """As they stand there."""


def config_name(directory: Path) -> str:
    """Of the file that states the shape of the base model in a directory."""
    is_google = (directory / GOOGLE_CONFIG).exists() and not (directory / HUGGING_FACE_CONFIG).exists()
    return GOOGLE_CONFIG if is_google else HUGGING_FACE_CONFIG


def read_flag(path: Path, values: dict[str, Any], key: str, default: bool | None) -> Any:
    """A boolean of a JSON object; null passes only where it is the default.

    Raises:
        InputError: the value is of another type.
    """
    value = values.get(key, default)
    if not isinstance(value, bool) and not (value is None and default is None):
        allowed = "true, false or null" if default is None else "true or false"
        raise InputError(f"{path}: {key}", f"expected {allowed}, got {shown(value)}", f"Set it to {allowed}.")
    return value


def read(path: Path) -> TokenizerJson:
    """Read a `tokenizer.json`.

    Raises:
        InputError: it is not JSON, or not WordPiece after BERT's normalizer and pre-tokenizer between [CLS] and [SEP].
    """
    values = read_json(path, PUBLISHED)
    normalizer = _part(path, values, "normalizer", "BertNormalizer")
    if not read_flag(path, normalizer, "clean_text", True):
        raise _not_bert(path, "normalizer", 'type "BertNormalizer" with clean_text true', normalizer)
    _part(path, values, "pre_tokenizer", "BertPreTokenizer")
    model = _model(path, values.get("model"))
    vocabulary = _vocabulary(path, model["vocab"])
    padding = values.get("padding")
    added = values.get("added_tokens") or []
    if not isinstance(added, list):
        raise InputError(f"{path}: added_tokens", f"expected a list, got {shown(added)}", PUBLISHED)
    return TokenizerJson(
        vocabulary=vocabulary,
        lower_case=read_flag(path, normalizer, "lowercase", True),
        strip_accents=read_flag(path, normalizer, "strip_accents", None),
        chinese_chars=read_flag(path, normalizer, "handle_chinese_chars", True),
        unknown=model["unk_token"],
        continuation=model["continuing_subword_prefix"],
        longest_word=model["max_input_chars_per_word"],
        ends=_ends(path, values.get("post_processor"), vocabulary),
        padding=str(padding["pad_token"]) if isinstance(padding, dict) and "pad_token" in padding else None,
        added_tokens=tuple(json_object(each, f"{path}: added_tokens", PUBLISHED) for each in added),
    )


def _not_bert(path: Path, part: str, expected: str, got: object) -> InputError:
    return InputError(f"{path}: {part}", f"expected {expected}, got {shown(got)}", OTHER_MODEL)


def _alone(value: Any, parts: str) -> Any:
    """What a sequence of one stands for: itself."""
    inner = value.get(parts) if isinstance(value, dict) and value.get("type") == "Sequence" else None
    return _alone(inner[0], parts) if isinstance(inner, list) and len(inner) == 1 else value


def _part(path: Path, values: dict[str, Any], name: str, kind: str) -> dict[str, Any]:
    part = _alone(values.get(name), f"{name}s".replace("pre_tokenizers", "pretokenizers"))
    if not isinstance(part, dict) or part.get("type") != kind:
        raise _not_bert(path, name, f'type "{kind}"' + " with clean_text true" * (name == "normalizer"), part)
    return part


def _model(path: Path, model: Any) -> dict[str, Any]:
    """The model, with the defaults of keys that it leaves out."""
    model = json_object(model, f"{path}: model", PUBLISHED)
    # The first files of the kind have no `type`.
    kind = model.get("type", "WordPiece" if "max_input_chars_per_word" in model else None)
    if kind != "WordPiece":
        raise InputError(f"{path}: model", f'expected type "WordPiece", got {shown(kind)}', OTHER_MODEL)
    usual = TokenizerSettings()
    model = {
        "unk_token": usual.unknown,
        "continuing_subword_prefix": usual.continuation,
        "max_input_chars_per_word": usual.longest_word,
        **model,
    }
    for key, expected, holds in (
        ("unk_token", "a token", lambda value: isinstance(value, str)),
        ("continuing_subword_prefix", "a mark such as ##", lambda value: isinstance(value, str) and value),
        ("max_input_chars_per_word", "an integer of at least 1", lambda value: type(value) is int and value >= 1),
        ("vocab", "an object of tokens and ids", lambda value: isinstance(value, dict) and value),
    ):
        if not holds(value := model.get(key)):
            raise InputError(f"{path}: model.{key}", f"expected {expected}, got {shown(value)}", PUBLISHED)
    return model


def _vocabulary(path: Path, ids: dict[str, Any]) -> tuple[str, ...]:
    """The tokens in the order of their ids, which are those from 0 without a gap."""
    place = f"{path}: model.vocab"
    for token, token_id in ids.items():
        if type(token_id) is not int or not 0 <= token_id < len(ids):
            problem = f"expected the ids 0 to {len(ids) - 1} of {len(ids)} tokens, {token!r} has {shown(token_id)}"
            raise InputError(place, problem, PUBLISHED)
        if "\n" in token or token.endswith("\r"):
            raise InputError(place, f"a token must not hold the end of a line, got {token!r}", OTHER_MODEL)
    tokens: list[str | None] = [None] * len(ids)
    for token, token_id in ids.items():
        if (other := tokens[token_id]) is not None:
            raise InputError(place, f"every id stands once, {other!r} and {token!r} have {token_id}", PUBLISHED)
        tokens[token_id] = token
    return tuple(ids) if list(ids.values()) == list(range(len(ids))) else tuple(str(token) for token in tokens)


def _ends(path: Path, processor: Any, vocabulary: tuple[str, ...]) -> tuple[str, str] | None:
    """What stands before and behind a text."""
    processor = _alone(processor, "processors")
    if processor is None:
        return None
    ends: tuple[tuple[Any, Any], ...] | None = None
    try:
        if processor["type"] == "BertProcessing":
            ends = tuple((processor[end][0], processor[end][1]) for end in ("cls", "sep"))
        elif processor["type"] == "TemplateProcessing":
            names = [processor["single"][place]["SpecialToken"]["id"] for place in (0, -1)]
            if (processor["single"], processor["pair"]) == _template(*names):
                ends = tuple((name, *processor["special_tokens"][name]["ids"]) for name in names)
    except (KeyError, IndexError, TypeError):
        ends = None
    if ends is None:
        raise _not_bert(path, "post_processor", ENDS, processor)
    for name, *ids in ends:
        if name not in vocabulary or ids != [vocabulary.index(name)]:
            known = vocabulary.index(name) if name in vocabulary else "none"
            problem = f"{name!r} has the id {shown(ids)[1:-1]} there, {known} in model.vocab"
            raise InputError(f"{path}: post_processor", problem, PUBLISHED)
    return str(ends[0][0]), str(ends[1][0])


def _template(start: str, separator: str) -> tuple[list[Any], list[Any]]:
    """What a template for one text and for two is in BERT's."""

    def token(name: str, segment: int) -> dict[str, Any]:
        return {"SpecialToken": {"id": name, "type_id": segment}}

    def text(name: str, segment: int) -> dict[str, Any]:
        return {"Sequence": {"id": name, "type_id": segment}}

    single = [token(start, 0), text("A", 0), token(separator, 0)]
    return single, [*single, text("B", 1), token(separator, 1)]
