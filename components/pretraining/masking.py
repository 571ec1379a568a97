"""Which tokens of a row are hidden, and what stands in their place (Devlin et al. 2019, section 3.1, appendix A.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from components.tokenization.vocabulary import Tokenizer

MASKED, REPLACED = 0.8, 0.1
"""Of the hidden tokens, the shares that become [MASK] and another token; the rest stays as it is, and is to be told
too."""


class Masked(NamedTuple):
    """A row with tokens hidden."""

    token_ids: np.ndarray
    """int32[length], as the model sees them."""
    places: np.ndarray
    """int64[n]: of the hidden ones, ascending."""


@dataclass(frozen=True, slots=True)
class Masking:
    """How tokens are hidden."""

    mask_id: int
    ordinary: np.ndarray
    """int32[n]: the ids of those that may be hidden, and stand for others: all but control tokens and [UNK]."""
    maskable: np.ndarray
    """bool[vocabulary]: the same."""
    continues: np.ndarray
    """bool[vocabulary]: whether a token goes on with the word before it."""
    share: float
    """Of the tokens that may be hidden, those that are."""
    whole_words: bool = False
    """Whether all tokens of a word are hidden, or none."""

    @classmethod
    def of(cls, tokenizer: Tokenizer, size: int, share: float, whole_words: bool) -> Masking:
        """For a tokenizer, which has a [MASK].

        Args:
            tokenizer: with its vocabulary.
            size: rows of the word embeddings, which may be more than there are tokens.
            share: as above.
            whole_words: as above.
        """
        assert tokenizer.mask_id is not None  # noqa: S101
        tokens = tokenizer.tokens
        control = (tokenizer.padding_id, tokenizer.unknown_id, tokenizer.start_id, tokenizer.separator_id)
        maskable = np.zeros(size, bool)
        maskable[: len(tokens)] = True
        maskable[[*control, tokenizer.mask_id]] = False
        continues = np.zeros(size, bool)
        continues[: len(tokens)] = [tokenizer.continues_word(token_id) for token_id in range(len(tokens))]
        ordinary = np.flatnonzero(maskable).astype(np.int32)
        return cls(tokenizer.mask_id, ordinary, maskable, continues, share, whole_words)

    def draw(self, token_ids: np.ndarray, random: np.random.Generator) -> Masked:
        """Hides tokens of a row, int32[length]; of one that has some that may be hidden, at least one."""
        places = self._places(token_ids, random)
        draws = random.random(len(places))
        others = self.ordinary[random.integers(len(self.ordinary), size=len(places))]
        shown = np.where(draws < MASKED, self.mask_id, np.where(draws < MASKED + REPLACED, others, token_ids[places]))
        masked = token_ids.copy()
        masked[places] = shown
        return Masked(masked, places)

    def _places(self, token_ids: np.ndarray, random: np.random.Generator) -> np.ndarray:
        maskable = self.maskable[token_ids]
        candidates = np.flatnonzero(maskable)
        if not len(candidates):
            return candidates
        count = max(1, round(self.share * len(candidates)))
        if not self.whole_words:
            return np.sort(random.choice(candidates, count, replace=False))
        before = np.concatenate([[False], maskable[:-1]])
        word = np.cumsum((maskable & ~(self.continues[token_ids] & before))[candidates]) - 1
        sizes = np.bincount(word)
        chosen = np.zeros(len(sizes), bool)
        for one in random.permutation(len(sizes)):
            # A longer word than there is room for is left out, but one is hidden in any case.
            if sizes[one] <= count or not chosen.any():
                chosen[one] = True
                count -= sizes[one]
            if count <= 0:
                break
        return candidates[chosen[word]]
