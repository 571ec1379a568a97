"""Sections on what a model is worth: the verdict, the metrics, classes and which is taken for which, slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.verdict.summary import BASELINE, CANDIDATE, intervals_of
from pipeline.reports import metric_values
from pipeline.reports.class_report import confused
from pipeline.reports.html import charts
from pipeline.reports.html.blocks import Block, Cell, Cells, Facts, Note, Section, Table
from pipeline.reports.metric_values import ends, number, value
from pipeline.reports.tables import short_path
from pipeline.runs.record import RunRecord

Summary = Mapping[str, Any]
"""As `components.verdict.summary.read_summary` has it."""

_WHOLE_MATRIX = 20
"""Classes of a matrix whose counts can be read; of more, those with the most mistakes."""

_PAIRS = 25
"""Of classes, the most often confused ones."""

_CHARTED = 40
"""Slices that are drawn; more stand in the table alone."""

_RESULTS = {"pass": "good", "fail": "bad", "not held": "warn"}


def with_interval(values: Mapping[str, float], known: Mapping[str, Sequence[float]], name: str) -> str:
    """A metric, and below it its interval where it is known."""
    return value(values, name) + (f"\n{ends(known[name])}" if name in known else "")


def verdict(record: RunRecord) -> Section:
    """What the gate said, a line a rule, and what was done then."""
    dev = record.evaluations.get("dev", {})
    blocks: list[Block] = []
    if record.error:
        blocks.append(Note(record.error, "bad"))
    reasons = [*dev.get("reasons", []), *(f"as a client has it: {one}" for one in record.serving.get("reasons", []))]
    if reasons:
        blocks += [Note(f"refused: {reason}", "bad") for reason in reasons]
    elif dev.get("blessed"):
        blocks.append(Note(f"Every rule of the gate is met on {record.gated}.", "good"))
    if lines := dev.get("verdict"):
        rows = [
            [
                line["rule"],
                Cell(line["result"], _RESULTS.get(line["result"], "")),
                number(line["value"]),
                ends(line["interval"]),
                f"{line['limit']:g}",
                line["text"],
            ]
            for line in lines
        ]
        headings = ["rule", "result", "value", "interval", "limit", "in words"]
        blocks.append(Table("The rules of the gate", headings, rows, texts=(0, 1, 5)))
    blocks += metrics(record.by_split)
    facts = [("pushed", short_path(record.pushed))] if record.pushed else []
    if "baseline_version" in dev:
        facts.append(("in production before", f"version {dev['baseline_version']}"))
    if "not_compared" in dev:
        facts.append(("not compared", dev["not_compared"]))
    if flips := dev.get("flips"):
        facts.append(("other answers", f"{flips[0]:,} of {flips[1]:,} on {record.gated} are others than in production"))
    return Section("verdict", "Verdict", [*blocks, Facts(facts)])


def metrics(evaluations: Mapping[str, Summary]) -> list[Block]:
    """The task's metrics by split, of both models where two were measured."""
    rows, headline = [], []
    for split, summary in evaluations.items():
        if "headline" not in summary:
            continue
        headline = metric_values.without_copies(summary["headline"])
        for model, said in ((CANDIDATE, split), (BASELINE, f"{split}, in production before")):
            if (values := summary["metrics"].get(model, {}).get("")) is not None:
                known = intervals_of(summary, model=model)
                rows.append([said, *(with_interval(values, known, name) for name in headline)])
                if model == CANDIDATE and (copies := metric_values.of_copies(values, headline)):
                    rows.append([f"{split}, sources copied", *(number(copies.get(name)) for name in headline)])
    levels = [100 * summary["confidence"] for summary in evaluations.values() if intervals_of(summary)]
    of = f", with the range that holds the true value with {max(levels):g}% confidence" if levels else ""
    return [Table(f"Metrics of all rows{of}", ["", *headline], rows)] if rows else []


def classes(record: RunRecord) -> Section | None:
    """Metrics by class or kind of entity, and which class is taken for which; None for a task without any."""
    blocks: list[Block] = []
    for split, summary in record.by_split.items():
        if summary.get("per_label"):
            blocks.append(_by_class(split, summary))
        if matrix := summary.get("confusion", {}).get(CANDIDATE):
            blocks += _confusion(split, summary["labels"], matrix)
    return Section("classes", "Classes", blocks) if blocks else None


