import functools
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from components.common.errors import InputError
from components.export import older_ops, saved_weights, signature_names
from components.export.card import CARD_FILE
from components.serving import predictor
from components.serving.predictor import Predictor
from components.settings.generation import Generation
from components.tasks.classification import Classification
from tests.conftest import LABELS, Trained, dev_predictions, transformed_texts


@pytest.fixture(scope="module")
def pushed(tiny_trained: Trained) -> Predictor:
    return Predictor(tiny_trained.saved_model)


def rows(texts: list[str]) -> list[tuple[str]]:
    """Of one text each."""
    return [(text,) for text in texts]


def probabilities(predictions: Iterable[dict[str, Any]]) -> np.ndarray:
    """float[rows, labels]."""
    return np.array([list(prediction["probabilities"].values()) for prediction in predictions])


def test_a_pushed_model_predicts_as_the_model_in_memory_did(pushed: Predictor, tiny_trained: Trained) -> None:
    predictions = list(pushed.predict(rows(transformed_texts(tiny_trained))))
    in_memory, _ = dev_predictions(tiny_trained)
    np.testing.assert_allclose(probabilities(predictions), in_memory, atol=1e-5)
    assert pushed.task == Classification(tuple(LABELS))
    assert all(list(prediction["probabilities"]) == LABELS for prediction in predictions)
    assert [prediction["label"] for prediction in predictions] == [LABELS[index] for index in in_memory.argmax(axis=1)]


