"""Exports of toy models of several tasks, beside the models' own answers."""

from __future__ import annotations

import dataclasses
import errno
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tokenizers

from components.common.errors import InputError
from components.export.card import exported_as, read_card
from components.export.formats import export, huggingface, onnx_file
from components.export.formats.pushed import Pushed
from components.pretrained import base_model, encoder_weights, pooling
from components.serving import verification, versions
from components.serving.predictor import Predictor
from components.settings.model_forms import FORMS
from components.tokenization.tokenizer_files import read_tokenizer
from tests import exported_models
from tests.components.export.conftest import Made


def exported(version: Path, form: str, destination: Path, *rows: tuple[str, ...]) -> Path:
    export.export(Pushed.read(version), destination, FORMS[form], rows)
    return destination


def answers(model: Path, *rows: tuple[str, ...]) -> list[dict[str, Any]]:
    return list(Predictor(model).predict(rows))


def test_a_classifier_for_hugging_face_is_a_base_model_of_this_pipeline_too(version: Made, tmp_path: Path) -> None:
    made = version("classification")
    found = exported(made, "hf", tmp_path / "hf")
    config = json.loads((found / "config.json").read_text())
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert config["id2label"] == {"0": "bad", "1": "good", "2": "mixed"}
    assert config["problem_type"] == "single_label_classification"
    model = Pushed.read(made)
    assert dataclasses.replace(read_tokenizer(found), about_case="") == dataclasses.replace(
        model.tokenizer, about_case=""
    )
    shape = base_model.read_config(found)
    assert encoder_weights.check_weights(found, shape)
    assert dataclasses.replace(shape, hidden_dropout_prob=0, attention_probs_dropout_prob=0) == dataclasses.replace(
        model.config, hidden_dropout_prob=0, attention_probs_dropout_prob=0
    )
    tensors = base_model.tensors(found)
    for name, values in huggingface.encoder_tensors(model).items():
        np.testing.assert_array_equal(tensors.read(name), values)
    np.testing.assert_array_equal(tensors.read("classifier.weight"), model.weights["classifier/kernel"].T)
    names = {path.name for path in found.iterdir()}
    assert names == {
        *("README.md", "assets.extra", "config.json", "model.safetensors", "special_tokens_map.json"),
        *("tokenizer.json", "tokenizer_config.json", "vocab.txt"),
    }
    assert exported_as(found) == "hf"
    parity = read_card(found)["exported"]["parity"]
    assert (parity["rows"], parity["same_ids"], parity["same_answers"]) == (64, 64, 64)


def test_a_control_token_that_somebody_typed_is_text_for_the_exported_tokenizer_too(
    version: Made, tmp_path: Path
) -> None:
    found = exported(version("classification"), "hf", tmp_path / "hf")
    assert json.loads((found / "tokenizer_config.json").read_text())["split_special_tokens"] is True
    cut = tokenizers.Tokenizer.from_file(str(found / "tokenizer.json"))
    cut.encode_special_tokens = True
    assert "[SEP]" not in cut.encode("the [SEP] film").tokens[1:-1]


def test_what_is_folded_into_the_last_layer(version: Made) -> None:
    model = Pushed.read(version("similarity"))
    weight, bias = model.head
    kernel, before = model.weights["classifier/kernel"], model.weights["classifier/bias"]
    np.testing.assert_allclose(weight, 1.5 * kernel.T, rtol=1e-6)
    np.testing.assert_allclose(bias, 1.5 * before + 2.0, rtol=1e-6)
    calibrated = dataclasses.replace(Pushed.read(version("classification")), card={"calibration": {"temperature": 4.0}})
    np.testing.assert_allclose(calibrated.head[0], calibrated.weights["classifier/kernel"].T / 4, rtol=1e-6)
    np.testing.assert_allclose(calibrated.head[1], calibrated.weights["classifier/bias"] / 4, rtol=1e-6)


def test_a_number_for_two_texts_in_the_labels_unit(version: Made, tmp_path: Path) -> None:
    made = version("similarity")
    found = exported(made, "hf", tmp_path / "hf")
    config = json.loads((found / "config.json").read_text())
    assert (config["problem_type"], config["id2label"]) == ("regression", {"0": "score"})


def test_a_tagger_has_no_pooler_and_its_tags_for_labels(version: Made, tmp_path: Path) -> None:
    found = exported(version("tagging"), "hf", tmp_path / "hf")
    config = json.loads((found / "config.json").read_text())
    assert config["architectures"] == ["BertForTokenClassification"]
    assert list(config["id2label"].values()) == ["O", "B-ART", "I-ART", "B-MOOD", "I-MOOD"]
    assert not base_model.tensors(found).stored("pooler.dense.weight")


