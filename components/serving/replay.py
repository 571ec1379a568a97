"""Rows as a client sends them, and its answers beside what they should be: training-serving skew, row by row.

What a row should give is known in two steps: Transform's token ids, and what the exported weights make of these. The
answers of a model's signatures are held against both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from components.export import signature_names
from components.serving.client import Call
from components.tasks import Task
from components.tasks.answering.task import Answering, located_in
from components.tasks.tagging import entities
from components.tasks.word_tags import WordTags

MOST_DIFFERENCE = 1e-5
"""Between two probabilities of float32 that are the same but for the order of sums; of larger numbers this share."""


class Row(NamedTuple):
    """A row of raw data, and what Transform makes of it."""

    texts: tuple[str, ...]
    token_ids: np.ndarray
    """int64[length], without padding."""
    word_ids: np.ndarray | None = None
    """int64[length], where each word has a label: which word a token begins, or -1."""


class Found(NamedTuple):
    """What became of a row."""

    same_ids: bool | None
    """Whether a client gets Transform's token ids; None: it cannot be told, the text's words are cut otherwise."""
    difference: float
    """The largest between an answer and what it should be, as a share of it where that is more than 1; infinite where
    something else was found."""


class Replay:
    """Rows of a task with one answer each."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def calls(self, rows: Sequence[Row]) -> list[Call]:
        """What a client calls for rows that go together."""
        texts = zip(*(row.texts for row in rows), strict=True)
        given = {name: list(column) for name, column in zip(self._task.texts, texts, strict=True)}
        return [
            (signature_names.TOKENIZER_SIGNATURE, given, ["token_ids", "lengths"]),
            (signature_names.TEXT_SIGNATURE, given, self._wanted_outputs),
        ]

    @property
    def _wanted_outputs(self) -> list[str]:
        return [name for name in (self._task.prediction_key, self._task.decided_key) if name]

    def request(self, row: Row) -> Call:
        """A client's usual call, for one row."""
        return self.calls([row])[1]

    def found(
        self, rows: Sequence[Row], outputs: Sequence[dict[str, np.ndarray]], expected: np.ndarray
    ) -> Iterator[Found]:
        """What became of each row.

        Args:
            rows: that went together.
            outputs: of each of their `calls`.
            expected: the predictions of the exported weights, float32[rows, ...] as `Task.predictions` has them.
        """
        tokens, answers = outputs
        predictions, decided = answers[self._task.prediction_key], self._decided_otherwise(answers, expected)
        for row, ids, answer, wanted, otherwise in zip(
            rows, _rows_of(tokens), predictions, expected, decided, strict=True
        ):
            by = float("inf") if otherwise else _difference(answer, wanted)
            yield Found(np.array_equal(ids, row.token_ids), by)

    def other_texts(self, outputs: Sequence[dict[str, np.ndarray]], expected: np.ndarray) -> list[str] | None:
        """The texts that a client got for rows, if one of them is not what it should be; arguments as for `found`.

        By them the weights have to be asked again: where two tokens are as probable as each other either may be
        written, and all that follows depends on it.
        """
        return None

    def _decided_otherwise(self, answers: dict[str, np.ndarray], expected: np.ndarray) -> np.ndarray:
        """Of which rows something is decided otherwise than by what it should be, bool[rows]."""
        margins = self._task.margins(expected)
        if margins is None:
            return np.zeros(len(expected), bool)
        # Where nothing but rounding parts it from what decides, either may be the answer.
        apart = (answers[self._task.decided_key] != (margins >= 0)) & (np.abs(margins) > MOST_DIFFERENCE)
        found: np.ndarray = apart.reshape(len(expected), -1).any(axis=1)
        return found


