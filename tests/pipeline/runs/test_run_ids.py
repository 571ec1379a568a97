from __future__ import annotations

import contextlib
import dataclasses
import datetime
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.config import preflight
from pipeline.runs import lifecycle, lock, manifest, pushed_versions, record
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.run_ids import in_order, new_id
from tests.toys import write_toy_run


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class Clock(datetime.datetime):
    """Stands where a test puts it: seconds since 1970."""

    seconds = 0.0

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Clock:
        return cls.fromtimestamp(cls.seconds, tz)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    monkeypatch.setattr(lifecycle.datetime, "datetime", Clock)
    return Clock


def at(clock: type[Clock], utc: str) -> None:
    clock.seconds = datetime.datetime.fromisoformat(utc).replace(tzinfo=datetime.UTC).timestamp()


def began(config: Path, root: Path, with_manifest: bool = False) -> record.RunRecord:
    checked = preflight.check(config)
    paths = PipelinePaths.of(checked.run, root)
    with lock.held(paths, lambda _: None):
        found = lifecycle.begin(checked, paths)
        if with_manifest:
            manifest.collect(checked, found.id, found.started).write(Path(found.directory))
    return found


def test_the_newest_run_is_the_last_one_after_the_clock_was_set_back_two_days(
    tmp_path: Path, clock: type[Clock]
) -> None:
    config, root = write_toy_run(tmp_path), tmp_path / "root"
    at(clock, "2026-11-28T09:30:00")
    first = began(config, root)
    at(clock, "2026-11-26T09:30:00")
    second, third = began(config, root), began(config, root)
    assert [one.id for one in (first, second, third)] == ["20261128-093000", "20261128-093001", "20261128-093002"]
    # What the clock says stays on record.
    assert datetime.datetime.fromisoformat(second.started).astimezone(datetime.UTC).day == 26
    assert [path.name for path in record.find(root, None)] == [first.id, second.id, third.id]
    at(clock, "2026-11-29T09:30:00")
    assert began(config, root).id == "20261129-093000"


def test_ids_grow_over_the_hour_that_comes_twice(tmp_path: Path, berlin: None, clock: type[Clock]) -> None:
    config, root = write_toy_run(tmp_path), tmp_path / "root"
    found = []
    # 02:40 in summer time, then 02:10 in winter time.
    for utc in ("2026-10-25T00:40:00", "2026-10-25T01:10:00"):
        at(clock, utc)
        found.append(began(config, root))
    assert [one.started for one in found] == ["2026-10-25T02:40:00+02:00", "2026-10-25T02:10:00+01:00"]
    assert [one.id for one in found] == ["20261025-004000", "20261025-011000"]
    assert record.find(root, None)[-1].name == found[1].id


def test_two_that_begin_at_once_have_ids_of_their_own(tmp_path: Path, clock: type[Clock]) -> None:
    config, root = write_toy_run(tmp_path), tmp_path / "root"
    at(clock, "2026-11-28T09:30:00")
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(began(config, root).id)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [f"20261128-09300{count}" for count in range(4)]


def test_two_pipelines_of_a_root_that_begin_at_once_have_ids_of_their_own(
    tmp_path: Path, clock: type[Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    at(clock, "2026-11-28T09:30:00")
    checked = preflight.check(write_toy_run(tmp_path))
    together, found = threading.Barrier(2), []

    def slowly(runs: Path, now: datetime.datetime) -> str:
        wanted = new_id(runs, now)
        with contextlib.suppress(threading.BrokenBarrierError):
            # Both have one before either has made its directory, if nothing keeps them apart.
            together.wait(0.3)
        return wanted

    monkeypatch.setattr(lifecycle, "new_id", slowly)

    def begin(name: str) -> None:
        run = dataclasses.replace(checked.run, name=name)
        paths = PipelinePaths.of(run, tmp_path / "root")
        paths.home.mkdir(parents=True)
        found.append(lifecycle.begin(dataclasses.replace(checked, run=run), paths).id)

    threads = [threading.Thread(target=begin, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["20261128-093000", "20261128-093001"]


def test_a_root_of_local_times_goes_on_behind_its_newest_run(tmp_path: Path, berlin: None, clock: type[Clock]) -> None:
    config, root = write_toy_run(tmp_path), tmp_path / "root"
    older = root / "toy" / "runs" / "20261128-103000"
    older.mkdir(parents=True)
    # As it was half an hour ago, 10:30 in Berlin.
    at(clock, "2026-11-28T10:00:00")
    assert began(config, root).id == "20261128-103001"
    at(clock, "2026-11-28T12:00:00")
    assert began(config, root).id == "20261128-120000"


def test_a_new_id_is_larger_than_those_of_all_pipelines_of_a_root(tmp_path: Path) -> None:
    for name in ("a/runs/20261128-093000", "b/runs/20261128-093005-2", "b/runs/my-copy", "b/runs/99999999-999999"):
        (tmp_path / name).mkdir(parents=True)
    now = datetime.datetime(2026, 11, 28, 9, 0, tzinfo=datetime.UTC)
    assert new_id(tmp_path / "a" / "runs", now) == "20261128-093006"
    assert new_id(tmp_path / "c" / "runs", now) == "20261128-093006"


def test_runs_are_in_the_order_of_their_ids(tmp_path: Path) -> None:
    names = ["my-copy", "20261127-093000", "20261128-093000", "20261128-093000-2", "20261128-093000-10"]
    assert [path.name for path in in_order(tmp_path / name for name in reversed(names))] == names


def test_the_paths_of_a_pipeline_are_its_newest_runs(tmp_path: Path, clock: type[Clock]) -> None:
    root = tmp_path / "root"
    at(clock, "2026-11-28T09:30:00")
    began(write_toy_run(tmp_path), root, with_manifest=True)
    at(clock, "2026-11-26T09:30:00")
    elsewhere = tmp_path / "elsewhere"
    began(write_toy_run(tmp_path, keep_data=True, push={"destination": str(elsewhere)}), root, with_manifest=True)
    assert pushed_versions.pipeline_paths(root, "toy").serving == elsewhere / "toy"
