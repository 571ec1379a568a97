"""A text for each source, as train's targets are: a BERT as a prefix language model.

Where texts are numbers: a row's target as the metrics take it is the length of its source, then the code points of
source and target; its prediction is how many of the target's tokens are told and how many there are, whether the
written text was cut, its score, then its code points. Rows are filled up with -1.
"""

from __future__ import annotations

import dataclasses
import math
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from components.common import feature_names
from components.statistics.filled import filled_up
from components.statistics.resampling import Draws
from components.tasks import label_text
from components.tasks.base import Problem, Task
from components.tasks.generation import written_text
from components.tasks.label_text import of_code_points
from components.tasks.metrics import Assessment, Metric, ratio
from components.tasks.protocols import DataSettings, Tokenizer
from components.tasks.tagging import IGNORED

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

TARGET_LENGTH = 64
"""Tokens of a target where the settings do not say."""

HITS, TOKENS, CUT, SCORE, TEXT = range(5)
"""Columns of a prediction; the code points begin at the last."""

COPY = "copy_"
"""Begins the names of metrics of the source itself, in place of what is written."""

MOST_COPIED = 10_000
"""Characters of a source that are copied for these."""

NO_TEXT = -1e8
"""Scores below are of texts that there are not: a search may find fewer than were asked for."""

_TOKEN_ACCURACY = Metric(
    "token_accuracy",
    "share of the targets' tokens that are the most probable behind their source and the tokens before",
)

_OF_TEXTS = (
    Metric("exact_match", "share of the written texts that are the target, white space between words aside"),
    Metric("chrf", "chrF2 of all texts (Popović 2015), as sacrebleu has it, divided by 100"),
    Metric("bleu", "BLEU of all texts (Papineni et al. 2002), as sacrebleu has it, divided by 100"),
    Metric("rouge_1", "mean F1 of the words of text and target (Lin 2004), as Google's rouge-score has it"),
    Metric("rouge_2", "mean F1 of their pairs of words"),
    Metric("rouge_l", "mean F1 of their longest common subsequence of words"),
)