class ReplayOfEach(Replay):
    """Rows of two texts of which a client sends one at a time."""

    def calls(self, rows: Sequence[Row]) -> list[Call]:
        """Those of the first texts, then those of the second."""
        return [
            call for texts in zip(*(row.texts for row in rows), strict=True) for call in self._of_texts(list(texts))
        ]

    def request(self, row: Row) -> Call:
        """Of the first text."""
        return self._of_texts([row.texts[0]])[1]

    def _of_texts(self, texts: list[str]) -> list[Call]:
        return [
            (signature_names.TOKENIZER_SIGNATURE, {"text": texts}, ["token_ids", "lengths"]),
            (signature_names.TEXT_SIGNATURE, {"text": texts}, [self._task.prediction_key]),
        ]

    def found(
        self, rows: Sequence[Row], outputs: Sequence[dict[str, np.ndarray]], expected: np.ndarray
    ) -> Iterator[Found]:
        """As for one text, of both one after the other."""
        first, answer, second, other = outputs
        both = np.concatenate([answer[self._task.prediction_key], other[self._task.prediction_key]], axis=1)
        for row, *ids, vectors, wanted in zip(rows, _rows_of(first), _rows_of(second), both, expected, strict=True):
            yield Found(np.array_equal(np.concatenate(ids), row.token_ids), _difference(vectors, wanted))


class ReplayOfAnswers(Replay):
    """Rows whose answer is a part of their second text."""

    def calls(self, rows: Sequence[Row]) -> list[Call]:
        """With where the tokens stand in the text."""
        (signature, given, outputs), answers = super().calls(rows)
        return [(signature, given, [*outputs, "start", "end"]), answers]

    @property
    def _wanted_outputs(self) -> list[str]:
        return ["answer", "start", "end", "null_score", "scores"]

    def found(
        self, rows: Sequence[Row], outputs: Sequence[dict[str, np.ndarray]], expected: np.ndarray
    ) -> Iterator[Found]:
        """By the scores of the best answers and of none; an answer has to be what its text has at its place."""
        tokens, answers = outputs
        scores = np.concatenate([answers["null_score"][:, np.newaxis], answers["scores"]], axis=1)
        offsets = np.stack([tokens["start"], tokens["end"]], axis=2).reshape(len(rows), -1)
        counts = np.full((len(rows), 1), tokens["start"].shape[1])
        places = located_in(np.concatenate([counts, offsets], axis=1), expected)
        for place, (row, ids, wanted) in enumerate(zip(rows, _rows_of(tokens), places, strict=True)):
            start, end = (int(answers[name][place]) for name in ("start", "end"))
            same = answers["answer"][place].decode(errors="replace") == row.texts[1][start:end]
            by = _difference(scores[place], wanted[:, 2]) if same else float("inf")
            yield Found(np.array_equal(ids, row.token_ids), by)


class ReplayOfWords(Replay):
    """Rows of words with a tag each: a client sends words, or running text, whose words the model finds."""

    def calls(self, rows: Sequence[Row]) -> list[Call]:
        """The words; then the text for the token ids, which the signature for words does not give."""
        words = [row.texts[0].split(" ") for row in rows]
        most = max(map(len, words))
        filled = [one + [""] * (most - len(one)) for one in words]
        return [
            (signature_names.WORDS_SIGNATURE, {"tokens": filled}, ["type", "score", "begin", "end", "count"]),
            (
                signature_names.TOKENIZER_SIGNATURE,
                {"text": [row.texts[0] for row in rows]},
                ["token_ids", "lengths", "begin", "end"],
            ),
        ]

    def request(self, row: Row) -> Call:
        """Of running text."""
        return signature_names.TEXT_SIGNATURE, {"text": [row.texts[0]]}, ["type", "score", "begin", "end", "count"]

    def found(
        self, rows: Sequence[Row], outputs: Sequence[dict[str, np.ndarray]], expected: np.ndarray
    ) -> Iterator[Found]:
        """Of each row its entities, or its words' tags; the token ids where the words of the text are the row's."""
        answers, tokens = outputs
        for place, (row, ids, wanted) in enumerate(zip(rows, _rows_of(tokens), expected, strict=True)):
            cut = [tokens[name][place] for name in ("begin", "end")]
            same = np.array_equal(ids, row.token_ids) if _as_words(row.texts[0], *cut) else None
            got = {name: values[place] for name, values in answers.items()}
            yield Found(same, self._entities_difference(row, got, wanted))

    def _entities_difference(self, row: Row, answer: dict[str, np.ndarray], predictions: np.ndarray) -> float:
        assert row.word_ids is not None  # noqa: S101
        begins = np.flatnonzero(row.word_ids >= 0)
        of_words = predictions[begins]
        words, tags, scores = row.word_ids[begins], of_words.argmax(axis=1), of_words.max(axis=1)
        count = int(answer["count"])
        names = [name.decode() for name in answer["type"][:count].tolist()]
        got = list(zip(names, answer["begin"][:count].tolist(), answer["end"][:count].tolist(), strict=True))
        wanted = self._wanted(words, tags, len(row.texts[0].split(" ")))
        if got != wanted:
            second, first = np.sort(of_words, axis=1)[:, -2:].T
            # Of two tags as probable as each other either may be the answer.
            return float("inf") if not len(of_words) or (first - second).min() > MOST_DIFFERENCE else 0.0
        means = [scores[(words >= begin) & (words < end)].mean() for _, begin, end in wanted]
        return _difference(answer["score"][:count], np.array(means))

    def _wanted(self, words: np.ndarray, tags: np.ndarray, count: int) -> list[tuple[str, int, int]]:
        names = self._task.tags  # type: ignore[attr-defined]
        if isinstance(self._task, WordTags):
            return [(names[tag], int(word), int(word) + 1) for word, tag in zip(words, tags, strict=True)]
        every = [names[0]] * count
        for word, tag in zip(words, tags, strict=True):
            every[word] = names[tag]
        return list(entities(every))


