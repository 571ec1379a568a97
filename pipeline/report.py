"""Runs and checks in words and tables, for a terminal or a plain stream."""

from __future__ import annotations

import json
import os
import shlex
import sys
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from components.settings.run import Run
from components.settings.serialization import dump
from components.tasks import TASKS, Task
from pipeline import dag
from pipeline.config import Checked
from pipeline.places import Places
from pipeline.record import NodeRecord, RunRecord

if TYPE_CHECKING:
    from components.drift.distance import DataComparison
    from pipeline.reproduction import Comparison
    from pipeline.serving import Version

_MARKS = {"done": ("✓", "green"), "cached": ("↺", "cyan"), "failed": ("✗", "red"), "running": ("…", "yellow")}

_STATES = {
    "pushed": ("blessed and pushed", "bold green"),
    "refused": ("refused by the gate", "bold red"),
    "failed": ("failed", "bold red"),
    "interrupted": ("interrupted", "bold yellow"),
    "running": ("running", "bold yellow"),
}

_PLAIN_WIDTH = 120


def console(stream: TextIO) -> Console:
    """Rich on a terminal; plain lines of a steady width elsewhere."""
    return Console(file=stream, highlight=False, width=None if stream.isatty() else _PLAIN_WIDTH, soft_wrap=True)


def node_line(node: NodeRecord) -> Text:
    """One line about one node."""
    mark, colour = _MARKS[node.state]
    took = "cached" if node.state == "cached" else f"{node.seconds:.1f} s"
    why = (f"{'  ' if node.note else ''}({node.reason})", "dim") if node.reason else ""
    return Text.assemble((f"{mark} ", colour), f"{node.id:<17}", (f"{took:>8}  ", "dim"), node.note, why)


def training(found: dict[str, Any]) -> str:
    """What Trainer has to tell, in a line."""
    best = max(evaluation["value"] for evaluation in found["evaluations"])
    told = [f"dev {found['metric']} {best:.4f}", training_speed(found)]
    if cut := found.get("words_cut"):
        told.append(f"{cut:,} words beyond max_length")
    if found["damaged"]:
        told.append(f"without the damaged checkpoint {' and '.join(found['damaged'])}")
    if found["resumed"]:
        told.append(f"went on at step {found['resumed'][-1]}")
    return ", ".join(told)


def training_speed(training: dict[str, Any]) -> str:
    """Examples/s of the training steps, and what the frozen layers took before them."""
    frozen = training.get("frozen_seconds", 0.0)
    before = f"frozen layers {frozen:.0f} s, then " if frozen else ""
    return f"{before}{training['examples_per_second']:.0f} examples/s"


def drift(found: dict[str, Any]) -> str:
    """What DriftValidator has to tell, in a line."""
    if found["version"] is None:
        return "no version to compare with"
    version = f"version {found['version']}"
    if not found["measures"]:
        return f"{version} says nothing of its data"
    exceeded = [
        f"{one['name']} {one['value']:.3f} over {one['limit']:g}" for one in found["measures"] if one["exceeded"]
    ]
    return f"drifted from {version}: {', '.join(exceeded)}" if exceeded else f"like the data of {version}"


def run_report(record: RunRecord, full: bool) -> RenderableType:
    """A run's outcome; `full` adds the nodes, classes, slices and the confusion matrix."""
    words, colour = _STATES[record.state]
    parts: list[RenderableType] = [Text.assemble((f"{record.name} {record.id}  ", "bold"), (words, colour))]
    if full:
        parts += [Text(f"started {record.started}, {record.seconds:.1f} s, config {near(record.config)}"), Text()]
        parts += [node_line(node) for node in record.nodes]
    parts.append(Text())
    dev = record.evaluations.get("dev", {})
    facts: list[tuple[str, str]] = []
    if record.rows:
        facts.append(("rows", "   ".join(f"{split} {count:,}" for split, count in record.rows.items())))
    if record.quarantined:
        facts.append(("quarantined", f"{record.quarantined:,}, see {near(record.quarantine_file or '')}"))
    if any(one["exceeded"] for one in record.drift.get("measures", [])):
        facts.append(("drift", drift(record.drift)))
    if record.training:
        trained = record.training
        share = trained["trainable_parameters"] / trained["parameters"]
        facts.append(("parameters", f"{trained['trainable_parameters']:,} trained ({share:.1%} of the model)"))
        facts.append(
            (
                "training",
                f"{training_speed(trained)}, best checkpoint at step {trained['best_step']} of {trained['steps']}",
            )
        )
    if "baseline_version" in dev:
        facts.append(("baseline", f"version {dev['baseline_version']}" + _not_compared(dev)))
    elif dev:
        facts.append(("baseline", "none in production yet"))
    parts.append(_facts(facts))
    if record.evaluations:
        parts += [Text(), _metrics(record.evaluations)]
    if full:
        for split, summary in record.evaluations.items():
            for made in (_classes, _slices, _confusion):
                if (table := made(split, summary)) is not None:
                    parts += [Text(), table]
    parts += [Text(), _facts(_ending(record, dev))]
    return Group(*parts)


