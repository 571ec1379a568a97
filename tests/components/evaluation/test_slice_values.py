"""Which values of a column have a slice each, on rows that are written here."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from components.evaluation.slice_values import OTHERS, limited
from tests.conftest import artifact

Limit = Callable[..., list[str]]


@pytest.fixture
def limit(tmp_path: Path) -> Limit:
    """Writes rows with these values; returns those of the Examples to measure, none if they are as they were."""

    def run(values: Sequence[str], listed: Sequence[str], most: int) -> list[str]:
        examples: Any = artifact(standard_artifacts.Examples, tmp_path / "examples")
        examples.split_names = '["train", "dev"]'
        path = tmp_path / "examples" / "Split-dev" / "data_tfrecord-00000-of-00001.gz"
        path.parent.mkdir()
        with tf.io.TFRecordWriter(str(path), options="GZIP") as out:
            for place, value in enumerate(values):
                example = tf.train.Example()
                example.features.feature["text"].bytes_list.value.append(str(place).encode())
                example.features.feature["source"].bytes_list.value.append(value.encode())
                out.write(example.SerializeToString())
        found = limited(examples, "dev", {"source": listed}, most, tmp_path / "fewer")
        if found is examples:
            return []
        (path,) = Path(found.uri, "Split-dev").iterdir()
        rows = tf.data.TFRecordDataset(str(path), compression_type="GZIP").as_numpy_iterator()
        features = [tf.train.Example.FromString(row).features.feature for row in rows]
        assert [row["text"].bytes_list.value[0].decode() for row in features] == list(map(str, range(len(values))))
        return [row["source"].bytes_list.value[0].decode() for row in features]

    return run


def test_values_of_the_most_rows_stay_and_the_rest_is_together(limit: Limit) -> None:
    assert limit(["a", "b", "c", "b", "", ""], [], 2) == [OTHERS, "b", OTHERS, "b", "", ""]


def test_of_equally_many_rows_the_first_by_name_stay(limit: Limit) -> None:
    assert limit(["c", "b", "a"], [], 2) == [OTHERS, "b", "a"]


def test_listed_values_stay_whatever_their_rows(limit: Limit) -> None:
    assert limit(["a", "a", "ü", "b"], ["ü", "not there"], 50) == [OTHERS, OTHERS, "ü", OTHERS]


def test_few_values_are_left_as_they_are(limit: Limit) -> None:
    assert limit(["a", "b", "a"], [], 2) == []


def test_a_value_that_is_called_others_stays_itself(limit: Limit) -> None:
    assert limit([OTHERS, OTHERS, "a"], [], 1) == [OTHERS, OTHERS, f"({OTHERS})"]
