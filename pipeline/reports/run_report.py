"""A run in words and tables, for a terminal or a plain stream; and the lists of runs and of pushed versions."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from components.common.errors import Failure
from components.common.exit_status import FAILED, REFUSED
from components.common.streams import printable
from components.leakage.duplicates import Duplicates
from components.pretraining.corpus_statistics import CorpusStatistics
from components.rows.text_statistics import TextStatistics
from components.settings.data import GATE
from components.tasks import TASKS
from components.verdict.summary import BASELINE, CANDIDATE, intervals_of
from pipeline.reports.class_report import classes, mistakes
from pipeline.reports.metric_values import about, cell, interval, number, of_copies, slices, value, without_copies
from pipeline.reports.tables import (
    Command,
    FittingTable,
    Hanging,
    duplicates_table,
    fact_lines,
    new_table,
    short_path,
    started,
    text_table,
)
from pipeline.reports.training_facts import training_facts
from pipeline.reports.vocabulary_report import corpus_table, measures_table
from pipeline.runs import lifecycle
from pipeline.runs.node_notes import baseline_note, calibration_note, drift_note, learned_rows
from pipeline.runs.record import NodeRecord, RunRecord
from pipeline.runs.vocabulary_notes import trained_on, vocabulary_note

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

_WITHDRAWN = ("blessed, not pushed: a rollback has withdrawn it", "bold red")
"""In place of `refused`, which its state is, too."""


def node_line(node: NodeRecord) -> RenderableType:
    """One line about one node, and one for each warning."""
    mark, colour = _MARKS[node.state]
    took = "cached" if node.state == "cached" else f"{node.seconds:.1f} s"
    why = (f"{'  ' if node.note else ''}({node.reason})", "dim") if node.reason else ""
    head = Text.assemble((f"{mark} ", colour), f"{node.id:<17}", (f"{took:>8}  ", "dim"))
    warned = (Hanging(Text("! ", "yellow"), Text(warning)) for warning in node.warnings)
    return Group(Hanging(head, Text.assemble(node.note, why), indent=4), *warned)


def run_report(record: RunRecord, full: bool) -> RenderableType:
    """A run's outcome; `full` adds the nodes, classes, slices and the confusion matrix."""
    words, colour = _WITHDRAWN if _is_withdrawn(record) else _STATES[record.state]
    parts: list[RenderableType] = [Hanging(Text(f"{record.name} {record.id}  ", "bold"), Text(words, colour))]
    if full:
        started = Text(f"started {record.started}, {record.seconds:.1f} s, config {short_path(record.config)}")
        parts += [Hanging(Text(), started), Text()]
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
    facts += training_facts(record) if record.training else []
    if record.vocabulary:
        facts.append(("vocabulary", vocabulary_note(record.vocabulary)))
    elif record.pretraining:
        facts.append(("trained on", trained_on(record.pretraining)))
    elif "baseline_version" in dev:
        facts.append(("baseline", f"version {dev['baseline_version']}{baseline_note(dev, record.gated)}"))
    elif dev:
        facts.append(("baseline", "no other model in production"))
    facts += _of_answers(record, dev)
    test = record.evaluations.get("test", {})
    if known := baseline_note(test, "test"):
        facts.append(("on test", f"version {test['baseline_version']}{known}"))
    parts.append(fact_lines(facts))
    if full and record.duplicates:
        found_twice = {split: Duplicates(**found) for split, found in record.duplicates.items()}
        parts += [Text(), duplicates_table(found_twice)]
    if full and record.texts:
        parts += [Text(), text_table({split: TextStatistics(**found) for split, found in record.texts.items()})]
    if full and record.corpus:
        parts += [Text(), corpus_table(CorpusStatistics(**record.corpus))]
    if record.is_of_documents and dev:
        parts += [Text(), measures_table(dev)]
    elif record.evaluations:
        parts += [Text(), *_metrics(record.by_split)]
    if full:
        for split, summary in record.by_split.items():
            parts += _details(split, summary)
    parts += _verdict(dev, full=full)
    parts += [Text(), fact_lines(_ending(record, dev))]
    return Group(*parts)