def _ending(record: RunRecord, dev: dict[str, Any]) -> list[tuple[str, str]]:
    facts = []
    if dev.get("blessed") is True:
        facts.append(("verdict", "blessed: every threshold is met on dev"))
        if record.state == "refused":
            facts.append(("withdrawn", "a rollback took these weights out of production, they are not pushed again"))
    for reason in dev.get("reasons", []):
        facts.append(("refused", reason))
    if record.error:
        facts.append(("error", record.error))
    if record.pushed:
        facts += [("pushed", near(record.pushed)), ("try", try_line(record.pushed, dev.get("task", "")))]
    elif record.state == "refused":
        facts.append(("pushed", "nothing: production stays as it is"))
    facts.append(("log", _log_of(record)))
    return facts


def _log_of(record: RunRecord) -> str:
    return f"the scheduler has it, as {record.scheduled_as}" if record.scheduled_as else near(str(record.log))


def failure(record: RunRecord, remedy: str) -> str:
    """Why a run has no result, in a message."""
    failed = next((node.id for node in record.nodes if node.state == "failed"), "the run")
    how = "was interrupted" if record.state == "interrupted" else f"failed: {record.error}"
    return f"{failed} {how}. {remedy} The log has the rest: {_log_of(record)}"


def try_line(model: str, task: str) -> str:
    """The command that asks a pushed model."""
    command = [near(sys.executable), "pipeline_runner.py", "predict", "--model", near(model)]
    together = task in TASKS and len(TASKS[task].texts) > 1 and not TASKS[task].two_passes
    return f"{shlex.join(command)} " + ("$'a text of yours\\tand another'" if together else "'a text of yours'")


def near(path: str) -> str:
    """A path as one would type it from here."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def _facts(facts: list[tuple[str, str]]) -> Text:
    """A name and a value a line; never wrapped, so that a path or a command can be copied."""
    return Text("\n").join(Text.assemble((f"{name:<12}  ", "dim"), value) for name, value in facts)


def _metrics(evaluations: dict[str, dict[str, Any]]) -> Table:
    headline = next(iter(evaluations.values()))["headline"]
    table = _table("", *headline)
    for split, summary in evaluations.items():
        candidate, baseline = (summary["metrics"].get(model, {}).get("", {}) for model in ("candidate", "baseline"))
        cells = [_value(candidate, metric) + _change(candidate, baseline, metric) for metric in headline]
        table.add_row(split, *cells)
    return table


def _value(metrics: dict[str, float], metric: str) -> str:
    """A metric, or a dash where it is undefined, as AUC is without rows of a class."""
    return f"{metrics[metric]:.4f}" if metric in metrics else "-"


def _change(candidate: dict[str, float], baseline: dict[str, float], metric: str) -> str:
    return f" ({candidate[metric] - baseline[metric]:+.4f})" if metric in baseline else ""


def _classes(split: str, summary: dict[str, Any]) -> Table | None:
    if not summary["per_label"]:
        return None
    table = _table(f"{split}, by class", *summary["per_label"])
    overall = summary["metrics"]["candidate"][""]
    for label in summary["labels"]:
        table.add_row(label, *(f"{overall[f'{metric}/{label}']:.4f}" for metric in summary["per_label"]))
    return table


def _slices(split: str, summary: dict[str, Any]) -> Table:
    headline = summary["headline"]
    table = _table(f"{split}, by slice", "rows", *headline)
    for name, metrics in sorted(summary["metrics"]["candidate"].items(), key=lambda item: _natural(item[0])):
        if name:
            table.add_row(name, f"{metrics['example_count']:.0f}", *(_value(metrics, metric) for metric in headline))
    return table


def _confusion(split: str, summary: dict[str, Any]) -> Table | None:
    if not summary["confusion"]:
        return None
    table = _table(f"{split}, actual \\ predicted", *summary["labels"])
    for label, counts in zip(summary["labels"], summary["confusion"]["candidate"], strict=True):
        table.add_row(label, *map(str, counts))
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _natural(name: str) -> tuple[str, int, str]:
    feature, _, value = name.partition("=")
    digits = value.split("-")[0].split("+")[0]
    return feature, int(digits) if digits.isdecimal() else 0, value


def _not_compared(summary: dict[str, Any]) -> str:
    return f", not compared: {summary['not_compared']}" if "not_compared" in summary else ""


def run_list(records: list[RunRecord]) -> Table:
    """A line a run."""
    table = _table("run", "state", "started", "dev")
    for record in records:
        found = record.evaluations.get("dev", {})
        overall = found.get("metrics", {}).get("candidate", {}).get("", {})
        headline = f"{found['headline'][0]} {overall[found['headline'][0]]:.4f}" if overall else ""
        table.add_row(f"{record.name} {record.id}", record.state, record.started, headline)
    return table


def version_list(pushed: list[Version]) -> Table:
    """A line a pushed version."""
    table = _table("version", "", "run", "metric", "dev", "test")
    for version in pushed:
        values = (version.metrics.get(split, {}).get(version.headline) for split in ("dev", "test"))
        cells = [version.headline, *("-" if value is None else f"{value:.4f}" for value in values)]
        table.add_row(str(version.number), version.state, version.run or "-", *cells)
    return table


def skew(found: DataComparison) -> RenderableType:
    """Rows beside those that a run's model learned from."""
    table = _table("", "measured", "limit", "")
    for title in ("learned from", "these rows"):
        table.add_column(title)
    for one in found.measures:
        over = Text("over", "bold red") if one["exceeded"] else ""
        table.add_row(one["name"], f"{one['value']:.3f}", f"{one['limit']:g}", over, one["before"], one["now"])
    return table


