"""Whole runs that pre-train: pushed, cached, killed, made again, scheduled, gone on from. One builds on another."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import pipeline_runner
from components.export.card import read_card
from components.pretrained import base_model, encoder_weights, head_weights
from pipeline.runs import manifest, record
from tests import mid_run
from tests.pipeline.conftest import Command, states
from tests.pipeline.runs import document_runs
from tests.toys import write_toy_corpus, write_toy_pretraining, write_toy_run

pytestmark = pytest.mark.slow

NODES = ["CorpusExampleGen", "CorpusValidator", "Pretrainer", "PretrainingEvaluator", "Pusher"]


@pytest.fixture(scope="module")
def config(folder: Path) -> Path:
    return write_toy_pretraining(folder)


@pytest.fixture(scope="module")
def first(config: Path, root: Path) -> dict[str, Any]:
    assert pipeline_runner.main(["run", "--config", str(config), "--root", str(root)]) == 0
    (directory,) = record.find(root, "toy-bert")
    found: dict[str, Any] = json.loads((directory / "run.json").read_text())
    return found


def test_what_is_pushed_is_a_base_model_with_its_heads(first: dict[str, Any]) -> None:
    assert (first["state"], [node["id"] for node in first["nodes"]]) == ("pushed", NODES)
    pushed = Path(first["pushed"])
    config = base_model.read_config(pushed)
    assert (config.num_hidden_layers, config.hidden_size, config.max_position_embeddings) == (1, 16, 32)
    assert encoder_weights.check_weights(pushed, config)
    head_weights.check_masked_language_model(pushed, config)
    assert head_weights.has_next_sentence(pushed)
    assert all(name.startswith(("bert.", "cls.")) for name in load_file(pushed / "model.safetensors"))
    card = read_card(pushed)
    assert (card["kind"], card["name"]) == ("pretraining", "toy-bert")
    assert not list((pushed.parents[2] / "artifacts" / "Pretrainer" / "checkpoints").iterdir())


def test_it_is_measured_beside_counts_alone(first: dict[str, Any]) -> None:
    dev = first["evaluations"]["dev"]
    ours, counts = (dev["metrics"][name][""] for name in ("candidate", "unigram"))
    assert set(ours) == {"mlm_loss", "mlm_accuracy", "perplexity", "nsp_accuracy"}
    assert 2 < counts["mlm_loss"] < 4
    best = next(e for e in first["training"]["evaluations"] if e["step"] == first["training"]["best_step"])
    # What Trainer measured before the export, and Evaluator after it.
    assert ours["mlm_loss"] == pytest.approx(best["value"], rel=1e-5)
    assert first["pretraining"]["examples"]["train"] > 100
    assert first["pretraining"]["random"] == []
    assert (dev["blessed"], dev["reasons"]) == (True, [])


def test_a_second_run_takes_all_from_cache_and_pushes_nothing_new(
    config: Path, root: Path, first: dict[str, Any], command: Command
) -> None:
    status, again, _ = command("run", "--config", config, "--root", root, "--json")
    assert (status, again["pushed"]) == (0, first["pushed"])
    assert states(again) == dict.fromkeys(NODES, "cached")


def test_it_is_shown_listed_and_answers_nothing_but_masks(root: Path, first: dict[str, Any], command: Command) -> None:
    status, shown, _ = command("show", first["id"], "--root", root)
    assert status == 0
    assert "by counts alone" in shown
    assert 'base = "run:toy-bert"' in shown
    assert command("show", first["id"], "--root", root, "--json")[1]["pretraining"]["tokens"]["train"] > 5000
    _, (version,), _ = command("versions", "--root", root, "--name", "toy-bert", "--json")
    assert (version["state"], version["headline"]) == ("in production", "mlm_loss")
    assert "mlm_loss" in command("show", "--all", "--root", root)[1]
    for model in ("toy-bert", "run:toy-bert"):
        status, found, err = command("fill", "--model", model, "--root", root, "--json", "the [MASK] is good")
        assert status == 0, err
        assert len(found["masks"][0]) == 5
    status, _, err = command("predict", "--model", "toy-bert", "--root", root, "a text")
    assert status == 2
    assert "has not been fine-tuned for a task" in err


def test_killed_in_every_node_it_ends_with_the_same_bits(
    config: Path, first: dict[str, Any], tmp_path: Path, command: Command
) -> None:
    found = document_runs.run_killed_in_each(NODES, config, tmp_path, command)
    before, after = (Path(one["pushed"], "model.safetensors").read_bytes() for one in (first, found))
    assert before == after
    assert found["evaluations"] == first["evaluations"]
    assert len(list((tmp_path / "toy-bert" / "serving" / "toy-bert").glob("[0-9]*"))) == 1
    assert len(list((tmp_path / "toy-bert" / "artifacts" / "Pretrainer" / "model").iterdir())) == 1


def test_what_changes_during_a_run_is_said_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    document_runs.check_changes_are_said(
        mid_run.made_pretraining(tmp_path),
        tmp_path / "root",
        [
            ("data", "within", "CorpusExampleGen"),
            ("tokenizer", "before", "Pretrainer"),
            ("weights", "within", "Pretrainer"),
            ("weights", "within", "PretrainingEvaluator"),
        ],
    )
    assert not list(tmp_path.glob("root/toy-bert/serving/toy-bert/*"))


def test_it_is_made_again_bit_by_bit(root: Path, first: dict[str, Any], command: Command, tmp_path: Path) -> None:
    document_runs.check_made_again(first, root, tmp_path, command)


def test_steps_one_by_one_give_the_bits_of_a_local_run(
    config: Path, first: dict[str, Any], tmp_path: Path, command: Command
) -> None:
    document_runs.check_steps(NODES, config, first, tmp_path, command)


def test_a_model_goes_on_and_another_seed_gives_another(
    folder: Path, root: Path, first: dict[str, Any], command: Command
) -> None:
    tables = {"model": {"base": "run:toy-bert"}, "training": {"objectives": "mlm", "precision": "bfloat16"}}
    config = write_toy_pretraining(folder, "more.toml", **tables)
    config.write_text(config.read_text().replace('"toy-bert"', '"more"', 1))
    status, found, err = command("run", "--config", config, "--root", root, "--json")
    assert status == 0, err
    measured = found["evaluations"]["dev"]["metrics"]
    assert set(measured) == {"candidate", "reference", "unigram"}
    assert measured["candidate"][""]["mlm_loss"] < measured["reference"][""]["mlm_loss"]
    before, after = (load_file(Path(one["pushed"], "model.safetensors")) for one in (first, found))
    assert set(after) == {name for name in before if "seq_relationship" not in name}
    assert {value.dtype for value in after.values()} == {np.dtype(np.float32)}
    (came_from,) = manifest.read(Path(found["directory"])).came_from
    assert (came_from["run"], came_from["version"]) == (first["id"], Path(first["pushed"]).name)


def test_vocabulary_pre_training_and_fine_tuning_run_by_one_command_with_their_lineage(
    tmp_path: Path, command: Command
) -> None:
    words = write_toy_corpus(tmp_path)
    bert = write_toy_pretraining(
        tmp_path, model={"vocabulary": "run:toy", "layers": 1, "hidden": 16, "heads": 2}, training={"steps": 2}
    )
    task = write_toy_run(tmp_path / "task", model={"base": "run:toy-bert"}, training={"epochs": 1})
    task.write_text(task.read_text().replace('"toy"', '"task"', 1))
    root = tmp_path / "root"
    given = [word for config in (words, bert, task) for word in ("--config", config)]
    status, found, err = command("run", *given, "--root", root, "--json")
    assert [one["state"] for one in found] == ["pushed"] * 3, err
    told = json.loads(command("show", "task", "--root", root, "--manifest")[1])
    (of_bert,) = told["came_from"]
    (of_words,) = of_bert["came_from"]
    assert (of_bert["key"], of_bert["run"], of_words["run"]) == ("model.base", found[1]["id"], found[0]["id"])
    corpus = json.loads(command("show", "toy", "--root", root, "--manifest")[1])["data"]
    assert [file["sha256"] for file in of_words["data"]] == [file["sha256"] for file in corpus]
    assert told["config"]["model"]["base"] == found[1]["pushed"]
    # All of it comes from cache the second time.
    status, again, _ = command("run", *given, "--root", root, "--json")
    assert {node["state"] for one in again for node in one["nodes"]} == {"cached"}
    # The first that pushes nothing is the last.
    write_toy_pretraining(
        tmp_path,
        model={"vocabulary": "run:toy", "layers": 1, "hidden": 16, "heads": 2},
        training={"steps": 2},
        gate={"max": {"mlm_loss": 0.1}},
    )
    status, refused, _ = command("run", *given, "--root", root, "--json")
    assert (status, [one["state"] for one in refused]) == (3, ["pushed", "refused"])


def test_pruning_leaves_what_was_pushed(root: Path, first: dict[str, Any], command: Command) -> None:
    status, pruned, _ = command("prune", "--root", root, "--name", "toy-bert", "--keep", 1, "--versions", 1, "--json")
    assert (status, pruned["removed_versions"]) == (0, [])
    assert Path(first["pushed"], "model.safetensors").is_file()


def test_a_damaged_version_is_mended(config: Path, root: Path, first: dict[str, Any], command: Command) -> None:
    document_runs.check_mended(Path(first["pushed"], "model.safetensors"), config, root, command)
