import math
import tomllib
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import (
    adaptation,
    calibration,
    drift,
    export,
    peer,
    pipeline,
    pretraining_corpus,
    pretraining_picture,
    small_data,
    train,
)
from bench.common import ROOT, OutOfTimeError, Progress, as_toml, ratio, settings_of
from bench.train import epochs_of
from bench.train_data import BATCH
from bench.utilisation import ByTurns, layer_flop
from components.tasks.classification import Classification

CONFIGS = sorted((ROOT / "pipeline" / "configs").glob("*.toml"))


@pytest.mark.parametrize(("steps", "rows"), [(50, 8501), (10, 8501), (38, 4955), (1, 33), (1, 1)])
def test_the_peer_rounds_its_epochs_to_the_steps_it_is_credited_with(steps: int, rows: int) -> None:
    given = float(f"{epochs_of(steps, rows):.5f}")
    assert math.ceil(given * math.ceil(rows / BATCH)) == steps


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_a_config_survives_being_written_again(config: Path) -> None:
    settings = settings_of(config)
    assert tomllib.loads(as_toml(settings)) == settings


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    assert ratio([{"rate": 2}, {"rate": 9}, {"rate": 8}], [{"rate": 2}, {"rate": 1}, {"rate": 2}], "rate") == 4


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[Namespace]:
    """What the peer would have been run with, as it reads its own command line."""
    found: list[Namespace] = []

    def parse(command: Iterable[object]) -> dict[str, Any]:
        _, flag, module, *arguments = map(str, command)
        assert (flag, module) == ("-m", peer.__name__)
        found.append(peer.parser().parse_args(arguments))
        return {"train_seconds": 2.0}

    for module in (pipeline, train):
        monkeypatch.setattr(module, "last_json", parse)
    return found


def test_the_peer_of_the_whole_pipeline_gets_the_settings_of_the_run(given: list[Namespace]) -> None:
    config = ROOT / "pipeline" / "configs" / "movie_reviews.toml"
    settings = settings_of(config)
    settings["training"] |= {"learning_rate": 1e-4, "epochs": 3, "batch_size": 8}
    settings["model"] |= {"max_length": 48}
    pipeline.peer(config, settings, seed=7)
    (options,) = given
    assert (options.what, options.mode, options.bf16) == ("train", "grouped", False)
    assert (options.text, options.label) == ("text", "label")
    assert (options.lr, options.epochs, options.batch, options.max_length, options.seed) == (1e-4, 3, 8, 48, 7)
    assert Path(options.data).resolve() == (ROOT / "data" / "movie_reviews").resolve()
    assert Path(options.model).resolve() == (ROOT / "data" / "minilm").resolve()


def test_the_peer_of_a_training_gets_its_mode_rate_and_precision(given: list[Namespace], tmp_path: Path) -> None:
    run = train.peer(tmp_path, tmp_path, 320, "padded", 5e-5, 10, "bfloat16")
    (options,) = given
    assert (options.mode, options.bf16, options.lr, options.batch) == ("padded", True, 5e-5, train.BATCH)
    assert math.ceil(options.epochs * 320 / train.BATCH) == 10
    assert run["examples_per_second"] == 10 * train.BATCH / 2


def test_the_generated_messages_are_of_five_classes_and_the_same_each_time() -> None:
    rows = list(small_data.messages("train"))
    assert rows == list(small_data.messages("train"))
    assert len(rows) + len(list(small_data.messages("dev"))) == 400
    assert Counter(label for _, label in rows) == dict.fromkeys(
        ("delivery", "payment", "account", "damage", "return"), 64
    )
    assert not any("{" in text for (text,), _ in rows)


@pytest.mark.skipif(not (ROOT / "data" / "minilm" / "vocab.txt").exists(), reason="data/minilm is not fetched")
def test_drift_tells_german_halves_of_texts_and_swapped_labels_from_rows_like_train() -> None:
    found = drift.measured("intents", draws=5)
    assert {kind for kind, compared in found.items() if compared["over"]} == {
        "another language",
        "texts cut in half",
        "labels reversed",
    }
    assert "vocabulary_coverage" in found["another language"]["over"]
    assert "label_agreement" in found["labels reversed"]["over"]


def test_calibration_is_measured_on_the_rows_that_did_not_choose_it() -> None:
    draws = np.random.default_rng(0)
    told = draws.dirichlet([0.3, 0.3, 0.3], 900).astype(np.float32)
    true = np.sqrt(told) / np.sqrt(told).sum(axis=1, keepdims=True)
    targets = (true.cumsum(axis=1) < draws.random((900, 1))).sum(axis=1)
    dev, test = (
        calibration.Predicted(told[rows], targets[rows], np.arange(len(told[rows])))
        for rows in (slice(300), slice(300, None))
    )
    task = Classification(("a", "b", "c"))
    run = calibration.split(task, dev, test, 1, 0.2)
    assert run["temperature"] == pytest.approx(2, abs=0.5)
    assert run["after"]["ece"] < run["before"]["ece"] / 2
    assert run["after"]["accuracy"] == run["before"]["accuracy"]
    assert run["abstention"]["error"] <= 0.2
    assert calibration.split(task, dev, test, 2, 0.2)["temperature"] != run["temperature"]