def test_what_finds_answers_has_the_head_of_its_class(version: Made, tmp_path: Path) -> None:
    made = version("answering")
    found = exported(made, "hf", tmp_path / "hf")
    config = json.loads((found / "config.json").read_text())
    assert config["architectures"] == ["BertForQuestionAnswering"]
    tensors = base_model.tensors(found)
    weight = tensors.read("qa_outputs.weight")
    np.testing.assert_array_equal(weight, Pushed.read(made).weights["classifier/kernel"].T)
    assert not tensors.stored("pooler.dense.weight")
    parity = read_card(found)["exported"]["parity"]
    assert (parity["rows"], parity["same_ids"], parity["same_answers"]) == (64, 64, 64)
    assert "AutoModelForQuestionAnswering" in (found / "README.md").read_text()


@pytest.mark.parametrize(
    ("task", "rows", "options"),
    [
        ("tagging", [("the film's good, bad!",), ("a",), ("good " * 40,)], {}),
        ("pair", [("the film", "is bad"), ("good " * 30, "a")], {"pooling": "mean"}),
        ("classification", [("the film is good",), ("bad " * 60,), ("a b c d e f " * 5,)], {"long_texts": "window"}),
        ("answering", [("is it?", "the film is good, bad!"), ("a " * 30, "bad " * 20)], {"long_texts": "window"}),
    ],
)
def test_an_onnx_export_answers_as_the_model_does(
    version: Made, tmp_path: Path, task: str, rows: list[tuple[str, ...]], options: dict[str, Any]
) -> None:
    made = version(task, **options)
    found = exported(made, "onnx", tmp_path / "onnx")
    for ours, theirs in zip(answers(made, *rows), answers(found, *rows), strict=True):
        assert _numbers(theirs) == pytest.approx(_numbers(ours), abs=1e-5)
        assert _without_numbers(theirs) == _without_numbers(ours)


def _numbers(values: Any) -> list[float]:
    if isinstance(values, dict | list):
        return [one for value in (values.values() if isinstance(values, dict) else values) for one in _numbers(value)]
    return [values] if isinstance(values, float) else []


def _without_numbers(values: Any) -> Any:
    if isinstance(values, dict):
        return {name: _without_numbers(value) for name, value in values.items()}
    if isinstance(values, list):
        return [_without_numbers(value) for value in values]
    return None if isinstance(values, float) else values


def test_an_onnx_export_gives_the_vectors_of_the_model(version: Made, tmp_path: Path) -> None:
    made = version("embedding", pooling="mean")
    found = exported(made, "onnx", tmp_path / "onnx")
    texts = ["the film", "is not good", "a"]
    for ours, theirs in zip(Predictor(made).vectors(texts), Predictor(found).vectors(texts), strict=True):
        np.testing.assert_allclose(theirs, ours, atol=1e-6)
    kinds = Counter(node.op_type for node in onnx.load(found / onnx_file.MODEL).graph.node)
    # Of two layers, and of the embeddings one more normalisation.
    assert (kinds["LayerNormalization"], kinds["Gelu"], kinds["Attention"]) == (5, 2, 2)


def test_eight_bits_are_near_and_a_classifier_gives_vectors_as_well(version: Made, tmp_path: Path) -> None:
    made = version("multilabel", pooling="mean")
    found = exported(made, "onnx-int8", tmp_path / "onnx")
    (ours,), (theirs,) = (answers(model, ("the film is good",)) for model in (made, found))
    assert list(theirs["scores"].values()) == pytest.approx(list(ours["scores"].values()), abs=0.05)
    (vector,) = Predictor(found).vectors(["the film"])
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert read_card(found)["exported"]["form"] == "onnx-int8"


def test_eight_bits_by_fixed_ranges_need_rows_to_find_them_on(version: Made, tmp_path: Path) -> None:
    made = version("classification")
    rows = [("the film is good",), ("a bad film",)]
    with pytest.raises(InputError, match=r"no texts of dev to find the ranges of int8-static by.* --precision int8\.$"):
        exported(made, "onnx-int8-static", tmp_path / "none")
    found = exported(made, "onnx-int8-static", tmp_path / "onnx", *rows)
    (ours,), (theirs,) = (answers(model, rows[0]) for model in (made, found))
    assert theirs["label"] == ours["label"]
    assert list(theirs["probabilities"].values()) == pytest.approx(list(ours["probabilities"].values()), abs=0.1)
    kinds = Counter(node.op_type for node in onnx.load(found / onnx_file.MODEL).graph.node)
    # Of the first token and for the vector, the last layer is there twice; its attention has two products of its own.
    assert (kinds["Gelu"], kinds["MatMul"], kinds["Attention"], kinds["DynamicQuantizeLinear"]) == (3, 6, 0, 0)
    assert min(kinds["Gemm"], kinds["QuantizeLinear"]) > 0


def test_an_embedding_model_goes_out_as_its_encoder_which_the_readme_pools(version: Made, tmp_path: Path) -> None:
    found = exported(version("embedding", pooling="mean"), "hf", tmp_path / "hf")
    assert json.loads((found / "config.json").read_text())["architectures"] == ["BertModel"]
    assert base_model.tensors(found).stored("embeddings.word_embeddings.weight")
    assert "AutoModel.from_pretrained" in (readme := (found / "README.md").read_text())
    assert "(states * seen).sum(1) / seen.sum(1)" in readme


