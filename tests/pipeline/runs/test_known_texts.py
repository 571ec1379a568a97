import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

import pipeline_runner
from components import tasks
from components.tasks.regression import Regression
from pipeline.config import preflight
from pipeline.config.survey import survey
from pipeline.config.text_sample import text_sample
from pipeline.runs import lifecycle, manifest
from pipeline.runs.known_texts import known_texts
from pipeline.runs.paths import PipelinePaths
from tests.toys import write_toy_run


def counted(config: Path, root: Path) -> str:
    """The id of a run that came as far as to count texts."""
    checked = preflight.check(config)
    record = lifecycle.begin(checked, PipelinePaths.of(checked.run, root))
    manifest.collect(checked, record.id, record.started).write(Path(record.directory))
    found = survey(checked)
    record.texts = {split: dataclasses.asdict(one) for split, one in text_sample(checked, found.drawn).items()}
    record.duplicates = {split: dataclasses.asdict(one) for split, one in found.duplicates.items()}
    record.write()
    return record.id


def known(config: Path, root: Path) -> Any:
    checked = preflight.check(config)
    return known_texts(checked, PipelinePaths.of(checked.run, root))


def test_check_says_what_the_newest_run_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_toy_run(tmp_path)
    assert known(config, tmp_path) is None
    counted(config, tmp_path)
    newest = counted(config, tmp_path)
    found = known(config, tmp_path)
    surveyed = survey(preflight.check(config))
    assert (found.run, found.texts) == (newest, text_sample(preflight.check(config), surveyed.drawn))
    assert found.duplicates == surveyed.duplicates
    assert pipeline_runner.main(["check", "--config", str(config), "--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count(f"\nof all rows, as run {newest} counted them\n") == 2


def test_settings_that_have_no_part_in_it_may_differ(tmp_path: Path) -> None:
    config = write_toy_run(tmp_path)
    run_id = counted(config, tmp_path)
    write_toy_run(tmp_path, keep_data=True, training={"epochs": 7}, validation={"max_unknown_share": 0.5})
    assert known(config, tmp_path).run == run_id


def test_what_was_counted_is_known_again_where_config_data_and_base_model_were_moved(tmp_path: Path) -> None:
    run_id = counted(write_toy_run(tmp_path / "here"), tmp_path)
    (tmp_path / "here").rename(tmp_path / "there")
    assert known(tmp_path / "there" / "run.toml", tmp_path)[0] == run_id


def test_places_of_equal_texts_are_named_as_the_files_are_called_now(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_toy_run(tmp_path / "here")
    train = (tmp_path / "here" / "train.txt").read_text().splitlines(keepends=True)
    (tmp_path / "here" / "dev.txt").write_text("".join(train[:8] + train[-8:]))
    write_toy_run(tmp_path / "here", keep_data=True, validation={"max_leaked_share": 1.0})
    counted(config, tmp_path)
    (tmp_path / "here").rename(tmp_path / "there")
    command = ["check", "--config", str(tmp_path / "there" / "run.toml"), "--root", str(tmp_path)]
    assert pipeline_runner.main(command) == 0
    out = capsys.readouterr().out
    assert f"stand in train too, as {tmp_path}/there/dev.txt:1 and {tmp_path}/there/train.txt:1" in out
    assert "/here/" not in out


@pytest.mark.parametrize("change", ["row", "length", "vocabulary"])
def test_what_was_counted_of_others_is_not_taken(tmp_path: Path, change: str) -> None:
    config = write_toy_run(tmp_path)
    counted(config, tmp_path)
    if change == "length":
        write_toy_run(tmp_path, keep_data=True, model={"max_length": 15})
    else:
        path = tmp_path / ("dev.txt" if change == "row" else "model/vocab.txt")
        # As long as before.
        path.write_text(path.read_text().replace("film", "firm"))
    assert known(config, tmp_path) is None


def test_check_says_that_a_model_for_another_task_is_in_production(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_toy_run(tmp_path)
    card = tmp_path / "toy" / "serving" / "toy" / "7" / "assets.extra" / "model.json"
    card.parent.mkdir(parents=True)
    (card.parents[1] / "saved_model.pb").touch()
    for task, said in (
        (tasks.to_dict(Regression()), True),
        ({"name": "classification", "labels": ["bad", "good"]}, False),
    ):
        card.write_text(json.dumps({"task": task}))
        assert pipeline_runner.main(["check", "--config", str(config), "--root", str(tmp_path)]) == 0
        assert ("version 7 is a model for the task regression: a run's mod" in capsys.readouterr().out) is said
