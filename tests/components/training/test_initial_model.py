import shutil
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from components.common.errors import InputError
from components.export.card import read_card, weights_sha256
from components.settings.model import Model
from components.settings.training import Training
from components.tasks.classification import Classification
from components.training import initial_model
from tests.conftest import LABELS, Trained
from tests.toys import write_toy_checkpoint

TASK = Classification(tuple(LABELS))


def built(trained: Trained, task: Classification = TASK, **settings: Any) -> Any:
    config = trained.fn_args.custom_config
    return initial_model.build_model(
        Path(config["base_model"]), Model(base="toy", max_length=8), Training(dropout=0.0, **settings), task
    )


def test_a_warm_start_takes_the_weights_and_not_the_seeds(tiny_trained: Trained) -> None:
    before = built(tiny_trained, seed=5)
    model = built(tiny_trained, seed=5)
    sha256 = initial_model.warm_start(tiny_trained.saved_model, model)
    assert weights_sha256(model) == sha256 == read_card(tiny_trained.saved_model)["weights_sha256"]
    assert weights_sha256(before) != sha256
    seeds = [[v.numpy().tolist() for v in one.variables if "seed" in v.path] for one in (before, model)]
    assert seeds[0] == seeds[1] != []


def test_a_warm_start_takes_a_model_whose_files_have_the_table_of_the_vocabulary_twice(
    tiny_trained: Trained, tmp_path: Path
) -> None:
    older = tmp_path / "older"
    shutil.copytree(tiny_trained.saved_model, older)
    place = str(older / "variables" / "variables")
    reader = tf.train.load_checkpoint(place)
    tensors = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    (table,) = (name for name in tensors if "embeddings/word/" in name)
    tensors[table.replace("word/_embeddings", "word_rows")] = tensors[table]
    of_all = list(map(tf.constant, tensors.values()))
    tf.raw_ops.SaveV2(prefix=place, tensor_names=list(tensors), shape_and_slices=[""] * len(tensors), tensors=of_all)
    model = built(tiny_trained)
    assert initial_model.warm_start(older, model) == weights_sha256(model)


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


def test_a_pushed_model_with_weights_that_are_no_numbers_is_refused(
    tiny_trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Diverged:
        def __init__(self, path: str) -> None:
            self._read = load(path)

        def get_variable_to_shape_map(self) -> dict[str, list[int]]:
            return dict(self._read.get_variable_to_shape_map())

        def get_tensor(self, name: str) -> Any:
            return self._read.get_tensor(name) * float("nan")

    load = initial_model.tf.train.load_checkpoint
    monkeypatch.setattr(initial_model.tf.train, "load_checkpoint", Diverged)
    with pytest.raises(InputError, match=r"the pushed model's weights \S+ are not all finite\. Set"):
        initial_model.warm_start(tiny_trained.saved_model, built(tiny_trained))
