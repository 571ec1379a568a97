from dataclasses import replace
from typing import Any

import pytest

from components.common.checkout import ROOT
from components.pretrained.pooling import PoolingFacts
from components.settings.model import Model
from components.settings.training import Training
from components.tasks import Task
from components.tasks.classification import Classification
from components.tasks.embedding import Embedding
from components.tasks.tagging import Tagging
from components.training import recipe
from pipeline.config.load import load_config

TRAINED, UNTRAINED = PoolingFacts(trained_pooler=True), PoolingFacts(trained_pooler=False)

TASK = Classification(("bad", "good"))


def chosen(
    rows: int = 325, base: PoolingFacts = TRAINED, task: Task = TASK, pushed: Any = None, **training: Any
) -> dict[str, int | str]:
    """Key -> value, with a config that says nothing but `training`."""
    choices = recipe.choices(Training(**training), Model(base="b"), task, rows, base, pushed)
    return {choice.key: choice.value for choice in choices}


@pytest.mark.parametrize(
    ("rows", "batch_size", "epochs"),
    [
        (1, 32, 20),
        (325, 32, 20),  # 11 steps an epoch, 220 in all
        (640, 32, 20),  # 20 steps, 400
        (641, 32, 20),  # 21 steps: 19 epochs are 399
        (1397, 32, 10),  # 44 steps, 440
        (6368, 32, 3),  # 199 steps
        (6369, 32, 2),  # 200 steps, 400
        (8501, 32, 2),  # the movie reviews
        (1_000_000, 32, 2),
        (8501, 4096, 20),
        (325, 1, 2),
    ],
)
def test_epochs_make_400_steps_between_2_and_20(rows: int, batch_size: int, epochs: int) -> None:
    assert chosen(rows, batch_size=batch_size)["training.epochs"] == epochs


def test_the_least_of_many_rows_is_the_first_number_with_the_fewest_epochs() -> None:
    for batch_size in (1, 8, 32):
        many = recipe.many_rows(batch_size)
        assert (recipe.epochs(many - 1, batch_size), recipe.epochs(many, batch_size)) == (3, 2)


@pytest.mark.parametrize("training", [{"epochs": 3}, {"steps": 9}])
def test_what_the_config_says_is_not_chosen(training: dict[str, Any]) -> None:
    assert "training.epochs" not in chosen(**training)
    choices = recipe.choices(Training(epochs=1), Model(base="b", pooling="cls"), TASK, 9, UNTRAINED, None)
    assert list(choices) == []


@pytest.mark.parametrize(
    ("base", "task", "pushed", "pooling"),
    [
        (TRAINED, TASK, None, "cls"),
        (UNTRAINED, TASK, None, "mean"),
        (replace(TRAINED, stated="mean"), TASK, None, "mean"),
        (replace(TRAINED, stated="cls"), TASK, None, "cls"),
        # Its head would see the first token through random weights.
        (replace(UNTRAINED, stated="cls"), TASK, None, "mean"),
        # An embedding is not seen through the pooler.
        (replace(UNTRAINED, stated="cls"), Embedding(), None, "cls"),
        (TRAINED, Embedding(), None, "mean"),
        (UNTRAINED, TASK, {"pooling": "cls"}, "cls"),
        (TRAINED, TASK, {"pooling": "mean"}, "mean"),
        # Before cards said so, `cls` was the default.
        (UNTRAINED, TASK, {"name": "old"}, "cls"),
    ],
)
def test_pooling_follows_the_weights_that_training_starts_from(
    base: PoolingFacts, task: Task, pushed: Any, pooling: str
) -> None:
    assert chosen(base=base, task=task, pushed=pushed)["model.pooling"] == pooling


def test_a_tagger_pools_nothing() -> None:
    assert "model.pooling" not in chosen(base=UNTRAINED, task=Tagging(("O", "B-X")))


def test_the_movie_reviews_are_trained_as_ever() -> None:
    run = load_config(ROOT / "pipeline" / "configs" / "movie_reviews.toml")
    assert list(recipe.choices(run.training, run.model, TASK, 8501, UNTRAINED, None)) == []
    assert (run.training.epochs, run.training.steps, run.model.pooling) == (2, None, "cls")


def test_choices_become_settings_and_say_why() -> None:
    training, model = Training(), Model(base="b")
    choices = list(recipe.choices(training, model, TASK, 325, UNTRAINED, None))
    trained, pooled = recipe.applied(choices, training, model)
    assert (trained.epochs, pooled.pooling) == (20, "mean")
    assert [str(choice) for choice in choices] == [
        "training.epochs = 20: an epoch over 325 rows is 11 steps, and too few learn little",
        "model.pooling = mean: the base model's pooler was never trained",
    ]
