"""A split's documents to the examples that a model is pre-trained or measured on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from components.common.errors import InputError
from components.pretraining import pairs, tokens
from components.pretraining.masked_rows import MaskedRows
from components.pretraining.masking import Masking
from components.pretraining.pairs import Example, Units
from components.settings.kinds.pretraining import Pretraining
from components.tokenization.vocabulary import Tokenizer


class Split(NamedTuple):
    """Examples, and what they are of."""

    rows: MaskedRows
    tokens: np.ndarray
    """int32, of all documents."""


def examples(
    name: str,
    files: Sequence[str],
    tokenizer: Tokenizer,
    training: Pretraining,
    max_length: int,
    vocab_size: int,
    scratch: Path,
) -> Split:
    """Reads, cuts and puts together.

    Args:
        name: of the split, for messages.
        files: gzipped TFRecords of Examples of documents.
        tokenizer: the model's, with a [MASK].
        training: objectives, what is hidden, and the seed.
        max_length: tokens of an example, control tokens included.
        vocab_size: rows of the model's word embeddings.
        scratch: directory for files that the result reads.

    Raises:
        InputError: there are too few documents with a word in them.
    """
    found = tokens.read(files, tokenizer, scratch / f"{name}.tokens")
    masking = Masking.of(tokenizer, vocab_size, training.masked_share, training.whole_words)
    there, needed = int(np.count_nonzero(found.documents)), 2 if training.next_sentence else 1
    if there < needed:
        problem = f"{name} has {there} documents with a word in them, {needed} are needed"
        remedy = "Give more documents, or more of them by corpus.split"
        raise InputError("corpus", problem, remedy)
    if not masking.maskable[found.token_ids].any():
        problem = f"every word of {name} is unknown to the vocabulary, none can be hidden and told"
        raise InputError("corpus", problem, "Take a vocabulary, or a base model, of the language of the documents")
    made = _examples(found, training, max_length)
    rows = MaskedRows.written(scratch / f"{name}.rows", found.token_ids, made, tokenizer, masking, training.seed)
    return Split(rows, found.token_ids)


def _examples(found: tokens.Tokens, training: Pretraining, max_length: int) -> Iterable[Example]:
    if training.next_sentence:
        most = max_length - 3
        return pairs.pairs(Units.of(found.sentences, found.documents, most // 2), most, training.seed)
    most = max_length - 2
    return pairs.texts(Units.of(found.sentences, found.documents, most), most, training.seed)


def unigram_loss(train: np.ndarray, hidden: np.ndarray, masking_of: np.ndarray) -> float:
    """The mean cross entropy, in nats, of telling each hidden token by how often it stands in train, one added to each.

    Args:
        train: int32, all tokens of train.
        hidden: int32[n], those to tell.
        masking_of: bool[vocabulary], the tokens that may be hidden.
    """
    counts = (np.bincount(train, minlength=len(masking_of)) + 1.0) * masking_of
    return float(-np.log(counts[hidden] / counts.sum()).mean())