def _of_answers(record: RunRecord, dev: dict[str, Any]) -> list[tuple[str, str]]:
    facts = [("calibrated", calibration_note(record.calibration))] if record.calibration else []
    if flips := dev.get("flips"):
        facts.append(("flips", f"{flips[0]:,} of {flips[1]:,} answers on {record.gated} are others than in production"))
    if error := dev.get("ece"):
        ends = interval(error["interval"])
        facts.append(
            ("calibration", f"on {record.gated} {error['value']:.4f} ({ends}) from how often it is right (ECE)")
        )
    return facts


def evaluation_report(name: str, summary: dict[str, Any]) -> RenderableType:
    """An Evaluator's summary of some rows: metrics, by class and by slice, and the confusion matrix."""
    return Group(*_metrics({name: summary}), *_details(name, summary), *_verdict(summary, full=True))


def _details(split: str, summary: dict[str, Any]) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for made in (classes, _slices, mistakes):
        if shown := made(split, summary):
            parts += [Text(), *shown]
    return parts


def _ending(record: RunRecord, dev: dict[str, Any]) -> list[tuple[str, str]]:
    facts = []
    if dev.get("blessed") is True:
        unheld = f"; {dev['not_compared']}: not held against it" if "not_compared" in dev else ""
        facts.append(("verdict", f"blessed: every threshold is met on {record.gated}{unheld}"))
        if _is_withdrawn(record):
            facts.append(("withdrawn", "a rollback took this model out of production, it is not pushed again"))
    for reason in dev.get("reasons", []):
        facts.append(("refused", reason))
    facts += [("not served", reason) for reason in record.serving.get("reasons", [])]
    if record.error:
        facts.append(("error", record.error))
    if record.pushed and not Path(record.pushed).is_dir():
        facts.append(("pushed", f"{short_path(record.pushed)}, a version that was removed since"))
    elif record.pushed:
        facts.append(("pushed", short_path(record.pushed)))
        if record.pretraining:
            facts.append(("to go on", f'base = "run:{record.name}" in the [model] of a fine-tuning'))
        elif not record.vocabulary:
            facts.append(("try", try_line(record.pushed, dev.get("task", ""))))
    elif record.state == "refused":
        facts.append(("pushed", "nothing: production stays as it is"))
    if record.report.is_file():
        facts.append(("report", short_path(str(record.report))))
    facts.append(("log", _log_of(record)))
    return facts


def _log_of(record: RunRecord) -> str:
    return f"the scheduler has it, as {record.scheduled_as}" if record.scheduled_as else short_path(str(record.log))


AFTER_REFUSAL = "Production stays as it is: other data or another model may pass, or another [gate]"

_AFTER_WITHDRAWAL = "Production stays as it is: other data or other settings make another model"


def not_pushed(record: RunRecord, remedy: str) -> Failure | None:
    """Why nothing of a run that has ended was pushed; None: something was. `remedy` is what to do where it failed."""
    if record.state == "pushed":
        return None
    if record.state == "refused":
        what = _AFTER_WITHDRAWAL if _is_withdrawn(record) else AFTER_REFUSAL
        return Failure(REFUSED, f"{record.name} {record.id}", lifecycle.refusal(record), what)
    return failed(record, remedy)


def failed(record: RunRecord, remedy: str) -> Failure:
    """Why a run has no result."""
    node = next((node.id for node in record.nodes if node.state == "failed"), "the run")
    how = "was interrupted" if record.state == "interrupted" else f"failed: {record.error}"
    return Failure(FAILED, node, how, f"{remedy} The log has the rest: {_log_of(record)}")


def _is_withdrawn(record: RunRecord) -> bool:
    """Whether the gate let the model pass, and a rollback had taken it out of production before."""
    blessed = record.evaluations.get("dev", {}).get("blessed") is True and record.serving.get("blessed", True)
    return record.state == "refused" and blessed


def as_message(failure: Failure) -> str:
    """A failure of a run in a line."""
    return printable(f"{failure.place} {failure.rule}. {failure.remedy}")


def try_line(model: str, task: str) -> Command:
    """The command that asks a pushed model."""
    command = [*started(), "predict", "--model", short_path(model)]
    together = task in TASKS and len(TASKS[task].texts) > 1 and not TASKS[task].bi_encoder
    text = "$'a text of yours\\tand another'" if together else "'a text of yours'"
    return Command(f"{shlex.join(command)} {text}")


