"""How far two profiles are from each other, by TensorFlow Data Validation's distances."""

from __future__ import annotations

import dataclasses
from itertools import islice
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.drift.profile import MEANS, feature_statistics
from components.drift.tfdv import tfdv
from components.settings.drift import Drift


@dataclasses.dataclass(slots=True)
class Distance:
    """How far apart two profiles are in one respect."""

    name: str
    """As in the settings: `label`, `text_length`, `unknown_share` or `vocabulary_coverage`."""
    value: float
    """From 0, equal, to 1."""
    limit: float
    """The largest value that is accepted."""
    before: str
    """What the model learned from, in words: the mean, or the shares of the classes."""
    now: str
    """The new rows, likewise."""

    @property
    def exceeded(self) -> bool:
        """Whether it is over its limit."""
        return self.value > self.limit

    def __str__(self) -> str:
        what = "a class's share moved by" if self.name == "label" else "divergence"
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

    The L-infinity distance of the classes' shares, and the Jensen-Shannon divergence (base 2, from 0 to 1) of the rest.
    Labels are compared where both profiles have them.
    """
    compared = [
        name for name in ("label", *MEANS) if feature_statistics(before, name) and feature_statistics(now, name)
    ]
    schema = schema_pb2.Schema()
    for name in compared:
        comparator = schema.feature.add(name=name, type=schema_pb2.BYTES).drift_comparator
        measure = comparator.infinity_norm if name == "label" else comparator.jensen_shannon_divergence
        measure.threshold = getattr(limits, name)
    anomalies = tfdv.validate_statistics(now, schema, previous_statistics=before)
    values = {info.path.step[0]: info.drift_measurements[0].value for info in anomalies.drift_skew_info}
    return [
        Distance(name, values[name], getattr(limits, name), _in_words(before, name), _in_words(now, name))
        for name in compared
    ]


def _in_words(statistics: statistics_pb2.DatasetFeatureStatisticsList, name: str) -> str:
    if name in MEANS:
        number, written = MEANS[name]
        return written.format(feature_statistics(statistics, number).num_stats.mean)
    buckets = feature_statistics(statistics, name).string_stats.rank_histogram.buckets
    rows = sum(bucket.sample_count for bucket in buckets)
    return ", ".join(f"{bucket.label} {bucket.sample_count / rows:.1%}" for bucket in islice(buckets, 5))
