import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from components.common.errors import InputError
from components.export.card import read_card, weights_sha256
from components.model.forms import of_device
from components.nodes import trainer
from components.serving.predictor import Predictor
from components.settings.model import Model
from components.settings.serialization import dump
from components.settings.training import Training
from components.tasks.classification import Classification
from components.training import class_weights, fine_tuning, initial_model
from components.training.dataset import Rows
from tests.conftest import LABELS, SIZES, Trained, transformed_texts
from tests.together import toy_split
from tests.toys import write_toy_checkpoint

TASK = Classification(tuple(LABELS))


def test_the_model_is_exported_where_serving_looks(tiny_trained: Trained) -> None:
    assert (tiny_trained.saved_model / "saved_model.pb").is_file()
    assert (tiny_trained.saved_model / "assets.extra" / "model.json").is_file()


def test_the_history_tells_how_it_went(tiny_trained: Trained) -> None:
    history = json.loads((tiny_trained.run / "history.json").read_text())
    assert (history["rows"], history["steps"], history["stopped_early"]) == (SIZES["train"], 48, False)
    assert [evaluation["step"] for evaluation in history["evaluations"]] == [6, 12, 18, 24, 30, 36, 42, 48]
    assert history["best_step"] in range(6, 49, 6)
    assert history["trainable_parameters"] == history["parameters"] == 2659
    assert (len(history["epoch_seconds"]), history["frozen_seconds"]) == (8, 0)
    assert history["seconds"] == pytest.approx(sum(history["epoch_seconds"]))
    assert history["examples_per_second"] == pytest.approx(48 * 8 / history["seconds"])
    assert list(tiny_trained.run.glob("events.out.tfevents.*"))


def test_the_probabilities_on_dev_are_those_of_the_best_evaluation(tiny_trained: Trained) -> None:
    found = np.load(tiny_trained.run / "dev_answers.npy")
    assert (found.shape, found.dtype) == ((SIZES["dev"], len(LABELS)), np.float32)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    history = json.loads((tiny_trained.run / "history.json").read_text())
    best = next(e for e in history["evaluations"] if e["step"] == history["best_step"])
    rows = Rows.of_examples(
        tiny_trained.fn_args.eval_files,
        tft.TFTransformOutput(tiny_trained.fn_args.transform_output).transformed_feature_spec(),
        TASK,
        tiny_trained.run / "scratch",
    )
    assert (found.argmax(axis=1) == rows.targets).mean() == best["value"]
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
    in_memory = np.load(trained.run / "dev_answers.npy")
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


@pytest.mark.parametrize(
    ("given", "weights"),
    [("none", [1, 1, 1]), ({"good": 2.5}, [1, 2.5, 1]), ("balanced", [6 / (3 * 3), 6 / (3 * 2), 6 / (3 * 1)])],
)
def test_class_weights_stand_in_the_order_of_the_labels(given: object, weights: list[float]) -> None:
    train = SimpleNamespace(targets=np.array([0, 1, 0, 2, 1, 0]))
    found = class_weights.class_weights(Training(class_weights=given), train, TASK)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, weights, rtol=1e-6)
    assert found.dtype == np.float32


def key(training: Training, folder: Path) -> str:
    rows, _ = toy_split("classification", folder / "rows")
    return fine_tuning.checkpoint_key({"training": dump(training), "source": "a"}, None, rows, rows, of_device("CPU"))


def test_a_training_goes_on_where_only_who_takes_part_and_what_is_waited_for_has_changed(tmp_path: Path) -> None:
    others = {"worker_minutes": 60.0, "checkpoint_minutes": 1.0, "checkpoint_steps": 7, "devices": "multiworker"}
    assert key(Training(**others), tmp_path) == key(Training(), tmp_path)  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{"seed": 2}, {"batch_size": 8}, {"evaluations_per_epoch": 2}])
def test_a_training_with_other_weights_begins_anew(settings: dict[str, int], tmp_path: Path) -> None:
    assert key(Training(**settings), tmp_path) != key(Training(), tmp_path)  # type: ignore[arg-type]


def test_a_node_that_loads_a_graph_registers_the_tokenizers_ops_itself() -> None:
    from components.nodes import evaluator, transform

    for module in (trainer, transform, evaluator):
        assert vars(module)["tensorflow_text"].FastWordpieceTokenizer


def built(trained: Trained, task: Classification = TASK, **settings: Any) -> Any:
    config = trained.fn_args.custom_config
    return initial_model.build_model(
        Path(config["base_model"]), Model(base="toy", max_length=8), Training(dropout=0.0, **settings), task
    )


def test_a_training_can_go_on_from_a_pushed_model(tiny_trained: Trained) -> None:
    before = built(tiny_trained, seed=5)
    model = built(tiny_trained, seed=5)
    sha256 = initial_model.warm_start(tiny_trained.saved_model, model)
    assert weights_sha256(model) == sha256 == read_card(tiny_trained.saved_model)["weights_sha256"]
    assert weights_sha256(before) != sha256
    seeds = [[v.numpy().tolist() for v in one.variables if "seed" in v.path] for one in (before, model)]
    assert seeds[0] == seeds[1] != []


def test_a_pushed_model_of_other_classes_is_refused(tiny_trained: Trained) -> None:
    message = (
        r"knows classification of bad, good, mixed, the data has classification of bad, good\. Set training\.init_from"
    )
    with pytest.raises(InputError, match=message):
        initial_model.warm_start(tiny_trained.saved_model, built(tiny_trained, Classification(("bad", "good"))))


def test_a_pushed_model_of_another_shape_is_refused(tiny_trained: Trained, tmp_path: Path) -> None:
    base = write_toy_checkpoint(tmp_path, hidden=16)
    model = initial_model.build_model(base, Model(base="toy", max_length=8), Training(), TASK)
    with pytest.raises(InputError, match=r"the pushed model has .* of shape .*, this run's has none like it"):
        initial_model.warm_start(tiny_trained.saved_model, model)


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
