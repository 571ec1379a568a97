"""The DAG file in a stand-in for Airflow; `test_airflow` has the real ones."""

import datetime
import runpy
import shutil
import sys
import zoneinfo
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from components.settings.schedule import Schedule
from pipeline.runners.exported_dag import ExportedDag
from tests.checkout import ROOT


class Standin:
    """A DAG, or a task of one: keeps what it is made of."""

    def __init__(self, **given: Any) -> None:
        self.given = given

    def __enter__(self) -> "Standin":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def set_upstream(self, tasks: list["Standin"]) -> None:
        pass


def module(name: str, **names: Any) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(names)
    return made


@pytest.fixture
def dag_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the DAG file, beside which its JSON is to lie; Airflow 2's modules are stand-ins."""

    def at(year: int, month: int, day: int, tz: str) -> datetime.datetime:
        return datetime.datetime(year, month, day, tzinfo=zoneinfo.ZoneInfo(tz))

    monkeypatch.setitem(sys.modules, "airflow", module("airflow", DAG=Standin))
    monkeypatch.setitem(sys.modules, "airflow.operators", module("airflow.operators"))
    bash = module("airflow.operators.bash", BashOperator=Standin)
    monkeypatch.setitem(sys.modules, "airflow.operators.bash", bash)
    monkeypatch.setitem(sys.modules, "pendulum", module("pendulum", datetime=at))
    return Path(shutil.copy(ROOT / "pipeline" / "runners" / "airflow_dag.py", tmp_path / "toy.py"))


@pytest.mark.parametrize(
    ("schedule", "zone"),
    [(Schedule(), "UTC"), (Schedule(cron="0 3 * * *"), "UTC"), (Schedule(cron="@daily", timezone="Asia/Tokyo"), None)],
)
def test_cron_is_read_in_the_time_zone_of_the_schedule(schedule: Schedule, zone: str | None, dag_file: Path) -> None:
    pipeline = {"nodes": [{"pipelineNode": {"nodeInfo": {"id": "Trainer"}}}]}
    dag = ExportedDag(name="toy", config="c", root="r", python="p", runner="x", schedule=schedule, pipeline=pipeline)
    dag.write(dag_file.with_suffix(".json"))
    given = runpy.run_path(str(dag_file))["dag"].given
    assert given["schedule"] == schedule.cron
    assert given["start_date"].tzinfo == zoneinfo.ZoneInfo(zone or "Asia/Tokyo")