@pytest.mark.parametrize("stored", ["float16", "bfloat16"])
def test_a_version_of_16_bits_goes_out_in_float32(version: Made, tmp_path: Path, stored: str) -> None:
    made = version("classification", stored=stored)
    found = exported(made, "hf", tmp_path / "hf")
    assert base_model.tensors(found).read("classifier.weight").dtype == np.float32
    assert read_card(exported(made, "onnx", tmp_path / "onnx"))["exported"]["parity"]["same_answers"] == 64


def test_for_sentence_transformers_the_pooling_stands_beside_the_weights(version: Made, tmp_path: Path) -> None:
    bi_encoder = exported(version("embedding", pooling="mean"), "sentence-transformers", tmp_path / "vectors")
    assert pooling.read(bi_encoder).stated == "mean"
    kinds = [one["type"].rpartition(".")[2] for one in json.loads((bi_encoder / "modules.json").read_text())]
    assert kinds == ["Transformer", "Pooling", "Normalize"]
    logits = exported(version("multilabel", pooling="mean"), "sentence-transformers", tmp_path / "logits")
    kinds = [one["type"].rpartition(".")[2] for one in json.loads((logits / "modules.json").read_text())]
    assert kinds == ["Transformer", "Pooling", "Dense"]
    assert json.loads((logits / "2_Dense" / "config.json").read_text())["out_features"] == 3
    assert json.loads((logits / "config.json").read_text())["thresholds"] == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("task", "options", "form", "message"),
    [
        ("classification", {"pooling": "mean"}, "hf", r'pooling = "mean", .* Export it as sentence-transformers'),
        ("classification", {"long_texts": "window"}, "hf", r'long_texts = "window", .* Export it as onnx'),
        ("embedding", {"long_texts": "window"}, "hf", r"one window of a text: .* Export it as onnx"),
        ("classification", {}, "sentence-transformers", r'pooling = "cls" .* Export it as hf'),
        ("tagging", {}, "sentence-transformers", r"no vector of a text.* Export it as hf"),
        ("pair", {"pooling": "mean"}, "sentence-transformers", r"two texts together.* Export it as onnx"),
        ("embedding", {"long_texts": "window"}, "sentence-transformers", r"Export it as onnx"),
    ],
)
def test_what_a_form_cannot_state_is_refused_before_anything_is_written(
    version: Made, tmp_path: Path, task: str, options: dict[str, Any], form: str, message: str
) -> None:
    model = Pushed.read(version("classification"))
    settings = dataclasses.replace(model.settings, **options)
    model = dataclasses.replace(model, task=exported_models.TASKS[task], settings=settings)
    with pytest.raises(InputError, match=message):
        export.export(model, tmp_path / "out", FORMS[form], [])
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_answers_otherwise_is_not_written(
    version: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Pushed.read(version("classification"))
    weight, bias = model.head
    monkeypatch.setattr(Pushed, "head", (1.05 * weight, bias))
    with pytest.raises(InputError, match=r"answers are up to \S+ away from the model's, more than 0\.0001"):
        export.export(model, tmp_path / "out", FORMS["hf"], [])
    assert list(tmp_path.iterdir()) == []


def test_without_room_on_the_disk_nothing_is_left(
    version: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(huggingface, "save_file", full)
    with pytest.raises(OSError, match="No space left"):
        export.export(Pushed.read(version("classification")), tmp_path / "out", FORMS["hf"], [])
    assert list(tmp_path.iterdir()) == []


def test_a_version_whose_card_states_no_shape_takes_it_from_the_base_model(version: Made) -> None:
    made = version("classification")
    place = made / "assets.extra" / "model.json"
    before = place.read_text()
    try:
        place.write_text(json.dumps({key: value for key, value in json.loads(before).items() if key != "encoder"}))
        with pytest.raises(InputError, match=r"before a version's card stated the shape of its encoder\. Give --base"):
            Pushed.read(made)
        assert Pushed.read(made, made.parents[1] / "base").config.hidden_size == 8
    finally:
        place.write_text(before)


def test_only_what_takes_onnx_takes_an_export_for_a_model(version: Made, tmp_path: Path) -> None:
    found = exported(version("classification"), "onnx", tmp_path / "onnx" / "1")
    assert versions.resolve(tmp_path / "onnx", other_forms=True) == found
    with pytest.raises(InputError, match=r"the form onnx of a pushed model, .* Only a SavedModel will do"):
        versions.resolve(found)
    assert verification.verified(found, weights=True, key=None) == found
    with (found / onnx_file.MODEL).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(InputError, match=r"model\.onnx is another file than its card says"):
        verification.verified(found, weights=True, key=None)
    (found / onnx_file.MODEL).write_bytes(b"no model")
    with pytest.raises(InputError, match=r"cannot be read as an ONNX export .* Export the model again"):
        Predictor(found)
