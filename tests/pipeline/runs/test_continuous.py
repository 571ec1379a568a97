"""Spans of data that arrive one by one: nothing new, going on from the pushed model, drift, rows beside a run's."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pipeline_runner
from components.common.errors import InputError
from components.export.card import read_card
from components.serving.versions import versions
from pipeline.runners import local
from tests.google_form import as_google
from tests.toys import toy_rows, write_toy_run

pytestmark = pytest.mark.slow

SPANS = {"train": "span-{SPAN}/train.txt", "dev": "span-{SPAN}/dev.txt"}

Said = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def said(folder: Path, root: Path, capfd: pytest.CaptureFixture[str]) -> Said:
    """Runs a command with --json: exit status, the document, standard error."""

    def call(*command: object) -> tuple[int, Any, str]:
        capfd.readouterr()
        status = pipeline_runner.main([*map(str, command), "--root", str(root), "--json"])
        out, err = capfd.readouterr()
        return status, json.loads(out) if out else None, err

    return call


def configure(folder: Path, **data: object) -> Path:
    config = write_toy_run(folder, without_test=True, data=SPANS | data, training={"init_from": "pushed"})
    # In Google's form: so a run from one is reproduced, too.
    as_google(folder / "model")
    return config


def deliver(folder: Path, span: int, rows: list[tuple[str, str]]) -> None:
    (folder / f"span-{span}").mkdir()
    for split, part in (("train", rows[:80]), ("dev", rows[80:])):
        lines = "".join(f"{text}\t{label}\n" for text, label in part)
        (folder / f"span-{span}" / f"{split}.txt").write_text(lines)


def drifted(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Longer, with words that the vocabulary lacks, and nearly all of them bad."""
    return [(f"€ 5 € {text} wxyz", label if not index % 9 else "bad") for index, (text, label) in enumerate(rows)]


def test_the_first_span_starts_from_the_base_model(folder: Path, root: Path, said: Said) -> None:
    config = configure(folder)
    deliver(folder, 1, toy_rows(300)[:100])
    status, record, err = said("run", "--config", config)
    assert status == 0, err
    assert record["drift"] == {"version": None, "measures": [], "not_compared": []}
    assert read_card(Path(record["pushed"]))["initial_weights"] is None


def test_without_a_new_span_there_is_nothing_to_do(folder: Path, root: Path, said: Said) -> None:
    status, answer, _ = said("run", "--config", folder / "run.toml")
    assert (status, answer["state"], answer["spans"]) == (0, "nothing new", [1])
    assert len(list((root / "toy" / "runs").iterdir())) == 1


def test_a_span_that_was_delivered_again_with_other_rows_is_new(
    folder: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = folder / "span-1" / "train.txt"
    before = train.read_text()
    train.write_text(before.replace("\tgood\n", "\tbad\n", 1))

    def begun(*_: object) -> None:
        raise InputError("the run", "has begun", "That is all")

    monkeypatch.setattr(local, "run", begun)
    status, _, err = said("run", "--config", folder / "run.toml")
    train.write_text(before)
    assert (status, err) == (2, "error: the run: has begun. That is all.\n")


def test_the_next_span_goes_on_from_the_pushed_model(folder: Path, root: Path, said: Said) -> None:
    (first,) = versions(root / "toy" / "serving" / "toy")
    deliver(folder, 2, toy_rows(300)[100:200])
    status, record, err = said("run", "--config", folder / "run.toml")
    assert status == 0, err
    assert record["drift"]["version"] == str(first)
    assert not any(measure["exceeded"] for measure in record["drift"]["measures"])
    before = read_card(root / "toy" / "serving" / "toy" / str(first))
    assert read_card(Path(record["pushed"]))["initial_weights"] == before["weights_sha256"]
    # Its own push is not what it starts from when it is run again.
    status, record, err = said("run", "--config", folder / "run.toml", "--force")
    assert (status, {node["state"] for node in record["nodes"]}) == (0, {"cached"}), err


def test_a_run_that_went_on_is_reproduced_from_the_same_start(root: Path, said: Said) -> None:
    newest = max(path.name for path in (root / "toy" / "runs").iterdir())
    status, compared, err = said("reproduce", newest)
    assert (status, compared["result"], compared["differences"]) == (0, [], []), err


def test_drift_in_the_newest_span_stops_the_run_and_is_named(folder: Path, root: Path, said: Said) -> None:
    deliver(folder, 3, drifted(toy_rows(300)[200:]))
    # With the span before in the window too: it is the newest span that is looked at.
    config = configure(folder, window=2)
    pushed = versions(root / "toy" / "serving" / "toy")
    status, _, err = said("run", "--config", config)
    assert status == 2
    lines = err.splitlines()
    assert lines[0].startswith(f"error: {folder}/span-3/train.txt: train has drifted from what version {pushed[-1]}")
    assert [line.split(":")[0].strip() for line in lines[1:5]] == [
        "label",
        "text_length",
        "unknown_share",
        "vocabulary_coverage",
    ]
    assert "0.00% of words unknown before" in lines[3]
    assert versions(root / "toy" / "serving" / "toy") == pushed
    shown = json.loads((max((root / "toy" / "runs").iterdir()) / "run.json").read_text())
    assert [node["id"] for node in shown["nodes"] if node["state"] == "failed"] == ["DriftValidator"]
    assert "Trainer" not in [node["id"] for node in shown["nodes"]]


def test_a_newest_span_without_rows_is_named(folder: Path, root: Path, said: Said) -> None:
    deliver(folder, 4, [])
    (folder / "span-4" / "dev.txt").write_text((folder / "span-2" / "dev.txt").read_text())
    status, _, err = said("run", "--config", folder / "run.toml")
    shutil.rmtree(folder / "span-4")
    assert status == 2
    assert f"{folder}/span-4/train.txt: no row of the newest data is in train. Add rows" in err


def test_rows_can_be_held_against_a_run_before_they_are_trained_on(folder: Path, root: Path, said: Said) -> None:
    runs = sorted(path.name for path in (root / "toy" / "runs").iterdir())
    status, found, err = said("check-data", folder / "span-1" / "train.txt", "--against", runs[1], "--label", "2")
    assert (status, found["run"]) == (0, runs[1]), err
    status, found, err = said("check-data", folder / "span-3" / "train.txt", "--against", runs[1])
    assert status == 2
    assert [one["name"] for one in found["measures"] if one["exceeded"]] == [
        "text_length",
        "unknown_share",
        "vocabulary_coverage",
    ]
    assert "text_length, unknown_share, vocabulary_coverage beyond the limit" in err
    status, _, err = said("check-data", folder / "span-3" / "train.txt", "--against", runs[-1])
    assert status == 2
    assert "the run did not come to its end" in err


def test_a_limit_can_be_a_warning(folder: Path, said: Said) -> None:
    config = write_toy_run(folder, without_test=True, data=SPANS, drift={"on_drift": "warn"})
    status, record, err = said("run", "--config", config)
    assert status in (0, 3), err
    assert [one["name"] for one in record["drift"]["measures"] if one["exceeded"]]
    note = next(node["note"] for node in record["nodes"] if node["id"] == "DriftValidator")
    assert note.startswith("drifted from version ")
    status, found, _ = said("check-data", folder / "span-1" / "train.txt", "--against", record["id"])
    assert (status, found["fails"]) == (0, False)
    assert any(one["exceeded"] for one in found["measures"])
