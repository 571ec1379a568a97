"""How far two profiles are from each other, by TensorFlow Data Validation's distances."""

from __future__ import annotations

import dataclasses
from itertools import islice
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.drift.profile import AGREES, FEATURES, MEANS, feature_statistics, range_names
from components.examples.tfdv import tfdv
from components.settings.drift import Drift

_MOVES = {"label": "a class's share moved by", "label_agreement": "the share that agrees fell by"}
"""Measures that are moves of a share, in words."""


@dataclasses.dataclass(slots=True)
class Distance:
    """How far apart two profiles are in one respect."""

    name: str
    """As in the settings: `label`, `label_agreement`, `text_length`, `unknown_share` or `vocabulary_coverage`."""
    value: float
    """From 0, equal, to 1."""
    limit: float
    """The largest value that is accepted."""
    before: str
    """What the model learned from, in words: the mean, or the shares of the classes."""
    now: str
    """The new rows, likewise."""
    spread: list[tuple[str, float, float]] = dataclasses.field(default_factory=list)
    """What is compared: a label or a range, its share of what the model learned from, and that of the new rows."""

    @property
    def exceeded(self) -> bool:
        """Whether it is over its limit."""
        return self.value > self.limit

    def __str__(self) -> str:
        what = _MOVES.get(self.name, "divergence")
        return (
            f"{self.name}: {what} {self.value:.3f}, the limit is {self.limit:g} ({self.before} before; {self.now} now)"
        )

    def as_dict(self) -> dict[str, Any]:
        """The fields, and `exceeded`."""
        return dataclasses.asdict(self) | {"exceeded": self.exceeded}


def compare(
    before: statistics_pb2.DatasetFeatureStatisticsList,
    now: statistics_pb2.DatasetFeatureStatisticsList,
    limits: Drift,
) -> list[Distance]:
    """TensorFlow Data Validation's distances between two profiles.

    The L-infinity distance of the classes' shares, and of that of labels which agree with their words if it fell; and
    the Jensen-Shannon divergence (base 2, from 0 to 1) of the rest. What concerns labels is compared where both
    profiles have it, the rest but for `not_compared`.
    """
    compared = [
        name for name, feature in FEATURES.items() if all(feature_statistics(one, feature) for one in (before, now))
    ]
    schema = schema_pb2.Schema()
    for name in compared:
        comparator = schema.feature.add(name=FEATURES[name], type=schema_pb2.BYTES).drift_comparator
        measure = comparator.infinity_norm if name in _MOVES else comparator.jensen_shannon_divergence
        measure.threshold = getattr(limits, name)
    anomalies = tfdv.validate_statistics(now, schema, previous_statistics=before)
    values = {info.path.step[0]: info.drift_measurements[0].value for info in anomalies.drift_skew_info}
    if "label_agreement" in compared and _agreeing(now) >= _agreeing(before):
        # Rows that the model itself learned from agree more than others: not drift.
        values[FEATURES["label_agreement"]] = 0.0
    return [
        Distance(
            name,
            values[FEATURES[name]],
            getattr(limits, name),
            _in_words(before, name),
            _in_words(now, name),
            _spread(before, now, name),
        )
        for name in compared
    ]


def not_compared(before: statistics_pb2.DatasetFeatureStatisticsList) -> list[str]:
    """The measures by which nothing is compared with a profile, because it is of an older form."""
    return [name for name in MEANS if not feature_statistics(before, FEATURES[name])]


def _in_words(statistics: statistics_pb2.DatasetFeatureStatisticsList, name: str) -> str:
    if name in MEANS:
        number, written = MEANS[name]
        return written.format(feature_statistics(statistics, number).num_stats.mean)
    return ", ".join(f"{value} {share:.1%}" for value, share in islice(_shares(statistics, name).items(), 5))


def _spread(
    before: statistics_pb2.DatasetFeatureStatisticsList, now: statistics_pb2.DatasetFeatureStatisticsList, name: str
) -> list[tuple[str, float, float]]:
    """As of `Distance`: labels by their shares before, ranges in their order without empty ones at the ends."""
    learned, found = (_shares(one, FEATURES[name]) for one in (before, now))
    # The commonest first, and behind them what is new.
    values = list({**learned, **found})
    names = {value: value for value in values}
    if name in MEANS:
        named = range_names(MEANS[name][0])
        places = sorted(map(int, values))
        names = {f"{place:02}": named[place] for place in range(places[0], places[-1] + 1)}
    return [(shown, learned.get(value, 0.0), found.get(value, 0.0)) for value, shown in names.items()]


def _agreeing(statistics: statistics_pb2.DatasetFeatureStatisticsList) -> float:
    return _shares(statistics, FEATURES["label_agreement"]).get(AGREES, 0.0)


def _shares(statistics: statistics_pb2.DatasetFeatureStatisticsList, feature: str) -> dict[str, float]:
    """Value -> its share, the commonest first."""
    buckets = feature_statistics(statistics, feature).string_stats.rank_histogram.buckets
    rows = sum(bucket.sample_count for bucket in buckets)
    return {bucket.label: bucket.sample_count / rows for bucket in buckets}