@dataclasses.dataclass(frozen=True)
class Generation(Task):
    """The tokens of a target are told one after the other; the model writes what it tells."""

    target_length: int = TARGET_LENGTH
    """Most tokens of a target that are learned, its end among them, and that are written."""
    cuts_targets: bool = False
    """Whether a longer target is cut; else it is refused."""

    name: ClassVar[str] = "generation"
    texts: ClassVar[tuple[str, ...]] = ("source",)
    target: ClassVar[str] = "target"
    has_label_names: ClassVar[bool] = False
    writes: ClassVar[bool] = True
    prediction_key: ClassVar[str] = "written"
    metrics: ClassVar[tuple[Metric, ...]] = (
        *_OF_TEXTS,
        _TOKEN_ACCURACY,
        Metric("length_ratio", "words written, by words of the targets", upper_bound=None),
        Metric("empty_share", "share of rows for which nothing was written", higher_is_better=False),
        Metric(
            "cut_share", "share of rows whose text had no end after as many tokens as allowed", higher_is_better=False
        ),
        *(
            Metric(f"{COPY}{metric.name}", f"`{metric.name}` of each row's source in place of what is written")
            for metric in _OF_TEXTS
        ),
    )

    @classmethod
    def from_settings(cls, data: DataSettings) -> Self:
        """With the room that `[data]` gives a target."""
        return cls(target_length=data.target_length or TARGET_LENGTH, cuts_targets=data.long_targets == "cut")

    @property
    def primary_metric(self) -> Metric:
        """`token_accuracy`: writing every row of dev at each evaluation would take longer than training."""
        return _TOKEN_ACCURACY

    def check_metric(self, full_name: str) -> Problem | None:
        """Checkpoints are chosen by `token_accuracy` alone."""
        if full_name == _TOKEN_ACCURACY.name:
            return None
        if self.metric_of(full_name) is None:
            return super().check_metric(full_name)
        return f"is {full_name!r}, which is measured once the model is exported", f"Known: {_TOKEN_ACCURACY.name}"

    # Rows.

    @classmethod
    def clean_label(cls, label: str) -> str:
        """Without what cannot be seen: BERT's tokenizer drops it, too."""
        if label.isprintable():
            return label_text.cleaned(label)
        seen = "".join(c for c in label if c in "\t\r\n" or unicodedata.category(c) not in ("Cc", "Cf", "Zl", "Zp"))
        return label_text.cleaned(seen)

    def count_key(self, label: str) -> str:
        """Nothing: targets are all different."""
        return ""

    def label_fields(self, targets: np.ndarray) -> list[str]:
        """None are compared."""
        return []

    # The graph in front of the encoder.

    def preprocess(self, tokenizer: Tokenizer, texts: Sequence[tf.Tensor], label: tf.Tensor) -> dict[str, Any]:
        """The source's token ids, int64[n, (tokens)], and the target's, int64[n, target_length].

        A target ends in [SEP] where there is room for it, and is filled up with `IGNORED`: one that is cut has no end.
        """
        import tensorflow as tf

        source = self.tokenize(tokenizer, texts)
        end = tf.fill([tf.shape(label)[0], 1], tokenizer.separator_id)
        ids = tf.concat([tokenizer.pieces(label), tf.cast(end, tf.int64)], axis=1)[:, : self.target_length]
        return {
            feature_names.TOKEN_IDS: source,
            feature_names.TARGET: ids.to_tensor(IGNORED, shape=[None, self.target_length]),
        }

    # The head.

    @property
    def head_units(self) -> None:
        """None: the vocabulary is the head's, and the word embeddings its kernel."""
        return

    def guessing_loss(self, train: np.ndarray, dev: np.ndarray) -> float:
        """Of each token's share of train's, in nats; a token that train lacks counts as half a one."""
        import numpy as np

        size = max(int(train.max(initial=0)), int(dev.max(initial=0))) + 1
        counts = np.bincount(train[train != IGNORED], minlength=size) + 0.5
        return float(-np.log(counts / counts.sum())[dev[dev != IGNORED]].mean())

    def loss_weight(self, targets: np.ndarray) -> int:
        """The number of tokens."""
        return int((targets != IGNORED).sum())

    # Metrics.

    def metric_value(self, full_name: str, targets: np.ndarray, predictions: np.ndarray) -> float:
        """Of `HITS` and `TOKENS` alone, float[n, 2], which training knows."""
        assert full_name == _TOKEN_ACCURACY.name  # noqa: S101
        hits, tokens = predictions[:, HITS].sum(), predictions[:, TOKENS].sum()
        return ratio(float(hits), float(tokens))

    def compute_metrics(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """All of `metrics`; arguments as the module has them."""
        import numpy as np

        found = self._by_draw(targets, predictions, np.ones((1, len(targets))))
        return {name: float(values[0]) for name, values in found.items()}

    def resampled_metrics(self, targets: np.ndarray, predictions: np.ndarray, drawn: Draws) -> dict[str, np.ndarray]:
        """All of `metrics`; of corpus scores the sums are drawn."""
        return self._by_draw(targets, predictions, drawn.weights)

    def _by_draw(self, targets: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Metrics under weights of the rows, float64[b, n]: float64[b] each."""
        import numpy as np

        rows = list(map(_texts_of, targets))
        texts = list(map(_text_of, predictions))
        sources, wanted = [source for source, _ in rows], [target for _, target in rows]
        found = self._of_texts(texts, wanted, weights)
        lengths, of_targets = (np.array([len(one.split()) for one in some], float) for some in (texts, wanted))
        whole = weights.sum(axis=1)
        empty = np.array([not text.strip() for text in texts], float)
        columns = {
            _TOKEN_ACCURACY.name: (predictions[:, HITS], predictions[:, TOKENS]),
            "length_ratio": (lengths, of_targets),
        }
        for name, (part, of) in columns.items():
            found[name] = (weights @ part.astype(float)) / np.maximum(weights @ of.astype(float), 1e-12)
        found["empty_share"] = weights @ empty / whole
        found["cut_share"] = weights @ (predictions[:, CUT] > 0).astype(float) / whole
        copied = self._of_texts(sources, wanted, weights)
        return found | {f"{COPY}{name}": values for name, values in copied.items()}

    def _of_texts(self, texts: Sequence[str], targets: Sequence[str], weights: np.ndarray) -> dict[str, np.ndarray]:
        import numpy as np

        of_bleu, of_chrf = written_text.corpus_counts(texts, targets)
        rouges = np.array([written_text.rouge(text, target) for text, target in zip(texts, targets, strict=True)])
        same = np.array([_same(text, target) for text, target in zip(texts, targets, strict=True)], float)
        whole = weights.sum(axis=1)
        means = (weights @ rouges.reshape(len(texts), 3)) / whole[:, np.newaxis]
        return {
            "exact_match": weights @ same / whole,
            "chrf": written_text.chrf(weights @ of_chrf),
            "bleu": written_text.bleu(weights @ of_bleu),
            **dict(zip(written_text.ROUGES, means.T, strict=True)),
        }

    def shares(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, tuple[float, float]]:
        """Exact match, and what is empty or cut."""
        texts = list(map(_text_of, predictions))
        same = sum(_same(text, _texts_of(row)[1]) for text, row in zip(texts, targets, strict=True))
        empty, cut = sum(not text.strip() for text in texts), int((predictions[:, CUT] > 0).sum())
        counts = {"exact_match": same, "empty_share": empty, "cut_share": cut}
        return {name: (float(count), float(len(texts))) for name, count in counts.items()}

    def answers(self, predictions: np.ndarray) -> np.ndarray:
        """The texts' code points, float[n, any]."""
        return predictions[:, TEXT:]

    # What a client gets.

    def outputs(self, predictions: tf.Tensor) -> dict[str, tf.Tensor]:
        """Of an evaluation's predictions; a client's are made by the exported model."""
        return {self.prediction_key: predictions}

    def to_json(self, output: dict[str, Any]) -> dict[str, Any]:
        """`text`, its `score`, whether it was `cut`, and under `best` the best texts where there are several."""
        found = {
            "text": output["text"].decode(errors="replace"),
            "score": float(output["score"]),
            "cut": bool(output["cut"]),
        }
        texts, scores = output["texts"], output["scores"]
        if len(texts) > 1:
            pairs = zip(texts, scores, strict=True)
            found["best"] = [
                {"text": text.decode(errors="replace"), "score": float(score)}
                for text, score in pairs
                if score > NO_TEXT
            ]
        return found

    @property
    def output_columns(self) -> list[str]:
        """`text` and `score`."""
        return ["text", "score"]

    def to_row(self, values: dict[str, Any]) -> list[str]:
        """The text, and its score with six decimals."""
        return [values["text"], f"{values['score']:.6f}"]

    def to_line(self, values: dict[str, Any], texts: Sequence[str]) -> str:
        """The best texts with their scores, a dash for an empty one."""
        several = values.get("best", [values])
        return "\t".join(f"{one['text'] or '-'}\t{one['score']:.6f}" for one in several)

    def evaluated(self, predictions: np.ndarray) -> Iterator[dict[str, Any]]:
        """Text, score and whether it was cut, of each row."""
        return ({"text": _text_of(row), "score": float(row[SCORE]), "cut": bool(row[CUT] > 0)} for row in predictions)

    def assess(self, texts: Sequence[str], label: str, values: dict[str, Any]) -> Assessment:
        """Target and text; the loss is 1 less the row's chrF, and of what is not right a little more than 0."""
        right = _same(values["text"], label)
        _, counts = written_text.corpus_counts([values["text"]], [label])
        loss = 0.0 if right else max(1e-6, 1 - float(written_text.chrf(counts[0])))
        return Assessment(label, values["text"] or "-", loss, right, math.exp(min(0.0, values["score"])))


def encoded(texts: Sequence[str], *, before: Callable[[int], Sequence[float]] = lambda place: ()) -> np.ndarray:
    """Rows of numbers as the module has them, float64: what stands before each text, and its code points."""
    import numpy as np

    rows = [np.array([*before(place), *map(ord, text)], float) for place, text in enumerate(texts)]
    return filled_up(rows, IGNORED, float)


def _texts_of(target: np.ndarray) -> tuple[str, str]:
    """Source and target of a row of targets."""
    length = int(target[0])
    return of_code_points(target[1 : 1 + length]), of_code_points(target[1 + length :])


def _text_of(prediction: np.ndarray) -> str:
    return of_code_points(prediction[TEXT:])


def _same(text: str, target: str) -> bool:
    return text.split() == target.split()
