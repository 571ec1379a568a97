"""Predictions of a pushed model: needs tensorflow, and nothing of TFX."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice, tee
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from components import tasks
from components.common.errors import InputError
from components.common.literal_paths.patterns import plain
from components.export import card, saved_weights, served_ops, signature_names
from components.export.card_task import row_tokens
from components.serving import versions
from components.statistics.filled import filled_up
from components.tasks.embedding import Embedding
from components.tasks.metrics import Assessment

WINDOW = 4096
"""Rows that are sorted by length together: their predictions depend, in the last bits, on one another."""

TEXTS_AT_A_TIME = 1024
"""Texts in a call of the tokenizer."""

_CHARACTERS_A_TOKEN = 4
"""About, to guess tokens by."""

_AT_A_TIME = 2
"""Calls on the way: faster than several threads in each op, which wait for one another at its end."""


class BatchedInference:
    """Rows of texts to predictions, in batches of similar length and some at a time.

    Args:
        text_names: names of the texts of a row.
        tokenize: texts, string[n] each, by name -> `token_ids` int32[n, length] and `lengths` int32[n].
        predict: `token_ids` -> outputs by name, a row each.
        padding_id: what fills up the shorter rows of a batch.
        of_texts: where a prediction needs more of the text than its tokens: texts by name -> the same.
        tokens: of a batch, padding included; None: as of a SavedModel.
        row_tokens: of these what a row of so many counts for.
    """

    def __init__(
        self,
        text_names: tuple[str, ...],
        tokenize: Callable[..., Any],
        predict: Callable[..., Any],
        padding_id: int,
        of_texts: Callable[..., Any] | None = None,
        tokens: int | None = None,
        row_tokens: Callable[[int], int] = int,
    ) -> None:
        self.text_names, self._tokenize, self._predict, self._of_texts = text_names, tokenize, predict, of_texts
        self._padding_id, self._tokens, self._row_tokens = padding_id, tokens, row_tokens

    def outputs(self, rows: Iterable[tuple[str, ...]]) -> Iterator[dict[str, Any]]:
        """The outputs for each row of texts, as numpy values, in order; reads ahead some thousands of rows at most."""
        source = iter(rows)
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            while window := list(islice(source, WINDOW)):
                yield from self._window(window, pool) if self._of_texts is None else self._raw_window(window, pool)

    def _window(self, texts: Sequence[tuple[str, ...]], pool: ThreadPoolExecutor) -> Iterator[dict[str, Any]]:
        parts = [texts[start : start + TEXTS_AT_A_TIME] for start in range(0, len(texts), TEXTS_AT_A_TIME)]
        rows = list(chain.from_iterable(pool.map(self._token_rows, parts)))
        return self._in_batches(
            [self._row_tokens(len(row)) for row in rows],
            lambda batch: self._predict_rows([rows[i] for i in batch]),
            pool,
        )

    def _raw_window(self, texts: Sequence[tuple[str, ...]], pool: ThreadPoolExecutor) -> Iterator[dict[str, Any]]:
        return self._in_batches(
            [1 + sum(map(len, row)) // _CHARACTERS_A_TOKEN for row in texts],
            lambda batch: _by_row(self._of_texts(**self._columns([texts[row] for row in batch]))),  # type: ignore[misc]
            pool,
        )

    def _in_batches(
        self,
        lengths: Sequence[int],
        predictions: Callable[[list[int]], list[dict[str, Any]]],
        pool: ThreadPoolExecutor,
    ) -> Iterator[dict[str, Any]]:
        # Texts of similar length share a batch, so that little of it is padding.
        order = sorted(range(len(lengths)), key=lengths.__getitem__)
        batches = []
        while order:
            size = max(1, (self._tokens or signature_names.TOKENS_AT_A_TIME) // lengths[order[-1]])
            batches.append(order[-size:])
            del order[-size:]
        found = dict(
            zip(chain.from_iterable(batches), chain.from_iterable(pool.map(predictions, batches)), strict=True)
        )
        return (found[row] for row in range(len(lengths)))

    def _columns(self, texts: Sequence[tuple[str, ...]]) -> dict[str, tf.Tensor]:
        columns = zip(*texts, strict=True)
        return {
            name: tf.constant([text.encode() for text in column])
            for name, column in zip(self.text_names, columns, strict=True)
        }

    def _token_rows(self, texts: Sequence[tuple[str, ...]]) -> list[np.ndarray]:
        """The token ids of each row, int32[length]."""
        tokens = self._tokenize(**self._columns(texts))
        return [ids[:n] for ids, n in zip(tokens["token_ids"].numpy(), tokens["lengths"].numpy(), strict=True)]

    def _predict_rows(self, rows: Sequence[np.ndarray]) -> list[dict[str, Any]]:
        return _by_row(self._predict(token_ids=tf.constant(filled_up(rows, self._padding_id, np.int32))))


class Predictor:
    """A pushed model, or its ONNX export.

    Args:
        path: a version's directory, or a serving directory, whose newest version is taken.

    Raises:
        InputError: no SavedModel there, one without the signatures for texts and for tokens, one of other ops than
            a pushed model's, one whose weights are damaged, or one that names its labels otherwise than its card does.
    """

    def __init__(self, path: Path) -> None:
        self.path = versions.resolve(path, other_forms=True)
        try:
            described = card.read_card(self.path)
            self._signatures = signatures = self._loaded()
            self.task = tasks.from_card(described)
            """What it was trained for."""
            # Models whose card does not say pad with 0.
            self._padding_id = int(described.get("tokenizer", {}).get("padding_id", 0))
            self._row_tokens = row_tokens(self.task, described)
            self._tokenize = signatures[signature_names.TOKENIZER_SIGNATURE]
            of_texts = signatures[signature_names.TEXT_SIGNATURE]
            given = set(self._tokenize.structured_input_signature[1])
            self.text_names = self.task.texts if given == set(self.task.texts) else tuple(sorted(given))
            """Names of the texts of a row."""
            self._rows = self._batched(
                signatures[signature_names.TOKEN_SIGNATURE], of_texts if self.task.has_token_head else None
            )
            self._check_labels(of_texts(**{name: tf.constant([""]) for name in self.text_names}))
        except (OSError, LookupError, TypeError, ValueError, AttributeError, tf.errors.OpError) as error:
            reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
            problem = f"not a model this pipeline pushed ({type(error).__name__}: {reason})"
            raise InputError(str(self.path), problem, "Give the path a run printed at its end") from None

    def _loaded(self) -> Any:
        """The signatures, by name."""
        if card.exported_as(self.path):
            # Not every installation has ONNX Runtime.
            from components.export.formats import onnx_signatures

            return onnx_signatures.load(self.path)
        served_ops.check(self.path)
        with plain(self.path) as named, saved_weights.readable(self.path):
            self._model = tf.saved_model.load(str(named))
        return self._model.signatures

    def _batched(self, predict: Callable[..., Any], of_texts: Callable[..., Any] | None = None) -> BatchedInference:
        """Arguments as for `BatchedInference`."""
        tokens = signature_names.TOKENS_AT_A_TIME_IN_ONNX if card.exported_as(self.path) else None
        return BatchedInference(
            self.text_names, self._tokenize, predict, self._padding_id, of_texts, tokens, self._row_tokens
        )

    def _check_labels(self, answer: dict[str, tf.Tensor]) -> None:
        """Holds the card's labels, by which answers are told, against what the model itself calls them."""
        remedy = "Put the version back from where it was archived, or `rollback` to another"
        if card.exported_as(self.path):
            # Its graph gives numbers alone.
            return
        if self.task.per_token and self.task.labels not in served_ops.names_in(self.path):
            problem = f"its card has the labels {', '.join(self.task.labels)}, the model has others"
            raise InputError(str(self.path), problem, remedy)
        if not self.task.names_key:
            return
        named = tuple(name.decode(errors="replace") for name in answer[self.task.names_key].numpy()[0])
        if named != self.task.labels:
            problem = f"its card has the labels {', '.join(self.task.labels)}, the model answers {', '.join(named)}"
            raise InputError(str(self.path), problem, remedy)

    def predict(self, rows: Iterable[tuple[str, ...]], tokens: bool = False) -> Iterator[dict[str, Any]]:
        """What `Task.to_json` makes of each row of texts, in order; reads ahead some thousands of rows at most.

        Args:
            rows: the texts of each.
            tokens: whether texts are words as in training, with one space between.

        Raises:
            InputError: the model takes no words.
        """
        batched = self._rows
        if tokens:
            if signature_names.WORDS_SIGNATURE not in self._signatures:
                problem = f"a model for the task {self.task.name} that takes running text, and no words"
                raise InputError(str(self.path), problem, "Leave out --tokens, or train a model for tagging again")
            batched = self._batched(self._of_words, self._of_words)
        return map(self.task.to_json, batched.outputs(rows))

    def assess(self, rows: Iterable[tuple[tuple[str, ...], str]]) -> Iterator[Assessment]:
        """How far the answer to each row is from its label, in order; reads ahead some thousands of rows at most.

        Args:
            rows: texts and label of each, as `Task.assess` takes them.
        """
        task = self.task
        rows, asked = tee(rows)
        texts = (texts for texts, _ in asked)
        found: Iterator[dict[str, Any]]
        if isinstance(task, Embedding):
            # One text after the other of each row.
            vectors = self.vectors(chain.from_iterable(texts))
            found = ({task.answer_key: task.score_of(first, next(vectors))} for first in vectors)
        else:
            found = self.predict(texts, tokens=task.per_token)
        return (task.assess(texts, label, values) for (texts, label), values in zip(rows, found, strict=True))

    def _of_words(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Entities of words between single spaces, string[n], with `begin` and `end` in characters."""
        words = tf.strings.split(text, " ")
        found = self._signatures[signature_names.WORDS_SIGNATURE](tokens=words.to_tensor())
        ends = tf.cumsum((words.with_flat_values(tf.strings.length(words.flat_values, "UTF8_CHAR")) + 1).to_tensor(), 1)
        borders = tf.pad(ends, [[0, 0], [1, 0]])
        begin, end = (tf.gather(borders, found[name], batch_dims=1) for name in ("begin", "end"))
        return {**found, "begin": begin, "end": tf.maximum(0, end - 1)}

    def vectors(self, texts: Iterable[str]) -> Iterator[np.ndarray]:
        """The unit vector of each text, float32[hidden].

        Raises:
            InputError: the model reads two texts together.
        """
        if signature_names.EMBEDDING_SIGNATURE not in self._signatures:
            problem = f"a model for the task {self.task.name} has no vector for one text"
            raise InputError(str(self.path), problem, "Give a model of another task, or a base model")
        embedded = self._batched(self._signatures[signature_names.EMBEDDING_SIGNATURE])
        return (output["vector"] for output in embedded.outputs((text,) for text in texts))


def _by_row(outputs: dict[str, tf.Tensor]) -> list[dict[str, Any]]:
    names, columns = zip(*((name, value.numpy()) for name, value in outputs.items()), strict=True)
    for name, column in zip(names, columns, strict=True):
        if column.dtype.kind == "f" and not np.isfinite(column).all():
            problem = f"the model answers a text with nan or an infinity, in its output {name!r}"
            remedy = "Its weights are damaged or too large: give another version, `versions` lists those there are"
            raise InputError("--model", problem, remedy)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
