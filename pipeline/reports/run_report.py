"""A run in words and tables, for a terminal or a plain stream; and the lists of runs and of pushed versions."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from components.evaluation.summary import BASELINE, CANDIDATE
from components.leakage.duplicates import Duplicates
from components.rows.text_statistics import TextStatistics
from components.tasks import TASKS
from pipeline.reports.tables import duplicates_table, fact_lines, new_table, short_path, text_table
from pipeline.runs.node_notes import baseline_note, drift_note, learned_rows, training_speed
from pipeline.runs.record import NodeRecord, RunRecord

if TYPE_CHECKING:
    from components.drift.data_comparison import DataComparison
    from pipeline.runs.comparison import Comparison
    from pipeline.runs.pushed_versions import Version

_MARKS = {"done": ("✓", "green"), "cached": ("↺", "cyan"), "failed": ("✗", "red"), "running": ("…", "yellow")}

_STATES = {
    "pushed": ("blessed and pushed", "bold green"),
    "refused": ("refused by the gate", "bold red"),
    "failed": ("failed", "bold red"),
    "interrupted": ("interrupted", "bold yellow"),
    "running": ("running", "bold yellow"),
}


def node_line(node: NodeRecord) -> Text:
    """One line about one node, and one for each warning."""
    mark, colour = _MARKS[node.state]
    took = "cached" if node.state == "cached" else f"{node.seconds:.1f} s"
    why = (f"{'  ' if node.note else ''}({node.reason})", "dim") if node.reason else ""
    warned = [part for warning in node.warnings for part in (("\n! ", "yellow"), warning)]
    return Text.assemble((f"{mark} ", colour), f"{node.id:<17}", (f"{took:>8}  ", "dim"), node.note, why, *warned)


def run_report(record: RunRecord, full: bool) -> RenderableType:
    """A run's outcome; `full` adds the nodes, classes, slices and the confusion matrix."""
    words, colour = _STATES[record.state]
    parts: list[RenderableType] = [Text.assemble((f"{record.name} {record.id}  ", "bold"), (words, colour))]
    if full:
        parts += [Text(f"started {record.started}, {record.seconds:.1f} s, config {short_path(record.config)}"), Text()]
        parts += [node_line(node) for node in record.nodes]
    parts.append(Text())
    dev = record.evaluations.get("dev", {})
    facts: list[tuple[str, str]] = []
    if record.rows:
        facts.append(("rows", "   ".join(f"{split} {count:,}" for split, count in record.rows.items())))
    if record.quarantined:
        facts.append(("quarantined", f"{record.quarantined:,}, see {short_path(record.quarantine_file or '')}"))
    facts += [("warning", warning) for node in record.nodes for warning in node.warnings]
    if record.drift.get("unlike") or any(one["exceeded"] for one in record.drift.get("measures", [])):
        facts.append(("drift", drift_note(record.drift)))
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
        facts += [("chosen", f"{one['key']} = {one['value']}: {one['why']}") for one in trained.get("chosen", [])]
    if "baseline_version" in dev:
        facts.append(("baseline", f"version {dev['baseline_version']}{baseline_note(dev, 'dev')}"))
    elif dev:
        facts.append(("baseline", "no other model in production"))
    parts.append(fact_lines(facts))
    if full and record.duplicates:
        found_twice = {split: Duplicates(**found) for split, found in record.duplicates.items()}
        parts += [Text(), duplicates_table(found_twice)]
    if full and record.texts:
        parts += [Text(), text_table({split: TextStatistics(**found) for split, found in record.texts.items()})]
    if record.evaluations:
        parts += [Text(), _metrics(record.evaluations)]
    if full:
        for split, summary in record.evaluations.items():
            for made in (_classes, _slices, _confusion):
                if (table := made(split, summary)) is not None:
                    parts += [Text(), table]
    parts += [Text(), fact_lines(_ending(record, dev))]
    return Group(*parts)


def _ending(record: RunRecord, dev: dict[str, Any]) -> list[tuple[str, str]]:
    facts = []
    if dev.get("blessed") is True:
        unheld = f"; {dev['not_compared']}: not held against it" if "not_compared" in dev else ""
        facts.append(("verdict", f"blessed: every threshold is met on dev{unheld}"))
        if record.state == "refused":
            facts.append(("withdrawn", "a rollback took this model out of production, it is not pushed again"))
    for reason in dev.get("reasons", []):
        facts.append(("refused", reason))
    if record.error:
        facts.append(("error", record.error))
    if record.pushed:
        facts += [("pushed", short_path(record.pushed)), ("try", try_line(record.pushed, dev.get("task", "")))]
    elif record.state == "refused":
        facts.append(("pushed", "nothing: production stays as it is"))
    facts.append(("log", _log_of(record)))
    return facts


def _log_of(record: RunRecord) -> str:
    return f"the scheduler has it, as {record.scheduled_as}" if record.scheduled_as else short_path(str(record.log))


def failure(record: RunRecord, remedy: str) -> str:
    """Why a run has no result, in a message."""
    failed = next((node.id for node in record.nodes if node.state == "failed"), "the run")
    how = "was interrupted" if record.state == "interrupted" else f"failed: {record.error}"
    return f"{failed} {how}. {remedy} The log has the rest: {_log_of(record)}"


