"""Any text as a class, a slice's value, a file's name or a root's gets through a run, and comes back the same."""

from __future__ import annotations

import json
import os
import random
import runpy
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import jinja2
import pytest

import pipeline_runner
from components.common.streams import printable
from pipeline.runs.record import NodeRecord, RunRecord
from tests.conftest import fuzz_cases
from tests.odd_texts import as_toml, odd_label, odd_name, odd_value
from tests.pipeline.runners.test_scheduled import all_steps
from tests.toys import toy_rows, write_toy_checkpoint

pytestmark = pytest.mark.slow

NAMES, LABELS, VALUES = 6, 5, 9
"""Texts of a run: 20."""


class OddRun(NamedTuple):
    config: Path
    root: Path
    dags: Path
    labels: list[str]
    values: list[str]


def write_odd_run(base: Path, draws: random.Random) -> OddRun:
    def several(make: Any, count: int, first: list[str]) -> list[str]:
        found = dict.fromkeys(first)
        while len(found) < count:
            found[make(draws)] = None
        return list(found)

    names = several(odd_name, NAMES, ["[x]"])
    labels, values = several(odd_label, LABELS, ["[/INST]"]), several(odd_value, VALUES, ["", "[/x]"])
    draws.shuffle(names)
    inner, data, model, file, root, dags = names
    folder = base / inner
    (folder / data).mkdir(parents=True)
    write_toy_checkpoint(folder / model)
    rows = iter(toy_rows(180))
    for split, size in {"train": 90, "dev": 45, "test": 45}.items():
        lines = [f"{next(rows)[0]}\t{labels[place % LABELS]}\t{values[place % VALUES]}\n" for place in range(size)]
        (folder / data / f"{split}{file}").write_text("".join(lines), encoding="utf-8")
    files = [f"{split} = {as_toml(f'./{data}/{split}{file}')}" for split in ("train", "dev", "test")]
    config = folder / "run.toml"
    lines = ['name = "toy"', "[data]", *files, "header = false", "text = 1", "label = 2", "slices = [3]"]
    lines += [
        "[model]",
        f"base = {as_toml(f'./{model}')}",
        "max_length = 16",
        "[training]",
        "batch_size = 16",
        "epochs = 1",
    ]
    lines += ["[gate]", f"min = {{ {as_toml(f'f1/{labels[0]}')} = 0.0 }}"]
    lines += ["[validation]", f"allow_anomalies = [{as_toml(values[1])}]"]
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return OddRun(config, base / root, base / dags, labels, values)


def airflow_tasks(dag: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[dict[str, str]]]:
    """What Airflow would be told of a DAG, and what it would start: the description, and each task's environment."""
    made: list[Any] = []

    class Made:
        def __init__(self, **given: Any) -> None:
            self.given = given
            made.append(self)

        def __enter__(self) -> Made:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def set_upstream(self, _: object) -> None:
            pass

    for name, attribute in (("airflow.sdk", "DAG"), ("airflow.providers.standard.operators.bash", "BashOperator")):
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            module = ModuleType(".".join(parts[:end]))
            setattr(module, attribute, Made)
            monkeypatch.setitem(sys.modules, module.__name__, module)
    times = ModuleType("pendulum")
    times.datetime = lambda *_, **__: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pendulum", times)
    runpy.run_path(str(dag))
    dags, *tasks = made
    environments = [task.given["env"] for task in tasks]
    rendered = [{k: jinja2.Template(v).render(run_id="r") for k, v in one.items()} for one in environments]
    return dags.given["description"], rendered


@pytest.mark.parametrize("seed", range(max(1, fuzz_cases(20) // 20)))
def test_any_text_gets_through_and_comes_back(
    seed: int, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = write_odd_run(tmp_path, random.Random(seed))  # noqa: S311

    def command(*words: str) -> str:
        capfd.readouterr()
        status = pipeline_runner.main([*words])
        shown = capfd.readouterr()
        assert status == 0, (words, shown.err)
        return shown.out

    here = ["--config", str(odd.config), "--root", str(odd.root)]
    command("check", *here)
    command("export", "--runner", "airflow", *here, "--output", str(odd.dags))
    description, environments = airflow_tasks(odd.dags / "toy.py", monkeypatch)
    assert description == str(odd.config)
    assert {one["PIPELINE_DAG"] for one in environments} == {str(odd.dags / "toy.json")}
    steps = all_steps(odd.dags / "toy.json", odd.labels[0])
    assert set(steps.values()) == {0}, steps
    command("run", *here)

    record = json.loads(command("show", "--root", str(odd.root), "--json"))
    (directory,) = (path for path in (odd.root / "toy" / "runs").iterdir() if path.name == record["id"])
    assert (record["state"], record["config"]) == ("pushed", str(odd.config))
    assert record["directory"] == os.path.realpath(directory)
    for split in ("dev", "test"):
        found = record["evaluations"][split]
        assert found["labels"] == sorted(odd.labels)
        slices = set(found["metrics"]["candidate"]) - {""}
        assert {name for name in slices if not name.startswith("text_length=")} == {
            f"column_3={value}" for value in odd.values
        }
    shown = command("show", "--root", str(odd.root))
    for text in (*odd.labels, *(f"column_3={value}".rstrip() for value in odd.values)):
        assert printable(text) in shown, text

    model = record["pushed"]
    answer = json.loads(command("predict", "--model", model, "--json", "the film is good"))
    assert sorted(answer["probabilities"]) == sorted(odd.labels)
    assert answer["label"] in odd.labels
    assert all(label in command("predict", "--model", str(Path(model).parent), "a film") for label in odd.labels)


@pytest.mark.parametrize("seed", range(fuzz_cases(20)))
def test_any_text_in_a_record_is_shown_as_it_is(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draws = random.Random(seed)  # noqa: S311
    labels, values = [f"{odd_label(draws)} {place}" for place in range(3)], [odd_value(draws), odd_value(draws)]
    note, root = odd_value(draws), tmp_path / odd_name(draws)
    metrics = {"accuracy": 0.5, "example_count": 9.0, **{f"f1/{label}": 0.25 for label in labels}}
    summary = {
        "task": "classification",
        "labels": labels,
        "headline": ["accuracy"],
        "per_label": ["f1"],
        "metrics": {"candidate": {"": metrics, **{f"source={value}": metrics for value in values}}},
        "confusion": {"candidate": [[1, 0, 2]] * 3},
        "blessed": False,
        "reasons": [f"f1/{labels[0]} is {note}"],
    }
    (directory := root / "toy" / "runs" / "20260101-000000").mkdir(parents=True)
    made = RunRecord(
        directory.name, "toy", f"/gone/{note}", str(directory), "2026-01-01T00:00:00+00:00", state="refused"
    )
    made.nodes, made.evaluations = [NodeRecord("Trainer", "done", note=note, warnings=[note])], {"dev": summary}
    made.write()
    assert pipeline_runner.main(["show", "--root", str(root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["evaluations"]["dev"] == summary
    assert pipeline_runner.main(["show", "--root", str(root)]) == 0
    shown = capsys.readouterr().out
    assert shown == printable(shown)
    for text in (*labels, *(f"source={value}".rstrip() for value in values), f"f1/{labels[0]} is {note}"):
        assert printable(text).strip() in shown, text