def comparison(compared: Comparison) -> Text:
    """A reproduction beside its run: equal, or what differs, first what it could come from."""
    if not compared.result:
        heading = Text.assemble(("reproduced  ", "bold green"), f"weights and metrics of {compared.run}, bit by bit")
    else:
        heading = Text.assemble(("not the same  ", "bold red"), f"as {compared.run}")
    found = [("result", what) for what in compared.result]
    return Text("\n").join([heading, _facts([*compared.differences, *found, ("new run", near(compared.reproduction))])])


def check_report(checked: Checked, places: Places) -> RenderableType:
    """The DAG and the resolved settings of a config that is in order."""
    run, config = checked.run, checked.model_config
    files: dict[str, list[str]] = {}
    for split, path in checked.files:
        files.setdefault(split or "rows dealt by hash", []).append(near(str(path)))
    model = (
        f"{config.num_hidden_layers} layers, hidden size {config.hidden_size}, {config.num_attention_heads} heads, "
        f"vocabulary {config.vocab_size:,}{'' if checked.has_pooler else ', no pooler: it starts from random values'}"
    )
    tokenizer = checked.tokenizer
    facts = [
        ("task", checked.task.name),
        *((split, ", ".join(paths)) for split, paths in files.items()),
        *([("spans", ", ".join(map(str, run.data.spans)))] if run.data.spans else []),
        (
            "columns",
            _columns(checked),
        ),
        ("labels", _labels(checked.task)),
        ("base model", near(str(checked.base_model))),
        ("", model),
        ("", "uncased" if tokenizer.lower_case else "cased"),
        ("pushed to", near(str(places.serving))),
    ]
    table = Table.grid(padding=(0, 2))
    for node in dag.nodes(run):
        table.add_row(node.id, Text(f"<- {', '.join(node.upstream)}" if node.upstream else "", style="dim"), node.does)
    heading = Text.assemble((run.name, "bold"), "  is in order")
    return Group(heading, Text(), _facts(facts), Text(), table, Text(), _settings_table(run))


def _columns(checked: Checked) -> str:
    layout, task = checked.layout, checked.task
    places = zip((*task.texts, task.target), (*layout.texts, layout.label or 0), strict=True)
    return ", ".join(f"{name} is field {place + 1}" for name, place in places) + f" of {layout.width}"


def _labels(task: Task) -> str:
    if task.named:
        return ", ".join(task.labels) or "those in train"
    allowed = getattr(task, "range", None)
    return f"numbers from {allowed[0]:g} to {allowed[1]:g}" if allowed else "numbers"


def _settings_table(run: Run) -> Table:
    table = Table.grid(padding=(0, 2))
    for section, values in json.loads(dump(run)).items():
        if isinstance(values, dict) and section != "data":
            for key, value in values.items():
                table.add_row(Text(f"{section}.{key}", style="dim"), json.dumps(value, ensure_ascii=False))
    return table
