from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
import tensorflow_transform as tft

from components import tasks
from components.examples import records as raw_records
from components.rows import data_hash
from components.tasks.classification import Classification
from tests.conftest import BY_BEAM, LABELS, MAX_LENGTH, SIZES, Transformed, transform
from tests.toys import VOCABULARY


def records(examples: Any, split: str) -> list[Any]:
    files = [str(path) for path in sorted(Path(examples.uri, f"Split-{split}").iterdir())]
    dataset = tf.data.TFRecordDataset(files, compression_type="GZIP")
    return [tf.train.Example.FromString(record).features.feature for record in dataset.as_numpy_iterator()]


def test_the_task_with_the_label_names_of_the_examples_stands_beside_the_graph(tiny_transformed: Transformed) -> None:
    assert tasks.read(tiny_transformed.graph.uri) == Classification(tuple(LABELS))


def test_every_row_of_every_split_is_transformed(tiny_transformed: Transformed) -> None:
    assert {split: len(records(tiny_transformed.examples, split)) for split in SIZES} == SIZES


def test_a_transformed_row_is_its_ids_unpadded_its_label_and_its_length(
    tiny_examples: Any, tiny_transformed: Transformed
) -> None:
    # TFX's Transform may deal rows out in another order: the rows are compared as sets.
    def tokens(text: str) -> tuple[str, ...]:
        return ("[CLS]", *text.split(), "[SEP]")

    raw = [
        (tokens(row["text"].bytes_list.value[0].decode()), row["label"].bytes_list.value[0].decode())
        for row in records(tiny_examples, "dev")
    ]
    expected = sorted(
        (row, LABELS.index(label), "1-16 tokens" if len(row) <= 16 else "17-32 tokens") for row, label in raw
    )
    found = sorted(
        (
            tuple(VOCABULARY[i] for i in row["token_ids"].int64_list.value),
            row["label_target"].int64_list.value[0],
            row["text_length"].bytes_list.value[0].decode(),
        )
        for row in records(tiny_transformed.examples, "dev")
    )
    assert found == expected
    assert {bucket for _, _, bucket in found} == {"1-16 tokens", "17-32 tokens"}


def test_the_graph_holds_the_vocabulary_and_the_length_to_serve_with(tiny_transformed: Transformed) -> None:
    layer = tft.TFTransformOutput(tiny_transformed.graph.uri).transform_features_layer()
    row = layer({"text": tf.constant([["the film " * 50]])})["token_ids"]
    assert len(row.values) == MAX_LENGTH
    assert row.values.numpy()[:3].tolist() == [VOCABULARY.index(token) for token in ("[CLS]", "the", "film")]


def test_what_data_the_examples_come_from_stands_beside_the_graph_too(
    tiny_examples: Any, tiny_transformed: Transformed
) -> None:
    assert data_hash.read(tiny_transformed.graph.uri) == data_hash.read(tiny_examples.uri)


def test_without_beam_rows_and_graph_are_those_of_its_pipeline(
    tiny_examples: Any, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_beam = transform(tiny_examples, checkpoint, tmp_path / "beam", BY_BEAM)
    monkeypatch.setattr(raw_records, "batches", partial(raw_records.batches, most_rows=3))
    here = transform(tiny_examples, checkpoint, tmp_path / "here")
    for split in SIZES:
        found = [[str(sorted(row.items())) for row in records(made.examples, split)] for made in (here, by_beam)]
        assert found[0] == found[1]
    assert here.examples.split_names == by_beam.examples.split_names
    for name in ("metadata/schema.pbtxt", "transformed_metadata/schema.pbtxt", "task.json", "data.sha256"):
        assert Path(here.graph.uri, name).read_bytes() == Path(by_beam.graph.uri, name).read_bytes()
    graphs = [tf.saved_model.load(str(Path(made.graph.uri, "transform_fn"))) for made in (here, by_beam)]
    signatures = [graph.signatures["serving_default"] for graph in graphs]
    assert signatures[0].structured_input_signature == signatures[1].structured_input_signature
    assert signatures[0].structured_outputs == signatures[1].structured_outputs
