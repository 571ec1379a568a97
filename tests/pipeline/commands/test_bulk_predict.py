import gzip
import io
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

import pipeline_runner
from components.common import atomic_files
from components.common.errors import InputError
from components.rows import shards
from components.rows.writer import QUARANTINE_FILE
from components.serving import bulk_predictor, predictor
from components.settings.beam import Beam
from pipeline.commands import bulk_predict, predict
from tests.commands import python
from tests.conftest import Trained, tiny_rows

INPUT = {"predict_text": ["text"], "text": ["text"], "label": "label", "header": True, "quoting": "none"}


@pytest.fixture(scope="module")
def model(tiny_trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pushed version that was trained on headed rows."""
    version = tmp_path_factory.mktemp("pushed") / "1"
    shutil.copytree(tiny_trained.saved_model, version)
    place = version / "assets.extra" / "model.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"input": INPUT}))
    return version


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 8 rows, windows of 4."""
    monkeypatch.setattr(predictor, "WINDOW", 4)
    monkeypatch.setattr(bulk_predictor, "PART_ROWS", 8)


def written(path: Path, count: int, *more: str) -> Path:
    lines = ["id\ttext", *(f"{number}\t{text}" for number, (text, _, _) in enumerate(tiny_rows(count, 7))), *more]
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def ask(model: Path, output: Path, *inputs: Path, **options: Any) -> bulk_predict.BulkResult:
    told: dict[str, Any] = {"columns": None, "has_header": True, "where": Beam(), "terminal": io.StringIO()} | options
    return bulk_predict.predict_files(model, inputs, output, **told)


def at_once(model: Path, path: Path) -> bytes:
    """What `predict --input` writes."""
    out = path.with_name("at_once.tsv")
    predict.predict_file(model, path, out, None, io.StringIO())
    return out.read_bytes()


def one_by_one(output: Path, stem: str) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(output.glob(f"{stem}-*-of-*.tsv")))


@pytest.mark.usefixtures("small_parts")
def test_the_parts_one_after_the_other_are_what_predict_writes(tmp_path: Path, model: Path) -> None:
    some = [written(tmp_path / "a.tsv", 20), written(tmp_path / "b.tsv.gz", 9), written(tmp_path / "c.tsv", 0)]
    output = tmp_path / "out"
    assert ask(model, output, tmp_path / "[abc].tsv*") == bulk_predict.BulkResult(rows=29, quarantined=0, parts=6)
    assert sorted(path.name for path in output.iterdir()) == [
        *(f"a-0000{number}-of-00003.tsv" for number in range(3)),
        *(f"b-0000{number}-of-00002.tsv" for number in range(2)),
        "c-00000-of-00001.tsv",
        *("done.json", "job.json", "log.txt"),
    ]
    for path, stem in zip(some, "abc", strict=True):
        assert one_by_one(output, stem) == at_once(model, path)


@pytest.mark.usefixtures("small_parts")
def test_parts_that_are_there_stay_and_the_others_are_made(tmp_path: Path, model: Path) -> None:
    path, output = written(tmp_path / "a.tsv", 20), tmp_path / "out"
    ask(model, output, path)
    whole = one_by_one(output, "a")
    (output / bulk_predict.DONE_FILE).unlink()
    kept, gone = output / "a-00000-of-00003.tsv", output / "a-00001-of-00003.tsv"
    inode = kept.stat().st_ino
    gone.unlink()
    assert ask(model, output, path).rows == 20
    assert kept.stat().st_ino == inode
    assert one_by_one(output, "a") == whole


@pytest.mark.usefixtures("small_parts")
def test_bad_rows_go_into_a_file_with_their_line_and_all_others_have_predictions(tmp_path: Path, model: Path) -> None:
    first = written(tmp_path / "b-a.tsv", 10, "10\t", "11\tgood\tmore", "12\tgood .")
    second = written(tmp_path / "b.tsv", 1, "alone")
    output = tmp_path / "out"
    assert ask(model, output, second, first) == bulk_predict.BulkResult(rows=12, quarantined=3, parts=3)
    assert (output / QUARANTINE_FILE).read_text() == (
        f"{first}\t12\tthe text (field 2) is empty\t10\t\n"
        f"{first}\t13\texpected 2 tab-separated fields, got 3\t11\tgood\tmore\n"
        f"{second}\t3\texpected 2 tab-separated fields, got 1\talone\n"
    )
    ids = [line.split(b"\t")[0] for line in one_by_one(output, "b-a").splitlines()]
    assert ids == [b"id", *(str(number).encode() for number in [*range(10), 12])]


