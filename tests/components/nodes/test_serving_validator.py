"""ServingValidator on the tiny model, as it is and with skews planted into copies of it."""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from tfx.types import standard_artifacts

from components.common import feature_names
from components.export import saved_weights
from components.export.card import CARD_FILE, read_card
from components.export.signatures import Exported
from components.nodes import serving_validator
from components.nodes.serving_validator import Driver, Executor
from components.serving import clean_process
from components.serving.client import Call
from components.settings.serialization import dump
from components.settings.serving import Serving
from components.tokenization.tokenizer_files import read_tokenizer
from components.tokenization.wordpiece import traced
from components.training.float32_pass import Float32Pass
from tests.conftest import MAX_LENGTH, Trained, Transformed, artifact
from tests.toys import VOCABULARY, write_toy_checkpoint

Validate = Callable[..., tuple[Any, dict[str, Any]]]


@pytest.fixture
def validate(tiny_examples: Any, tiny_transformed: Transformed, checkpoint: Path, tmp_path: Path) -> Validate:
    """Runs the node on a SavedModel; returns the blessing and what was found."""

    def run(saved_model: Path, **settings: Any) -> tuple[Any, dict[str, Any]]:
        model = standard_artifacts.Model()
        model.uri = str(saved_model.parent)
        blessing = artifact(standard_artifacts.InfraBlessing, tmp_path / "blessing")
        Executor().Do(
            {"model": [model], "examples": [tiny_examples], "transform_graph": [tiny_transformed.graph]},
            {"blessing": [blessing]},
            {"serving": dump(Serving(rows=20, **settings)), "base_model": str(checkpoint)},
        )
        found = json.loads((tmp_path / "blessing" / "serving.json").read_text())
        assert blessing.get_int_custom_property("blessed") == int(found["blessed"])
        assert bool(found["reasons"]) is not found["blessed"]
        names = {path.name for path in (tmp_path / "blessing").iterdir()}
        assert names == {"serving.json", "INFRA_BLESSED" if found["blessed"] else "INFRA_NOT_BLESSED"}
        return blessing, found

    return run


@pytest.fixture
def copy(tiny_trained: Trained, tmp_path: Path) -> Path:
    """A copy of the tiny model, to be changed."""
    return Path(shutil.copytree(tiny_trained.saved_model, tmp_path / "model" / "Format-Serving"))


def test_a_model_that_answers_as_its_weights_have_it_is_blessed_and_measured(
    validate: Validate, tiny_trained: Trained
) -> None:
    _, found = validate(tiny_trained.saved_model)
    assert (found["blessed"], found["rows"], found["ids"]) == (True, 20, 20)
    assert 0 < found["difference"] < 1e-6
    assert found["load_seconds"] > 0
    assert found["latency_ms"] > 0
    # TensorFlow's libraries alone.
    assert 100 < found["peak_mb"] < 4000


def test_another_vocabulary_in_the_graph_is_refused(
    validate: Validate, tiny_trained: Trained, tiny_transformed: Transformed, checkpoint: Path, tmp_path: Path
) -> None:
    """What is exported cuts texts with `good` and `bad` in each other's places."""
    places = {"good": VOCABULARY.index("bad"), "bad": VOCABULARY.index("good")}
    others = [VOCABULARY[places.get(token, place)] for place, token in enumerate(VOCABULARY)]
    tokenize = traced(read_tokenizer(write_toy_checkpoint(tmp_path / "other", others)), MAX_LENGTH)

    def transform(raw: dict[str, Any]) -> dict[str, Any]:
        texts = tf.reshape(raw["text"], [-1])
        ids = tokenize(texts)
        return {
            feature_names.TOKEN_IDS: ids.to_sparse(),
            feature_names.TARGET: tf.zeros_like(ids.row_lengths()),
            feature_names.LENGTH_BUCKET: texts,
        }

    model = Float32Pass(tiny_trained.saved_model, checkpoint)._model
    spec = tft.TFTransformOutput(tiny_transformed.graph.uri).raw_feature_spec()
    card = {name: value for name, value in read_card(tiny_trained.saved_model).items() if name != "task"}
    Exported(model, transform, spec).write(tmp_path / "model" / "Format-Serving", card)

    _, found = validate(tmp_path / "model" / "Format-Serving")
    ids, answers = found["reasons"]
    assert ids == (
        "20 of 20 rows get other token ids from it than from Transform, the first of them row 1 of those sent"
    )
    assert "rows are answered otherwise than its weights have it, by up to 0." in answers


def test_one_weight_changed_is_refused(validate: Validate, copy: Path) -> None:
    name, value = next((v.path, v.numpy()) for v in _dense(copy) if "kernel" in v.path)
    value[0, 0] += 1e-6
    saved_weights.assign(copy, {name: value})
    _, found = validate(copy)
    (reason,) = found["reasons"]
    assert reason.startswith("its weights have the sha256 ")
    assert read_card(copy)["weights_sha256"] in reason


