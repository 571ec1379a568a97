import json
from pathlib import Path
from typing import Any

import pytest

import pipeline_runner
from pipeline.config import preflight, survey
from pipeline.config.survey import Frequent, Numbers
from tests.toys import write_toy_run


def copied(folder: Path) -> Path:
    """A run whose dev file is the first half of train, under another name."""
    config = write_toy_run(folder)
    train = (folder / "train.txt").read_text().splitlines(keepends=True)
    (folder / "dev.txt").write_text("".join(train[:32]))
    return config


def test_the_first_rows_of_each_split_are_counted_and_whether_they_are_all_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = preflight.check(copied(tmp_path))
    found = survey.survey(checked)
    assert found.is_all
    assert [(split, one.rows, one.leaked) for split, one in found.duplicates.items()] == [
        ("train", 64, {}),
        ("dev", 32, {"train": 32}),
        ("test", 16, {"train": 0, "dev": 0}),
    ]
    monkeypatch.setattr(survey, "MOST_ROWS", 16)
    found = survey.survey(checked)
    assert found.cut == {"train", "dev"}
    assert {split: one.rows for split, one in found.duplicates.items()} == {"train": 16, "dev": 16, "test": 16}
    assert found.rows == {split: labels.total() for split, labels in found.labels.items()}


