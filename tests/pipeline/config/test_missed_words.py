"""What `check` says of words that raw text cannot give."""

from pathlib import Path

from pipeline.config import preflight
from pipeline.config.missed_words import missed_words
from tests.task_runs import write_run


def missed(folder: Path, *rows: str) -> str:
    config = write_run(folder, "tagging")
    for split in ("train", "dev"):
        lines = [f"{row}\t{' '.join('O' for _ in row.split(' ')[1:])} B-X" for row in rows]
        (folder / f"{split}.tsv").write_text("\n".join(["tokens\ttags", *lines, ""]), encoding="utf-8")
    config.write_text(config.read_text().split("[gate]")[0] + "[gate]\nmin = { f1 = 0.5 }\n")
    return str(missed_words(preflight.check(config)))


def test_words_that_part_a_run_of_letters_are_told(tmp_path: Path) -> None:
    assert missed(tmp_path, "I did n't go", "it did n't", "you do n't") == (
        "raw text cannot give 60.00% of train's words, such as n't, did, do"
    )


def test_words_that_can_be_had_are_none_missed(tmp_path: Path) -> None:
    assert missed(tmp_path, "the U.S. met", "in the U.S. too", "张 三 在") == (
        "raw text cannot give 0.00% of train's words"
    )
