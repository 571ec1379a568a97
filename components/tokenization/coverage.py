"""How the words of tokenized rows stand in the vocabulary: unknown, whole, or spelled out. Loads no TensorFlow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from components.tokenization.vocabulary import Tokenizer


class Words(NamedTuple):
    """The words in a sequence of tokens: each array is bool[tokens], true at the first token of such a word."""

    begins: np.ndarray
    """Every word."""
    unknown: np.ndarray
    """[UNK]."""
    whole: np.ndarray
    """One token, which is not [UNK]."""
    spelled: np.ndarray
    """Several tokens of one character each."""


class Coverage:
    """What a vocabulary holds of the words in token ids.

    Args:
        tokenizer: whose ids they are.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokens = tokenizer.tokens
        self._unknown = tokenizer.unknown_id
        self._control = np.isin(np.arange(len(tokens)), [tokenizer.start_id, tokenizer.separator_id])
        self._continues = np.array([tokenizer.continues_word(token_id) for token_id in range(len(tokens))])
        mark = tokenizer.settings.continuation
        self._single = np.array([len(token.removeprefix(mark)) == 1 for token in tokens])

    def words(self, ids: np.ndarray) -> Words:
        """The words in rows one after the other, int[tokens], each row from [CLS] to [SEP]."""
        inner = ~self._control[ids]
        continues = self._continues[ids] & inner
        begins = inner & ~continues
        unknown = begins & (ids == self._unknown)
        whole = begins & ~unknown & ~np.append(continues[1:], False)
        # A token that goes on with nothing, after a control token, is counted with that one and so not at all.
        of_word = np.cumsum(~continues)
        longer = np.bincount(of_word, weights=~self._single[ids])[of_word] > 0
        return Words(begins, unknown, whole, begins & ~unknown & ~whole & ~longer)
