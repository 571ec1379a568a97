import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from components.common.errors import InputError
from components.export.card import read_card
from components.serving.predictor import Predictor
from components.tasks.classification import Classification
from tests.conftest import LABELS, SIZES, Trained, dev_predictions, transformed_texts

TASK = Classification(tuple(LABELS))


def test_the_model_is_exported_where_serving_looks(tiny_trained: Trained) -> None:
    assert (tiny_trained.saved_model / "saved_model.pb").is_file()
    assert (tiny_trained.saved_model / "assets.extra" / "model.json").is_file()


def test_the_history_tells_how_it_went(tiny_trained: Trained) -> None:
    history = json.loads((tiny_trained.run / "history.json").read_text())
    assert (history["steps"], history["stopped_early"]) == (48, False)
    assert [evaluation["step"] for evaluation in history["evaluations"]] == [6, 12, 18, 24, 30, 36, 42, 48]
    assert history["best_step"] in range(6, 49, 6)
    assert history["trainable_parameters"] == history["parameters"] == 2659
    assert (len(history["epoch_seconds"]), history["frozen_seconds"]) == (8, 0)
    assert history["seconds"] == pytest.approx(sum(history["epoch_seconds"]))
    assert history["examples_per_second"] == pytest.approx(48 * 8 / history["seconds"])
    assert list(tiny_trained.run.glob("events.out.tfevents.*"))
    chosen = {"key": "model.pooling", "value": "cls", "why": "the base model has a trained pooler"}
    assert history["chosen"] == [chosen]
    assert history["guessed_loss"] == pytest.approx(-np.log(1 / len(LABELS)), abs=0.1)


def test_the_weights_that_are_exported_are_those_of_the_best_evaluation(tiny_trained: Trained) -> None:
    found, rows = dev_predictions(tiny_trained)
    assert (found.shape, found.dtype) == ((SIZES["dev"], len(LABELS)), np.float32)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    history = json.loads((tiny_trained.run / "history.json").read_text())
    best = next(e for e in history["evaluations"] if e["step"] == history["best_step"])
    assert (found.argmax(axis=1) == rows.targets).mean() == best["value"]
    assert -np.log(found[np.arange(len(rows)), rows.targets]).mean() == pytest.approx(best["loss"], abs=1e-5)
    assert history["metric"] == "accuracy"


@pytest.mark.parametrize(
    "settings",
    [
        {"learning_rate": 1e-3},
        {"strategy": "freeze_layers", "freeze_layers": 1, "learning_rate": 1e-3},
        {"strategy": "head", "learning_rate": 1e-2},
    ],
    ids=lambda settings: settings.get("strategy", "full"),
)
def test_a_training_in_bfloat16_learns_and_is_served_in_float32(
    train_tiny: Callable[..., Trained], settings: dict[str, Any]
) -> None:
    trained = train_tiny(steps=24, precision="bfloat16", **settings)
    # The hidden states of what is frozen have gone.
    assert not [path for path in trained.run.iterdir() if path.is_dir()]
    history = json.loads((trained.run / "history.json").read_text())
    assert history["precision"] == "bfloat16"
    assert history["evaluations"][-1]["loss"] < history["evaluations"][0]["loss"]
    in_memory, _ = dev_predictions(trained)
    answers = Predictor(trained.saved_model).predict((text,) for text in transformed_texts(trained))
    served = np.array([list(answer["probabilities"].values()) for answer in answers], np.float32)
    np.testing.assert_allclose(served, in_memory, atol=0.03)
    assert not np.array_equal(served, in_memory)
    graph = SavedModel.FromString((trained.saved_model / "saved_model.pb").read_bytes()).meta_graphs[0].graph_def
    types = {a.type for f in graph.library.function for node in f.node_def for a in node.attr.values()}
    assert tf.float32.as_datatype_enum in types
    assert tf.bfloat16.as_datatype_enum not in types


def test_class_weights_for_unknown_labels_are_refused(train_tiny: Callable[..., Trained]) -> None:
    with pytest.raises(InputError) as caught:
        train_tiny(steps=1, class_weights={"good": 2.0, "ugly": 1.0, "awful": 3.0})
    assert str(caught.value) == (
        "training.class_weights: weights for unknown labels: awful, ugly. The labels are bad, good, mixed."
    )


def test_a_training_that_goes_on_begins_where_the_other_ended(
    tiny_trained: Trained, train_tiny: Callable[..., Trained]
) -> None:
    settings = {"learning_rate": 1e-7, "steps": 1, "dropout": 0.0}
    first, on = train_tiny(**settings), train_tiny(go_on_from=tiny_trained.saved_model, **settings)
    losses = [json.loads((one.run / "history.json").read_text())["evaluations"][-1]["loss"] for one in (first, on)]
    best = json.loads((tiny_trained.run / "history.json").read_text())
    expected = next(e["loss"] for e in best["evaluations"] if e["step"] == best["best_step"])
    assert losses[1] == pytest.approx(expected, abs=1e-3)
    assert losses[0] > losses[1] + 0.1
    assert read_card(on.saved_model)["initial_weights"] == read_card(tiny_trained.saved_model)["weights_sha256"]
    assert read_card(first.saved_model)["initial_weights"] is None
