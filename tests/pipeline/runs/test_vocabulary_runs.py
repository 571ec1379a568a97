"""Whole runs that learn a vocabulary: pushed, cached, killed, made again, scheduled, pruned. One builds on another."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import pipeline_runner
from components.export.card import read_card
from components.pretraining.vocabulary_metrics import VocabularyMeasures
from components.tokenization.tokenizer_files import read_tokenizer
from pipeline.runs import record
from tests import mid_run
from tests.pipeline.conftest import Command
from tests.pipeline.runs import document_runs
from tests.toys import write_toy_corpus

pytestmark = pytest.mark.slow

NODES = [
    *("CorpusExampleGen", "CorpusValidator", "WordCounter", "VocabularyLearner", "VocabularyEvaluator", "Pusher"),
]


@pytest.fixture(scope="module")
def config(folder: Path) -> Path:
    return write_toy_corpus(folder)


def artifacts(root: Path) -> dict[str, bytes]:
    """What WordCounter and VocabularyLearner wrote, and what was pushed, by the end of its path."""
    home = root / "toy"
    found = [*home.glob("artifacts/WordCounter/counts/*/*"), *home.glob("artifacts/VocabularyLearner/model/*/**/*")]
    made = {"/".join(path.relative_to(home).parts[3:][1:]): path for path in found if path.is_file()}
    made |= {path.name: path for path in home.glob("serving/toy/*/*") if path.is_file()}
    return {name: path.read_bytes() for name, path in made.items()}


@pytest.fixture(scope="module")
def first(config: Path, root: Path) -> dict[str, Any]:
    assert pipeline_runner.main(["run", "--config", str(config), "--root", str(root)]) == 0
    (directory,) = record.find(root, None)
    found: dict[str, Any] = json.loads((directory / "run.json").read_text())
    return found


def test_what_is_pushed_is_a_tokenizer_of_the_size_that_was_asked_for(first: dict[str, Any], root: Path) -> None:
    assert (first["state"], [node["id"] for node in first["nodes"]]) == ("pushed", NODES)
    tokenizer = read_tokenizer(Path(first["pushed"]))
    assert len(tokenizer.vocabulary) == 120
    assert tokenizer.vocabulary[:5] == ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    assert sorted(path.name for path in Path(first["pushed"]).iterdir()) == [
        *("assets.extra", "tokenizer_config.json", "vocab.txt"),
    ]
    card = read_card(Path(first["pushed"]))
    assert (card["kind"], card["size"], card["name"], card["tokenizer"]["do_lower_case"]) == (
        "vocabulary",
        120,
        "toy",
        True,
    )


def test_it_is_measured_on_held_out_documents_beside_the_reference(first: dict[str, Any]) -> None:
    assert sum(first["rows"].values()) == first["corpus"]["documents"] == 200
    assert 20 < first["rows"]["dev"] == first["corpus"]["held_out"] < 60
    dev = first["evaluations"]["dev"]
    ours, reference = (dev["metrics"][name][""] for name in ("candidate", "reference"))
    assert set(ours) == set(reference) == {metric.name for metric in VocabularyMeasures.metrics}
    # Of the toy checkpoint's pieces all but few are single letters.
    assert 1 < ours["pieces_per_word"] < 2.5 < reference["pieces_per_word"]
    assert ours["coverage"] == 1 - ours["unknown_share"]
    assert (dev["blessed"], dev["reasons"]) == (True, [])


def test_a_second_run_takes_all_from_cache_and_pushes_nothing_new(
    config: Path, root: Path, first: dict[str, Any], command: Command
) -> None:
    status, again, _ = command("run", "--config", config, "--root", root, "--json")
    assert (status, again["pushed"]) == (0, first["pushed"])
    assert {node["state"] for node in again["nodes"]} == {"cached"}


def test_what_changes_makes_what_follows_from_it_and_no_more(
    folder: Path, config: Path, root: Path, first: dict[str, Any], command: Command
) -> None:
    other = {"corpus": {"files": "?.txt", "split": {"train": 80, "dev": 20}, "max_duplicate_share": 0.5}}
    write_toy_corpus(
        folder, **other, vocabulary={"size": 90}, gate={"max": {"unknown_share": 0.0, "pieces_per_word": 1.0}}
    )
    status, found, _ = command("run", "--config", config, "--root", root, "--json")
    assert (status, found["state"], found["failure"]["exit_status"]) == (3, "refused", 3)
    ran = {node["id"]: node["reason"] for node in found["nodes"] if node["state"] == "done"}
    assert set(ran) == {"CorpusValidator", "VocabularyLearner", "VocabularyEvaluator", "Pusher"}
    assert ran["CorpusValidator"] == "config corpus changed"
    assert "pieces_per_word is " in found["failure"]["rule"]
    write_toy_corpus(folder)
    status, found, _ = command("run", "--config", config, "--root", root, "--json")
    assert (status, found["pushed"]) == (0, first["pushed"])


def test_a_run_is_shown_and_its_version_listed(root: Path, first: dict[str, Any], command: Command) -> None:
    status, shown, _ = command("show", first["id"], "--root", root)
    assert status == 0
    assert "120 tokens" in shown
    assert "reference" in shown
    assert "predict" not in shown
    assert command("show", first["id"], "--root", root, "--json")[1]["vocabulary"]["tokens"] == 120
    _, (version,), _ = command("versions", "--root", root, "--name", "toy", "--json")
    assert (version["state"], version["headline"]) == ("in production", "coverage")
    assert "coverage" in command("show", "--all", "--root", root)[1]
    told = json.loads(command("show", first["id"], "--root", root, "--manifest")[1])
    assert set(told["result"]) >= {"vocabulary_sha256", "identity", "model", "metrics"}


def test_what_asks_for_a_model_says_that_this_is_none(root: Path, first: dict[str, Any], command: Command) -> None:
    status, _, err = command("predict", "--model", "toy", "--root", root, "a text")
    assert status == 2
    assert f"{first['pushed']}: a vocabulary, which answers nothing by itself" in err


def test_killed_in_every_node_it_ends_with_the_same_bytes(
    config: Path, root: Path, first: dict[str, Any], tmp_path: Path, command: Command
) -> None:
    document_runs.run_killed_in_each(NODES, config, tmp_path, command)
    undisturbed = artifacts(root)
    disturbed = artifacts(tmp_path)
    assert disturbed["vocab.txt"] == (Path(first["pushed"]) / "vocab.txt").read_bytes()
    assert {name: undisturbed[name] for name in disturbed if name.startswith("words")} == {
        name: content for name, content in disturbed.items() if name.startswith("words")
    }
    assert len(list((tmp_path / "toy" / "serving" / "toy").glob("[0-9]*"))) == 1
    assert len(list((tmp_path / "toy" / "artifacts" / "VocabularyLearner" / "model").iterdir())) == 1


def test_what_changes_during_a_run_is_said_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    changes = [("data", "before", "CorpusExampleGen"), ("code", "before", "WordCounter")]
    changes += [("tokenizer", "within", "VocabularyEvaluator")]
    document_runs.check_changes_are_said(mid_run.made_vocabulary(tmp_path), tmp_path / "root", changes)
    assert not list(tmp_path.glob("root/toy/serving/toy/*"))


def test_it_is_made_again_bit_by_bit(root: Path, first: dict[str, Any], command: Command, tmp_path: Path) -> None:
    document_runs.check_made_again(first, root, tmp_path, command)


def test_what_differs_is_said(
    folder: Path, root: Path, first: dict[str, Any], command: Command, tmp_path: Path
) -> None:
    moved = shutil.copytree(folder, tmp_path / "data")
    file = moved / "b.txt"
    file.write_text(file.read_text() + "\n\nBabako babako babako. Zuri zuri zuri.\n")
    words = ("--data-path", moved, "--base", moved / "model", "--into", tmp_path / "new", "--json")
    status, compared, _ = command("reproduce", first["id"], "--root", root, *words)
    assert status == 1
    assert [kind for kind, _ in compared["differences"]] == ["data"]
    assert compared["result"][0].startswith("vocabulary: the id ")


def test_steps_one_by_one_give_the_bits_of_a_local_run(
    config: Path, first: dict[str, Any], tmp_path: Path, command: Command
) -> None:
    dag = document_runs.check_steps(NODES, config, first, tmp_path, command)
    # The next one pushes another vocabulary, though nothing was held against the one in production.
    assert command("begin-run", "--dag", dag, "--run-id", "tomorrow")[0] == 0


def test_pruning_leaves_what_was_pushed(root: Path, first: dict[str, Any], command: Command) -> None:
    status, pruned, _ = command("prune", "--root", root, "--name", "toy", "--keep", 1, "--versions", 1, "--json")
    assert (status, pruned["removed_versions"]) == (0, [])
    assert Path(first["pushed"], "vocab.txt").is_file()
    assert any("VocabularyLearner" in path for path in pruned["removed"])


def test_a_damaged_version_is_mended(config: Path, root: Path, first: dict[str, Any], command: Command) -> None:
    document_runs.check_mended(Path(first["pushed"], "vocab.txt"), config, root, command)


def test_check_shows_the_documents_and_runs_nothing(config: Path, command: Command) -> None:
    status, shown, _ = command("check", "--config", config)
    assert (status, shown.splitlines()[0]) == (0, "toy  is in order")
    assert "of all documents" in shown
    document = command("check", "--config", config, "--json")[1]
    assert document["statistics"]["documents"] == 200
    assert document["documents"][0]["place"].endswith("a.txt:1")
