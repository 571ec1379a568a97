"""What a run warns of, on runs made for it; tests/pipeline/runs/test_node_notes.py has each warning's limits."""

from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import LEARNS, Command
from tests.toys import write_toy_run

pytestmark = pytest.mark.slow


def warned(command: Command, config: Path) -> dict[str, list[str]]:
    """Node -> how its warnings begin, of nodes that have any."""
    _, record, _ = command("run", "--config", config, "--root", config.parent / "root", "--json")
    found: list[dict[str, Any]] = record["nodes"]
    return {node["id"]: [one[:40] for one in node["warnings"]] for node in found if node["warnings"]}


def test_a_training_that_came_to_nothing_says_so(command: Command, tmp_path: Path) -> None:
    config = write_toy_run(tmp_path, training={"epochs": 1, "learning_rate": 1e-6})
    assert warned(command, config) == {
        "Trainer": ["8 steps of training are few, and the los", "next to nothing was learned: the loss on"],
        "Evaluator": ["of no row of dev the model finds the lab"],
    }


def test_a_test_unlike_dev_and_texts_in_two_splits_are_told(command: Command, tmp_path: Path) -> None:
    config = write_toy_run(tmp_path, training=LEARNS)
    other = {"good": "bad", "bad": "good"}
    rows = [line.split("\t") for line in (tmp_path / "test.txt").read_text().splitlines()]
    (tmp_path / "test.txt").write_text("".join(f"{text}\t{other[label]}\n" for text, label in rows))
    learned = (tmp_path / "train.txt").read_text().splitlines()[:4]
    with (tmp_path / "dev.txt").open("a") as dev:
        dev.writelines(f"{line}\n" for line in learned)
    assert warned(command, config) == {
        "ExampleValidator": ["dev: the texts of 4 of 20 rows (20.00%) "],
        "Evaluator.test": ["accuracy is 0.0625 on test and 0.9000 on"],
    }
