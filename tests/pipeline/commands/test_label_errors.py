"""`label-errors` and `correct-labels` of a real run of a classifier."""

import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from components.common.errors import InputError
from components.label_errors.listing import Suspect
from components.settings.data import Data
from components.settings.gate import Gate
from components.settings.model import Model
from components.settings.run import Run
from components.tasks.classification import Classification
from pipeline.reports import row_answers, suspects_report, tables
from pipeline.reports.suspects import LabelledFiles, Suspects, _rows
from tests.pipeline.conftest import Command, FirstRun

ODD = [
    "<script>x</script>",
    "\x1b[31mred\x1b]0;t\x07",
    "[bold]x[/bold]",
    'say "hi"',
    "a\tb",
    "a\rb",
    "l" * 200,
    "\u202eabc",
]


@pytest.mark.slow
def test_suspects_are_listed_reviewed_and_put_right(first_run: FirstRun, command: Command, tmp_path: Path) -> None:
    root, listed, new = first_run.root, tmp_path / "suspects.tsv", tmp_path / "new"
    before = sorted(path.name for path in Path(first_run.record["directory"]).iterdir())
    status, document, err = command("label-errors", "--root", root, "--json")
    assert status == 0, err
    assert document["judged"] == first_run.record["rows"]
    status, out, err = command("label-errors", "--split", "train", "--output", listed, "--root", root)
    assert (status, out) == (0, "")
    assert err.splitlines()[-1].endswith(f" rows: {listed}")
    with listed.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, delimiter="\t")
    assert header == ["file", "line", "split", "text", "label", "suggested", "probability", "correct"]
    of_train = [one for one in document["rows"] if one["split"] == "train"]
    assert [row[1] for row in rows] == [str(one["line"]) for one in of_train]
    lines = (first_run.folder / "train.txt").read_text().splitlines()
    assert all(lines[int(row[1]) - 1].split("\t") == [row[3], row[4]] for row in rows)
    assert sorted(path.name for path in Path(first_run.record["directory"]).iterdir()) == before

    # Whatever was suspected: a person looks at a row of their own and puts it right.
    text, label = lines[6].split("\t")
    other = "bad" if label == "good" else "good"
    listed.write_text("\t".join(header) + "\n" + "\t".join(["train.txt", "7", "train", text, label, "", "", other]))
    status, out, err = command("correct-labels", listed, "--output", new, "--root", root)
    assert status == 0, err
    assert [line.rpartition(": ")[2] for line in out.splitlines()] == ["1 label corrected", "as it was", "as it was"]
    changed = (new / "train.txt").read_text().splitlines()
    assert changed == [*lines[:6], f"{text}\t{other}", *lines[7:]]
    assert (new / "dev.txt").read_bytes() == (first_run.folder / "dev.txt").read_bytes()


@pytest.mark.slow
def test_without_the_runs_model_train_alone_is_judged(
    first_run: FirstRun, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> Path:
        raise InputError("run 1", "has no model any more, or none yet", "Run again")

    monkeypatch.setattr(row_answers, "model_of", gone)
    status, _, err = command("label-errors", "--root", first_run.root)
    assert status == 2
    assert "Rows of train alone need none: --split train" in err
    assert command("label-errors", "--split", "train", "--json", "--root", first_run.root)[0] == 0


def made_up(text: str, label: str) -> Suspects:
    found = Suspect("train.tsv", 7, None, "train", (text,), label, "good", 0.0123)
    return Suspects(Classification((label, "good")), {"train": 5}, [found], unjudged=1)


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_control_no_terminal_and_come_back_from_the_list(
    text: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    made = made_up(text, text)
    tables.console(sys.stdout).print(suspects_report.report(made, 20))
    out = capfd.readouterr().out
    assert not [character for character in out if not character.isprintable() and character not in "\n\t"]
    path = tmp_path / "suspects.tsv"
    with path.open("w", encoding="utf-8", newline="\n") as file:
        suspects_report.write(made, file)
    with path.open(encoding="utf-8", newline="") as file:
        _, row = csv.reader(file, delimiter="\t")
    assert row == ["train.tsv", "7", "train", text, text, "good", "0.012300", ""]


def test_a_list_says_how_many_there_are_and_how_many_could_not_be_judged() -> None:
    lines = suspects_report.summary(made_up("a film", "bad"))
    assert lines == [
        "train: 1 label of 5 rows may be wrong",
        "train: 1 not judged, because no row that could tell has the label",
    ]
    assert json.dumps(made_up("a", "b").found[0]._asdict())


def test_rows_of_dev_that_are_held_back_are_judged_as_a_split_of_their_own(tmp_path: Path) -> None:
    files = [(split, tmp_path / f"{split}.txt") for split in ("train", "dev")]
    for _, path in files:
        path.write_text("".join(f"text {number}\tgood\n" for number in range(40)))
    paths: dict[str, Any] = {split: (str(path),) for split, path in files}
    data = Data(**paths, header=False, columns=2, text=(1,), label=2, held_back=0.5)
    run = Run(name="toy", data=data, model=Model(base="toy"), gate=Gate(min={"accuracy": 0.5}))
    given = LabelledFiles(run, [*files], Classification(("good",)))
    counts = {split: len(_rows(given, [split])[split]) for split in ("train", "dev", "gate")}
    assert counts["train"] == 40 == counts["dev"] + counts["gate"]
    assert min(counts.values()) > 0
