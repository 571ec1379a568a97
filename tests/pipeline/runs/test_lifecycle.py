import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import pipeline_runner
from components.common.errors import InputError
from components.export.card import identity
from pipeline.config import preflight
from pipeline.runs import cache_key, lifecycle, manifest
from pipeline.runs.paths import PipelinePaths
from tests.toys import write_toy_run

CARD = {"weights_sha256": "aa", "task": {"name": "classification", "labels": ["bad", "good"]}}


def version(serving: Path, number: int, **card: object) -> Path:
    directory = serving / str(number)
    (directory / "assets.extra").mkdir(parents=True)
    (directory / "saved_model.pb").write_text("graph")
    (directory / "assets.extra" / "model.json").write_text(json.dumps({**CARD, **card}))
    return directory


class Ended:
    """A run over a span of data that came to its end, as far as a later one looks at it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder / "toy", folder / "root"
        self.config = write_toy_run(self.folder, without_test=True)
        for split in ("train", "dev"):
            (self.folder / f"{split}.txt").rename(self.folder / f"{split}-1.txt")
        self.config.write_text(self.config.read_text().replace('.txt"', '-{SPAN}.txt"'))
        checked = preflight.check(self.config)
        self.paths = PipelinePaths.of(checked.run, self.root)
        self.record = lifecycle.begin(checked, self.paths)
        self.record.evaluations = {"dev": {"blessed": True, "reasons": [], "metrics": {"candidate": {"": {}}}}}
        self.record.state, self.record.pushed = "pushed", str(version(self.paths.serving, 7))
        self.record.write()
        found = manifest.collect(checked, self.record.id, self.record.started)
        found.result = {"identity": identity(CARD), "weights_sha256": "aa", "model": "/models/1", "machine": {}}
        found.write(Path(self.record.directory))

    def refused(self, *reasons: str) -> None:
        """The same, but for its end."""
        shutil.rmtree(str(self.record.pushed))
        self.record.state, self.record.pushed = "refused", None
        self.record.evaluations["dev"]["reasons"] = list(reasons)
        self.record.write()

    def nothing_new(self) -> lifecycle.NothingNew | None:
        return lifecycle.nothing_new(preflight.check(self.config), self.paths)


@pytest.fixture
def ended(tmp_path: Path) -> Ended:
    return Ended(tmp_path)


def test_after_a_push_nothing_is_new_until_something_changes(ended: Ended) -> None:
    why = f"span 1 is still the newest, run {ended.record.id} had it"
    assert ended.nothing_new() == (ended.record.id, why, ended.record.pushed)


def test_data_config_and_base_model_that_were_moved_are_not_new(ended: Ended, tmp_path: Path) -> None:
    ended.config = ended.folder.rename(tmp_path / "elsewhere") / "run.toml"
    assert ended.nothing_new() is not None


def _row(ended: Ended, patch: pytest.MonkeyPatch) -> None:
    path = ended.folder / "train-1.txt"
    path.write_text(path.read_text().replace("\tgood", "\tbad", 1))


def _setting(ended: Ended, patch: pytest.MonkeyPatch) -> None:
    ended.config.write_text(ended.config.read_text().replace("epochs = 2", "epochs = 3"))


def _base_model(ended: Ended, patch: pytest.MonkeyPatch) -> None:
    path = ended.folder / "model" / "vocab.txt"
    path.write_text(path.read_text().replace("film", "firm"))


def _code(ended: Ended, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(manifest, "code_at_start", lambda: "another")


def _library(ended: Ended, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(manifest, "_libraries", lambda: dict.fromkeys(cache_key.COMPUTING, "1.0"))


def _version_deleted(ended: Ended, patch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(str(ended.record.pushed))


def _another_pushed(ended: Ended, patch: pytest.MonkeyPatch) -> None:
    version(ended.paths.serving, 8, weights_sha256="bb")


def _span(ended: Ended, patch: pytest.MonkeyPatch) -> None:
    for split in ("train", "dev"):
        shutil.copy(ended.folder / f"{split}-1.txt", ended.folder / f"{split}-2.txt")


@pytest.mark.parametrize(
    "change", [_row, _setting, _base_model, _code, _library, _version_deleted, _another_pushed, _span]
)
def test_whatever_would_make_a_run_come_out_otherwise_is_new(
    ended: Ended, monkeypatch: pytest.MonkeyPatch, change: Callable[[Ended, pytest.MonkeyPatch], None]
) -> None:
    change(ended, monkeypatch)
    assert ended.nothing_new() is None


@pytest.mark.parametrize("evaluations", [{}, {"dev": {}}, {"dev": {"reasons": 3, "baseline_version": None}}])
def test_after_a_run_whose_record_is_damaged_a_run_is_made(
    ended: Ended, evaluations: dict[str, dict[str, int]]
) -> None:
    ended.refused()
    ended.record.evaluations = evaluations
    ended.record.write()
    assert ended.nothing_new() is None


def test_after_a_run_whose_manifest_is_damaged_a_run_is_made(ended: Ended) -> None:
    path = Path(ended.record.directory) / manifest.MANIFEST_FILE
    for name in ("machine", "code"):
        path.write_text(json.dumps({**json.loads(path.read_text()), name: {}}))
        assert ended.nothing_new() is None


def test_after_a_run_that_pushed_what_is_no_version_a_run_is_made(ended: Ended) -> None:
    ended.record.pushed = str(ended.paths.serving / "newest")
    ended.record.write()
    assert ended.nothing_new() is None


def test_a_run_whose_model_is_said_to_lie_elsewhere_ends_with_words(ended: Ended) -> None:
    ended.record.node("Trainer").outputs = ["/elsewhere/model"]
    with pytest.raises(InputError) as caught:
        lifecycle.end(ended.record, manifest.read_alone(Path(ended.record.directory)))
    models = ended.paths.models
    problem = f"has 0 models of Trainer in {models}, expected 1; its outputs: ['/elsewhere/model']"
    assert (caught.value.place, caught.value.problem) == (str(ended.paths.metadata), problem)


def test_of_a_run_that_was_refused_the_reason_is_said_again(ended: Ended) -> None:
    ended.refused("accuracy is 0.5000, required: at least 0.7")
    found = ended.nothing_new()
    assert found is not None
    assert found.pushed is None
    assert found.why.endswith(" had it, and nothing was pushed: accuracy is 0.5000, required: at least 0.7")


def test_a_refused_model_gets_another_chance_once_another_version_is_in_production(ended: Ended) -> None:
    ended.refused("loss is 0.5000, 0.2000 worse than 0.3000 in production; allowed: 0.1")
    ended.record.evaluations["dev"]["baseline_version"] = "3"
    ended.record.write()
    version(ended.paths.serving, 3, weights_sha256="bb")
    assert ended.nothing_new() is not None
    version(ended.paths.serving, 4, weights_sha256="cc")
    assert ended.nothing_new() is None


def test_the_exit_status_of_a_run_that_is_not_made_is_that_of_the_last_one(
    ended: Ended, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", "--config", str(ended.config), "--root", str(ended.root), "--json"]
    pushed = ended.record.pushed
    assert (pipeline_runner.main(command), json.loads(capsys.readouterr().out)["pushed"]) == (0, pushed)
    ended.refused("accuracy is 0.5000, required: at least 0.7")
    assert pipeline_runner.main(command) == 3
    answer = json.loads(capsys.readouterr().out)
    assert (answer["state"], answer["run"], answer["pushed"]) == ("nothing new", ended.record.id, None)


def test_a_path_that_is_not_utf_8_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, root = write_toy_run(tmp_path / "toy"), tmp_path / os.fsdecode(b"\xff")
    here = ["--config", str(config), "--root", str(root)]
    for command in (["run", *here], ["export", "--runner", "airflow", *here, "--output", str(tmp_path / "dags")]):
        assert pipeline_runner.main(command) == 2
        said = capsys.readouterr().err
        assert "\\udcff" in said
        assert said.endswith(": the name is not UTF-8. Rename it, or give another path.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]