@pytest.mark.parametrize(
    ("changes", "without", "said"),
    [
        ([0.02, 0.03, 0.04], 0.01, "better"),
        ([-0.02, -0.03], 0.01, "worse"),
        ([0.02, 0.03], 0.03, "nothing beyond the seeds"),
        ([0.09, -0.01, 0.01], 0.01, "nothing beyond the seeds"),
    ],
)
def test_adaptation_gives_something_where_all_seeds_say_so_and_by_more_than_they_differ(
    changes: list[float], without: float, said: str
) -> None:
    assert adaptation.verdict(changes, without) == said


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two documents; movie reviews of which train and dev have one in common."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "news.txt").write_text("Rain fell. It was wet.\n\nThe sun came out.\n\n")
    for split, rows in {"train": ["a good one", "Dull stuff"], "dev": ["dull  stuff"], "test": ["so long"]}.items():
        lines = "".join(f"{number}\t{text}\n" for number, text in enumerate(rows))
        (folder / f"{split}.tsv").write_text(f"id\ttext\n{lines}")
    monkeypatch.setattr(pretraining_corpus, "DOCUMENTS", folder / "news.txt")
    monkeypatch.setattr(pretraining_corpus, "REVIEWS", folder)
    return folder


def test_a_train_text_that_dev_has_too_is_not_pre_trained_on(texts: Path, tmp_path: Path) -> None:
    found = pretraining_corpus.write_texts(tmp_path, None, None)
    assert (tmp_path / "reviews.txt").read_text() == "a good one\n"
    assert (tmp_path / "words.txt").read_text() == "Rain fell. It was wet.\n\nThe sun came out.\n\na good one\n\n"
    # A document of two sentences, and each of them; one of one sentence; a train text. Of dev and test one each.
    assert (found["hashes_learned_from"], found["hashes_measured_on"], found["train_texts_left_out"]) == (5, 2, 1)


def test_a_document_with_a_text_of_test_among_its_sentences_stops_the_bench(texts: Path, tmp_path: Path) -> None:
    (texts / "test.tsv").write_text("id\ttext\n0\tit was  wet.\n")
    with pytest.raises(AssertionError, match="1 texts of dev or test are in the corpus"):
        pretraining_corpus.write_texts(tmp_path, None, None)


def test_the_useful_work_of_a_layer_is_its_weights_and_its_attention() -> None:
    config = Namespace(hidden_size=2, intermediate_size=8)
    assert layer_flop(config, 10) == 6 * (4 * 2 * 2 + 2 * 2 * 8) + 12 * 10 * 2
    assert ByTurns(peak=100.0, seconds={"step": [1.0, 2.0, 9.0]}).share("step", 50.0) == 0.25


def test_the_curve_is_drawn_in_both_colours_of_a_page() -> None:
    curve = [{"tokens": 1_000_000, "mlm_loss": 6.0}, {"tokens": 2_000_000, "mlm_loss": 5.0}]
    svg = pretraining_picture.drawn(curve, 6.5)
    assert svg.startswith("<svg ") and "prefers-color-scheme: dark" in svg and "from 6.00 to 5.00" in svg.lower()
    assert svg.count("var(--series-1)") >= 1 and svg.count("var(--series-2)") >= 1


def test_a_bench_that_was_ended_goes_on_where_it_was(tmp_path: Path) -> None:
    place = tmp_path / "measured.json"
    assert Progress(place).of("one", lambda: {"value": 1}) == {"value": 1}
    later = Progress(place, minutes=0)
    assert later.of("one", dict) == {"value": 1}
    with pytest.raises(OutOfTimeError):
        later.of("two", dict)
    assert Progress(place, again=True).of("one", dict) == {}


def test_the_table_of_exports_has_a_dash_for_what_was_not_measured() -> None:
    found: dict[str, dict[str, Any]] = {
        "speed": {"rows_per_second": {"onnx": 1234.4}},
        "load": {"bytes": {"onnx": 92_300_000}, "latency_ms": {"onnx": 5.04}},
        "accuracy": {"configs": {"movie-reviews": {"accuracy": {"onnx": 0.8301}}}},
    }
    rows = export.table(found).splitlines()
    assert rows[0] == "| form | MB | first answer, s | one text, ms | rows/s | movie-reviews |"
    assert rows[5:7] == ["| onnx | 92 | - | 5.0 | 1,234 | 0.8301 |", "| onnx-int8 | - | - | - | - | - |"]