def _dense(model: Path) -> Iterator[Any]:
    reader, keys = saved_weights._variables(model)
    for path, key in keys.items():
        if path.startswith("task_model") or "classifier" in path:
            yield SimpleNamespace(path=path, numpy=lambda key=key: reader.get_tensor(key))


@pytest.mark.parametrize(
    ("name", "other"), [("serving_default", "serving_another"), ("probabilities", "probabilitiez")]
)
def test_a_signature_or_an_output_renamed_is_refused(name: str, other: str, validate: Validate, copy: Path) -> None:
    file = copy / "saved_model.pb"
    file.write_bytes(file.read_bytes().replace(name.encode(), other.encode()))
    _, found = validate(copy)
    (reason,) = found["reasons"]
    assert f" {name!r}" in reason
    assert other in reason


def test_a_model_that_needs_a_module_that_a_client_lacks_is_refused(validate: Validate, copy: Path) -> None:
    """A function of Python's, which only the process has that saved the model."""
    shutil.rmtree(copy / "variables")
    strings = tf.TensorSpec([None], tf.string, name="text")

    def called(text: tf.Tensor) -> dict[str, tf.Tensor]:
        lengths = tf.numpy_function(lambda t: np.array([len(x) for x in t], np.float32), [text], tf.float32)
        return {"probabilities": lengths, "token_ids": lengths, "lengths": lengths}

    function = tf.function(called, input_signature=[strings])
    tf.saved_model.save(tf.Module(), str(copy), {"serving_default": function, "tokenize": function})
    card = read_card(copy) | {"weights_sha256": hashlib.sha256().hexdigest()}
    (copy / CARD_FILE).write_text(json.dumps({k: v for k, v in card.items() if k != "warmup_sha256"}))
    _, found = validate(copy)
    (reason,) = found["reasons"]
    assert reason.startswith("with TensorFlow alone it cannot be used: ")
    assert "pyfunc" in reason


@pytest.fixture(scope="module")
def first() -> list[Any]:
    """What a client got, once one was asked."""
    return []


@pytest.fixture
def slow(first: list[Any], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """In place of a client's process three, of which one is slow; the numbers of their calls."""
    asked = clean_process.Client.ask
    seconds, calls = iter([0.3, 0.1, 0.2]), []

    def ask(client: clean_process.Client, model: Path, of_rows: list[Call], timed: list[Call]) -> Any:
        calls.append(len(of_rows))
        if not first:
            first.append(asked(client, model, of_rows, timed))
        (answers,) = first
        measured = dataclasses.replace(answers.measured, latency_seconds=next(seconds))
        return dataclasses.replace(answers, measured=measured)

    monkeypatch.setattr(clean_process.Client, "ask", ask)
    return calls


@pytest.mark.parametrize(
    ("allowed", "reasons"), [(250, []), (150, ["a request of one row takes 200 ms, allowed: 150"])]
)
def test_one_slower_than_the_limit_is_refused_by_the_median_of_three(
    allowed: float, reasons: list[str], validate: Validate, tiny_trained: Trained, slow: list[int]
) -> None:
    _, found = validate(tiny_trained.saved_model, max_latency_ms=allowed)
    assert found["reasons"] == reasons
    assert found["latency_ms"] == pytest.approx(200)
    # The rows are sent once.
    assert len(slow) == 3
    assert slow[1:] == [0, 0]


def test_what_is_limited_is_measured_in_every_run_and_nothing_else() -> None:
    def key(settings: Serving) -> Any:
        given = SimpleNamespace(exec_properties={"serving": dump(settings)})
        return Driver(None).run(given).exec_properties["tried"].string_value

    assert key(Serving()) == ""
    assert key(Serving(max_memory_mb=100)) != key(Serving(max_memory_mb=100)) != ""


def test_a_process_that_does_not_answer_is_ended(
    validate: Validate, tiny_trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clean_process, "MOST_SECONDS", 0.1)
    _, found = validate(tiny_trained.saved_model)
    assert found["reasons"] == ["it did not answer within 0 seconds"]


def test_rows_are_taken_from_all_over_dev(
    tiny_examples: Any, tiny_transformed: Transformed, tiny_trained: Trained
) -> None:
    from components.export.card_task import task_of

    transform = tft.TFTransformOutput(tiny_transformed.graph.uri)
    task, place = task_of(tiny_trained.saved_model), Path(tiny_examples.uri)
    every, some = (list(serving_validator._rows(place, transform, task, most)) for most in (100, 4))
    assert len(every) == 30
    assert [row.texts for row in some] == [every[number].texts for number in (0, 9, 19, 29)]
    words = every[0].texts[0].split()
    assert [VOCABULARY[index] for index in every[0].token_ids] == ["[CLS]", *words, "[SEP]"][:MAX_LENGTH]