def _metrics(evaluations: dict[str, dict[str, Any]]) -> list[RenderableType]:
    headline = without_copies(next(iter(evaluations.values()))["headline"])
    table = new_table("", *headline)
    for split, summary in evaluations.items():
        overall = {model: by_slice.get("", {}) for model, by_slice in summary["metrics"].items()}
        compared = summary["learned"].get("metrics", {}) if learned_rows(summary) else overall
        candidate, baseline = (compared.get(model, {}) for model in (CANDIDATE, BASELINE))
        cells = [cell(summary, metric, change=_change(candidate, baseline, metric)) for metric in headline]
        table.add_row(split, *cells)
        if copies := of_copies(overall[CANDIDATE], headline):
            table.add_row("sources copied", *(number(copies.get(metric)) for metric in headline))
    meaning = about(list(evaluations.values()))
    return [table, *([Hanging(Text(), Text(meaning, "dim"))] if meaning else [])]


def _verdict(summary: dict[str, Any], *, full: bool) -> list[RenderableType]:
    """A line a rule of the gate: of all, or of those that say more than a bound that is met."""
    lines = summary.get("verdict", [])
    if not full:
        lines = [line for line in lines if line["result"] != "pass" or "no_worse" in line["rule"]]
    if not lines:
        return []
    table = new_table("rule", "value", "interval", "limit", "")
    for line in lines:
        result = Text(line["result"], {"fail": "bold red", "not held": "yellow"}.get(line["result"], ""))
        table.add_row(line["rule"], number(line["value"]), interval(line["interval"]), f"{line['limit']:g}", result)
    unheld = [Hanging(Text(), Text(line["text"], "dim")) for line in lines if line["result"] == "not held"]
    return [Text(), table, *unheld]


def _change(candidate: dict[str, float], baseline: dict[str, float], metric: str) -> str:
    now, before = candidate.get(metric), baseline.get(metric)
    return "" if now is None or before is None else f" ({now - before:+.4f})"


def _slices(split: str, summary: dict[str, Any]) -> list[RenderableType]:
    headline = without_copies(summary["headline"])
    if not any(summary["metrics"][CANDIDATE]):
        return []
    table = new_table(f"{split}, by slice", "rows", *headline)
    for name, shown in slices(summary):
        cells = (cell(summary, metric, name) for metric in headline)
        table.add_row(shown, f"{summary['metrics'][CANDIDATE][name]['example_count']:.0f}", *cells)
    return [table]


def run_list(records: list[RunRecord]) -> FittingTable:
    """A line a run."""
    table = new_table("run", "state", "started", _gated(record.gated for record in records))
    for record in records:
        found = record.evaluations.get("dev", {})
        overall = found.get("metrics", {}).get("candidate", {}).get("", {})
        headline = ""
        if overall:
            name = found["headline"][0]
            headline = " ".join(filter(None, [name, value(overall, name), interval(intervals_of(found).get(name))]))
        state = "withdrawn" if _is_withdrawn(record) else record.state
        table.add_row(f"{record.name} {record.id}", state, record.started, headline)
    return table


def _gated(splits: Iterable[str]) -> str:
    """What a column is called that has of each line the split that its gate looked at."""
    return " or ".join(sorted(set(splits))) or "dev"


def version_list(pushed: list[Version]) -> FittingTable:
    """A line a pushed version."""
    gated = [GATE if GATE in version.metrics else "dev" for version in pushed]
    table = new_table("version", "", "run", "metric", _gated(gated), "test")
    for version, of_version in zip(pushed, gated, strict=True):
        values = (version.metrics.get(split, {}).get(version.headline) for split in (of_version, "test"))
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


def comparison_report(compared: Comparison) -> RenderableType:
    """A reproduction beside its run: equal, or what differs, first what it could come from."""
    if not compared.result:
        heading = Text.assemble(("reproduced  ", "bold green"), f"weights and metrics of {compared.run}, bit by bit")
    else:
        heading = Text.assemble(("not the same  ", "bold red"), f"as {compared.run}")
    found = [("result", what) for what in compared.result]
    facts = fact_lines([*compared.differences, *found, ("new run", short_path(compared.reproduction))])
    return Group(Hanging(Text(), heading), facts)
