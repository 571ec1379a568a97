from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2
from tfx.types import standard_artifacts

from components import tasks
from components.examples.tfdv import tfdv
from components.nodes.schema_gen import Executor
from components.tasks import Task
from components.tasks.classification import Classification
from components.tasks.multilabel import Multilabel
from components.tasks.pair import Pair
from tests.conftest import artifact

SOURCES = ["web", "paper"]

Infer = Callable[..., schema_pb2.Schema]


def statistics_of(columns: dict[str, list[str]]) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Of rows repeated so often that a few values look like all there are."""
    return tfdv.generate_statistics_from_dataframe(pd.DataFrame({name: rows * 100 for name, rows in columns.items()}))


@pytest.fixture
def infer(tmp_path: Path) -> Infer:
    """Runs SchemaGen on the statistics of columns of train, and of dev where these are given."""

    def run(task: Task, train: dict[str, list[str]], dev: dict[str, list[str]] | None = None) -> schema_pb2.Schema:
        examples = artifact(standard_artifacts.Examples, tmp_path / "examples")
        tasks.write(examples.uri, task)
        statistics: Any = artifact(standard_artifacts.ExampleStatistics, tmp_path / "statistics")
        statistics.split_names = '["train", "dev"]'
        for split, columns in (("train", train), ("dev", dev or train)):
            folder = tmp_path / "statistics" / f"Split-{split}"
            folder.mkdir()
            (folder / "FeatureStats.pb").write_bytes(statistics_of(columns).SerializeToString())
        schema = artifact(standard_artifacts.Schema, tmp_path / "schema")
        Executor().Do({"statistics": [statistics], "examples": [examples]}, {"schema": [schema]}, {})
        written = (tmp_path / "schema" / "schema.pbtxt").read_text(encoding="utf-8")
        return text_format.Parse(written, schema_pb2.Schema())

    return run


def features(schema: schema_pb2.Schema) -> dict[str, schema_pb2.Feature]:
    return {feature.name: feature for feature in schema.feature}


def domains(schema: schema_pb2.Schema) -> dict[str, list[str]]:
    """Feature -> the values it may have, wherever they are listed; a feature of any value is left out."""
    listed = {domain.name: list(domain.value) for domain in schema.string_domain}
    own = {
        feature.name: list(feature.string_domain.value)
        for feature in schema.feature
        if feature.WhichOneof("domain_info") == "string_domain"
    }
    shared = {feature.name: listed[feature.domain] for feature in schema.feature if feature.domain}
    return own | shared


def test_texts_and_other_columns_may_be_anything_and_a_label_is_one_of_all_classes(infer: Infer) -> None:
    rows = {"text": ["good film", "bad film"], "label": ["good", "bad"], "source": SOURCES}
    schema = infer(Classification(("bad", "good", "ugly")), rows)
    assert domains(schema) == {"label": ["bad", "good", "ugly"]}
    assert not schema.string_domain
    assert features(schema)["label"].string_domain.name == "label"


def test_both_texts_of_a_pair_may_be_anything(infer: Infer) -> None:
    rows = {"text_a": ["a b", "a c"], "text_b": ["d e", "d f"], "label": ["0", "1"]}
    schema = infer(Pair(("0", "1")), rows)
    assert domains(schema) == {"label": ["0", "1"]}
    assert not schema.string_domain


def test_a_label_that_lists_several_names_may_be_any_list(infer: Infer) -> None:
    rows = {"text": ["a b", "a c"], "label": ["grain", "grain|trade"]}
    assert domains(infer(Multilabel(("grain", "trade")), rows)) == {}


def test_only_train_is_looked_at(infer: Infer) -> None:
    rows = {"text": ["a b", "a c"], "label": ["bad", "good"]}
    schema = infer(Classification(("bad", "good")), rows, dev={**rows, "source": SOURCES})
    assert sorted(features(schema)) == ["label", "text"]


def test_every_column_has_one_value_in_each_row(infer: Infer) -> None:
    rows = {"text": ["a b", "a c"], "label": ["bad", "good"], "source": SOURCES}
    schema = infer(Classification(("bad", "good")), rows)
    assert sorted(features(schema)) == ["label", "source", "text"]
    for feature in schema.feature:
        assert (feature.type, feature.presence.min_fraction) == (schema_pb2.BYTES, 1.0)
        assert [dim.size for dim in feature.shape.dim] == [1]
