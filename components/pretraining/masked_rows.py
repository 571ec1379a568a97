"""Examples as batches with tokens hidden: others in each epoch, by the seed, the epoch and the example alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from components.model.pretraining_model import EXAMPLES, HIDDEN, NEXT, TOKENS
from components.pretraining.masking import Masking
from components.pretraining.pairs import Example
from components.tasks.tagging import IGNORED
from components.tokenization.vocabulary import Tokenizer
from components.training.dataset import Batch, Rows

_HELD_OUT = 2**32 - 1
"""In place of an epoch: the same tokens are hidden each time that a model is measured."""


class MaskedRows(Rows):
    """The examples of one split, whole on disk; targets as `pretraining_model` has them.

    Args:
        path: file of the rows' tokens, one after the other.
        lengths: int32[rows], the tokens of each.
        is_random: int32[rows], 1 where the second text is another document's.
        masking: how tokens are hidden.
        seed: of which are.
        padding_id: token id that fills rows up to equal length.
    """

    def __init__(
        self, path: Path, lengths: np.ndarray, is_random: np.ndarray, masking: Masking, seed: int, padding_id: int
    ) -> None:
        super().__init__(path, lengths, is_random, padding_id=padding_id)
        self.masking, self._seed = masking, seed
        self._hidden_in_all: int | None = None

    @classmethod
    def written(
        cls,
        path: Path,
        tokens: np.ndarray,
        examples: Iterable[Example],
        tokenizer: Tokenizer,
        masking: Masking,
        seed: int,
    ) -> MaskedRows:
        """Puts examples together and onto disk: [CLS] text [SEP], or [CLS] text [SEP] text [SEP].

        Args:
            path: file to write.
            tokens: int32 of all documents, one after the other.
            examples: places in them.
            tokenizer: whose ids they are.
            masking: how tokens are hidden.
            seed: of which are.
        """
        start, separator = (np.array([one], np.int32) for one in (tokenizer.start_id, tokenizer.separator_id))
        lengths, is_random = [], []
        with path.open("wb") as file:
            for example in examples:
                texts = [tokens[slice(*place)] for place in (example.first, example.second) if place[1] > place[0]]
                row = np.concatenate([start, *(part for text in texts for part in (text, separator))])
                row.astype(np.int32, copy=False).tofile(file)
                lengths.append(len(row))
                is_random.append(example.is_random)
        of_rows = np.array(lengths, np.int32), np.array(is_random, np.int32)
        return cls(path, *of_rows, masking, seed, tokenizer.padding_id)

    def epoch(self, batch_size: int, seed: int, epoch: int, first: int = 0) -> Iterator[Batch]:
        """As of `Rows`, with the tokens hidden that this epoch hides."""
        for batch in super().epoch(batch_size, seed, epoch, first):
            yield self._masked(batch, epoch)

    def by_length(self) -> Iterator[Batch]:
        """As of `Rows`, with the same tokens hidden each time; each batch is a part of the whole split."""
        if self._hidden_in_all is None:
            every = [self._masked(batch, _HELD_OUT).targets[:, TOKENS:] for batch in super().by_length()]
            self._hidden_in_all = sum(int((wanted != IGNORED).sum()) for wanted in every)
        for batch in super().by_length():
            masked = self._masked(batch, _HELD_OUT)
            masked.targets[:, EXAMPLES], masked.targets[:, HIDDEN] = len(self), self._hidden_in_all
            yield masked

    def _masked(self, batch: Batch, epoch: int) -> Batch:
        inputs = batch.inputs.copy()
        targets = np.full((len(inputs), TOKENS + inputs.shape[1]), IGNORED, np.int32)
        for place, row in enumerate(batch.rows):
            length = self.lengths[row]
            found = self.masking.draw(inputs[place, :length], np.random.default_rng([self._seed, epoch, row]))
            targets[place, TOKENS + found.places] = inputs[place, found.places]
            inputs[place, :length] = found.token_ids
        targets[:, NEXT] = batch.targets
        targets[:, EXAMPLES] = len(inputs)
        targets[:, HIDDEN] = (targets[:, TOKENS:] != IGNORED).sum()
        return batch._replace(inputs=inputs, targets=targets)

    def hidden_tokens(self) -> np.ndarray:
        """int32[n]: those that are to be told where a model is measured."""
        found = [batch.targets[:, TOKENS:] for batch in self.by_length()]
        return np.concatenate([np.zeros(0, np.int32), *(one[one != IGNORED] for one in found)])