def try_line(model: str, task: str) -> str:
    """The command that asks a pushed model."""
    command = [short_path(sys.executable), "pipeline_runner.py", "predict", "--model", short_path(model)]
    together = task in TASKS and len(TASKS[task].texts) > 1 and not TASKS[task].bi_encoder
    return f"{shlex.join(command)} " + ("$'a text of yours\\tand another'" if together else "'a text of yours'")


def _metrics(evaluations: dict[str, dict[str, Any]]) -> Table:
    headline = next(iter(evaluations.values()))["headline"]
    table = new_table("", *headline)
    for split, summary in evaluations.items():
        overall = {model: by_slice.get("", {}) for model, by_slice in summary["metrics"].items()}
        compared = summary["learned"].get("metrics", {}) if learned_rows(summary) else overall
        candidate, baseline = (compared.get(model, {}) for model in (CANDIDATE, BASELINE))
        cells = [_value(overall[CANDIDATE], metric) + _change(candidate, baseline, metric) for metric in headline]
        table.add_row(split, *cells)
    return table


def _value(metrics: dict[str, float], metric: str) -> str:
    """A metric, or a dash where it is undefined, as AUC is without rows of a class."""
    return "-" if (value := metrics.get(metric)) is None else f"{value:.4f}"


def _change(candidate: dict[str, float], baseline: dict[str, float], metric: str) -> str:
    now, before = candidate.get(metric), baseline.get(metric)
    return "" if now is None or before is None else f" ({now - before:+.4f})"


def _classes(split: str, summary: dict[str, Any]) -> Table | None:
    if not summary["per_label"]:
        return None
    table = new_table(f"{split}, by class", *summary["per_label"])
    overall = summary["metrics"][CANDIDATE][""]
    for label in summary["labels"]:
        table.add_row(label, *(_value(overall, f"{metric}/{label}") for metric in summary["per_label"]))
    return table


def _slices(split: str, summary: dict[str, Any]) -> Table:
    headline = summary["headline"]
    table = new_table(f"{split}, by slice", "rows", *headline)
    for name, metrics in sorted(summary["metrics"][CANDIDATE].items(), key=lambda item: _natural(item[0])):
        if name:
            shown = name if name.partition("=")[2] else f"{name}(empty)"
            table.add_row(shown, f"{metrics['example_count']:.0f}", *(_value(metrics, metric) for metric in headline))
    return table


def _confusion(split: str, summary: dict[str, Any]) -> Table | None:
    if not summary["confusion"]:
        return None
    table = new_table(f"{split}, actual \\ predicted", *summary["labels"])
    for label, counts in zip(summary["labels"], summary["confusion"][CANDIDATE], strict=True):
        table.add_row(label, *map(str, counts))
    return table


def _natural(name: str) -> tuple[str, int, str]:
    feature, _, value = name.partition("=")
    digits = value.split("-")[0].split("+")[0]
    return feature, int(digits) if digits.isdecimal() else 0, value


def run_list(records: list[RunRecord]) -> Table:
    """A line a run."""
    table = new_table("run", "state", "started", "dev")
    for record in records:
        found = record.evaluations.get("dev", {})
        overall = found.get("metrics", {}).get("candidate", {}).get("", {})
        headline = f"{found['headline'][0]} {_value(overall, found['headline'][0])}" if overall else ""
        table.add_row(f"{record.name} {record.id}", record.state, record.started, headline)
    return table


def version_list(pushed: list[Version]) -> Table:
    """A line a pushed version."""
    table = new_table("version", "", "run", "metric", "dev", "test")
    for version in pushed:
        values = (version.metrics.get(split, {}).get(version.headline) for split in ("dev", "test"))
        cells = [version.headline, *(f"{value:.4f}" if isinstance(value, int | float) else "-" for value in values)]
        table.add_row(str(version.number), version.state, version.run or "-", *cells)
    return table


def drift_table(found: DataComparison) -> RenderableType:
    """Rows beside those that a run's model learned from."""
    table = new_table("", "measured", "limit", "")
    for title in ("learned from", "these rows"):
        table.add_column(title)
    for one in found.measures:
        over = Text("over", "bold red") if one["exceeded"] else ""
        table.add_row(one["name"], f"{one['value']:.3f}", f"{one['limit']:g}", over, one["before"], one["now"])
    for name in found.not_compared:
        table.add_row(name, "-", "", "", "not compared: profile of an older form")
    return table


def comparison_report(compared: Comparison) -> Text:
    """A reproduction beside its run: equal, or what differs, first what it could come from."""
    if not compared.result:
        heading = Text.assemble(("reproduced  ", "bold green"), f"weights and metrics of {compared.run}, bit by bit")
    else:
        heading = Text.assemble(("not the same  ", "bold red"), f"as {compared.run}")
    found = [("result", what) for what in compared.result]
    return Text("\n").join(
        [heading, fact_lines([*compared.differences, *found, ("new run", short_path(compared.reproduction))])]
    )
