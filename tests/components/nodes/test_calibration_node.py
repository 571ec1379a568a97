"""Calibration on the tiny model: what it sets, what it leaves, and that the exported signatures have it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from components.calibration import fitting
from components.common.errors import InputError
from components.export import calibrated, saved_weights
from components.export.card import identity, read_card
from components.export.card_task import task_of
from components.nodes.calibration import Executor
from components.serving.predictor import Predictor
from components.settings.calibration import Calibration
from components.settings.serialization import dump
from components.tasks.classification import Classification
from components.tasks.multilabel import Multilabel
from components.tasks.regression import Regression
from components.training.float32_pass import Float32Pass
from tests.conftest import LABELS, Trained, Transformed, artifact

TEXTS = [("the good a",), ("bad b c",), ("a good bad .",)]


@pytest.fixture(scope="module")
def calibrate(
    tiny_trained: Trained, tiny_transformed: Transformed, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Runs the node; returns its artifact's directory."""

    def run(**settings: Any) -> Path:
        made = artifact(standard_artifacts.Model, tmp_path_factory.mktemp("calibrated"))
        Executor().Do(
            {
                "trained_model": [tiny_trained.model],
                "transformed_examples": [tiny_transformed.examples],
                "transform_graph": [tiny_transformed.graph],
            },
            {"model": [made]},
            {"calibration": dump(Calibration(**settings))},
        )
        return Path(made.uri)

    return run


@pytest.fixture(scope="module")
def plain(calibrate: Callable[..., Path]) -> Path:
    return calibrate()


def test_the_signatures_have_the_temperature_and_the_answers_stay(
    plain: Path, tiny_trained: Trained, checkpoint: Path
) -> None:
    found, model = json.loads((plain / "calibration.json").read_text()), plain / "Format-Serving"
    assert found["rows"] == 30
    assert found["temperature"] != pytest.approx(1, abs=0.01)
    before, after = (list(Predictor(one).predict(TEXTS)) for one in (tiny_trained.saved_model, model))
    assert [one["label"] for one in after] == [one["label"] for one in before]
    told, now = (np.array([list(one["probabilities"].values()) for one in answers]) for answers in (before, after))
    np.testing.assert_allclose(now, fitting.tempered(told, found["temperature"]), atol=1e-6)
    # What serving is tried by has it, too.
    tokens = tf.saved_model.load(str(model)).signatures["tokenize"](text=tf.constant([text for (text,) in TEXTS]))
    rows = [ids[:n] for ids, n in zip(tokens["token_ids"].numpy(), tokens["lengths"].numpy(), strict=True)]
    np.testing.assert_allclose(Float32Pass(model, checkpoint).predictions(rows), now, atol=1e-6)


def test_graph_and_weights_are_those_that_were_trained_and_the_card_tells_the_models_apart(
    plain: Path, tiny_trained: Trained
) -> None:
    before, model = tiny_trained.saved_model, plain / "Format-Serving"
    saved_weights.check(model)
    changed = {"assets.extra/model.json", "variables/variables.index", "variables/variables.data-00000-of-00001"}
    names = {str(path.relative_to(before)) for path in before.rglob("*") if path.is_file()}
    assert {str(path.relative_to(model)) for path in model.rglob("*") if path.is_file()} == names
    assert {name for name in names if (before / name).read_bytes() != (model / name).read_bytes()} == changed
    old, new = read_card(before), read_card(model)
    assert "calibration" not in old
    assert new.pop("calibration") == {"temperature": calibrated.temperature_of(model)}
    assert len(new.pop("calibrated_on")) == 64
    assert {**new, "task": 0} == {**old, "task": 0}
    assert identity(read_card(model)) != identity(old)
    saved_weights.check(before)


def test_it_comes_out_the_same_to_the_last_bit(plain: Path, calibrate: Callable[..., Path]) -> None:
    again = calibrate()
    for path in plain.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (again / path.relative_to(plain)).read_bytes(), path


def test_a_model_that_abstains_says_of_each_row_whether_it_answers(calibrate: Callable[..., Path]) -> None:
    made = calibrate(abstain={"error": 0.4, "confidence": 0.8})
    found = json.loads((made / "calibration.json").read_text())["abstention"]
    assert (found["error"], found["confidence"]) == (0.4, 0.8)
    assert 0 < found["answered_from"] < 1
    served = Predictor(made / "Format-Serving")
    assert served.task == Classification(tuple(LABELS), answered_from=found["answered_from"])
    answers = list(served.predict(TEXTS))
    assert [one["answered"] for one in answers] == [
        max(one["probabilities"].values()) >= found["answered_from"] for one in answers
    ]
    assert served.task.output_columns[-1] == "answered"
    assert served.task.to_row({**answers[0], "answered": False})[-1] == "false"
    assert served.task.to_line({**answers[0], "answered": False}, TEXTS[0]).endswith("\tnot answered")


def test_of_labels_each_threshold_is_a_variable_and_numbers_have_none() -> None:
    task = Multilabel(("a", "b"), threshold=0.4)
    variables = calibrated.Calibrated(task)
    assert variables.threshold.numpy().tolist() == pytest.approx([0.4, 0.4])
    variables.threshold.assign([0.2, 0.6])
    scores = tf.constant([[0.3, 0.5]])
    assert variables.task(task).outputs(scores)["given"].numpy().tolist() == [[True, False]]
    assert Multilabel(("a", "b"), threshold=(0.2, 0.6)).outputs(scores)["given"].numpy().tolist() == [[True, False]]
    values = calibrated.values(Multilabel(("a", "b"), threshold=(0.2, 0.6)), None)
    assert {name: value.tolist() for name, value in values.items()} == {
        "calibration/threshold": pytest.approx([0.2, 0.6])
    }
    assert calibrated.Calibrated(Regression()).variables == ()


def test_a_card_that_says_another_temperature_than_the_model_has_is_refused(plain: Path, tmp_path: Path) -> None:
    import shutil

    copy = Path(shutil.copytree(plain / "Format-Serving", tmp_path / "copy"))
    card = read_card(copy) | {"calibration": {"temperature": 7.0}}
    (copy / "assets.extra" / "model.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match="it is calibrated to other values than its card says"):
        saved_weights.check(copy)
    assert task_of(copy) == Classification(tuple(LABELS))
