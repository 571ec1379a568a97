import contextlib
import csv
import gzip
import io
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import pipeline_runner
from components.common.errors import InputError
from components.rows import reader
from components.tasks.classification import Classification
from pipeline.commands import predict

GOOD, BAD = "good\t0.250000\t0.750000", "bad\t0.900000\t0.100000"

Ask = Callable[..., None]


class FakePredictor:
    """Finds `good` good and all else bad; reads ahead by `WINDOW` texts, as the real one does by thousands."""

    WINDOW = 2
    task = Classification(("bad", "good"))
    text_names = ("text",)

    def predict(self, rows: Iterable[tuple[str, ...]], tokens: bool = False) -> Iterator[dict[str, Any]]:
        self.tokens = tokens
        source = iter(rows)
        while window := list(islice(source, self.WINDOW)):
            for (text,) in window:
                label, of_bad, of_good = ("good", 0.25, 0.75) if "good" in text else ("bad", 0.9, 0.1)
                yield {"label": label, "probabilities": {"bad": of_bad, "good": of_good}}


@pytest.fixture(autouse=True)
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The paths of the models that were loaded."""
    paths: list[Path] = []

    def load(model: Path) -> FakePredictor:
        paths.append(model)
        return FakePredictor()

    monkeypatch.setattr(predict, "_load", load)
    return paths


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return pushed(tmp_path, {"text": "text", "header": True, "quoting": "none"})


def pushed(directory: Path, given: dict[str, Any]) -> Path:
    """A serving directory whose one version was trained on such rows."""
    version = directory / "pushed" / "1"
    (version / "assets.extra").mkdir(parents=True, exist_ok=True)
    (version / "saved_model.pb").write_bytes(b"")
    (version / "assets.extra" / "model.json").write_text(
        json.dumps({"input": {**given, "predict_text": [given["text"]]}})
    )
    return directory / "pushed"


def rows(directory: Path, content: str | bytes, name: str = "rows.tsv") -> Path:
    path = directory / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def answer(model: Path, source: Path, column: str | None = None) -> str:
    """What `predict_file` writes into a file."""
    destination = source.with_name("out.tsv")
    predict.predict_file(model, source, destination, column and [column], io.StringIO())
    return destination.read_bytes().decode()


def message(function: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(InputError) as caught:
        function(*arguments)
    return str(caught.value)


def test_a_text_has_its_label_its_probabilities_and_itself_on_a_line(model: Path) -> None:
    out = io.StringIO()
    predict.predict_texts(model, [("TEXT", ("a good film",)), ("TEXT", ("ein Übel",))], out, as_json=False)
    assert out.getvalue() == (
        "good\tbad 0.250000\tgood 0.750000\ta good film\nbad\tbad 0.900000\tgood 0.100000\tein Übel\n"
    )


def test_a_terminal_is_not_controlled_by_a_text_and_a_pipe_gets_it_as_it_is(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for of_terminal, shown in ((True, "good \\u001b[2J 李"), (False, "good \x1b[2J 李")):
        out = io.StringIO()
        monkeypatch.setattr(out, "isatty", lambda answer=of_terminal: answer)
        monkeypatch.setattr(sys, "stdout", out)
        assert pipeline_runner.main(["predict", "--model", str(model), "good \x1b[2J 李"]) == 0
        before = "good 0.750  " if of_terminal else "good\tbad 0.250000\tgood 0.750000\t"
        assert out.getvalue() == f"{before}{shown}\n"


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_is_typed_is_answered_line_by_line_and_a_mistake_ends_nothing(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = Screen()
    said: list[str] = []

    typed = iter(("a good film\n", "\n", "one\ttwo\n", "dull\n"))

    class Typed:
        def isatty(self) -> bool:
            return True

        def readline(self, _: int) -> str:
            if line := next(typed, ""):
                said.append(out.getvalue())
            return line

    monkeypatch.setattr(sys, "stdin", Typed())
    monkeypatch.setattr(sys, "stdout", out)
    assert pipeline_runner.main(["predict", "--model", str(model)]) == 0
    assert said == ["", *3 * ["good 0.750\n"]]
    assert out.getvalue() == "good 0.750\nbad  0.900\n"
    assert capsys.readouterr().err == (
        "a text a line, end with Ctrl-D\nerror: standard input:3: got 2 texts, the model reads text. "
        "Give one text, without a tab, a line.\n"
    )


def test_a_text_is_a_json_object_on_a_line_by_choice(model: Path) -> None:
    out = io.StringIO()
    predict.predict_texts(model, [("TEXT", ("Übel",)), ("TEXT", ("good",))], out, as_json=True)
    assert out.getvalue().splitlines() == [
        '{"text": "Übel", "label": "bad", "probabilities": {"bad": 0.9, "good": 0.1}}',
        '{"text": "good", "label": "good", "probabilities": {"bad": 0.25, "good": 0.75}}',
    ]


def test_words_with_one_space_between_are_handed_on_as_such(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = FakePredictor()
    monkeypatch.setattr(predict, "_load", lambda _: predictor)
    predict.predict_texts(model, [("TEXT", ("a good",))], io.StringIO(), False, tokens=True)
    assert predictor.tokens
    problem = "token 2 of 3 is empty. Separate them by one space, with none at the ends."
    asked = (predict.predict_texts, model, [("TEXT", ("a  good",))], io.StringIO(), False, True)
    assert message(*asked) == f"TEXT: {problem}"
    source = rows(tmp_path, "text\nfine\na  good\n")
    of_file = (predict.predict_file, model, source, tmp_path / "out.tsv", None, io.StringIO(), True, True)
    assert message(*of_file) == f"{source}:3: {problem}"


def test_a_row_of_two_texts_for_a_model_of_one_is_named_with_its_place(model: Path) -> None:
    given = [("standard input:1", ("good",)), ("standard input:2", ("a", "b"))]
    assert message(predict.predict_texts, model, given, io.StringIO(), False) == (
        "standard input:2: got 2 texts, the model reads text. Give one text, without a tab, a line."
    )


def test_texts_are_answered_while_more_of_them_come(model: Path) -> None:
    out = io.StringIO()
    written: list[int] = []

    def texts() -> Iterator[tuple[str, tuple[str, ...]]]:
        for number in range(7):
            written.append(out.getvalue().count("\n"))
            yield "TEXT", (f"text {number}",)

    predict.predict_texts(model, texts(), out, as_json=False)
    assert written == [0, 0, 2, 2, 4, 4, 6]
    assert out.getvalue().count("\n") == 7


def test_a_header_gets_the_names_of_the_new_columns(tmp_path: Path, model: Path) -> None:
    source = rows(tmp_path, "id\ttext\n7\tgood film\n8\tdull film\n")
    assert answer(model, source) == (
        f"id\ttext\tlabel\tprobability_bad\tprobability_good\n7\tgood film\t{GOOD}\n8\tdull film\t{BAD}\n"
    )


def test_a_file_without_a_header_stays_without_one(tmp_path: Path) -> None:
    model = pushed(tmp_path, {"text": 2, "header": False, "quoting": "none"})
    assert answer(model, rows(tmp_path, "7\tgood\n8\tdull")) == f"7\tgood\t{GOOD}\n8\tdull\t{BAD}\n"


def test_a_column_is_given_by_name_or_by_number(tmp_path: Path, model: Path) -> None:
    source = rows(tmp_path, "text\treview\ngood\tdull\n")
    head = "text\treview\tlabel\tprobability_bad\tprobability_good\n"
    assert answer(model, source) == f"{head}good\tdull\t{GOOD}\n"
    assert answer(model, source, "review") == f"{head}good\tdull\t{BAD}\n"
    assert answer(model, source, "2") == f"{head}good\tdull\t{BAD}\n"


def test_a_column_given_by_name_means_that_there_is_a_header(tmp_path: Path) -> None:
    model = pushed(tmp_path, {"text": 1, "header": False, "quoting": "none"})
    assert answer(model, rows(tmp_path, "review\ngood\n"), "review") == (
        f"review\tlabel\tprobability_bad\tprobability_good\ngood\t{GOOD}\n"
    )
    assert answer(model, rows(tmp_path, "review\ngood\n"), "1") == f"review\t{BAD}\ngood\t{GOOD}\n"


def test_a_header_is_no_row_for_a_model_whose_training_data_had_none(tmp_path: Path) -> None:
    model = pushed(tmp_path, {"text": 1, "header": False, "quoting": "none", "columns": 2})
    source = rows(tmp_path, "text\nok\n")
    assert message(predict.predict_file, model, source, None, None, io.StringIO()) == (
        f"{source}:1: line 1 looks like a header ('text'), and the model's training data had none. Give --column NAME, "
        "or --no-header if line 1 is a row."
    )
    said = io.StringIO()
    predict.predict_file(model, source, tmp_path / "out", None, said, has_header=False)
    assert said.getvalue() == f"{source}: 1 column, rows had 2 in training\n"
    predict.predict_file(model, rows(tmp_path, "ok\t1\n"), tmp_path / "out", None, said := io.StringIO())
    assert said.getvalue() == ""


def test_csv_quoting_is_read_and_written(tmp_path: Path) -> None:
    model = pushed(tmp_path, {"text": "text", "header": True, "quoting": "csv"})
    source = rows(tmp_path, 'text\tid\n"a\ttab, a\nnewline, a ""good"" quote"\t7\nplain\t8\n')
    written = answer(model, source)
    assert written.startswith("text\tid\tlabel\tprobability_bad\tprobability_good\n")
    assert list(csv.reader(io.StringIO(written, newline=""), delimiter="\t"))[1:] == [
        ['a\ttab, a\nnewline, a "good" quote', "7", *GOOD.split("\t")],
        ["plain", "8", *BAD.split("\t")],
    ]


def test_a_model_of_csv_reads_and_writes_csv(tmp_path: Path) -> None:
    model = pushed(tmp_path, {"text": "text", "header": True, "quoting": "csv;"})
    written = answer(model, rows(tmp_path, 'text;id\n"a; ""good"" one";7\n'))
    assert list(csv.reader(io.StringIO(written, newline=""), delimiter=";")) == [
        ["text", "id", "label", "probability_bad", "probability_good"],
        ['a; "good" one', "7", *GOOD.split("\t")],
    ]


def test_quotes_stay_as_they_are_without_csv_quoting(tmp_path: Path, model: Path) -> None:
    assert answer(model, rows(tmp_path, 'text\n"so\n')).splitlines()[1] == f'"so\t{BAD}'


def test_a_compressed_file_with_a_byte_order_mark_and_crlf_is_read(tmp_path: Path, model: Path) -> None:
    source = rows(tmp_path, gzip.compress("\ufefftext\r\ngood\r\n".encode()), "rows.tsv.gz")
    assert answer(model, source) == f"text\tlabel\tprobability_bad\tprobability_good\ngood\t{GOOD}\n"


def test_an_empty_table_has_a_header_and_no_rows(tmp_path: Path, model: Path) -> None:
    assert answer(model, rows(tmp_path, "text\n")) == "text\tlabel\tprobability_bad\tprobability_good\n"
    headerless = pushed(tmp_path, {"text": 1, "header": False, "quoting": "none"})
    assert answer(headerless, rows(tmp_path, "")) == ""


def test_without_a_destination_rows_go_to_standard_output(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = rows(tmp_path, "text\ngood\n")
    assert pipeline_runner.main(["predict", "--model", str(model), "--input", str(source)]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"text\tlabel\tprobability_bad\tprobability_good\ngood\t{GOOD}\n"
    assert shown.err == ""


def test_rows_are_written_before_all_are_read(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    written: list[int] = []

    def read_texts(*arguments: object) -> tuple[list[str], Iterator[tuple[int, list[str], tuple[str], int]]]:
        def read() -> Iterator[tuple[int, list[str], tuple[str], int]]:
            for number in range(1000):
                written.append(out.getvalue().count("\n"))
                yield number + 2, [f"row {number}"], (f"row {number}",), 1

        return ["text"], read()

    @contextlib.contextmanager
    def into_memory(destination: Path | None) -> Iterator[io.StringIO]:
        yield out

    monkeypatch.setattr(reader, "read_texts", read_texts)
    monkeypatch.setattr(predict, "written", into_memory)
    predict.predict_file(model, rows(tmp_path, ""), None, None, io.StringIO())
    # Before a window of two is read, all before it is written, header included.
    assert written == [1 + number // 2 * 2 for number in range(1000)]
    assert out.getvalue().splitlines()[1000] == f"row 999\t{BAD}"


def test_a_bad_row_leaves_no_output(tmp_path: Path, model: Path) -> None:
    source = rows(tmp_path, "text\n" + "good\n" * 100 + "a\tb\n")
    destination = tmp_path / "out.tsv"
    before = set(tmp_path.iterdir())
    assert message(predict.predict_file, model, source, destination, None, io.StringIO()) == (
        f"{source}:102: expected 1 tab-separated field, got 2. "
        "Correct the row; replace a tab that belongs to a text by a space."
    )
    assert set(tmp_path.iterdir()) == before


def test_a_bad_row_leaves_an_output_of_before_as_it_was(tmp_path: Path, model: Path) -> None:
    destination = rows(tmp_path, "before", "out.tsv")
    with pytest.raises(InputError, match=r"rows\.tsv:2: the text \(field 1\) is empty\."):
        predict.predict_file(model, rows(tmp_path, "text\n \n"), destination, None, io.StringIO())
    assert destination.read_text() == "before"


def test_mistakes_are_found_before_a_model_is_loaded(tmp_path: Path, model: Path, loaded: list[Path]) -> None:
    source = rows(tmp_path, "text\ngood\n")
    for given, destination, column in (
        (tmp_path / "none.tsv", tmp_path / "out.tsv", None),
        (source, tmp_path / "out.tsv", "review"),
        (source, tmp_path / "out.tsv", "0"),
        (source, tmp_path, None),
        (source, tmp_path / "none" / "out.tsv", None),
    ):
        with pytest.raises(InputError):
            predict.predict_file(model, given, destination, column and [column], io.StringIO())
    assert loaded == []
    predict.predict_file(model, source, tmp_path / "out.tsv", None, io.StringIO())
    assert loaded == [model]


def test_no_such_file_is_told_of_the_input_and_not_of_the_output(tmp_path: Path) -> None:
    model = pushed(tmp_path, {"text": 1, "header": False, "quoting": "none"})
    assert message(predict.predict_file, model, tmp_path / "x.tsv", tmp_path / "out.tsv", None, io.StringIO()) == (
        f"{tmp_path}/x.tsv: no such file. Correct the path; its directory is there."
    )


def test_the_input_may_be_the_output(tmp_path: Path, model: Path) -> None:
    source = rows(tmp_path, "text\ngood\n")
    predict.predict_file(model, source, source, None, io.StringIO())
    assert source.read_text().splitlines()[1] == f"good\t{GOOD}"


def test_of_a_link_the_file_it_points_to_is_written(tmp_path: Path, model: Path) -> None:
    target = rows(tmp_path, "before", "target.tsv")
    link = tmp_path / "link.tsv"
    link.symlink_to(target)
    predict.predict_file(model, rows(tmp_path, "text\ngood\n"), link, None, io.StringIO())
    assert link.is_symlink()
    assert target.read_text().splitlines()[1] == f"good\t{GOOD}"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path, model: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    predict.predict_file(model, rows(tmp_path, "text\ngood\n"), pipe, None, io.StringIO())
    reader.join()
    assert pipe.is_fifo()
    assert read[0].splitlines()[1] == f"good\t{GOOD}"


TAKEN = "probability_bad\ttext\tlabel\n0.7\tgood\tgreat\n"


def test_a_prediction_leaves_the_columns_of_its_input_their_names(tmp_path: Path, model: Path) -> None:
    source, said = rows(tmp_path, TAKEN), io.StringIO()
    predict.predict_file(model, source, tmp_path / "out.tsv", None, said)
    assert (tmp_path / "out.tsv").read_text() == (
        "probability_bad\ttext\tlabel\tpredicted_label\tpredicted_probability_bad\tprobability_good\n"
        f"0.7\tgood\tgreat\t{GOOD}\n"
    )
    assert said.getvalue() == (
        f"{source}: the input has columns of these names, so of the prediction 'label' is 'predicted_label', "
        "'probability_bad' is 'predicted_probability_bad'\n"
    )


def test_a_prediction_of_a_prediction_has_names_of_its_own_too(tmp_path: Path, model: Path) -> None:
    source = rows(tmp_path, "text\tlabel\tpredicted_label\ngood\tx\ty\n")
    assert answer(model, source).splitlines()[0].split("\t")[3] == "predicted_predicted_label"


def test_rows_of_a_file_are_json_objects_by_choice(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = rows(tmp_path, TAKEN), tmp_path / "o.json"
    command = ["predict", "--model", str(model), "--input", str(source), "--json"]
    assert pipeline_runner.main([*command, "--output", str(out)]) == 0
    expected = {
        **{"probability_bad": "0.7", "text": "good", "label": "great"},
        **{"predicted_label": "good", "probabilities": {"bad": 0.25, "good": 0.75}},
    }
    assert [json.loads(line) for line in out.read_text().splitlines()] == [expected]
    capsys.readouterr()
    assert pipeline_runner.main(command) == 0
    shown = capsys.readouterr()
    assert shown.out == out.read_text()
    assert "'label' is 'predicted_label'" in shown.err


def test_columns_without_names_are_numbered_in_objects(tmp_path: Path) -> None:
    model = pushed(tmp_path, {"text": 2, "header": False, "quoting": "none"})
    predict.predict_file(
        model, rows(tmp_path, "7\tgood\n"), tmp_path / "out", None, io.StringIO(), has_header=False, as_json=True
    )
    assert json.loads((tmp_path / "out").read_text()) == {
        **{"column_1": "7", "column_2": "good"},
        **{"label": "good", "probabilities": {"bad": 0.25, "good": 0.75}},
    }
