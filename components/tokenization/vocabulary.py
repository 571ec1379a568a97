"""What a BERT directory says about its tokenizer: the vocabulary and the settings. Loads no TensorFlow."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.common.errors import InputError

PAD, UNKNOWN, START, SEPARATOR = "[PAD]", "[UNK]", "[CLS]", "[SEP]"

CONTINUATION = "##"
"""Begins a piece that goes on with a word."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenizerSettings:
    """How the base model's own tokenizer treats a text before it is cut into word pieces.

    The defaults are those of BERT's reference for an uncased model.
    """

    lower_case: bool = True
    """Lower-case every character by itself (`do_lower_case`)."""
    strip_accents: bool | None = None
    """Decompose the text (NFD) and drop non-spacing marks; None: as `lower_case`."""
    chinese_chars: bool = True
    """Make every CJK ideograph a word of its own (`tokenize_chinese_chars`)."""

    @property
    def strips_accents(self) -> bool:
        """`strip_accents` with None resolved."""
        return self.lower_case if self.strip_accents is None else self.strip_accents


def token_lines(content: str) -> list[str]:
    """The lines of a `vocab.txt`, a token each, in the order of their ids from 0.

    LF or CRLF ends a line and nothing else does, since U+0085 or U+2028 may be tokens of a multilingual vocabulary.
    """
    content = content.removesuffix("\n")
    return [line.removesuffix("\r") for line in content.split("\n")] if content else []


def read_vocabulary(path: Path) -> list[str]:
    """Read and check a `vocab.txt`.

    Args:
        path: the file, UTF-8; its lines as `token_lines` has them.

    Returns:
        The tokens in the order of their ids.

    Raises:
        InputError: the file cannot be read, is empty or not UTF-8, has a token twice, or lacks [PAD], [UNK], [CLS]
            or [SEP].
    """
    remedy = "Take the vocab.txt that was published with the model."
    tokens = token_lines(_read(path, remedy))
    if not tokens:
        raise InputError(str(path), "expected one token a line, got an empty file", remedy)
    ids: dict[str, int] = {}
    for number, token in enumerate(tokens):
        if token in ids:
            raise InputError(
                f"{path}:{number + 1}", f"every token stands once, {token!r} is on line {ids[token] + 1} too", remedy
            )
        ids[token] = number
    if missing := [token for token in (PAD, UNKNOWN, START, SEPARATOR) if token not in ids]:
        raise InputError(str(path), f"expected the control tokens of BERT, {', '.join(missing)} not found", remedy)
    return list(ids)


def read_settings(model_dir: Path) -> TokenizerSettings:
    """Read the tokenizer settings of a Hugging Face model directory.

    `tokenizer_config.json` decides, as it does for Hugging Face's own BertTokenizer; a key it leaves out has its
    default. Without that file the normalizer in `tokenizer.json` decides, and without either all is default.

    Args:
        model_dir: the directory.

    Returns:
        The settings.

    Raises:
        InputError: a file is not UTF-8 or not JSON, a value has the wrong type, or the normalizer is not BERT's.
    """
    config, fast = model_dir / "tokenizer_config.json", model_dir / "tokenizer.json"
    if config.exists():
        values = _read_object(config)
        return TokenizerSettings(
            lower_case=_flag(config, values, "do_lower_case", True),
            strip_accents=_flag(config, values, "strip_accents", None),
            chinese_chars=_flag(config, values, "tokenize_chinese_chars", True),
        )
    if fast.exists():
        values = _read_object(fast).get("normalizer") or {}
        is_bert = isinstance(values, dict) and values.get("type") == "BertNormalizer"
        if not is_bert or not _flag(fast, values, "clean_text", True):
            raise InputError(
                f"{fast}: normalizer",
                f'expected type "BertNormalizer" with clean_text true, got {json.dumps(values, ensure_ascii=False)}',
                "Only tokenizers of BERT's kind are supported: choose another base model.",
            )
        return TokenizerSettings(
            lower_case=_flag(fast, values, "lowercase", True),
            strip_accents=_flag(fast, values, "strip_accents", None),
            chinese_chars=_flag(fast, values, "handle_chinese_chars", True),
        )
    return TokenizerSettings()


def _read(path: Path, remedy: str) -> str:
    """Return the text of a UTF-8 file, line ends as they are."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(str(path), f"expected a readable file: {error.strerror}", remedy) from error
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}:{line}", f"expected UTF-8, got the byte 0x{content[error.start]:02x}", remedy
        ) from error


def _read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file."""
    remedy = "Take the file that was published with the model."
    try:
        values = json.loads(_read(path, remedy))
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}", f"expected JSON: {error.msg}", remedy) from error
    if not isinstance(values, dict):
        raise InputError(str(path), f"expected a JSON object, got {type(values).__name__}", remedy)
    return values


def _flag(path: Path, values: dict[str, Any], key: str, default: bool | None) -> Any:
    """Return a boolean of a JSON object; null passes only where it is the default."""
    value = values.get(key, default)
    if not isinstance(value, bool) and not (value is None and default is None):
        allowed = "true, false or null" if default is None else "true or false"
        raise InputError(f"{path}: {key}", f"expected {allowed}, got {json.dumps(value)}", f"Set it to {allowed}.")
    return value
