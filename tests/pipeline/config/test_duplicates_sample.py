from pathlib import Path

import pytest

import pipeline_runner
from pipeline.config import duplicates_sample, preflight
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
    found, is_all = duplicates_sample.duplicates_sample(checked)
    assert is_all
    assert [(split, one.rows, one.leaked) for split, one in found.items()] == [
        ("train", 64, {}),
        ("dev", 32, {"train": 32}),
        ("test", 16, {"train": 0, "dev": 0}),
    ]
    monkeypatch.setattr(duplicates_sample, "DUPLICATES_ROWS", 16)
    found, is_all = duplicates_sample.duplicates_sample(checked)
    assert not is_all
    assert {split: one.rows for split, one in found.items()} == {"train": 16, "dev": 16, "test": 16}


def test_check_refuses_a_leak_where_all_rows_are_counted_and_else_tells_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = copied(tmp_path)
    assert pipeline_runner.main(["check", "--config", str(config)]) == 2
    told = "dev: the texts of 32 of 32 rows (100.00%) stand in train too"
    assert told in capsys.readouterr().err
    monkeypatch.setattr(duplicates_sample, "DUPLICATES_ROWS", 16)
    assert pipeline_runner.main(["check", "--config", str(config)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "of the first 16 rows at most; a run counts all ! dev: the texts of 16 of 16 rows (100.00%)" in shown
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
    found, _ = duplicates_sample.duplicates_sample(preflight.check(config))
    assert {count for one in found.values() for count in one.leaked.values()} == {0}
    assert [one.repeated * 2 for one in found.values()] == [one.rows for one in found.values()]
