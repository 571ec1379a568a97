"""Files that runs left, changed: a command does right or says what is wrong, and touches no file outside."""

import contextlib
import io
import json
import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from tfx.orchestration import metadata

import pipeline_runner
from components.common.errors import InputError
from components.common.exit_status import DONE, WRONG_INPUT
from components.settings.run import Run
from pipeline.runs import lifecycle, lock, manifest, recovery
from pipeline.runs.paths import PipelinePaths
from tests.conftest import fuzz_cases
from tests.pipeline.runs.stored_runs import IDS, write_runs
from tests.watched_files import CANARY, unchanged_around

WRONG: list[Any] = [
    *(None, True, 0, -1, 10**30, 1.5, "", "x", "..", f"../{CANARY}", f"../../../../../{CANARY}", "/", "\0", "a" * 5000),
    *("[/red]", "running", "pushed", "toy", [], [1], [[]], {}, {"a": 1}, {"": {"": 0}}),
]

COMMANDS = [
    *(["report"], ["show"], ["show", "--all"], ["show", "--json"], ["show", "--manifest"], ["show", IDS[0]]),
    *(["versions"], ["versions", "--json"], ["versions", "--name", f"../{CANARY}"], ["rollback"], ["rollback", "1"]),
    *(["prune", "--keep", "1"], ["prune", "--keep", "1", "--dry-run", "--json"], ["reproduce", IDS[1]]),
]


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value in a JSON document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*way, key)
        yield from places(inner, (*way, key))


def with_wrong_value(content: bytes, draws: random.Random) -> bytes:
    document = json.loads(content)
    if not (ways := list(places(document))):
        return content
    *way, last = draws.choice(ways)
    inner = document
    for key in way:
        inner = inner[key]
    if draws.random() < 0.2 and isinstance(inner, dict):
        del inner[last]
    else:
        inner[last] = draws.choice(WRONG)
    return json.dumps(document).encode()


def with_wrong_bytes(content: bytes, draws: random.Random) -> bytes:
    place = draws.randrange(len(content) + 1)
    more = content[:place] + draws.randbytes(3) + content[place:]
    return draws.choice([b"", content[:place], more, b"[" * 100_000, b"\xff\xfe", b"7"])


def change_uri(paths: PipelinePaths, draws: random.Random) -> None:
    """Of an artifact, in ML Metadata or in the digests."""
    canary = paths.home.parents[1] / CANARY
    below = [f"../../../{CANARY}", "..", "", "\0", "Trainer", "Trainer/model", "Trainer/model/2/../1", "a" * 5000]
    uri = draws.choice([str(canary), "/", *(f"{paths.artifacts}/{uri}" for uri in below)])
    if draws.random() < 0.5:
        digests = paths.home / "digests.json"
        digests.write_text(
            json.dumps({**json.loads(digests.read_text()), uri: {"file": "0", f"../{CANARY}/file": "0"}})
        )
        return
    with contextlib.closing(sqlite3.connect(paths.metadata)) as store, store:
        store.execute("UPDATE Artifact SET uri = ? WHERE id = ?", (uri, draws.choice([1, 2, 3])))


def add_directory(paths: PipelinePaths, draws: random.Random) -> None:
    names = [".damaged-x", ".damaged-12", ".5-x", f".5-{'0' * 32}", "007", "١٢", "-1", "9" * 200, "1.5", "9"]
    place = draws.choice([paths.serving, paths.models, paths.runs, paths.artifacts / "Trainer"]) / draws.choice(names)
    if place.exists():
        return
    if draws.random() < 0.5:
        shutil.copytree(paths.serving / "1", place)
    else:
        place.symlink_to(paths.home.parents[1] / CANARY)


def move_out(paths: PipelinePaths, draws: random.Random) -> None:
    """Puts a link in a directory's place."""
    places = (paths.artifacts, paths.models, paths.models / "1", paths.models.parent, paths.serving, paths.runs)
    place = draws.choice(places)
    aside = paths.home.parents[1] / CANARY / "moved"
    aside.parent.mkdir(exist_ok=True)
    place.rename(aside)
    place.symlink_to(aside)


