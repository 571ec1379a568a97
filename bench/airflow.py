"""Wall time of each node under Airflow's schedulers beside `run`'s, on the intents that ship: `make bench-airflow`.

A node under Airflow is a process of its own, which imports TFX first; nodes that do not wait for each other run side by
side. Writes bench/results/airflow.json and prints a table.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.common import ROOT, Run, keep
from pipeline.runs import manifest, record
from tests.airflow import Airflow, python_of, wait_until

CONFIG = ROOT / "pipeline" / "configs" / "intents.toml"

NAME = "intents"


def main() -> None:
    """Runs it everywhere and reports."""
    with tempfile.TemporaryDirectory() as scratch:
        found = {"run": local(Path(scratch, "run"))}
        for version in (2, 3):
            if python_of(version).exists():
                found[f"Airflow {version}"] = scheduled(version, Path(scratch, f"airflow-{version}"))
            else:
                print(f"no Airflow {version}: `make airflow` sets it up", file=sys.stderr)
    keep("airflow", NAME, found)
    names = list(found)
    print(f"| seconds | {' | '.join(names)} |\n| --- |{' --- |' * len(names)}")
    for node in [*found[names[-1]]["nodes"], "whole"]:
        cells = (run["seconds"] if node == "whole" else run["nodes"].get(node) for run in found.values())
        print(f"| {node} | {' | '.join('-' if cell is None else f'{cell:.1f}' for cell in cells)} |")
    same = {run["weights_sha256"] for run in found.values()}
    print(f"\nweights {'equal, bit by bit' if len(same) == 1 else 'DIFFER'}")


def _weights(root: Path) -> str:
    return str(manifest.read(record.find(root, None)[-1]).result["weights_sha256"])


def local(root: Path) -> Run:
    """All nodes in one process."""
    command = [sys.executable, "pipeline_runner.py", "run", "--json", "--config", str(CONFIG), "--root", str(root)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)  # noqa: S603
    record_of_run = json.loads(done.stdout)
    nodes = {node["id"]: round(node["seconds"], 1) for node in record_of_run["nodes"]}
    return {"nodes": nodes, "seconds": round(record_of_run["seconds"], 1), "weights_sha256": _weights(root)}


def scheduled(version: int, folder: Path) -> Run:
    """A node a process, started by a scheduler."""
    airflow, root = Airflow(version, folder / "home"), folder / "root"
    command = [sys.executable, "pipeline_runner.py", "export", "--runner", "airflow", "--config", str(CONFIG)]
    command += ["--root", str(root), "--output", str(airflow.dags)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    airflow.command("dags", "reserialize")
    wait_until(lambda: airflow.knows(NAME), 60, "the DAG is known")
    try:
        airflow.start()
        airflow.trigger(NAME, "bench")
        wait_until(lambda: airflow.run_state(NAME, "bench") in ("success", "failed"), 3600, "the run ends")
        assert airflow.run_state(NAME, "bench") == "success"  # noqa: S101
        times = airflow.task_times(NAME, "bench")
        ((_, *whole),) = airflow.run_times(NAME)
    finally:
        airflow.stop()
    nodes = {task: _seconds(*span) for task, span in sorted(times.items(), key=lambda item: item[1])}
    return {"nodes": nodes, "seconds": _seconds(*map(str, whole)), "weights_sha256": _weights(root)}


def _seconds(start: str, end: str) -> float:
    begun, ended = (datetime.datetime.fromisoformat(moment) for moment in (start, end))
    return round((ended - begun).total_seconds(), 1)


if __name__ == "__main__":
    main()
