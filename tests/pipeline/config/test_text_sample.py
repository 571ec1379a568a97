import json
import sys
from pathlib import Path

import pytest

import pipeline_runner
from components.rows.text_statistics import TextStatistics
from pipeline.config import preflight
from pipeline.config.survey import survey
from pipeline.config.text_sample import text_sample
from tests.toys import write_toy_run


def check(config: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What `check` prints."""
    assert pipeline_runner.main(["check", "--config", str(config)]) == 0
    return " ".join(capsys.readouterr().out.split())


def sampled(config: Path) -> dict[str, TextStatistics]:
    checked = preflight.check(config)
    return text_sample(checked, survey(checked).drawn)


def spoil(folder: Path, text: str) -> None:
    count = len((folder / "dev.txt").read_text().splitlines())
    (folder / "dev.txt").write_text(f"{text}\tgood\n" * count)


def test_check_tells_how_the_first_rows_fit_without_tensorflow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for heavy in ("tensorflow", "tfx", "apache_beam"):
        monkeypatch.setitem(sys.modules, heavy, None)
    config = write_toy_run(tmp_path)
    spoil(tmp_path, "a film")
    shown = check(config, capsys)
    assert "dev 0.0% 0.0% 100.0% 0.0% 0.0% 4.0 <= 4" in shown
    # So few rows of dev are warned of, too.
    assert shown.count("!") == shown.count("rows of dev cannot show")


def test_check_tells_of_russian_on_a_latin_vocabulary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_toy_run(tmp_path)
    spoil(tmp_path, "хороший фильм")
    assert "! dev: the base model's vocabulary has no pieces for 100.0% of words (100.0% unknown" in check(
        config, capsys
    )


def test_check_tells_of_a_limit_that_will_stop_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_toy_run(tmp_path, validation={"max_truncated_share": 0.25})
    spoil(tmp_path, "a b c d e f g h i j k l m n o")
    told = "! dev: 100.00% of rows have more than 16 tokens, validation.max_truncated_share is 25.00%: a run stops"
    assert told in check(config, capsys)


def test_with_windows_a_text_is_truncated_that_they_do_not_hold(tmp_path: Path) -> None:
    # Windows of 16 tokens that go on by 10: two hold 26 tokens.
    config = write_toy_run(tmp_path, model={"long_texts": "window", "max_windows": 2, "window_overlap": 4})
    spoil(tmp_path, " ".join("a" * 24))
    assert sampled(config)["dev"].truncated_share == 0
    spoil(tmp_path, " ".join("a" * 25))
    assert sampled(config)["dev"].truncated_share == 1


def test_rows_that_are_dealt_by_hash_are_counted_with_their_split(tmp_path: Path) -> None:
    config = write_toy_run(tmp_path)
    text = config.read_text()
    for split in ("train", "dev", "test"):
        text = text.replace(f'{split} = "{split}.txt"\n', "")
    config.write_text(text.replace("[data]\n", '[data]\nfiles = "train.txt"\nsplit = { train = 3, dev = 1 }\n'))
    found = sampled(config)
    assert sum(texts.rows for texts in found.values()) == 64
    assert set(found) == {"train", "dev"}


def test_at_most_1000_rows_of_a_split_are_looked_at(tmp_path: Path) -> None:
    config = write_toy_run(tmp_path)
    train = tmp_path / "train.txt"
    train.write_text(train.read_text() * 20)
    assert sampled(config)["train"].rows == 1000


def test_check_shows_what_follows_from_rows_and_base_model_and_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_toy_run(tmp_path)
    path = write_toy_run(tmp_path, keep_data=True, training={"batch_size": 8})
    path.write_text(path.read_text().replace("epochs = 2\n", ""))
    rows = len((tmp_path / "train.txt").read_text().splitlines())
    steps = -(-rows // 8)
    shown = check(config, capsys)
    assert f"training.epochs = 20: an epoch over {rows:,} rows is {steps} steps, and too few learn little" in shown
    assert "model.pooling = cls: the base model has a trained pooler" in shown
    assert pipeline_runner.main(["check", "--config", str(config), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(one["key"], one["value"]) for one in told["chosen"]] == [("training.epochs", 20), ("model.pooling", "cls")]
    assert told["training"]["epochs"] is None