def _by_class(split: str, summary: Summary) -> Table:
    names, of_label = summary["labels"], summary["per_label"]
    values, known = summary["metrics"][CANDIDATE][""], intervals_of(summary)
    counts = [sum(line) for line in summary.get("confusion", {}).get(CANDIDATE, ())]
    rows = []
    for at, name in enumerate(names):
        cells = (with_interval(values, known, f"{metric}/{name}") for metric in of_label)
        rows.append([name, *([f"{counts[at]:,}"] if counts else []), *cells])
    headings = ["class", *(["rows"] if counts else []), *of_label]
    return Table(f"{split}, by class", headings, rows, folded=len(names) > _WHOLE_MATRIX)


def _confusion(split: str, names: Sequence[str], matrix: Sequence[Sequence[int]]) -> list[Block]:
    blocks: list[Block] = []
    pairs = confused(matrix)
    wrong, total = sum(count for count, *_ in pairs), sum(map(sum, matrix))
    if len(names) > _WHOLE_MATRIX:
        blocks.append(_drawn(split, names, matrix))
    blocks.append(_counts(split, names, matrix, pairs))
    rows = [
        [f"{names[actual]} → {names[predicted]}", f"{count:,}", f"{count / sum(matrix[actual]):.1%}"]
        for count, actual, predicted in pairs[:_PAIRS]
    ]
    if rows:
        blocks.append(Table(f"{split}, most confused: actual → predicted", ["pair", "rows", "of actual"], rows))
    blocks.append(Note(f"{split}: {wrong:,} of {total:,} rows are predicted wrongly."))
    return blocks


def _drawn(split: str, names: Sequence[str], matrix: Sequence[Sequence[int]]) -> Block:
    order = _neighbours(matrix)
    ordered = [[matrix[actual][predicted] for predicted in order] for actual in order]
    title = f"{split}, all {len(names):,} classes, those that are confused beside each other"
    described = "A square for each pair of actual and predicted class; the table of pairs has the counts."
    return charts.matrix(title, described, [names[place] for place in order], ordered)


def _neighbours(matrix: Sequence[Sequence[int]]) -> list[int]:
    """An order of the classes in which those that are confused stand together: leaves of average linkage."""
    import numpy as np
    from scipy.cluster import hierarchy
    from scipy.spatial.distance import squareform

    counts = np.array(matrix, float)
    shares = counts / np.maximum(1.0, counts.sum(axis=1, keepdims=True))
    apart = 1.0 - np.clip((shares + shares.T) / 2, 0.0, 1.0)
    np.fill_diagonal(apart, 0.0)
    return [int(place) for place in hierarchy.leaves_list(hierarchy.linkage(squareform(apart), "average"))]


def _counts(
    split: str, names: Sequence[str], matrix: Sequence[Sequence[int]], pairs: Sequence[tuple[int, int, int]]
) -> Table:
    shown = list(range(len(names)))
    caption = f"{split}, rows by actual class (down) and predicted class (across)"
    if len(names) > _WHOLE_MATRIX:
        mistakes = [0] * len(names)
        for count, actual, predicted in pairs:
            mistakes[actual] += count
            mistakes[predicted] += count
        shown = sorted(sorted(shown, key=lambda place: -mistakes[place])[:_WHOLE_MATRIX])
        caption += f", the {_WHOLE_MATRIX} of {len(names):,} classes with the most mistakes"
    rows: list[Cells] = []
    for actual in shown:
        total = sum(matrix[actual])
        cells = [Cell(f"{matrix[actual][at]:,}", weight=matrix[actual][at] / total if total else 0.0) for at in shown]
        rows.append([names[actual], *cells])
    return Table(caption, ["actual", *(names[place] for place in shown)], rows)


def slices(record: RunRecord) -> Section | None:
    """Metrics of the rows of each value of a column; None: there are no slices."""
    blocks: list[Block] = []
    for split, summary in record.by_split.items():
        named = list(metric_values.slices(summary))
        if not named or "headline" not in summary:
            continue
        headline = metric_values.without_copies(summary["headline"])
        first, rows, drawn = headline[0], [], []
        for name, shown in named:
            values, known = summary["metrics"][CANDIDATE][name], intervals_of(summary, name)
            cells = [with_interval(values, known, one) for one in headline]
            rows.append([shown, f"{values['example_count']:,.0f}", *cells])
            if first in known and first in values:
                low, high = known[first]
                drawn.append({"name": shown, "low": low, "high": high, "value": values[first]})
        if 1 < len(drawn) <= _CHARTED:
            said = "For each slice the range in which the true value lies, and the measured value."
            blocks.append(charts.intervals(f"{split}, {first} by slice", said, drawn, first))
        folded = len(rows) > _CHARTED
        blocks.append(Table(f"{split}, by slice", ["slice", "rows", *headline], rows, folded=folded))
    return Section("slices", "Slices", blocks) if blocks else None
