"""What a tokenizer is made of: its vocabulary and its settings, as data. Loads no TensorFlow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from components.common.errors import InputError
from components.common.json_files import read_text

PAD, UNKNOWN, START, SEPARATOR, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
"""BERT's names of the control tokens; a tokenizer may have others."""

CONTINUATION = "##"
"""BERT's mark of a piece that goes on with a word; a tokenizer may have another."""


LONGEST_OF_GOOGLE = 200
"""`max_input_chars_per_word` in google-research/bert's tokenization.py, where Hugging Face's tokenizers have 100."""

NEEDED = ("padding", "unknown", "start", "separator")
"""Settings that name a control token which every vocabulary has to have."""


_OTHER_KINDS = {"*.model": "SentencePiece", "*.spm": "SentencePiece", "merges.txt": "byte-pair encoding"}
"""Files of tokenizers that are not WordPiece -> what they are."""

_UNUSED = re.compile(r"\[unused\d+\]")

_BERTS = "bert-base-uncased, or bert-base-multilingual-cased for other languages than English"


@dataclass(frozen=True, kw_only=True, slots=True)
class AddedToken:
    """A token that is found in a text before all else, and is cut into no pieces (Hugging Face's `AddedToken`)."""

    content: str
    token_id: int
    special: bool = False
    """Whether decoding leaves it out; it makes no difference to what is found."""
    normalized: bool = False
    """Looked for in the normalised text: with lower-casing in whatever case. False: in the text as it is."""
    single_word: bool = False
    """Found only where no letter, digit or underscore is next to it."""
    lstrip: bool = False
    """The white space before it belongs to it."""
    rstrip: bool = False
    """The white space behind it belongs to it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenizerSettings:
    """How the base model's own tokenizer cuts a text into tokens.

    The defaults are those of BERT's reference for an uncased model. `dataclasses.asdict` of them can be written as
    JSON, and `TokenizerSettings(**read)` gives them back.
    """

    lower_case: bool = True
    """Lower-case every character by itself (`do_lower_case`)."""
    strip_accents: bool | None = None
    """Decompose the text (NFD) and drop non-spacing marks; None: as `lower_case`."""
    chinese_chars: bool = True
    """Make every CJK ideograph a word of its own (`tokenize_chinese_chars`)."""
    unknown: str = UNKNOWN
    start: str = START
    separator: str = SEPARATOR
    padding: str = PAD
    mask: str = MASK
    """Not always in the vocabulary."""
    continuation: str = CONTINUATION
    """Begins a piece that goes on with a word (`continuing_subword_prefix`)."""
    longest_word: int = 100
    """A word of more characters than this, counted after normalising, is unknown (`max_input_chars_per_word`)."""
    added_tokens: tuple[AddedToken, ...] = ()
    """By their ids; without the control tokens above, which stay text where a text has them."""

    def __post_init__(self) -> None:
        added = tuple(AddedToken(**each) if isinstance(each, Mapping) else each for each in self.added_tokens)
        object.__setattr__(self, "added_tokens", added)

    @property
    def strips_accents(self) -> bool:
        """`strip_accents` with None resolved."""
        return self.lower_case if self.strip_accents is None else self.strip_accents

    @property
    def control_tokens(self) -> tuple[str, ...]:
        """Those that every vocabulary has to have."""
        return tuple(getattr(self, name) for name in NEEDED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokenizer:
    """A vocabulary and the settings that belong to it."""

    vocabulary: tuple[str, ...]
    """The pieces and the control tokens in the order of their ids. An added token may have an id behind them."""
    settings: TokenizerSettings = field(default_factory=TokenizerSettings)
    about_case: str = field(default="", compare=False)
    """What is to be said of `settings.lower_case`: that no file states it, that the vocabulary speaks against it."""

    @property
    def padding_id(self) -> int:
        """Id that fills rows up to equal length."""
        return self.vocabulary.index(self.settings.padding)

    @property
    def unknown_id(self) -> int:
        """Id of a word that no pieces make up."""
        return self.vocabulary.index(self.settings.unknown)

    @property
    def start_id(self) -> int:
        """Id of [CLS]."""
        return self.vocabulary.index(self.settings.start)

    @property
    def separator_id(self) -> int:
        """Id of [SEP]."""
        return self.vocabulary.index(self.settings.separator)

    @property
    def mask_id(self) -> int | None:
        """Id of [MASK]; None: the vocabulary has none."""
        return self.vocabulary.index(self.settings.mask) if self.settings.mask in self.vocabulary else None

    @property
    def tokens(self) -> tuple[str, ...]:
        """The token of every id that a text can have: `vocabulary`, and the added tokens behind it."""
        behind = {each.token_id: each.content for each in self.settings.added_tokens}
        # The one id that may be missing among them is that of a [MASK] that is not in the vocabulary.
        ids = range(len(self.vocabulary), max(behind, default=-1) + 1)
        return (*self.vocabulary, *(behind.get(token_id, self.settings.mask) for token_id in ids))

    def continues_word(self, token_id: int) -> bool:
        """Whether a token is a piece that goes on with a word."""
        return token_id < len(self.vocabulary) and self.vocabulary[token_id].startswith(self.settings.continuation)


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
        InputError: the file cannot be read, is empty or not UTF-8, or has a token twice.
    """
    remedy = "Take the vocab.txt that was published with the model."
    tokens = token_lines(read_text(path, remedy))
    if not tokens:
        raise InputError(str(path), "expected one token a line, got an empty file", remedy)
    ids: dict[str, int] = {}
    for number, token in enumerate(tokens):
        if token in ids:
            raise InputError(
                f"{path}:{number + 1}", f"every token stands once, {token!r} is on line {ids[token] + 1} too", remedy
            )
        ids[token] = number
    return list(ids)


def write_vocabulary(path: Path, vocabulary: tuple[str, ...]) -> None:
    """Writes a `vocab.txt` that `read_vocabulary` reads."""
    path.write_bytes("".join(f"{token}\n" for token in vocabulary).encode())


def cased_token(vocabulary: Iterable[str], special: set[str]) -> str | None:
    """The first token that lower-casing would change."""
    return next(
        (
            token
            for token in vocabulary
            if token.lower() != token and token not in special and not _UNUSED.fullmatch(token)
        ),
        None,
    )


def without_vocabulary(directory: Path, names: tuple[str, str]) -> InputError:
    """What is wrong with a directory that has neither file of a vocabulary: its tokenizer may be of another kind."""
    neither = f"there is neither {' nor '.join(names)}"
    for pattern, kind in _OTHER_KINDS.items():
        for path in sorted(directory.glob(pattern)):
            problem = f"{neither}: {path.name} is of a tokenizer of another kind, {kind}, not of BERT's WordPiece"
            remedy = f"The model knows no other pieces: choose a base model with {names[0]}, such as {_BERTS}."
            return InputError(str(directory), problem, remedy)
    remedy = f"Add the one that was published with the model; a model without them is not BERT's kind: take {_BERTS}."
    return InputError(str(directory), neither, remedy)
