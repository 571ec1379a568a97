"""What is measured of a vocabulary on held-out documents, and the gate's verdict on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from components.common import feature_names, progress
from components.rows.text_statistics import NO_LIMIT, Counter, TextStatistics
from components.settings.gate import Gate
from components.tasks.metrics import Metric
from components.tokenization.coverage import Coverage
from components.tokenization.vocabulary import Tokenizer
from components.verdict.gate import wanted
from components.verdict.summary import CANDIDATE

COVERAGE = Metric("coverage", "of the words, the share that the vocabulary has pieces for")
WHOLE = Metric("whole_share", "of the words, the share that is one piece")
PIECES = Metric(
    "pieces_per_word", "mean number of pieces of a word, [UNK] counted as one", higher_is_better=False, upper_bound=None
)
UNKNOWN = Metric("unknown_share", "of the words, the share that is [UNK]: 1 - coverage", higher_is_better=False)
SPELLED = Metric("spelled_share", "of the words, the share that is cut into single characters", higher_is_better=False)


class VocabularyMeasures:
    """The metrics, as the gate asks a task for its."""

    metrics = (COVERAGE, WHOLE, PIECES, UNKNOWN, SPELLED)
    label_metrics: tuple[Metric, ...] = ()
    labels: tuple[str, ...] = ()
    primary_metric = COVERAGE

    @classmethod
    def metric_of(cls, full_name: str) -> Metric | None:
        """The metric of a name; None where there is none."""
        return next((metric for metric in cls.metrics if metric.name == full_name), None)


REFERENCE = "reference"

_DOCUMENTS, _SENTENCES = 64, 1024
"""That are read, and cut into pieces, at a time."""


def measure(directory: Path, tokenizer: Tokenizer) -> tuple[TextStatistics | None, dict[str, float]]:
    """How a tokenizer cuts the sentences of documents: in the graph, as a model would get them.

    Args:
        directory: of gzipped TFRecords of Examples of documents.
        tokenizer: with its vocabulary.

    Returns:
        The statistics, a row being a sentence, None where there is none; and metric -> value.
    """
    import tensorflow as tf

    from components.tokenization.wordpiece import traced

    wordpiece, counter = traced(tokenizer, NO_LIMIT), Counter(Coverage(tokenizer), NO_LIMIT)
    features = {feature_names.SENTENCES: tf.io.VarLenFeature(tf.string)}
    files = sorted(map(str, directory.glob("*.gz")))
    with progress.progress() as bar:
        for batch in tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_DOCUMENTS):
            sentences = tf.io.parse_example(batch, features)[feature_names.SENTENCES].values
            for first in range(0, len(sentences), _SENTENCES):
                ids = wordpiece(sentences[first : first + _SENTENCES])
                counter.add(ids.flat_values.numpy(), ids.row_lengths().numpy())
            bar.advance(len(batch), f"{bar.done + len(batch):,.0f} documents")
    found = counter.statistics()
    return found, _metrics(found) if found and found.words else {}


def _metrics(found: TextStatistics) -> dict[str, float]:
    # Of the tokens of a sentence two are [CLS] and [SEP].
    pieces = found.tokens - 2 * found.rows
    values = (
        1 - found.unknown_share,
        found.whole_share,
        pieces / found.words,
        found.unknown_share,
        found.spelled_share,
    )
    return {metric.name: float(value) for metric, value in zip(VocabularyMeasures.metrics, values, strict=True)}


def verdict(gate: Gate, metrics: dict[str, dict[str, dict[str, float]]]) -> dict[str, Any]:
    """`blessed`, and `reasons`: a sentence for each bound that was missed.

    Args:
        gate: the bounds.
        metrics: as of a summary.
    """
    found = metrics[CANDIDATE][""]
    reasons = []
    for name, bound in gate.min.items():
        if not (value := found.get(name, np.nan)) >= bound:
            reasons.append(f"{name} is {value:.4f}, {wanted('min', bound)}")
    for name, bound in gate.max.items():
        if not (value := found.get(name, np.nan)) <= bound:
            reasons.append(f"{name} is {value:.4f}, {wanted('max', bound)}")
    return {"blessed": not reasons, "reasons": reasons}