class ReplayOfText(Replay):
    """Rows for which a text is written."""

    @property
    def _wanted_outputs(self) -> list[str]:
        return ["text", "score"]

    def other_texts(self, outputs: Sequence[dict[str, np.ndarray]], expected: np.ndarray) -> list[str] | None:
        """As `Replay`."""
        texts = [text.decode(errors="replace") for text in outputs[1]["text"].tolist()]
        return None if texts == [one["text"] for one in self._task.evaluated(expected) or ()] else texts

    def found(
        self, rows: Sequence[Row], outputs: Sequence[dict[str, np.ndarray]], expected: np.ndarray
    ) -> Iterator[Found]:
        """As for one answer, of the text and its score."""
        tokens, answers = outputs
        wanted = self._task.evaluated(expected) or ()
        for row, ids, text, score, one in zip(
            rows, _rows_of(tokens), answers["text"], answers["score"], wanted, strict=True
        ):
            by = _difference(np.asarray(score), np.asarray(one["score"]))
            same = text.decode(errors="replace") == one["text"]
            yield Found(np.array_equal(ids, row.token_ids), by if same else float("inf"))


def replay_of(task: Task) -> Replay:
    """That of a task."""
    if task.writes:
        return ReplayOfText(task)
    if task.per_token:
        return ReplayOfWords(task)
    if isinstance(task, Answering):
        return ReplayOfAnswers(task)
    return (ReplayOfEach if task.bi_encoder else Replay)(task)


def _rows_of(tokens: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The token ids of each row without padding."""
    return [ids[:length] for ids, length in zip(tokens["token_ids"], tokens["lengths"], strict=True)]


def _difference(answer: np.ndarray, expected: np.ndarray) -> float:
    if answer.size != expected.size:
        return float("inf")
    apart = np.abs(answer.reshape(-1) - expected.reshape(-1)) / np.maximum(1, np.abs(expected.reshape(-1)))
    # Of what is no number, too.
    return float(apart.max(initial=0.0)) if np.isfinite(apart).all() else float("inf")


def _as_words(text: str, begins: np.ndarray, ends: np.ndarray) -> bool:
    """Whether bytes of a text, with zeros behind them, are its words between single spaces."""
    lengths = [len(word.encode()) for word in text.split(" ")]
    stops = np.cumsum(lengths) + np.arange(len(lengths))
    starts, count = stops - lengths, len(lengths)
    there = np.array_equal(begins[:count], starts) and np.array_equal(ends[:count], stops)
    return there and not ends[count:].any()