def link_file(paths: PipelinePaths, draws: random.Random) -> None:
    """Puts a link to somebody's file in a file's place, or in that of one that is written."""
    names = ["lock", "metadata.sqlite", "digests.json", "digests.lock", ".digests.json.new"]
    names += ["serving/toy/..withdrawn.json.new", f"runs/{IDS[2]}/run.json"]
    place, aimed_at = paths.home / draws.choice(names), paths.home.parents[1] / CANARY / draws.choice(["file", "none"])
    aimed_at.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(aimed_at)


def change_content(paths: PipelinePaths, draws: random.Random) -> None:
    files = [*paths.runs.glob("*/*.json"), *paths.serving.glob("*/assets.extra/model.json")]
    path = draws.choice([*files, paths.home / "digests.json", paths.serving / ".withdrawn.json"])
    path.write_bytes(draws.choice([with_wrong_value, with_wrong_value, with_wrong_bytes])(path.read_bytes(), draws))


CHANGES = (change_content, change_content, change_content, change_uri, add_directory, move_out, link_file)


def ended(arguments: list[str]) -> tuple[int, str]:
    """A command's exit status, and what it said besides its result."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        return pipeline_runner.main(arguments), err.getvalue()


def recover(paths: PipelinePaths) -> None:
    """What a run does to what others left before its first node."""
    with lock.held(paths):
        recovery.discard_unfinished(paths, metadata.sqlite_metadata_connection_config(str(paths.metadata)))
        recovery.disown(paths, metadata.sqlite_metadata_connection_config(str(paths.metadata)))
        recovery.Digests(paths).mend()


def nothing_new(paths: PipelinePaths, whole: manifest.Manifest) -> lifecycle.NothingNew | None:
    """What a run over spans reads of the last one, to make none of the same inputs."""
    checked: Any = SimpleNamespace(run=mock.Mock(spec=Run, data=SimpleNamespace(spans=(1,))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest, "collect", lambda *_: whole)
        return lifecycle.nothing_new(checked, paths)


@pytest.mark.parametrize("part", range(4))
def test_changed_files_of_runs_are_read_or_refused_and_nothing_outside_is_touched(part: int, tmp_path: Path) -> None:
    for case in range(max(1, fuzz_cases(80) // 4)):
        draws = random.Random(f"{part} {case}")  # noqa: S311
        root = tmp_path / str(case) / "root"
        paths = write_runs(root)
        whole = manifest.read_alone(paths.runs / IDS[2])
        changes = [draws.choice(CHANGES) for _ in range(draws.choice([1, 1, 2]))]
        for change in changes:
            with contextlib.suppress(OSError, ValueError):
                change(paths, draws)
        model = ["predict", "--model", str(paths.serving), "a text"]
        for command in (*([*c, "--root", str(root)] for c in draws.sample(COMMANDS, 4)), model):
            with unchanged_around(root):
                status, said = ended(command)
            assert status in (DONE, WRONG_INPUT), (case, changes, command, said)
            assert (status == WRONG_INPUT) <= said.startswith("error: "), (case, changes, command, said)
        with unchanged_around(root):
            nothing_new(paths, whole)
            with contextlib.suppress(InputError):
                recover(paths)
        shutil.rmtree(tmp_path / str(case))


def test_without_a_change_the_commands_are_right(tmp_path: Path) -> None:
    paths = write_runs(tmp_path / "root")
    with unchanged_around(tmp_path / "root"):
        found = nothing_new(paths, manifest.read_alone(paths.runs / IDS[2]))
        assert (found and found.run) == IDS[2]
        recover(paths)
        assert sorted(path.name for path in paths.models.iterdir()) == ["1", "2", "3"]
        for command in (["show"], ["versions"], ["prune", "--keep", "1"]):
            assert ended([*command, "--root", str(tmp_path / "root")]) == (DONE, "")
    assert sorted(path.name for path in paths.models.iterdir()) == ["2", "3"]
