"""What TensorFlow Data Validation's Beam pipeline says of a split's Examples, without Beam.

Counts and lengths come from its own generator. Its list of the most frequent values shuffles every value, so that it
holds them all in memory; here they are counted by 8 bytes of each, and those of the list are looked up in a second
reading. Among a million different values two are taken for one in 3 of 100 million cases.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx_bsl.coders import example_coder
from tfx_bsl.statistics import merge_util

from components.common import progress
from components.examples import records
from components.examples.tfdv import BasicStatsGenerator, frequent_values, tfdv


def of_examples(directory: Path) -> statistics_pb2.DatasetFeatureStatisticsList:
    """The statistics of a split.

    Args:
        directory: its gzipped TFRecords, of features with one value or none in a row.
    """
    options = tfdv.StatsOptions()
    generator = BasicStatsGenerator(
        num_values_histogram_buckets=options.num_values_histogram_buckets,
        num_histogram_buckets=options.num_histogram_buckets,
        num_quantiles_histogram_buckets=options.num_quantiles_histogram_buckets,
        epsilon=options.epsilon,
    )
    accumulator, hashes = generator.create_accumulator(), defaultdict[str, list[np.ndarray]](list)
    with progress.progress() as bar:
        for batch in _decoded(directory):
            accumulator = generator.add_input(accumulator, batch)
            for name, values in _texts(batch):
                hashes[name].append(_hashes(values))
            bar.advance(batch.num_rows, f"{bar.done + batch.num_rows:,.0f} rows")
    found = [generator.extract_output(accumulator)]
    most = max(options.num_top_values, options.num_rank_histogram_buckets)
    for name, top, distinct in _most_frequent(directory, hashes, most):
        path = (name,)
        pairs = [frequent_values.FeatureValueCount(value, count) for value, count in top]
        found.append(
            frequent_values.make_dataset_feature_stats_proto_topk_single(
                path,
                pairs,
                is_weighted_stats=False,
                num_top_values=options.num_top_values,
                frequency_threshold=options.frequency_threshold,
                num_rank_histogram_buckets=options.num_rank_histogram_buckets,
            )
        )
        found.append(frequent_values.make_dataset_feature_stats_proto_unique_single(path, distinct))
    return merge_util.merge_dataset_feature_statistics(found)


class _Frequencies:
    """The most frequent values of a feature: by how often they occur, then, as TFDV has it, the greatest bytes first.

    Args:
        hashes: uint64[rows], of all its values.
        most: how many are wanted.
    """

    def __init__(self, hashes: np.ndarray, most: int) -> None:
        self._hashes, self._counts = np.unique(hashes, return_counts=True)
        self._most = most
        ranked = np.partition(self._counts, -most) if len(self._counts) > most else self._counts
        self._least = ranked[-most] if len(self._counts) > most else 1
        # Values more frequent than the last one that is wanted, and the greatest of those as frequent.
        self._certain, self._last = dict[bytes, int](), list[bytes]()

    @property
    def distinct(self) -> int:
        """How many different values there are."""
        return len(self._hashes)

    def look_up(self, values: pa.Array) -> None:
        """Finds those of the list among some of the values."""
        values = values.unique()
        hashes = _hashes(values)
        counts = self._counts[np.searchsorted(self._hashes, hashes)]
        for place in np.flatnonzero(counts > self._least):
            self._certain[values[int(place)].as_py()] = int(counts[place])
        candidates = values.filter(pa.array(counts == self._least))
        if len(self._last) == self._most:
            candidates = candidates.filter(pa.compute.greater(candidates, pa.scalar(self._last[-1], candidates.type)))
        if len(candidates):
            self._last = sorted({*self._last, *candidates.to_pylist()}, reverse=True)[: self._most]

    def top(self) -> list[tuple[bytes, int]]:
        """The values with their counts, once all were looked at."""
        last = [(value, int(self._least)) for value in self._last[: self._most - len(self._certain)]]
        return [*self._certain.items(), *last]


def _most_frequent(
    directory: Path, hashes: dict[str, list[np.ndarray]], most: int
) -> Iterator[tuple[str, list[tuple[bytes, int]], int]]:
    """Feature of texts, its most frequent values with their counts, and how many different ones it has."""
    found = {name: _Frequencies(np.concatenate(hashes.pop(name)), most) for name in list(hashes)}
    for batch in _decoded(directory) if found else ():
        for name, values in _texts(batch):
            found[name].look_up(values)
    for name, frequencies in found.items():
        yield name, frequencies.top(), frequencies.distinct


def _decoded(directory: Path) -> Iterator[Any]:
    decoder = example_coder.ExamplesToRecordBatchDecoder()
    return map(decoder.DecodeBatch, records.batches(directory))


def _texts(batch: Any) -> Iterator[tuple[str, Any]]:
    """The features of a batch whose values are bytes, with all their values."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        values = column.flatten() if not pa.types.is_null(column.type) else column
        if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
            yield name, values


def _hashes(values: Any) -> np.ndarray:
    """uint64[values]."""
    found: np.ndarray = pd.util.hash_array(values.to_numpy(zero_copy_only=False))
    return found
