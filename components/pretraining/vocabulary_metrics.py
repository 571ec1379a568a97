"""What is measured of a vocabulary on held-out documents, and the gate's verdict on it."""

from __future__ import annotations

from pathlib import Path

from components.pretraining.tokens import token_batches
from components.rows.text_statistics import NO_LIMIT, Counter, TextStatistics
from components.tasks.metrics import Metric
from components.tokenization.coverage import Coverage
from components.tokenization.vocabulary import Tokenizer

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


def measure(directory: Path, tokenizer: Tokenizer) -> tuple[TextStatistics | None, dict[str, float]]:
    """How a tokenizer cuts the sentences of documents: in the graph, as a model would get them.

    Args:
        directory: of gzipped TFRecords of Examples of documents.
        tokenizer: with its vocabulary.

    Returns:
        The statistics, a row being a sentence, None where there is none; and metric -> value.
    """
    counter = Counter(Coverage(tokenizer), NO_LIMIT)
    for batch in token_batches([str(path) for path in directory.glob("*.gz")], tokenizer):
        counter.add(batch.token_ids, batch.lengths)
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
