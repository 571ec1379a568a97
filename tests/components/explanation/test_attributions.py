"""A rebuilt model answers as the pushed one does, and the weights of words add up."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.common.errors import InputError
from components.export.formats.pushed import Pushed
from tests import exported_models

CASES: dict[str, dict[str, Any]] = {
    "classification": {"pooling": "mean", "card": {"calibration": {"temperature": 2.0}}},
    "pair": {},
    "word_tags": {"long_texts": "window", "max_length": 8, "pooling": "mean"},
}
"""Task -> what its model is like."""

ROWS: dict[str, list[tuple[str, ...]]] = {
    "classification": [("so bad , a good film",), ("good",)],
    "pair": [("a good one", "not bad good"), ("good film", "bad")],
    "word_tags": [("the film is good and not so bad a good one so bad",), ("a good film",)],
}

TARGETS: dict[str, np.ndarray] = {"classification": np.array(0), "pair": np.array(2), "word_tags": np.full(20, 2)}


@pytest.fixture(scope="module", params=CASES)
def version(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    return name, exported_models.write(folder, exported_models.TASKS[name], **CASES[name])


def test_a_rebuilt_model_answers_as_the_pushed_one_and_weights_add_up(version: tuple[str, Path]) -> None:
    from components.explanation.attributions import attributions
    from components.explanation.contrast import contrast
    from components.explanation.keras_model import KerasModel
    from components.serving.predictor import Predictor

    name, path = version
    model, predictor = KerasModel(Pushed.read(path)), Predictor(path)
    found = list(model.rows(ROWS[name]))
    for row, made in zip(ROWS[name], found, strict=True):
        assert np.linalg.norm(made.vector) == pytest.approx(1, abs=1e-5)
        if name == "word_tags":
            (answer,) = predictor.predict([row], tokens=True)
            assert [one["score"] for one in answer["words"]] == pytest.approx(made.predictions.max(axis=1), abs=1e-5)
        elif name == "pair":
            # The temperature of the card alone is none of the graph's.
            (answer,) = predictor.predict([row])
            assert list(answer["probabilities"].values()) == pytest.approx(made.predictions, abs=1e-5)
        else:
            (vector,) = predictor.vectors(row)
            assert made.vector == pytest.approx(vector, abs=1e-5)
            (answer,) = predictor.predict([row])
            sharp = made.predictions**2 / (made.predictions**2).sum()
            assert list(answer["probabilities"].values()) == pytest.approx(sharp, abs=1e-5)
        factors = contrast(model.task, made.predictions, TARGETS[name])
        assert factors is not None
        weighed = attributions(model, row, factors)
        assert weighed.is_complete
        assert sum(word.weight for word in weighed.words) == pytest.approx(weighed.output - weighed.baseline, abs=1e-4)
        if name != "word_tags":
            # What is explained: of classes the logarithm of the ratio of two probabilities.
            answered, other = factors.argmax(), factors.argmin()
            ratio = np.log(made.predictions[answered] / made.predictions[other])
            assert weighed.output == pytest.approx(ratio, abs=1e-4)
            assert [word.text for word in weighed.words] == [
                word if word != "," else "[UNK]" for word in " ".join(row).split()
            ]


def test_a_masked_word_weighs_nothing(version: tuple[str, Path]) -> None:
    from components.explanation.attributions import _Path
    from components.explanation.keras_model import KerasModel

    name, path = version
    model = KerasModel(Pushed.read(path))
    ids, _ = model.token_ids(ROWS[name][0])
    blank = model.tokenizer.unknown_id if model.tokenizer.mask_id is None else model.tokenizer.mask_id
    ids[1] = blank
    units = 3 if name != "word_tags" else (len(ids), 3)
    weights = _Path(model, ids, np.ones(units, np.float32) * np.arange(3)).weights(4)
    assert weights[1] == 0
    assert np.abs(weights).max() > 0
    # Control tokens are no words.
    assert weights[0] == weights[-1] == 0


def test_weights_that_the_card_does_not_describe_are_refused(version: tuple[str, Path]) -> None:
    from components.explanation.keras_model import KerasModel

    _, path = version
    card = path / "assets.extra" / "model.json"
    before = card.read_text()
    card.write_text(json.dumps({**json.loads(before), "weights_sha256": "0" * 64}))
    with pytest.raises(InputError, match="not those of the model that its card describes"):
        KerasModel(Pushed.read(path))
    card.write_text(before)