def test_predictions_keep_the_order_of_the_texts_across_batches_and_windows(
    pushed: Predictor, tiny_trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = rows(transformed_texts(tiny_trained))
    whole = list(pushed.predict(texts))
    monkeypatch.setattr(predictor, "TEXTS_AT_A_TIME", 3)
    monkeypatch.setattr(signature_names, "TOKENS_AT_A_TIME", 20)
    monkeypatch.setattr(predictor, "WINDOW", 7)
    in_parts = list(pushed.predict(iter(texts)))
    assert [prediction["label"] for prediction in in_parts] == [prediction["label"] for prediction in whole]
    np.testing.assert_allclose(probabilities(in_parts), probabilities(whole), atol=1e-6)
    assert len(np.unique(probabilities(whole), axis=0)) > 7


def summing(seen: list[list[list[int]]], **how: Any) -> predictor.BatchedInference:
    """Each text's sum, of a 0 a letter and padding of 7; the batches go into `seen`."""

    def tokenize(text: tf.Tensor) -> dict[str, tf.Tensor]:
        lengths = tf.strings.length(text)
        return {"token_ids": tf.zeros([tf.size(text), tf.reduce_max(lengths)], tf.int32), "lengths": lengths}

    def predict(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        seen.append(token_ids.numpy().tolist())
        return {"sum": tf.reduce_sum(token_ids, axis=1)}

    return predictor.BatchedInference(("text",), tokenize, predict, 7, **how)


def test_the_shorter_rows_of_a_batch_are_filled_up_with_the_padding_id() -> None:
    seen: list[list[list[int]]] = []
    assert [output["sum"] for output in summing(seen).outputs(rows(["abc", "a"]))] == [0, 14]
    assert seen == [[[0, 7, 7], [0, 0, 0]]]


def test_rows_that_count_for_more_than_their_tokens_are_fewer_in_a_batch() -> None:
    seen: list[list[list[int]]] = []
    written = Generation(search="beam", beams=4, max_tokens=6)
    counted = functools.partial(written.tokens_of_row, room=64)
    made = summing(seen, tokens=80, row_tokens=counted)
    assert len(list(made.outputs(rows(["abcd"] * 4)))) == 4
    assert list(map(len, seen)) == [2, 2]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_an_answer_that_is_no_number_is_an_error(number: float) -> None:
    def tokenize(text: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"token_ids": tf.zeros([tf.size(text), 1], tf.int32), "lengths": tf.ones([tf.size(text)], tf.int32)}

    def predict(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"count": tf.size(token_ids)[tf.newaxis], "vector": tf.constant([[0.5, number]])}

    inference = predictor.BatchedInference(("text",), tokenize, predict, 0)
    with pytest.raises(InputError, match="answers a text with nan or an infinity, in its output 'vector'"):
        list(inference.outputs(rows(["a"])))


def test_no_more_than_a_window_is_read_ahead(pushed: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictor, "WINDOW", 5)
    read: list[int] = []

    def texts() -> Iterator[tuple[str]]:
        for number in range(1_000_000):
            read.append(number)
            yield ("a film",)

    next(pushed.predict(texts()))
    assert len(read) == 5


def test_no_texts_no_predictions(pushed: Predictor) -> None:
    assert list(pushed.predict([])) == []


def test_any_text_gets_a_prediction(pushed: Predictor) -> None:
    texts = ["", " ", "[SEP]", "é" * 5000, "\0", "\u2028", "👍🏽", "a\tb"]
    assert probabilities(pushed.predict(rows(texts))).shape == (len(texts), 3)


def test_of_a_serving_directory_the_newest_version_is_taken(tiny_trained: Trained, tmp_path: Path) -> None:
    for version in ("9", "10"):
        shutil.copytree(tiny_trained.saved_model, tmp_path / version)
    assert Predictor(tmp_path).path == tmp_path / "10"


def test_a_card_with_other_labels_than_the_model_answers_is_refused(tiny_trained: Trained, tmp_path: Path) -> None:
    shutil.copytree(tiny_trained.saved_model, tmp_path / "1")
    place = tmp_path / "1" / CARD_FILE
    card = json.loads(place.read_text())
    card["task"]["labels"].reverse()
    place.write_text(json.dumps(card))
    with pytest.raises(InputError) as caught:
        Predictor(tmp_path)
    assert caught.value.problem == "its card has the labels mixed, good, bad, the model answers bad, good, mixed"


class WithoutClasses(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def serve(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"label": text}


class OfNumbers(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="number")])
    def serve(self, number: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"class_names": number}


@pytest.mark.parametrize("module", [WithoutClasses, OfNumbers, tf.Module])
def test_a_saved_model_of_another_kind_is_refused(module: type, tmp_path: Path) -> None:
    made = module()
    serve = getattr(made, "serve", None)
    signatures = serve and dict.fromkeys(("serving_default", "tokenize", "token_ids"), serve)
    tf.saved_model.save(made, str(tmp_path), signatures=signatures)
    with pytest.raises(InputError, match="not a model this pipeline pushed") as caught:
        Predictor(tmp_path)
    assert caught.value.place == str(tmp_path)


def test_a_model_of_another_program_is_refused(tmp_path: Path) -> None:
    made = WithoutClasses()
    tf.saved_model.save(made, str(tmp_path), signatures={"serving_default": made.serve})
    with pytest.raises(InputError, match="not a model this pipeline pushed"):
        Predictor(tmp_path)


@pytest.mark.parametrize("name", ["variables.data-00000-of-00001", "variables.index"])
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99, None])
def test_weights_that_are_cut_short_or_gone_are_told_by_all_who_read_them(
    tiny_trained: Trained, tmp_path: Path, name: str, kept: float | None
) -> None:
    shutil.copytree(tiny_trained.saved_model, tmp_path / "1")
    place = tmp_path / "1" / "variables" / name
    content = place.read_bytes()
    place.unlink() if kept is None else place.write_bytes(content[: int(kept * len(content))])
    for read in (Predictor, saved_weights.check):
        with pytest.raises(InputError, match="its weights cannot be read") as caught:
            read(tmp_path / "1")
        assert caught.value.place == str(tmp_path / "1")
        assert caught.value.remedy == "Put the version back from where it was archived, or `rollback` to another"


@pytest.mark.parametrize("content", [b"", b"no protocol buffer"])
def test_a_damaged_saved_model_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(InputError, match="not a model this pipeline pushed"):
        Predictor(tmp_path)


def test_a_directory_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no saved_model\.pb in it"):
        Predictor(tmp_path)


def test_a_model_with_an_op_of_tensorflow_text_says_what_to_install(
    tiny_trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(older_ops.util, "find_spec", lambda name: None)
    older = tmp_path / "1"
    shutil.copytree(tiny_trained.saved_model, older)
    saved = SavedModel.FromString((older / "saved_model.pb").read_bytes())
    saved.meta_graphs[0].graph_def.library.function[0].node_def.add(name="cut", op=older_ops.WORDPIECE)
    (older / "saved_model.pb").write_bytes(saved.SerializeToString())
    with pytest.raises(InputError, match="Install tensorflow-text"):
        Predictor(tmp_path)
