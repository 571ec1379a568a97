"""Counts of words to a WordPiece vocabulary, by the learner of TensorFlow Text.

The learner (`tensorflow_text.tools.wordpiece_vocab`) takes counts and a threshold: the pieces that stand in words at
least so often become tokens, each piece counted without the longer ones that it begins. The threshold is looked for
here, so that the vocabulary has as many tokens as asked for, no more and no fewer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib import util
from pathlib import Path
from typing import Any, NamedTuple

from components.common.errors import InputError
from components.settings.kinds.vocabulary import Vocabulary
from components.tokenization.learning.word_counts import Counts
from components.tokenization.vocabulary import CONTINUATION, TokenizerSettings

LEARNED_FILE = "learned.json"
"""Beside what is pushed: `Learned` with the number of its tokens in place of them."""

_MORE = 1.05
"""A vocabulary of up to so many times the tokens is near enough to be cut to size."""

_ITERATIONS = 4
"""As the learner has it by default: after the first, only where words are cut into pieces do pieces begin."""


class Learned(NamedTuple):
    """What was learned."""

    tokens: tuple[str, ...]
    """In the order of their ids: the special ones, characters, pieces from the most frequent one on."""
    words: int
    """Different words that it was learned from."""
    threshold: int
    """Times that a piece stands in these, at least."""
    characters: int
    """Different ones that are tokens."""


def tokenizer_settings(vocabulary: Vocabulary) -> TokenizerSettings:
    """The tokenizer that a vocabulary is for."""
    return TokenizerSettings(
        lower_case=vocabulary.lower_case,
        strip_accents=vocabulary.strip_accents,
        chinese_chars=vocabulary.chinese_chars,
    )


def learn(
    counts: Counts, vocabulary: Vocabulary, place: str, advance: Callable[[str], None] = lambda text: None
) -> Learned:
    """Learns a vocabulary.

    Args:
        counts: of the words of `BasicWords`.
        vocabulary: what is asked for.
        place: what a message is about.
        advance: called after each try with what it gave.

    Raises:
        InputError: no words are left, their characters alone are more tokens than asked for, or all that can be learned
            of them are fewer.
    """
    allowed = _characters(counts, vocabulary)
    words = [(word, count) for word, count in counts if count >= vocabulary.min_count and allowed.issuperset(word)]
    if not words:
        problem = f"no word stands {vocabulary.min_count} times in it, of characters that are allowed"
        raise InputError(place, problem, "Give more documents, or lower vocabulary.min_count")
    needed = _single(words, vocabulary.special_tokens)
    if len(needed) > vocabulary.size:
        problem = (
            f"vocabulary.size is {vocabulary.size:,}, the special tokens and the {len(allowed & _in(words)):,} "
            f"characters, at the beginning of a word and within, are {len(needed):,} tokens"
        )
        raise InputError(place, problem, "Raise it, or lower vocabulary.max_characters")
    tokens, threshold = _search(words, vocabulary, needed, advance)
    if len(tokens) < vocabulary.size:
        problem = f"vocabulary.size is {vocabulary.size:,}, these documents give {len(tokens):,} tokens"
        remedy = f"Lower vocabulary.size, lower vocabulary.min_count ({vocabulary.min_count}), or give more documents"
        raise InputError(place, problem, remedy)
    return Learned(_cut(tokens, needed, vocabulary.size), len(words), threshold, len(allowed & _in(words)))


def _characters(counts: Counts, vocabulary: Vocabulary) -> frozenset[str]:
    """Those that may become tokens: the most frequent ones of all that are allowed."""
    found: Counter[str] = Counter()
    for word, count in counts:
        for character in word:
            found[character] += count
    wanted = (one for one in found.items() if vocabulary.allowed is None or one[0] in vocabulary.allowed)
    ordered = sorted(wanted, key=lambda one: (-one[1], one[0]))
    return frozenset(character for character, _ in ordered[: vocabulary.max_characters])


def _in(words: Counts) -> frozenset[str]:
    return frozenset(character for word, _ in words for character in word)


def _single(words: Counts, special_tokens: Iterable[str]) -> frozenset[str]:
    """The tokens that are needed in any case: special ones, and those by which each word can be spelled out."""
    within = {character for word, _ in words for character in word[1:]}
    return frozenset([*special_tokens, *_in(words), *(f"{CONTINUATION}{character}" for character in within)])


def _search(
    words: Counts, vocabulary: Vocabulary, needed: frozenset[str], advance: Callable[[str], None]
) -> tuple[list[str], int]:
    """The tokens by the highest threshold, nearly, that gives enough; else all there are. And the threshold."""
    low, high = vocabulary.min_count, max(count for _, count in words) + 1
    best: tuple[list[str], int] | None = None
    while high - low > 1:
        middle = min(max(int((low * high) ** 0.5), low + 1), high - 1)
        tokens = _learned(words, vocabulary, middle, needed)
        advance(f"{len(tokens):,} tokens from {middle:,} times on")
        if len(tokens) < vocabulary.size:
            high = middle
            continue
        best, low = (tokens, middle), middle
        if len(tokens) <= _MORE * vocabulary.size:
            break
    return best or (_learned(words, vocabulary, low, needed), low)


def _learned(words: Counts, vocabulary: Vocabulary, threshold: int, needed: frozenset[str]) -> list[str]:
    """The learner's tokens by a threshold, without those that no text can have a piece of."""
    found: list[str] = _library().learn(
        words,
        vocab_size=vocabulary.size,
        reserved_tokens=list(vocabulary.special_tokens),
        # The same twice: nothing to search for.
        upper_thresh=threshold,
        lower_thresh=threshold,
        num_iterations=_ITERATIONS,
        max_input_tokens=-1,
        max_token_length=max(len(word) for word, _ in words),
        max_unique_chars=len(needed),
        joiner=CONTINUATION,
    )
    # It has each character within a word too, also signs, which are words of their own.
    return [token for token in found if token in needed or len(token.removeprefix(CONTINUATION)) > 1]


@lru_cache(maxsize=1)
def _library() -> Any:
    """The learner, a module of plain Python and numpy; importing the package around it would load TensorFlow."""
    package = util.find_spec("tensorflow_text")
    assert package is not None  # noqa: S101
    path = Path(str(package.origin)).parent / "tools" / "wordpiece_vocab" / "wordpiece_tokenizer_learner_lib.py"
    spec = util.spec_from_file_location(path.stem, path)
    assert spec is not None  # noqa: S101
    assert spec.loader is not None  # noqa: S101
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _cut(tokens: list[str], needed: frozenset[str], size: int) -> tuple[str, ...]:
    """The first `size` of them, with those that are needed wherever they stand."""
    room = size - len(needed)
    kept = []
    for token in tokens:
        if token not in needed:
            room -= 1
            if room < 0:
                continue
        kept.append(token)
    return tuple(kept)
