from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
import tensorflow as tf

from components.examples import feature_statistics, records
from components.examples.tfdv import tfdv
from tests.conftest import BY_BEAM


def write(directory: Path, rows: list[dict[str, bytes | float]]) -> Path:
    """A split of these rows."""
    made = []
    for row in rows:
        example = tf.train.Example()
        for name, value in row.items():
            feature = example.features.feature[name]
            of_kind = feature.bytes_list if isinstance(value, bytes) else feature.float_list
            of_kind.value.append(value)
        made.append(example.SerializeToString())
    with records.written(directory) as write_all:
        write_all(made)
    return directory


def by_beam(directory: Path) -> Any:
    """What TensorFlow Data Validation's own pipeline says."""
    from tfx_bsl.tfxio import tf_example_record

    source = tf_example_record.TFExampleRecord(str(directory / "*"), telemetry_descriptors=["test"])
    path = str(directory.parent / "statistics.pb")
    with beam.Pipeline(argv=[BY_BEAM]) as pipeline:
        found = pipeline | source.BeamSource() | tfdv.GenerateStatistics()
        found | tfdv.WriteStatisticsToBinaryFile(path)
    return tfdv.load_stats_binary(path)


def varied() -> list[dict[str, bytes | float]]:
    """3,000 rows: more different texts than are listed, many as frequent, some not UTF-8; two labels; a number."""
    texts = [b"%d" % (number if number % 3 else number % 7) for number in range(2997)]
    texts += [b"\xff\xfe", b"x" * 3000, "é".encode()]
    return [
        {"text": text, "label": b"good" if number % 4 else b"bad", "score": number % 11 / 4, "source": b""}
        for number, text in enumerate(texts)
    ]


@pytest.mark.parametrize("rows", [varied(), varied()[:3], []], ids=["many", "few", "none"])
def test_they_are_those_of_the_beam_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, bytes | float]]
) -> None:
    directory = write(tmp_path / "Split-train", rows)
    expected = by_beam(directory)
    batches = records.batches
    monkeypatch.setattr(records, "batches", lambda directory: batches(directory, most_rows=500))
    found = feature_statistics.of_examples(directory)
    for statistics in (expected, found):
        for feature in statistics.datasets[0].features if statistics.datasets else ():
            # Sums of floats in another order.
            feature.num_stats.std_dev = round(feature.num_stats.std_dev, 6)
            feature.num_stats.mean = round(feature.num_stats.mean, 6)
    assert found == expected


def test_the_values_listed_are_the_most_frequent_and_then_the_greatest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tfdv, "StatsOptions", lambda: _options(top=2))
    rows: list[dict[str, bytes | float]] = [{"text": text} for text in (b"b", b"a", b"d", b"a", b"c")]
    (dataset,) = feature_statistics.of_examples(write(tmp_path / "train", rows)).datasets
    text = dataset.features[0].string_stats
    assert [(bucket.label, bucket.sample_count) for bucket in text.rank_histogram.buckets] == [("a", 2), ("d", 1)]
    assert text.unique == 4


def _options(top: int, options: Any = tfdv.StatsOptions) -> Any:
    return options(num_top_values=top, num_rank_histogram_buckets=top)
