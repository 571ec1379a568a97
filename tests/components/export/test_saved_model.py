import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from components.common.atomic_files import sha256
from components.export import warmup
from components.export.card import WARMUP_FILE, weights_sha256
from components.export.signatures import Exported
from components.export.signatures import padded as padded_rows
from components.model.config import BertConfig
from components.model.task_model import TaskModel
from components.rows import data_hash
from components.settings.data import Data
from components.settings.model import Model
from components.settings.training import Training
from components.tasks.classification import Classification
from components.tokenization.vocabulary import TokenizerSettings
from components.training import initial_model
from tests.conftest import LABELS, MAX_LENGTH, Trained, dev_predictions, transformed_texts
from tests.toys import VOCABULARY, write_toy_checkpoint

TASK = Classification(tuple(LABELS))

IN_A_CLEAN_PROCESS = """
import json, sys
import tensorflow as tf
outputs = tf.saved_model.load(sys.argv[1]).signatures["serving_default"](text=tf.constant(json.loads(sys.argv[2])))
others = {"components", "keras", "tfx", "tensorflow_transform", "tensorflow_text"}
ours = {name.split(".")[0] for name in sys.modules} & others
probabilities, labels = outputs["probabilities"].numpy().tolist(), outputs["label"].numpy().astype(str).tolist()
print(json.dumps([sorted(ours), probabilities, labels]))
"""


@pytest.fixture(scope="module")
def signatures(tiny_trained: Trained) -> Any:
    return tf.saved_model.load(str(tiny_trained.saved_model)).signatures


@pytest.fixture(scope="module")
def rows(tiny_data: Data) -> list[list[str]]:
    """Text, label and source of each row of dev."""
    return [line.split("\t") for line in Path(tiny_data.dev[0]).read_text().splitlines()[1:]]


def padded(texts: list[str], length: int) -> tf.Tensor:
    """The token ids of texts whose words are tokens."""
    ids = [[VOCABULARY.index(token) for token in ("[CLS]", *text.split(), "[SEP]")] for text in texts]
    return tf.constant([row + [0] * (length - len(row)) for row in ids], tf.int32)


def serialized(rows: list[list[str]]) -> tf.Tensor:
    examples = []
    for text, label, source in rows:
        example = tf.train.Example()
        for name, value in (("text", text), ("label", label), ("source", source)):
            example.features.feature[name].bytes_list.value.append(value.encode())
        examples.append(example.SerializeToString())
    return tf.constant(examples)


def test_text_token_ids_and_examples_get_the_same_probabilities(signatures: Any, rows: list[list[str]]) -> None:
    texts = [text for text, _, _ in rows]
    by_text = signatures["serving_default"](text=tf.constant(texts))
    by_ids = signatures["token_ids"](token_ids=padded(texts, 24))
    by_example = signatures["predict_examples"](examples=serialized(rows))
    of_one = signatures["predict_examples"](examples=serialized(rows[:1]))
    # Several passes of the encoder.
    of_many = signatures["predict_examples"](examples=serialized(rows * 50))
    np.testing.assert_allclose(by_ids["probabilities"], by_text["probabilities"], atol=1e-6)
    np.testing.assert_allclose(of_many["probabilities"], np.tile(by_text["probabilities"], (50, 1)), atol=1e-6)
    np.testing.assert_allclose(by_example["probabilities"], by_text["probabilities"], atol=1e-6)
    np.testing.assert_allclose(of_one["probabilities"], by_text["probabilities"][:1], atol=1e-6)
    assert by_ids["label"].numpy().tolist() == by_text["label"].numpy().tolist()
    assert list(by_example) == ["probabilities"]


def test_the_tokenizer_gives_padded_ids_and_lengths(signatures: Any) -> None:
    texts = ["the film", "", "the film is not good ! " + "a " * 40]
    outputs = signatures["tokenize"](text=tf.constant(texts))
    assert {name: values.dtype for name, values in outputs.items()} == {"token_ids": tf.int32, "lengths": tf.int32}
    lengths = outputs["lengths"].numpy().tolist()
    assert lengths[:2] == [4, 2]
    assert lengths[2] == outputs["token_ids"].shape[1] < 40
    np.testing.assert_array_equal(outputs["token_ids"][:2, :4], padded(["the film", ""], 4))
    assert outputs["token_ids"].numpy()[:2, 4:].any() is np.False_
    assert outputs["token_ids"].numpy()[2, -1] == VOCABULARY.index("[SEP]")


