"""The whole pipeline on toy data, node by node through TFX's launcher, as `run` does it."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import pipeline_runner
from components.serving.versions import versions
from components.settings.model import Model
from tests.checkout import ROOT
from tests.commands import python
from tests.in_memory import predictions
from tests.pipeline.conftest import GATE, LEARNS, FirstRun, states
from tests.task_runs import check_pushed
from tests.toys import write_toy_run

pytestmark = pytest.mark.slow


class Result(NamedTuple):
    status: int
    record: dict[str, Any]
    err: str

    @property
    def states(self) -> dict[str, str]:
        return states(self.record)


def run(config: Path, root: Path, capfd: pytest.CaptureFixture[str]) -> Result:
    capfd.readouterr()
    status = pipeline_runner.main(["run", "--config", str(config), "--root", str(root), "--json"])
    out, err = capfd.readouterr()
    return Result(status, json.loads(out) if out.startswith("{") else {}, err)


def shown(root: Path, capfd: pytest.CaptureFixture[str], *options: str) -> str:
    capfd.readouterr()
    assert pipeline_runner.main(["show", "--root", str(root), *options]) == 0
    return capfd.readouterr().out


def serving(root: Path) -> Path:
    return root / "toy" / "serving" / "toy"


@pytest.fixture(scope="module")
def folder(first_run: FirstRun) -> Path:
    return first_run.folder


@pytest.fixture(scope="module")
def root(first_run: FirstRun) -> Path:
    return first_run.root


def test_the_first_run_pushes_a_model(first_run: FirstRun, root: Path) -> None:
    result = Result(0, first_run.record, "")
    assert set(result.states.values()) == {"done"}
    assert len(result.states) == 12
    assert result.record["rows"] == {"train": 64, "dev": 16, "test": 16}
    # TensorBoard calls a run after the directory that its events are in.
    assert list(Path(result.record["directory"]).glob("events.out.tfevents.*"))
    assert "failure" not in result.record
    # By hand: 20 of train's words are "one" or "so", the others are tokens.
    assert result.record["texts"]["train"]["spelled_share"] == 20 / 342
    assert set(result.record["texts"]) == {"train", "dev", "test"}
    dev = result.record["evaluations"]["dev"]
    assert dev["blessed"] is True
    assert "baseline_version" not in dev
    (version,) = versions(serving(root))
    assert result.record["pushed"] == str(serving(root) / str(version))


def test_the_pushed_model_has_its_metrics_and_predicts(
    first_run: FirstRun, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    check_pushed("classification", first_run.record, tmp_path, capfd)


def test_a_second_run_comes_from_cache(folder: Path, root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = versions(serving(root))
    result = run(folder / "run.toml", root, capfd)
    assert result.status == 0
    assert set(result.states.values()) == {"cached"}
    assert versions(serving(root)) == before
    assert result.record["pushed"] == str(serving(root) / str(before[0]))


def test_predict_in_a_fresh_process_says_what_the_weights_say_in_a_model_in_memory(
    folder: Path, root: Path, tmp_path: Path
) -> None:
    (graph,) = (root / "toy" / "artifacts" / "Transform" / "transform_graph").iterdir()
    (examples,) = (root / "toy" / "artifacts" / "Transform" / "transformed_examples").iterdir()
    (version,) = versions(serving(root))
    settings, files = Model(base="model", max_length=16), [str(examples / "Split-dev" / "*")]
    pushed = serving(root) / str(version)
    in_memory, _ = predictions(pushed, folder / "model", settings, str(graph), files, tmp_path)
    command = [sys.executable, "pipeline_runner.py", "predict", "--model", str(serving(root))]
    done = subprocess.run(
        [*command, "--input", str(folder / "dev.txt")], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stderr == ""
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[:2] for row in rows] == [line.split("\t") for line in (folder / "dev.txt").read_text().splitlines()]
    np.testing.assert_allclose(np.array([row[3:] for row in rows], float), in_memory, atol=1e-5)


def test_show_tells_it_all(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = shown(root, capfd)
    for expected in (
        "blessed and pushed",
        "Transform",
        "cached",
        "dev, by class",
        "words unknown",
        "text_length=",
        "try",
    ):
        assert expected in text
    assert text.splitlines()[0].startswith("toy ")
    assert len(json.loads(shown(root, capfd, "--json", "--all"))) == 2


def test_a_model_of_shuffled_labels_is_refused(folder: Path, root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = versions(serving(root))
    train = folder / "train.txt"
    good = train.read_text()
    texts, labels = zip(*(line.split("\t") for line in good.splitlines()), strict=True)
    shuffled = np.random.default_rng(1).permutation(labels)
    train.write_text("".join(f"{text}\t{label}\n" for text, label in zip(texts, shuffled, strict=True)))
    # Drift would stop it before: its labels are not what its words told.
    warned = write_toy_run(folder, keep_data=True, training=LEARNS, gate=GATE, drift={"on_drift": "warn"})
    result = run(warned, root, capfd)
    train.write_text(good)
    write_toy_run(folder, keep_data=True, training=LEARNS, gate=GATE)
    assert result.status == 3
    assert result.record["state"] == "refused"
    assert versions(serving(root)) == before
    assert result.record["pushed"] is None
    assert any(reason.startswith("accuracy is 0.") for reason in result.record["evaluations"]["dev"]["reasons"])
    failure = result.record["failure"]
    assert (failure["exit_status"], failure["place"]) == (3, f"toy {result.record['id']}")
    assert "accuracy is 0." in failure["rule"]
    assert "refused by the gate" in shown(root, capfd)


def test_the_next_good_model_is_measured_against_production(
    folder: Path, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (first,) = versions(serving(root))
    config = write_toy_run(folder, training=LEARNS | {"seed": 2}, gate=GATE)
    result = run(config, root, capfd)
    assert result.status == 0, result.record["evaluations"]["dev"]
    assert result.states["Transform"] == "cached"
    assert result.record["evaluations"]["dev"]["baseline_version"] == str(first)
    assert set(result.record["evaluations"]["dev"]["metrics"]) == {"candidate", "baseline"}
    assert len(versions(serving(root))) == 2
    again = run(config, root, capfd)
    assert set(again.states.values()) == {"cached"}
    assert again.record["evaluations"]["dev"]["baseline_version"] == str(first)


def test_a_version_that_was_removed_is_pushed_again(
    folder: Path, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first, second = versions(serving(root))
    (serving(root) / str(second)).rename(folder / "removed")
    result = run(folder / "run.toml", root, capfd)
    assert result.status == 0
    assert result.states["Pusher"] == "done"
    assert versions(serving(root))[0] == first
    assert len(versions(serving(root))) == 2


def test_an_anomaly_stops_the_run_before_transform(folder: Path, root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = write_toy_run(folder, data={"labels": ["bad", "good", "ugly"]})
    result = run(config, root, capfd)
    assert result.status == 2
    assert "train:label:CLASS_WITHOUT_ROWS: no row of class 'ugly' in train" in result.err
    assert 'validation.allow_anomalies = ["train:label:CLASS_WITHOUT_ROWS"]' in result.err
    assert "Traceback" not in result.err
    text = shown(root, capfd)
    assert "ExampleValidator" in text
    assert "Transform" not in text


def test_words_beyond_their_limit_stop_the_run_before_transform(
    folder: Path, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    result = run(write_toy_run(folder, validation={"max_unknown_share": 0.05}), root, capfd)
    assert result.status == 2
    assert result.err.startswith(
        "error: ExampleValidator: the texts do not fit the tokenizer\n"
        "  train: the base model's vocabulary has no pieces for 5.8% of words (0.0% unknown, 5.8% spelled out in "
        "single characters), validation.max_unknown_share is 5.00%\n"
    )
    assert "Transform" not in shown(root, capfd)


def test_bad_rows_are_named_or_put_into_quarantine(
    tmp_path: Path, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tables: dict[str, Any] = {"training": {"batch_size": 64}}
    config = write_toy_run(tmp_path, without_test=True, **tables)
    train = tmp_path / "train.txt"
    # Beyond the rows that are looked at before anything starts.
    train.write_text("".join(f"{line}\n" for line in train.read_text().splitlines() * 17) + "no label\n\tgood\n")
    failed = run(config, root, capfd)
    assert failed.status == 2
    assert f"{train}:1089: expected 2 tab-separated fields, got 1; 2 bad rows in all." in failed.err
    assert f"also {train}:1090: the text (field 1) is empty" in failed.err

    # A schema that a run inferred serves as the reviewed one, once it is copied.
    inferred, *_ = (root / "toy" / "artifacts" / "SchemaGen" / "schema").glob("*/schema.pbtxt")
    (tmp_path / "link.pbtxt").symlink_to(inferred)
    for own in (inferred, tmp_path / "link.pbtxt"):
        config = write_toy_run(
            tmp_path, without_test=True, keep_data=True, **(tables | {"validation": {"schema_file": str(own)}})
        )
        error = run(config, root, capfd).err
        assert "a run's own artifact cannot be its reviewed schema. Copy it elsewhere first." in error
    schema = shutil.copy(inferred, tmp_path)
    tables |= {"data": {"on_bad_row": "quarantine"}, "validation": {"schema_file": str(schema)}}
    config = write_toy_run(tmp_path, without_test=True, keep_data=True, **tables)
    result = run(config, root, capfd)
    assert result.status == 0, result.err
    assert result.states["ImportSchemaGen"] == "done"
    assert result.record["quarantined"] == 2
    assert result.record["rows"]["train"] == 1088
    quarantine = Path(result.record["quarantine_file"]).read_text().splitlines()
    assert quarantine[0] == f"{train}\t1089\texpected 2 tab-separated fields, got 1\tno label"
    assert "quarantined   2, see" in shown(root, capfd)


def test_a_run_that_is_interrupted_goes_on_where_it_was(tmp_path: Path) -> None:
    config = write_toy_run(tmp_path, without_test=True, training={"epochs": 1000})
    command = ["pipeline_runner.py", "run", "--config", config, "--root", tmp_path / "runs"]
    process = python().start(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "Transform" in line:
                break
        # A second run at the same time and place is told who is there.
        second = python().run(*command)
        assert second.returncode == 2
        assert f"another run is running here (process {process.pid} since 20" in second.stderr
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "✗ Trainer" in rest
    assert err.startswith("error: Trainer was interrupted. Run again: what is finished comes from cache.")
    assert "Traceback" not in err
    write_toy_run(tmp_path, without_test=True)
    done = python().run(*command, "--json")
    assert done.returncode == 0, done.stderr
    found = states(json.loads(done.stdout))
    assert found["Transform"] == "cached"
    assert found["Pusher"] == "done"