@pytest.mark.usefixtures("small_parts")
def test_a_job_that_is_done_is_not_done_again(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, output = written(tmp_path / "a.tsv", 9, "bad"), tmp_path / "out"
    command = ["bulk-predict", "--model", str(model), "--input", str(path), "--output", str(output)]
    assert pipeline_runner.main(command) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == (
        "",
        f"9 rows predicted in 2 files, 1 bad ones in {output}/quarantine.tsv: {output}\n",
    )
    monkeypatch.setattr(bulk_predictor, "run", None)
    assert pipeline_runner.main(command) == 0
    assert capsys.readouterr().err == said.err


def test_an_output_of_another_job_is_refused(tmp_path: Path, model: Path) -> None:
    path, output = written(tmp_path / "a.tsv", 2), tmp_path / "out"
    ask(model, output, path)
    written(path, 3)
    with pytest.raises(InputError, match="holds predictions of a job with other inputs"):
        ask(model, output, path)
    with pytest.raises(InputError, match="not empty, and not of a job that can go on"):
        ask(model, tmp_path, path)


def test_a_failing_job_has_one_message_and_goes_on_later(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken:
        def __init__(self, path: Path) -> None:
            raise RuntimeError("no room for the model")

    path, output = written(tmp_path / "a.tsv", 2), tmp_path / "out"
    command = ["bulk-predict", "--model", str(model), "--input", str(path), "--output", str(output)]
    with monkeypatch.context() as patch:
        patch.setattr(bulk_predictor, "Predictor", Broken)
        assert pipeline_runner.main(command) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "no room for the model" in line
    assert pipeline_runner.main(command) == 0


def test_an_error_without_a_text_has_one_message_too(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*_: object) -> None:
        raise RuntimeError

    path, output = written(tmp_path / "a.tsv", 2), tmp_path / "out"
    monkeypatch.setattr(bulk_predictor, "run", run)
    command = ["bulk-predict", "--model", str(model), "--input", str(path), "--output", str(output)]
    assert pipeline_runner.main(command) == 1
    assert capsys.readouterr().err.startswith("error: RuntimeError: no message. Run again: ")


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("killed_at", [QUARANTINE_FILE, bulk_predict.DONE_FILE])
def test_a_job_that_is_killed_at_its_end_comes_to_it_later(
    killed_at: str, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = atomic_files.publish

    def killed(aside: Path, path: Path) -> None:
        if path.name == killed_at:
            raise KeyboardInterrupt
        show(aside, path)

    path, output = written(tmp_path / "a.tsv", 9, "bad"), tmp_path / "out"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(atomic_files, "publish", killed)
        ask(model, output, path)
    assert ask(model, output, path) == bulk_predict.BulkResult(rows=9, quarantined=1, parts=2)
    line = f"{path}\t11\texpected 2 tab-separated fields, got 1\tbad\n"
    assert (output / QUARANTINE_FILE).read_text() == line
    assert not (output / shards.WORK).exists()


def test_what_a_job_that_was_killed_after_its_end_left_is_removed(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, output = written(tmp_path / "a.tsv", 2), tmp_path / "out"
    rmtree = shutil.rmtree

    def killed(directory: Any, **options: Any) -> None:
        if directory == output / shards.WORK:
            raise KeyboardInterrupt
        rmtree(directory, **options)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "rmtree", killed)
        ask(model, output, path)
    assert (output / shards.WORK).exists()
    monkeypatch.setattr(bulk_predictor, "run", None)
    assert ask(model, output, path) == bulk_predict.BulkResult(rows=2, quarantined=0, parts=1)
    assert not (output / shards.WORK).exists()


def test_a_second_command_on_an_output_is_refused_while_the_first_one_is_on(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, output = written(tmp_path / "a.tsv", 2), tmp_path / "out"
    run = bulk_predictor.run

    def meanwhile(*told: Any) -> None:
        with pytest.raises(InputError, match="another bulk-predict is running here"):
            ask(model, output, path)
        run(*told)

    monkeypatch.setattr(bulk_predictor, "run", meanwhile)
    assert ask(model, output, path).rows == 2


def test_a_file_that_changed_within_its_size_and_time_is_another(tmp_path: Path, model: Path) -> None:
    path, output = written(tmp_path / "a.tsv", 2), tmp_path / "out"
    ask(model, output, path)
    before, inode = path.read_bytes(), path.stat()
    path.write_bytes(before.replace(b"the", b"teh", 1))
    os.utime(path, ns=(inode.st_atime_ns, inode.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (inode.st_size, inode.st_mtime_ns)
    with pytest.raises(InputError, match="holds predictions of a job with other inputs"):
        ask(model, output, path)
    path.write_bytes(before)
    assert ask(model, output, path).rows == 2


def test_a_job_of_which_no_row_can_be_predicted_is_wrong_input(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, output = tmp_path / "a.tsv", tmp_path / "out"
    path.write_text("id\ttext\n1\t\nalone\n")
    command = ["bulk-predict", "--model", str(model), "--input", str(path), "--output", str(output)]
    for _ in range(2):
        assert pipeline_runner.main(command) == 2
        assert capsys.readouterr().err == (
            f"error: {path}: none of its 2 rows can be predicted. Correct them, or give --column or --no-header; "
            f"{output}/quarantine.tsv has the reasons.\n"
        )
    assert len((output / QUARANTINE_FILE).read_text().splitlines()) == 2


@pytest.mark.usefixtures("small_parts")
def test_a_prediction_leaves_the_columns_of_its_input_their_names(tmp_path: Path, model: Path) -> None:
    path, output, said = tmp_path / "a.tsv", tmp_path / "out", io.StringIO()
    path.write_text("label\ttext\n" + "x\tgood\n" * 9)
    ask(model, output, path, terminal=said)
    assert one_by_one(output, "a") == at_once(model, path)
    assert one_by_one(output, "a").startswith(b"label\ttext\tpredicted_label\tprobability_bad")
    assert said.getvalue() == (
        f"{output}: the input has columns of these names, so of the prediction 'label' is 'predicted_label'\n"
    )


def test_a_header_is_no_row_where_training_data_had_none(tmp_path: Path, model: Path) -> None:
    headerless = tmp_path / "1"
    shutil.copytree(model, headerless)
    place, path = headerless / "assets.extra" / "model.json", tmp_path / "a.tsv"
    given = {"predict_text": [1], "text": [1], "label": 2, "header": False, "quoting": "none", "columns": 2}
    place.write_text(json.dumps(json.loads(place.read_text()) | {"input": given}))
    path.write_text("text\tlabel\na film\tgood\n")
    with pytest.raises(InputError, match="line 1 looks like a header"):
        ask(headerless, tmp_path / "out", path)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_job_that_is_killed_goes_on_where_it_was(tmp_path: Path, model: Path) -> None:
    rows = bulk_predictor.PART_ROWS * 3 + 5
    path, output = written(tmp_path / "a.tsv", rows), tmp_path / "out"
    command = ["pipeline_runner.py", "bulk-predict", "--model", model, "--input", path, "--output", output]
    first = output / "a-00000-of-00004.tsv"
    job = python().start(*command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not first.is_file():
        assert job.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    job.kill()
    job.wait()
    there = {path.name: path.stat().st_ino for path in output.glob("*-of-*")}
    assert len(there) < 4
    assert ask(model, output, path) == bulk_predict.BulkResult(rows=rows, quarantined=0, parts=4)
    assert there.items() <= {path.name: path.stat().st_ino for path in output.glob("*-of-*")}.items()
    assert one_by_one(output, "a") == at_once(model, path)
    assert json.loads((output / bulk_predict.DONE_FILE).read_text()) == {"rows": rows, "quarantined": 0, "parts": 4}
    assert not (output / shards.WORK).exists()
