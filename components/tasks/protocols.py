"""What a task needs of the rooms above it, as protocols: the settings and the tokenizer satisfy them by their shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from components.tasks.tag_schemes import Scheme

if TYPE_CHECKING:
    import tensorflow as tf


class DataSettings(Protocol):
    """Of `[data]`; satisfied by `components.settings.data.Data`."""

    @property
    def task(self) -> str:
        """A key of `components.tasks.TASKS`."""

    @property
    def labels(self) -> str | tuple[str, ...]:
        """The label names in the order of their ids; a string if train is to be read for them."""

    @property
    def range(self) -> tuple[float, ...] | None:
        """The smallest and the largest number allowed as a label; None: no limit."""

    @property
    def most_words(self) -> int | None:
        """The most words in a sentence to tag; None: no limit."""

    @property
    def target_length(self) -> int | None:
        """The most tokens of a text that is to be written; None: the task's default."""

    @property
    def long_targets(self) -> str:
        """What becomes of one of more tokens: "refuse" or "cut"."""

    @property
    def scheme(self) -> Scheme:
        """Of the tags of entities, in the files."""

    @property
    def start(self) -> str | int | None:
        """The column of where an answer begins in its text; None: it is looked for."""


class ModelSettings(Protocol):
    """Of `[model]`; satisfied by `components.settings.model.Model`."""

    @property
    def threshold(self) -> float:
        """With several labels a text, the score from which on a label is predicted."""

    @property
    def null_threshold(self) -> float:
        """How much more probable than the best answer none has to be, as a difference of logarithms."""

    @property
    def longest_answer(self) -> int:
        """The most tokens of an answer that is a part of a text."""


class Tokenizer(Protocol):
    """Text to token ids in TensorFlow's graph; satisfied by `components.tokenization.wordpiece.WordPiece`."""

    def __call__(self, texts: tf.Tensor, /) -> tf.RaggedTensor:
        """string[n] -> int64[n, (tokens)], each row [CLS] pieces [SEP], truncated."""

    def pairs(self, first: tf.Tensor, second: tf.Tensor, /) -> tf.RaggedTensor:
        """string[n] twice -> int64[n, (tokens)], each row [CLS] pieces [SEP] pieces [SEP], the longer cut first."""

    @property
    def separator_id(self) -> int:
        """Id of [SEP]."""

    def pieces(self, texts: tf.Tensor, /) -> tf.RaggedTensor:
        """string[n] -> int64[n, (tokens)], pieces alone, however many."""

    def words(self, words: tf.RaggedTensor, /) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """string[n, (words)] -> token ids, and the index of the word each token begins, -1 where it begins none.

        Both are int64[n, (tokens)].
        """

    def contexts(self, questions: tf.Tensor, contexts: tf.Tensor, /) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """string[n] twice -> token ids, int64[n, (tokens)], each row [CLS] pieces [SEP] pieces [SEP]; and offsets.

        These are int64[n, (2 * tokens)]: where the token's word begins in the second text and where it ends, in
        characters, or -1 twice.
        """
