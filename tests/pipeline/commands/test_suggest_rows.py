"""`suggest` by the model of a real run."""

import json
from pathlib import Path

import pytest

from tests import exported_models
from tests.pipeline.conftest import Command, FirstRun

FILES = {
    "word_tags": ("conll", 1, 4, ["tokens"], ["the film is good", "bad film", "so bad", "so bad"], "tags"),
    "similarity": ("tsv", ["text_a", "text_b"], "score", ["text_a", "text_b"], ["good\tbad", "a\tb", "b\ta"], "score"),
}
"""Task -> format, texts and label of training; columns and rows of a file without labels, and the column to fill in."""


@pytest.mark.parametrize("task", FILES)
def test_rows_of_words_and_of_two_texts_are_suggested(task: str, tmp_path: Path, command: Command) -> None:
    kind, texts, label, columns, lines, wanted = FILES[task]
    trained = {
        "text": texts if isinstance(texts, list) else [texts],
        "label": label,
        "labelled": {"format": kind, "header": True},
    }
    reads = {"predict_text": ["text"], "header": True, "quoting": "none", "columns": None, **trained}
    version = exported_models.write(tmp_path, exported_models.TASKS[task], card={"input": reads})
    rows = tmp_path / "rows.tsv"
    rows.write_text("".join(f"{line}\n" for line in ["\t".join(columns), *lines]))
    status, out, err = command("suggest", "--model", version, rows, "--top", 2)
    assert status == 0, err
    assert "does not say which texts it learned from" in err
    header, *found = [line.split("\t") for line in out.splitlines()]
    assert header == [*columns, wanted, "model_label", *(["uncertainty"] if task == "word_tags" else [])]
    assert len({tuple(row[: len(columns)]) for row in found}) == len(found) == 2
    for row in found:
        answer = row[len(columns) + 1]
        if task == "word_tags":
            assert set(answer.split()) <= {"ADJ", "DET", "NOUN"}
            assert len(answer.split()) == len(row[0].split())
        else:
            float(answer)


@pytest.mark.slow
def test_suggested_rows_are_unlabelled_unknown_and_ready_to_be_filled_in(
    first_run: FirstRun, tmp_path: Path, command: Command
) -> None:
    learned = (first_run.folder / "train.txt").read_text().splitlines()[0].split("\t")[0]
    texts = ["good bad film", "GOOD  bad film", "the film", "a b c d", "not so good bad", learned]
    rows = tmp_path / "rows.tsv"
    lines = [f"{number}\t{text}\t" for number, text in enumerate(texts)] + ["9\tbad good\tbad"]
    rows.write_text("".join(f"{line}\n" for line in ["id\ttext\tlabel", *lines]))
    output = tmp_path / "to_label.tsv"
    words = ["suggest", "--model", first_run.serving, rows, "--top", 3, "--column", "text", "--label", "label"]
    status, _, err = command(*words, "--output", output)
    assert status == 0, err
    assert "3 of 7 rows, of which 1 have a label and 1 are among those that the model learned from" in err
    header, *found = [line.split("\t") for line in output.read_text().splitlines()]
    assert header == ["id", "text", "label", "model_label", "uncertainty"]
    assert [row[2] for row in found] == ["", "", ""]
    assert {row[1] for row in found} <= set(texts[:5]) - {texts[1]}
    assert all(row[3] in ("good", "bad") for row in found)
    unsure = [float(row[4]) for row in found]
    assert unsure == sorted(unsure, reverse=True)
    # What the model says of a row is what `predict` says of it.
    _, answer, _ = command("predict", "--model", first_run.serving, found[0][1], "--json")
    best, other = sorted(answer["probabilities"].values(), reverse=True)
    assert unsure[0] == pytest.approx(1 - (best - other), abs=1e-4)
    assert found[0][3] == answer["label"]
    before = output.read_bytes()
    assert command(*words, "--output", output)[0] == 0
    assert output.read_bytes() == before


@pytest.mark.slow
def test_rows_without_a_header_get_the_label_behind_their_columns(
    first_run: FirstRun, tmp_path: Path, command: Command
) -> None:
    rows = tmp_path / "rows.tsv"
    rows.write_text("good bad film\nthe film\n")
    status, out, err = command("suggest", "--model", first_run.serving, rows, "--top", 1)
    assert status == 0, err
    ((text, label, answer, _),) = [line.split("\t") for line in out.splitlines()]
    assert (label, text in ("good bad film", "the film"), answer in ("good", "bad")) == ("", True, True)
    status, out, _ = command(
        "suggest", "--model", first_run.serving, rows, "--top", 1, "--output", tmp_path / "j", "--json"
    )
    found = json.loads((tmp_path / "j").read_text())
    assert list(found) == ["line", "column_1", "label", "model_label", "uncertainty"]
    assert found["column_1"] == text


@pytest.mark.slow
def test_where_no_row_is_left_that_is_said(first_run: FirstRun, tmp_path: Path, command: Command) -> None:
    rows = tmp_path / "rows.tsv"
    rows.write_text((first_run.folder / "train.txt").read_text().splitlines()[0].split("\t")[0] + "\n")
    status, _, err = command("suggest", "--model", first_run.serving, rows)
    assert status == 2
    assert "none of its 1 rows is left: 0 have a label, 1 learned" in err


@pytest.mark.parametrize(("task", "kind"), [("answering", "parts of a text"), ("generation", "texts")])
def test_what_is_answered_by_texts_is_not_suggested(task: str, kind: str, tmp_path: Path, command: Command) -> None:
    made = exported_models.TASKS[task]
    reads = {"predict_text": [*made.texts], "header": True, "quoting": "none", "columns": None}
    version = exported_models.write(tmp_path, made, card={"input": reads})
    rows = tmp_path / "rows.tsv"
    rows.write_text("\t".join(made.texts) + "\n" + "\t".join("a" for _ in made.texts) + "\n")
    status, _, err = command("suggest", "--model", version, rows)
    assert status == 2
    assert f"the answers of {task} are {kind}, and which row is worth one is not known of them" in err
