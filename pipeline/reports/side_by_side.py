"""Runs beside each other: the settings, inputs and metrics that they do not share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from components.common.errors import InputError
from components.verdict.summary import CANDIDATE, intervals_of
from pipeline.reports.metric_values import ends, number
from pipeline.reports.tables import Hanging, new_table
from pipeline.runs import manifest
from pipeline.runs.comparison import flat_settings
from pipeline.runs.record import RunRecord

NO_DIFFERENCE = "They stood on the same settings, files, code and libraries."


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric of a run."""

    value: float | None
    interval: Sequence[float] | None = None

    def __str__(self) -> str:
        shown = number(self.value)
        return shown if self.interval is None else f"{shown}\n{ends(self.interval)}"


@dataclass(slots=True)
class SideBySide:
    """What runs differ in; each list has a place for each run, in their order."""

    runs: list[str]
    states: list[str]
    inputs: list[tuple[str, list[str]]] = field(default_factory=list)
    """Setting, file or version -> what each run had; only where they differ."""
    metrics: list[tuple[str, list[Measured]]] = field(default_factory=list)
    """`SPLIT METRIC` -> of each run; all, equal ones too."""
    training: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Run -> its history, of those that have one."""

    def document(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "runs": self.runs,
            "states": self.states,
            "differences": [{"name": name, "values": values} for name, values in self.inputs],
            "metrics": [
                {"name": name, "values": [{"value": one.value, "interval": one.interval} for one in found]}
                for name, found in self.metrics
            ],
        }


def side_by_side(records: Sequence[RunRecord]) -> SideBySide:
    """Compares runs, two or more, of which every one has an id of its own or lies under another pipeline."""
    named = [record.id for record in records]
    if len(set(named)) < len(named):
        named = [f"{record.name} {record.id}" for record in records]
    found = SideBySide(named, [record.state for record in records])
    facts = [_facts(record) for record in records]
    for name in dict.fromkeys(name for of_run in facts for name in of_run):
        values = [of_run.get(name, "-") for of_run in facts]
        if len(set(values)) > 1:
            found.inputs.append((name, values))
    metrics = [_metrics(record) for record in records]
    for name in dict.fromkeys(name for of_run in metrics for name in of_run):
        found.metrics.append((name, [of_run.get(name, Measured(None)) for of_run in metrics]))
    found.training = {name: record.training for name, record in zip(named, records, strict=True) if record.training}
    return found


def _facts(record: RunRecord) -> dict[str, str]:
    """All that a result follows from, in words."""
    known: dict[str, str] = {f"rows of {split}": f"{count:,}" for split, count in record.rows.items()}
    try:
        stood_on = manifest.read_alone(Path(record.directory))
    except InputError:
        # Of each run another text: what is not known is not the same.
        known["manifest"] = f"none of {record.id}"
    else:
        settings = flat_settings(stood_on.config)
        known |= {name: json.dumps(value, ensure_ascii=False) for name, value in settings.items()}
        for place, file in enumerate(stood_on.data, 1):
            known[f"file {place} ({file.split or 'dealt by a hash'})"] = f"sha256 {file.sha256[:12]}"
        known |= {f"base model {name}": sha256[:12] for name, sha256 in stood_on.base_model.items()}
        commit = str(stood_on.code.get("commit", ""))[:12]
        known["code"] = f"{commit} sha256 {str(stood_on.code['sha256'])[:12]}".strip()
        known |= {f"library {name}": version for name, version in stood_on.libraries.items()}
        known["machine"] = str(stood_on.machine.get("cpu", "-"))
    chosen = record.training.get("chosen", [])
    known |= {f"{one['key']}, chosen": str(one["value"]) for one in chosen}
    return known


def _metrics(record: RunRecord) -> dict[str, Measured]:
    found = {}
    for split, summary in record.by_split.items():
        values = summary["metrics"][CANDIDATE][""]
        known = intervals_of(summary)
        for name in summary.get("headline", values):
            found[f"{split} {name}"] = Measured(values.get(name), known.get(name))
    return found


def comparison_table(found: SideBySide) -> RenderableType:
    """For a terminal."""
    metrics = new_table("", *found.runs)
    metrics.add_row("state", *found.states)
    for name, values in found.metrics:
        metrics.add_row(name, *map(str, values))
    if not found.inputs:
        return Group(metrics, Text(), Hanging(Text(), Text(NO_DIFFERENCE)))
    inputs = new_table("what differs", *found.runs)
    for name, differing in found.inputs:
        inputs.add_row(name, *differing)
    return Group(metrics, Text(), inputs)