def test_check_refuses_a_leak_where_all_rows_are_counted_and_else_tells_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = copied(tmp_path)
    assert pipeline_runner.main(["check", "--config", str(config)]) == 2
    told = "dev: the texts of 32 of 32 rows (100.00%) stand in train too"
    assert told in capsys.readouterr().err
    monkeypatch.setattr(survey, "MOST_ROWS", 16)
    assert pipeline_runner.main(["check", "--config", str(config)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert (
        "of the first 16 rows of a split at most; a run counts all ! dev: the texts of 16 of 16 rows (100.00%)" in shown
    )
    assert "validation.max_leaked_share is 50.00%: a run stops at this, where all rows are so" in shown


def test_rows_that_are_dealt_by_their_texts_leak_nowhere(tmp_path: Path) -> None:
    config = write_toy_run(tmp_path)
    rows = (tmp_path / "train.txt").read_text().splitlines()
    # Each text twice, under an id of its own.
    lines = [f"{row}\t{number}\n" for number, row in enumerate([*rows, *rows])]
    (tmp_path / "all.txt").write_text("".join(lines))
    text = config.read_text()
    begin, end = text.index("train ="), text.index("header")
    config.write_text(f'{text[:begin]}files = "all.txt"\n{text[end:]}'.replace("label = 2", "label = 2\ncolumns = 3"))
    found = survey.survey(preflight.check(config)).duplicates
    assert {count for one in found.values() for count in one.leaked.values()} == {0}
    assert [one.repeated * 2 for one in found.values()] == [one.rows for one in found.values()]


def reported(config: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, dict[str, Any]]:
    """What `check` prints, and its JSON."""
    assert pipeline_runner.main(["check", "--config", str(config)]) == 0
    shown = capsys.readouterr().out
    assert pipeline_runner.main(["check", "--config", str(config), "--json"]) == 0
    return shown, json.loads(capsys.readouterr().out)


def test_the_figures_on_the_screen_are_those_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_toy_run(tmp_path)
    with (tmp_path / "train.txt").open("a") as train:
        train.write("the Good  film\tgood\nthe good film\tbad\nTHE GOOD FILM\tgood\n")
    with (tmp_path / "dev.txt").open("a") as dev:
        dev.write("the good film\tbad\n")
    shown, told = reported(config, capsys)
    rows = {split: len((tmp_path / f"{split}.txt").read_text().splitlines()) for split in ("train", "dev", "test")}
    lines = [line.split() for line in shown.splitlines()]
    counts = told["counts"]
    assert counts["of"] == "of all rows"
    assert counts["rows"] == rows
    assert ["all", "rows", *map(str, rows.values())] in lines
    for name in ("bad", "good"):
        of_label = [counts["labels"][split][name] for split in rows]
        assert [name, *map(str, of_label)] in lines
        assert of_label[0] == (tmp_path / "train.txt").read_text().count(f"\t{name}\n")
    most = told["frequent_texts"][0]
    assert most["texts"] == ["the Good  film"]
    assert most["rows"]["train"] >= 3
    assert [*(str(most["rows"].get(split, 0)) for split in rows), "the", "Good", "film"] in lines
    share = told["duplicates"]["train"]["repeated"] / rows["train"]
    contradicting = told["duplicates"]["train"]["contradicting"] / rows["train"]
    assert ["train", str(rows["train"]), f"{share:.1%}", f"{contradicting:.1%}"] in lines
    assert told["duplicates_of"] == told["texts_of"] == "of all rows"
    assert f"{told['texts']['train']['mean_tokens']:.1f}" in next(line for line in lines if "<=" in line)


def test_a_row_that_breaks_a_rule_is_found_however_far_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_toy_run(tmp_path)
    train = tmp_path / "train.txt"
    train.write_text(train.read_text() * 20 + "no label\n")
    lines = len(train.read_text().splitlines())
    assert pipeline_runner.main(["check", "--config", str(config)]) == 2
    assert f"{train}:{lines}: expected 2 tab-separated fields, got 1" in capsys.readouterr().err
    write_toy_run(tmp_path, keep_data=True, data={"on_bad_row": "quarantine"})
    shown, told = reported(config, capsys)
    assert told["counts"]["bad_rows"] == 1
    assert f"1 row breaks a rule and goes into quarantine, the first: {train}:{lines}: expected 2" in shown
    assert [one for one in told["warnings"] if "quarantine" in one]


def test_labels_are_held_against_all_rows_of_train(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_toy_run(tmp_path)
    train, dev = tmp_path / "train.txt", tmp_path / "dev.txt"
    train.write_text(train.read_text() * 20)
    text = dev.read_text()
    dev.write_text(text + "so so\tmiddling\n")
    assert pipeline_runner.main(["check", "--config", str(config)]) == 2
    assert f"{dev}:{len(text.splitlines()) + 1}: the label is 'middling'" in capsys.readouterr().err
    # Its only row stands behind the first thousand.
    train.write_text(train.read_text() + "so so\tmiddling\n")
    shown, _ = reported(config, capsys)
    assert ["middling", "1", "1", "0"] in [line.split() for line in shown.splitlines()]


def test_rows_that_look_like_a_header_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_toy_run(tmp_path)
    train = tmp_path / "train.txt"
    rows = train.read_text()
    train.write_text(f"{rows}text\tlabel\n{rows}")
    shown, told = reported(config, capsys)
    place = f"{train}:{len(rows.splitlines()) + 1}"
    assert told["counts"]["header_like"] == {"rows": 1, "first": [place]}
    assert f"! 1 row looks like a header, as {place}: delete what is no row" in shown


def test_of_numbers_the_ends_and_the_mean_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_toy_run(tmp_path, data={"task": "regression"}, gate={"min": {"pearson": 0.1}})
    for split, numbers in (("train", range(1200)), ("dev", (1, 2, 6)), ("test", (4,))):
        (tmp_path / f"{split}.txt").write_text("".join(f"a {split} film {number}\t{number}\n" for number in numbers))
    found = survey.survey(preflight.check(config))
    assert found.numbers["train"] == Numbers(0.0, 599.5, 1199.0)
    shown, told = reported(config, capsys)
    assert told["counts"]["numbers"]["dev"] == {"least": 1.0, "mean": 3.0, "greatest": 6.0}
    assert ["dev", "3", "1", "3", "6"] in [line.split() for line in shown.splitlines()]
    assert told["counts"]["labels"] == {}
    (tmp_path / "train.txt").write_text(
        "".join(f"a film {number}\t{1_700_000_000 + number}\n" for number in range(1200))
    )
    assert pipeline_runner.main(["check", "--config", str(config)]) == 2
    assert "float32" in capsys.readouterr().err


def test_the_texts_of_most_rows_are_those_of_their_first_row(tmp_path: Path) -> None:
    config = write_toy_run(tmp_path)
    (tmp_path / "train.txt").write_text(
        "one\tgood\nA B\tgood\ntwo\tbad\na  b\tbad\na b\tgood\ntwo\tgood\n<b>\x1b[31m\tbad\n"
    )
    (tmp_path / "dev.txt").write_text("a b\tgood\nthree\tbad\n")
    (tmp_path / "test.txt").write_text("two\tgood\n")
    found = survey.survey(preflight.check(config))
    assert found.frequent == [
        Frequent({"train": 3, "dev": 1}, ("A B",)),
        Frequent({"train": 2, "test": 1}, ("two",)),
    ]


def test_texts_are_drawn_from_all_rows_of_a_split_and_no_more_than_memory_has_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write_toy_run(tmp_path)
    (tmp_path / "train.txt").write_text("".join(f"row {number}\tgood\n" for number in range(5000)))
    with (tmp_path / "train.txt").open("a") as train:
        train.write("another\tbad\n")
    checked = preflight.check(config)
    drawn = [int(texts[0].split()[-1]) for texts in survey.survey(checked).drawn["train"] if texts[0] != "another"]
    assert len(set(drawn)) >= 999
    # A thousand of 5,000 in order would have a mean of 500; three standard errors around that of all.
    assert abs(sum(drawn) / len(drawn) - 2500) < 3 * 5000 / 12**0.5 / 1000**0.5
    monkeypatch.setattr(survey, "_DRAWN_CHARACTERS", 100)
    found = survey.survey(checked)
    assert 0 < sum(len(text) for (text,) in found.drawn["train"]) <= 100
    assert "of rows drawn from these by chance (train " in found.drawn_of


def test_more_bad_rows_than_a_run_takes_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_toy_run(tmp_path, data={"on_bad_row": "quarantine", "labels": ["bad", "good"]})
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.txt").write_text("no label\n" * 40)
    assert pipeline_runner.main(["check", "--config", str(config)]) == 2
    said = "120 of 120 rows are bad, 100.00%, data.max_bad_share is 1.00%"
    assert said in capsys.readouterr().err