def test_no_rows_get_no_predictions(signatures: Any) -> None:
    none = tf.constant([], tf.string)
    assert signatures["serving_default"](text=none)["probabilities"].shape == (0, 3)
    assert signatures["predict_examples"](examples=none)["probabilities"].shape == (0, 3)
    assert signatures["tokenize"](text=none)["lengths"].shape == (0,)


def test_a_prediction_is_the_likeliest_label_all_probabilities_and_the_names_of_the_classes(
    signatures: Any, rows: list[list[str]]
) -> None:
    outputs = signatures["serving_default"](text=tf.constant([text for text, _, _ in rows]))
    probabilities = outputs["probabilities"].numpy()
    assert probabilities.shape == (30, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert [label.decode() for label in outputs["label"].numpy()] == [LABELS[i] for i in probabilities.argmax(axis=1)]
    assert outputs["class_names"].numpy().astype(str).tolist() == [LABELS] * 30


def test_more_padding_and_other_rows_of_the_batch_change_nothing(signatures: Any) -> None:
    alone = signatures["token_ids"](token_ids=padded(["the film"], 4))["probabilities"]
    among = signatures["token_ids"](token_ids=padded(["the film", "a b c d e f g"], 20))["probabilities"]
    np.testing.assert_allclose(among[0], alone[0], atol=1e-6)


def test_by_a_schema_without_shapes_an_empty_text_is_a_row_too() -> None:
    model: Any = SimpleNamespace(task=TASK)
    exported = Exported(model, dict, {"text": tf.io.VarLenFeature(tf.string)})
    raw = exported.transformed_texts(tf.constant(["a", "", "b"]))["text"]
    assert raw.values.numpy().tolist() == [b"a", b"", b"b"]
    assert raw.indices.numpy().tolist() == [[0, 0], [1, 0], [2, 0]]
    assert raw.dense_shape.numpy().tolist() == [3, 1]


def test_examples_are_transformed_for_their_evaluation(signatures: Any) -> None:
    rows = [["a b", "good", "web"], ["a " * 15, "bad", "web"], ["a", "unheard of", "web"]]
    features = signatures["transform_features"](examples=serialized(rows))
    assert {name: values.numpy().reshape(-1).tolist() for name, values in features.items()} == {
        "label_target": [1, 0, -1],
        "text_length": [b"1-16 tokens", b"17-32 tokens", b"1-16 tokens"],
    }


def test_the_table_of_the_vocabulary_stands_once_in_the_files(tiny_trained: Trained) -> None:
    weights = tf.train.load_checkpoint(str(tiny_trained.saved_model / "variables" / "variables"))
    tables = [name for name, shape in weights.get_variable_to_shape_map().items() if shape[:1] == [len(VOCABULARY)]]
    assert tables == ["model/encoder/embeddings/word/_embeddings/.ATTRIBUTES/VARIABLE_VALUE"]


def test_a_process_with_only_tensorflow_gets_the_probabilities_of_the_model_in_memory(
    tiny_trained: Trained, tmp_path: Path
) -> None:
    texts = transformed_texts(tiny_trained)
    command = [sys.executable, "-I", "-c", IN_A_CLEAN_PROCESS, str(tiny_trained.saved_model), json.dumps(texts)]
    done = subprocess.run(command, check=True, cwd=tmp_path, capture_output=True, text=True)
    imported, probabilities, labels = json.loads(done.stdout)
    assert imported == []
    in_memory, _ = dev_predictions(tiny_trained)
    np.testing.assert_allclose(probabilities, in_memory, atol=1e-5)
    assert labels == [LABELS[index] for index in in_memory.argmax(axis=1)]


def test_the_card_holds_the_task_the_hashes_of_weights_and_data_and_what_the_trainer_was_given(
    tiny_trained: Trained, tiny_examples: Any
) -> None:
    card = json.loads((tiny_trained.saved_model / "assets.extra" / "model.json").read_text())
    assert re.fullmatch("[0-9a-f]{64}", card.pop("weights_sha256"))
    assert card.pop("warmup_sha256") == sha256(tiny_trained.saved_model / WARMUP_FILE)
    tokenizer = card.pop("tokenizer")
    assert TokenizerSettings(**tokenizer.pop("settings")) == TokenizerSettings()
    assert re.fullmatch("[0-9a-f]{64}", tokenizer.pop("vocabulary_sha256"))
    assert tokenizer == {"max_tokens": MAX_LENGTH, "padding_id": 0}
    settings = card.pop("model")
    assert (settings["pooling"], settings["long_texts"], "base" in settings) == ("cls", "truncate", False)
    assert BertConfig(**card.pop("encoder")).hidden_size == 8
    task = {"name": "classification", "labels": LABELS}
    learned_from = {"data_sha256": data_hash.read(tiny_examples.uri), "initial_weights": None, "initial_identity": None}
    assert card == {"task": task, "name": "tiny", **learned_from}


def test_each_request_to_warm_up_by_runs_and_gives_a_row_for_each_text(
    signatures: Any, tiny_trained: Trained, tiny_data: Data, tmp_path: Path
) -> None:
    place = tiny_trained.saved_model / WARMUP_FILE
    requests = [
        prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        for record in tf.data.TFRecordDataset(str(place))
    ]
    seen: Counter[tuple[str, int]] = Counter()
    for request in requests:
        name = request.model_spec.signature_name
        given = {key: tf.constant(tf.make_ndarray(value)) for key, value in request.inputs.items()}
        rows = {len(value) for value in given.values()}
        assert {len(value) for value in signatures[name](**given).values()} == rows
        seen[name, rows.pop()] += 1
    clients = ["embedding", "serving_default", "token_ids", "tokenize"]
    assert seen == {(name, rows): 3 if rows == 1 else 1 for name in clients for rows in (1, 3)}
    content = place.read_bytes()
    assert len(content) < 20_000
    assert not any(
        line.split("\t")[0].encode() in content for line in Path(tiny_data.train[0]).read_text().splitlines()[1:]
    )
    # As often as it is written.
    copy = tmp_path / "again"
    copy.mkdir()
    warmup.write(copy, {name: _positional(one) for name, one in signatures.items()}, ("text",))
    assert (copy / WARMUP_FILE).read_bytes() == content


def _positional(signature: Any) -> Any:
    """A loaded signature as it was before it was saved."""
    (name,) = signature.structured_input_signature[1]
    return lambda value: signature(**{name: value})


def build(checkpoint: Path, seed: int) -> TaskModel:
    return initial_model.build_model(checkpoint, Model(base="toy"), Training(seed=seed), TASK)


def test_padding_is_what_the_tokenizer_says_and_0_a_token_like_any_other(tmp_path: Path) -> None:
    vocabulary = ["good", "[UNK]", "[CLS]", "[SEP]", "[PAD]", "film"]
    model = build(write_toy_checkpoint(tmp_path, vocabulary), 1)
    served = Exported(model, dict, {})
    rows = tf.RaggedTensor.from_row_lengths(tf.constant([2, 0, 0, 3, 2, 5, 3], tf.int64), [4, 3])
    ids, mask = padded_rows(rows.to_sparse(), model.padding_id)
    assert ids.numpy().tolist() == [[2, 0, 0, 3], [2, 5, 3, 4]]
    assert mask.numpy().tolist() == [[True] * 4, [True] * 3 + [False]]

    def probabilities(*row: int) -> np.ndarray:
        return served.from_ids(tf.constant([row], tf.int32))["probabilities"].numpy()

    np.testing.assert_allclose(probabilities(2, 5, 3, 4, 4), probabilities(2, 5, 3), atol=1e-6)
    assert np.abs(probabilities(2, 5, 3, 0) - probabilities(2, 5, 3)).max() > 1e-4


def test_equal_weights_have_an_equal_hash_whatever_was_drawn_since(checkpoint: Path) -> None:
    one, two = build(checkpoint, 1), build(checkpoint, 1)
    ids = np.array([[2, 57, 3]], np.int32)
    two(ids, ids != 0, training=True)
    assert weights_sha256(one) == weights_sha256(two)


def test_one_changed_weight_changes_the_hash(checkpoint: Path) -> None:
    model = build(checkpoint, 1)
    before = weights_sha256(model)
    assert model.dense is not None
    model.dense.bias.assign([0.0, 0.0, 1e-7])
    assert weights_sha256(model) != before
    assert weights_sha256(build(checkpoint, 2)) not in (before, weights_sha256(model))
