"""A tag for each word, each a class of its own, as parts of speech are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from components.statistics.resampling import Draws, macro
from components.tasks import label_text
from components.tasks.base import Problem
from components.tasks.label_text import LIST_IT, listed
from components.tasks.metrics import Metric, precision_recall_f1, ratio
from components.tasks.tagging import IGNORED, Tagging

if TYPE_CHECKING:
    import numpy as np


@dataclasses.dataclass(frozen=True)
class WordTags(Tagging):
    """Softmax over the tags for the first token of each word; its labels are the tags."""

    name: ClassVar[str] = "word_tags"
    min_labels: ClassVar[int] = 2
    found_key: ClassVar[str] = "words"
    kind_key: ClassVar[str] = "tag"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("token_accuracy", "share of the words with the right tag"),
        Metric("macro_f1", "mean of `f1` over the tags that occur, as a word's or as predicted, as in scikit-learn"),
    )
    served_metrics: ClassVar[tuple[str, ...]] = ()
    label_metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("precision", "of the words predicted to have the tag, the share that has it"),
        Metric("recall", "of the words that have the tag, the share that is predicted to have it"),
        Metric("f1", "harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN)"),
    )

    @property
    def tags(self) -> list[str]:
        """The labels, in the order of their ids."""
        return list(self.labels)

    def check_tags(self, tags: Sequence[str]) -> Problem | None:
        """Once the names are known, each tag must be one of them."""
        for place, tag in enumerate(tags, 1):
            if self.labels and tag not in self.labels:
                known = ", ".join(listed(sorted(self.labels)[:20])) + ", ..." * (len(self.labels) > 20)
                return f"tag {place} is {tag[:40]!r}, expected one of {known}", f"Correct it, or {LIST_IT}"
        return None

    @classmethod
    def clean_label(cls, label: str) -> str:
        """Each tag by itself; single spaces stand between them."""
        return " ".join(map(label_text.cleaned, label.split(" ")))

    def as_learned(self, label: str) -> str:
        """As it is."""
        return label

    def label_names(self, label: str) -> list[str]:
        """The tags of a row, sorted."""
        return sorted(set(label.split(" ")))

    def compute_metrics(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """All of `metrics` and `label_metrics`.

        Args:
            targets: int[n, words], ids of tags, filled up with `IGNORED`.
            predictions: float or int[n, any], ids of the most probable tags; a word that is `IGNORED` or missing,
                because the model did not see it, counts as wrong.
        """
        hits, predicted, actual, right, words = (of_rows.sum(axis=0) for of_rows in self.counts(targets, predictions))
        found: dict[str, float] = {}
        f1s = []
        for index, label in enumerate(self.labels):
            values = precision_recall_f1(float(hits[index]), float(predicted[index]), float(actual[index]))
            found |= {f"{metric.name}/{label}": value for metric, value in zip(self.label_metrics, values, strict=True)}
            if predicted[index] + actual[index]:
                f1s.append(values[-1])
        accuracy = ratio(float(right), float(words))
        return {"token_accuracy": accuracy, "macro_f1": sum(f1s) / len(f1s) if f1s else 0.0, **found}

    def counts(self, targets: np.ndarray, predictions: np.ndarray) -> tuple[np.ndarray, ...]:
        """As a tagger's of entities, with words in their place."""
        import numpy as np

        seen = np.full(targets.shape, IGNORED, np.int64)
        width = min(targets.shape[1], predictions.shape[1])
        seen[:, :width] = predictions[:, :width]
        known, gold, count = targets != IGNORED, targets.astype(np.int64), len(self.labels)

        def by_tag(tags: np.ndarray, which: np.ndarray) -> np.ndarray:
            # A tag beyond the labels, as of a task that does not know all of them yet, is of none.
            cells = (np.arange(len(tags))[:, np.newaxis] * count + tags)[which & (tags < count)]
            return np.bincount(cells, minlength=len(tags) * count).reshape(len(tags), count)

        right = known & (gold == seen)
        by_tags = by_tag(gold, right), by_tag(seen, known & (seen != IGNORED)), by_tag(gold, known)
        return (*by_tags, right.sum(axis=1), known.sum(axis=1))

    def resampled_metrics(self, targets: np.ndarray, predictions: np.ndarray, drawn: Draws) -> dict[str, np.ndarray]:
        """Those of `compute_metrics`: the words of a sentence are drawn together."""
        import numpy as np

        *of_tags, right, words = self.counts(targets, predictions)
        found = self._of_labels([drawn.weights @ one.astype(float) for one in of_tags], drawn)
        of_labels = np.stack([found[f"f1/{name}"] for name in self.labels], axis=1)
        return {
            **found,
            "token_accuracy": (drawn.weights @ right.astype(float)) / (drawn.weights @ words.astype(float)),
            "macro_f1": macro(of_labels, (of_tags[1] + of_tags[2]).any(axis=0)),
        }

    def _tagged(self, tags: Sequence[str]) -> Iterator[tuple[str, int, int]]:
        """Each word is a span."""
        return ((tag, place, place + 1) for place, tag in enumerate(tags))
