"""Sections on what a model was made of: rows, labels and texts, drift, and the training itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.rows import row_counts
from components.tasks import Task
from pipeline.reports.html import charts
from pipeline.reports.html.blocks import Block, Cell, Drawn, Facts, Note, Section, Table
from pipeline.reports.metric_values import number
from pipeline.runs.node_notes import drift_note, training_speed
from pipeline.runs.record import RunRecord

_OPEN = 30
"""Lines of a table that need no click."""


def data(record: RunRecord, examples: Path | None, task: Task | None) -> Section | None:
    """Rows and labels by split, how texts fit, what stands in the data twice, what warned.

    Args:
        record: of the run.
        examples: what ExampleGen made; None: it was removed, or there is none.
        task: of the run, likewise.
    """
    blocks: list[Block] = []
    warnings = [warning for node in record.nodes for warning in node.warnings]
    blocks += [Note(f"! {warning}", "warn") for warning in warnings]
    if record.rows:
        rows = [[split, f"{count:,}"] for split, count in record.rows.items()]
        blocks.append(Table("Rows by split", ["split", "rows"], rows))
    if record.quarantined:
        place = record.quarantine_file or "-"
        blocks.append(Facts([("quarantined", f"{record.quarantined:,} rows that broke a rule, in {place}")]))
    if examples is not None and task is not None and task.has_label_names:
        blocks.append(_labels(examples, task, list(record.rows)))
    if record.texts:
        rows = [
            [
                split,
                f"{one['words']:,}",
                f"{one['unknown_share']:.2%}",
                f"{one['spelled_share']:.2%}",
                f"{one['truncated_share']:.2%}",
                f"{one['cut_share']:.2%}",
                f"{one['mean_tokens']:.1f}",
                *(f"{one['percentiles'][part]:,}" for part in ("50", "90", "99", "100")),
                f"{one['most_tokens']:,}",
            ]
            for split, one in record.texts.items()
        ]
        headings = ["split", "words", "unknown", "spelled out", "rows truncated", "tokens cut", "mean tokens"]
        headings += ["50% of rows have at most", "90%", "99%", "the longest", "seen at most"]
        blocks.append(Table("Texts: words and lengths", headings, rows))
    if record.duplicates:
        before = list(dict.fromkeys(name for one in record.duplicates.values() for name in one["leaked"]))
        rows = []
        for split, one in record.duplicates.items():
            counts = [one["repeated"], one["contradicting"], *(one["leaked"].get(name) for name in before)]
            cells = ["-" if count is None else f"{count:,} ({count / one['rows']:.2%})" for count in counts]
            rows.append([split, *cells])
        headings = ["split", "repeated", "with another label", *(f"also in {name}" for name in before)]
        blocks.append(Table("Rows with equal texts", headings, rows))
    return Section("data", "Data", blocks) if blocks else None


def _labels(examples: Path, task: Task, splits: list[str]) -> Table:
    counts: dict[str, Counter[str]] = {split: Counter() for split in splits}
    for (split, label), count in row_counts.row_counts(examples).items():
        for name in task.label_names(label):
            counts.setdefault(split, Counter())[name] += count
    names = sorted(set().union(*counts.values()), key=lambda name: (-counts[splits[0]][name], name))
    rows = [[name, *(f"{counts[split][name]:,}" for split in splits)] for name in names]
    return Table("Rows with each label", ["label", *splits], rows, folded=len(rows) > _OPEN)


def drift(record: RunRecord) -> Section | None:
    """How far train is from what the model in production learned from; None: nothing was compared."""
    found = record.drift
    if not found.get("measures") and not found.get("unlike"):
        return None
    rows = [
        [
            one["name"],
            number(one["value"], ".3f"),
            f"{one['limit']:g}",
            Cell("over", "bad") if one["exceeded"] else "within",
            one["before"],
            one["now"],
        ]
        for one in found.get("measures", [])
    ]
    headings = ["measure", "distance", "limit", "", "learned before", "these rows"]
    version = f"version {found.get('version')}"
    table = Table(f"Train beside what {version} learned from", headings, rows, texts=(0, 3, 4, 5))
    spreads = [block for one in found.get("measures", []) for block in _spread(one, version)]
    return Section("drift", "Drift", [Note(drift_note(found)), table, *spreads])


_SPREADS = {
    "label": "Labels",
    "label_agreement": "Labels that are what the words tell",
    "text_length": "Tokens of a row",
    "unknown_share": "Unknown words of a row",
    "vocabulary_coverage": "Words of a row that are one token",
}
"""Measure -> what its shares are of."""

_DRAWN = 20
"""Values of a chart; of more, those whose shares moved most."""


def _spread(measure: Mapping[str, Any], version: str) -> list[Block]:
    """The shares that a measure compares; nothing where an older run has not kept them."""
    # A label that is called like the other column is another one still.
    spread = [(str(name), float(before), float(now)) for name, before, now in measure.get("spread", [])]
    if not spread:
        return []
    title = _SPREADS[measure["name"]]
    most = sorted(spread, key=lambda one: -abs(one[2] - one[1]))[:_DRAWN]
    drawn = [
        {"x": name, "y": share, "of": of}
        for name, before, now in spread
        if (name, before, now) in most
        for of, share in ((f"learned by {version}", before), ("train of this run", now))
    ]
    said = f"Shares of rows, of what {version} learned from and of this run's train; the table has the numbers."
    rows = [[name, f"{before:.2%}", f"{now:.2%}", f"{100 * (now - before):+.2f}"] for name, before, now in spread]
    headings = ["", f"learned by {version}", "train of this run", "moved by, in points"]
    which = f"{title}, the {_DRAWN} that moved most" if len(spread) > _DRAWN else title
    table = Table(f"{title}: shares of rows", headings, rows, folded=len(rows) > _OPEN)
    # Two bars of 100% say nothing.
    return [Drawn(charts.bars(which, said, drawn, "share of rows"), table)] if len(rows) > 1 else [table]


def training(record: RunRecord) -> Section | None:
    """Curves on dev, and what was trained; None: nothing was."""
    found = record.training
    if not found:
        return None
    blocks: list[Block] = list(curves({"": found}))
    share = found["trainable_parameters"] / found["parameters"]
    facts = [
        ("trained", f"{found['trainable_parameters']:,} of {found['parameters']:,} parameters ({share:.1%})"),
        ("speed", training_speed(found)),
        ("checkpoint", f"of step {found['best_step']:,}, the best of {found['steps']:,} by {found['metric']} on dev"),
    ]
    facts += [("stopped early", "dev brought nothing better")] if found.get("stopped_early") else []
    facts += [(one["key"], f"{one['value']}: {one['why']}") for one in found.get("chosen", [])]
    rows = [
        [f"{one['step']:,}", number(one["value"]), number(one["loss"]), "kept" * (one["step"] == found["best_step"])]
        for one in found["evaluations"]
    ]
    table = Table("Evaluations on dev", ["step", found["metric"], "loss", ""], rows, (3,), folded=len(rows) > _OPEN)
    return Section("training", "Training", [*blocks, Facts(facts), table])


def curves(histories: Mapping[str, Mapping[str, object]]) -> list[charts.Chart]:
    """The metric and the loss on dev by step.

    Args:
        histories: name of a run -> its history as the record has it; the name is empty where there is one alone.
    """
    drawn = []
    of = "run" if len(histories) > 1 else None
    metric = " / ".join(dict.fromkeys(str(one["metric"]) for one in histories.values()))
    for key, name in (("value", metric), ("loss", "loss")):
        rows = [
            {"x": one["step"], "y": one[key], "of": run}
            for run, history in histories.items()
            for one in history["evaluations"]  # type: ignore[attr-defined]
        ]
        said = f"{name} on dev after each part of the training; the table below has the numbers."
        drawn.append(charts.lines(f"{name} on dev", said, rows, "step", name, of))
    return drawn
