"""What holds for every kind of run over documents: of one killed, made again, scheduled step by step, or damaged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pipeline.runners.exported_dag import ExportedDag, edges
from pipeline.runs import manifest, record
from tests import mid_run
from tests.commands import python
from tests.pipeline.conftest import Command


def run_killed_in_each(nodes: Sequence[str], config: Path, root: Path, command: Command) -> dict[str, Any]:
    """The record of a run that ends at last."""
    for node in nodes:
        done = python().run("-m", "tests.killed_run", node, "run", "--config", config, "--root", root, "--json")
        assert done.returncode == -9, (node, done.stderr)
    status, found, err = command("run", "--config", config, "--root", root, "--json")
    assert status == 0, err
    return dict(found)


def check_changes_are_said(place: mid_run.Place, root: Path, changes: Iterable[tuple[str, str, str]]) -> None:
    """Each of them stops the run at its node, and the next run goes on from there.

    Args:
        place: what the run reads.
        root: of the runs.
        changes: kind, moment and node, in the order of the nodes.
    """
    for kind, moment, node in changes:
        found = mid_run.disturbed(place, root, kind, node, moment)
        assert found.happened, (kind, moment, node, found)
        assert found.said(place, kind), found
        assert mid_run.nodes(place, root)[-1] == node


def check_made_again(first: dict[str, Any], root: Path, into: Path, command: Command) -> None:
    """Bit by bit."""
    status, compared, err = command("reproduce", first["id"], "--root", root, "--into", into, "--json")
    assert (status, compared["result"], compared["differences"]) == (0, [], []), err


def check_steps(nodes: Sequence[str], config: Path, first: dict[str, Any], folder: Path, command: Command) -> Path:
    """A scheduler's steps give the bits of a local run; the DAG that they are of."""
    dags = folder / "dags"
    assert command("export", "--runner", "airflow", "--config", config, "--root", folder, "--output", dags)[0] == 0
    dag = dags / f"{first['name']}.json"
    assert list(edges(ExportedDag.read(dag).pipeline)) == nodes
    given = ("--dag", dag, "--run-id", "today")
    assert command("begin-run", *given)[0] == 0
    assert [command("run-node", node, *given)[0] for node in nodes] == [0] * len(nodes)
    assert command("end-run", *given)[0] == 0
    (directory,) = record.find(folder, None)
    (before,) = record.find(Path(first["directory"]).parents[2], first["id"])
    ours, theirs = (manifest.read(path).result for path in (directory, before))
    assert {**ours, "model": 0} == {**theirs, "model": 0}
    return dag


def check_mended(file: Path, config: Path, root: Path, command: Command) -> None:
    """A file of the pushed version that is cut short is whole behind the next run."""
    whole = file.read_bytes()
    file.write_bytes(whole[:-10])
    status, found, _ = command("run", "--config", config, "--root", root, "--json")
    assert status == 0
    assert "the version was copied again" in found["damaged"][0]
    assert file.read_bytes() == whole
