"""`[vocabulary]`: the WordPiece vocabulary that is learned."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from components.common.json_files import shown
from components.settings.fields import ConflictError, Count, PathText, Strings, settings

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""Without which no BERT can be pre-trained, in the order of their ids."""


@settings
class Vocabulary:
    """The WordPiece vocabulary that a run with `kind = "vocabulary"` learns, and the tokenizer that it is for."""

    size: Annotated[int, Field(ge=10, le=1_000_000)] = 30_000
    """How many pieces it has, the special tokens included: as many, or the run stops and says how many there are.
    Example: `size = 8000`"""
    lower_case: bool = True
    """Whether texts are lower-cased. Example: `lower_case = false`"""
    strip_accents: bool | None = None
    """Whether accents are taken off letters; default: as `lower_case`. Example: `strip_accents = false`"""
    chinese_chars: bool = True
    """Whether every CJK ideograph is a word of its own. Example: `chinese_chars = false`"""
    special_tokens: Strings = SPECIAL_TOKENS
    """The first tokens, in the order of their ids: BERT's five, and others that no text has a piece of.
    Example: `special_tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused1]"]`"""
    min_count: Count = 2
    """A word that stands in the documents less often is not learned from. Example: `min_count = 5`"""
    max_characters: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """So many different characters become pieces, the most frequent ones; a word with another one is not learned from,
    and unknown to the vocabulary. Example: `max_characters = 6000`"""
    characters: Strings = ()
    """The characters that may become pieces, each by itself or as a range; default: all. As they are after
    lower-casing. Example: `characters = ["a-z", "0-9", "!-/", "ä", "ö", "ü", "ß"]`"""
    reference: PathText | None = None
    """A base model, a directory or hf://organisation/name, whose vocabulary is measured on the same documents, to
    compare with. Example: `reference = "hf://google-bert/bert-base-uncased"`"""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if missing := [token for token in SPECIAL_TOKENS if token not in self.special_tokens]:
            problem = f"`vocabulary.special_tokens` lacks {', '.join(missing)}"
            raise ConflictError("special_tokens", problem, "Add what is missing: BERT is not pre-trained without")
        if len(set(self.special_tokens)) < len(self.special_tokens):
            twice = next(token for token in self.special_tokens if self.special_tokens.count(token) > 1)
            raise ConflictError("special_tokens", f"`vocabulary.special_tokens` has {shown(twice)} twice", "Delete one")
        for token in self.special_tokens:
            plain = token.isascii() and token.isprintable() and " " not in token
            # What a text could hold a piece of would be one.
            if not plain or len(token) < 3 or token.isalnum() or token.startswith("##"):
                problem = f"`vocabulary.special_tokens` holds {shown(token)}"
                raise ConflictError("special_tokens", problem, "Give printable ASCII with a sign in it, as [NAME]")
        if self.size <= len(self.special_tokens):
            problem = f"`vocabulary.size` is {self.size}, the {len(self.special_tokens)} special tokens leave no room"
            raise ConflictError("size", problem, "Raise it")
        for one in self.characters:
            first, last = (one[0], one[-1]) if len(one) in (1, 3) else ("b", "a")
            if first > last or (len(one) == 3 and one[1] != "-"):
                problem = f"`vocabulary.characters` holds {shown(one)}, no character and no range of them"
                raise ConflictError("characters", problem, 'Write "x", or "a-z" with the lower one first')
            if self.lower_case and any(chr(code).lower() != chr(code) for code in range(ord(first), ord(last) + 1)):
                problem = f"`vocabulary.characters` holds {shown(one)}, but with `lower_case` no text has a capital"
                raise ConflictError("characters", problem, "Give the lower-case ones, or set lower_case = false")
        return self

    @property
    def allowed(self) -> frozenset[str] | None:
        """The characters that may become pieces; None: all."""
        if not self.characters:
            return None
        spans = (range(ord(one[0]), ord(one[-1]) + 1) for one in self.characters)
        return frozenset(chr(code) for span in spans for code in span)
