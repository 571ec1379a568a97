"""The verdict: what each rule of a gate says of a model, a line a rule, and whether it may be pushed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from components.settings.gate import Gate
from components.statistics import shares
from components.tasks import Task
from components.tasks.generation.task import COPY
from components.verdict import paired
from components.verdict.gate import wanted
from components.verdict.summary import BASELINE, CANDIDATE, intervals_of

Result = Literal["pass", "fail", "not held"]

_ROUNDING = 1e-6
"""By how much a bound may be missed: TFMA's accuracy is float32, in which 9 right of 10 are less than 0.9."""

_NOTHING_KNOWN = (-math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Line:
    """What a rule says."""

    rule: str
    """The key, and what of it: `min accuracy`, `slices.min accuracy, source=web`."""
    value: float | None
    """What was measured; of a comparison the difference, positive where the candidate is better; None: nothing."""
    interval: list[float] | None
    """The ends between which its true value lies; None: not known."""
    limit: float
    result: Result
    text: str
    """In words: of a rule that is broken why, and what would help."""


def verdict(gate: Gate, task: Task, summary: Mapping[str, Any], split: str) -> dict[str, Any]:
    """What a gate says of an evaluation.

    Args:
        gate: the bounds.
        task: of the models.
        summary: as `summary.SUMMARY_FILE` has it.
        split: that was measured.

    Returns:
        `verdict`: every `Line`, as a dict. `blessed`: whether no rule is broken. `reasons`: of those that are, why.
    """
    lines = [
        *_bounds(gate.min, gate.max, gate, summary, ""),
        *_over_copy(gate, summary),
        *_of_slices(gate, summary),
        *_limits(gate, summary),
        *_comparisons(gate, task, summary, split),
    ]
    reasons = [line.text for line in lines if line.result == "fail"]
    return {"verdict": [asdict(line) for line in lines], "blessed": not reasons, "reasons": reasons}


def _bounds(
    least: Mapping[str, float], most: Mapping[str, float], gate: Gate, summary: Mapping[str, Any], of_slice: str
) -> Iterator[Line]:
    """Of all rows, `of_slice` empty, or of a slice."""
    values = summary["metrics"][CANDIDATE][of_slice]
    known = intervals_of(summary, of_slice)
    where = f" in {of_slice} ({values['example_count']:,.0f} rows)" if of_slice else ""
    sides: tuple[tuple[Literal["min", "max"], Mapping[str, float]], ...] = (("min", least), ("max", most))
    for side, bounds in sides:
        for name, limit in bounds.items():
            value, interval = values.get(name, math.nan), known.get(name)
            asked = wanted(side, limit)
            text, held = f"{name}{where} is {value:.4f}", value
            if gate.bounds_on == "interval":
                held = (interval or _NOTHING_KNOWN)[0 if side == "min" else 1]
                sure = f"with {100 * gate.confidence:g}% confidence"
                reach = f"its true value may be {held:.4f}" if interval else "of how far it is from its true value"
                text += f", {reach}" if interval else f", {reach} nothing is known"
                asked = f"{asked} {sure}; more rows narrow the interval"
            ok = held >= limit - _ROUNDING if side == "min" else held <= limit + _ROUNDING
            rule = f"slices.{side} {name}, {of_slice}" if of_slice else f"{side} {name}"
            yield Line(rule, _finite(value), interval, limit, "pass" if ok else "fail", f"{text}, {asked}")


def _over_copy(gate: Gate, summary: Mapping[str, Any]) -> Iterator[Line]:
    """Of a model that writes, against its sources in place of what it writes."""
    values = summary["metrics"][CANDIDATE][""]
    for name, limit in gate.min_over_copy.items():
        value, copied = values.get(name, math.nan), values.get(f"{COPY}{name}", math.nan)
        better = value - copied
        text = f"{name} is {value:.4f}, {copied:.4f} where sources are copied, required: at least {limit:g} more"
        yield _line(f"min_over_copy {name}", better, None, limit, text, ok=better >= limit - _ROUNDING)


def _of_slices(gate: Gate, summary: Mapping[str, Any]) -> Iterator[Line]:
    floors = gate.slices
    if not (floors.min or floors.max):
        return
    for name, values in sorted(summary["metrics"][CANDIDATE].items()):
        features = floors.features
        if not name or (features is not None and not any(name.startswith(f"{one}=") for one in features)):
            continue
        if (rows := int(values["example_count"])) < floors.min_rows:
            text = f"{name} has {rows:,} rows, which are held to nothing: gate.slices.min_rows is {floors.min_rows:,}"
            yield Line(f"slices, {name}", rows, None, floors.min_rows, "not held", text)
            continue
        # What needs rows of each class, as AUC does, a slice may be without.
        least, most = (
            {key: limit for key, limit in side.items() if key in values} for side in (floors.min, floors.max)
        )
        yield from _bounds(least, most, gate, summary, name)
        for side, bounds in (("min", floors.min), ("max", floors.max)):
            for key in sorted(bounds.keys() - values.keys()):
                text = f"{key} in {name} is not held: its rows are without one of the classes"
                yield Line(f"slices.{side} {key}, {name}", None, None, bounds[key], "not held", text)


def _limits(gate: Gate, summary: Mapping[str, Any]) -> Iterator[Line]:
    """Of what is no metric of a task."""
    if gate.max_ece is not None:
        found, limit = summary["ece"], gate.max_ece
        held = found["interval"][1] if gate.bounds_on == "interval" else found["value"]
        text = (
            f"probabilities are {found['value']:.4f} from how often the model is right (ECE), allowed: {limit:g}; "
            "label_smoothing, fewer epochs or calibration may help"
        )
        yield _line("max_ece", found["value"], found["interval"], limit, text, ok=held <= limit)
    if gate.max_megabytes is not None:
        size, limit = summary["megabytes"], gate.max_megabytes
        text = f"the exported model has {size:,.1f} MB, allowed: {limit:g}; take a smaller base model"
        yield _line("max_megabytes", size, None, limit, text, ok=size <= limit)
    if (abstention := summary.get("abstention")) and "min_coverage" in abstention:
        answered, rows, limit = abstention["answered"], abstention["of"], abstention["min_coverage"]
        ends = list(shares.rounded(shares.wilson(answered, rows, gate.confidence)))
        text = (
            f"{answered:,} of {rows:,} rows are answered ({answered / rows:.4f}), required: at least {limit:g}; "
            "more rows of dev or a larger error of calibration.abstain would let more be"
        )
        ok = answered / rows >= limit - _ROUNDING
        yield _line("calibration.abstain min_coverage", answered / rows, ends, limit, text, ok=ok)
    if gate.max_flips is not None:
        limit = gate.max_flips
        if (why_not := _not_compared(summary)) is not None:
            text = f"flips: nothing to compare with, {why_not}"
            yield Line("max_flips", None, None, limit, "not held", text)
            return
        if "flips" not in summary:
            text = "flips: production has learned from rows of dev, and models are compared by no other rule"
            yield Line("max_flips", None, None, limit, "not held", text)
            return
        count, rows = summary["flips"]
        ends = list(shares.rounded(shares.wilson(count, rows, gate.confidence)))
        text = f"{count:,} of {rows:,} answers are others than in production ({count / rows:.4f}), allowed: {limit:g}"
        yield _line("max_flips", count / rows, ends, limit, text, ok=count / rows <= limit + _ROUNDING)


def _line(rule: str, value: float, ends: list[float] | None, limit: float, text: str, *, ok: bool) -> Line:
    return Line(rule, value, ends, limit, "pass" if ok else "fail", text)


def _not_compared(summary: Mapping[str, Any]) -> str | None:
    """Why there is nothing to compare with; None: there is."""
    if "baseline_version" not in summary:
        return "there is no other version"
    found: str | None = summary.get("not_compared")
    return found


def _comparisons(gate: Gate, task: Task, summary: Mapping[str, Any], split: str) -> Iterator[Line]:
    """Against the model in production, and against the anchor."""
    learned = summary.get("learned", {})
    every = {model: by[""] for model, by in summary["metrics"].items()}
    overall = learned.get("metrics") or summary.get("compared") or every
    where = _on_rest(summary, split) if "metrics" in learned else ""
    rules = [(key, name, limit) for key in ("max_drop", "no_worse") for name, limit in getattr(gate, key).items()]
    yield from _against(gate, task, {**summary, "metrics": overall}, rules, "production", where)
    rules = [("anchor_no_worse", name, limit) for name, limit in gate.anchor_no_worse.items()]
    anchor = summary.get("anchor", {})
    version = f"version {anchor.get('baseline_version')}"
    where = _on_rest(anchor, split) if anchor.get("learned", {}).get("rows") else ""
    yield from _against(gate, task, anchor, rules, version, where)


def _on_rest(summary: Mapping[str, Any], split: str) -> str:
    learned = summary["learned"]
    left = f"on the {learned['of'] - learned['rows']:,} of {learned['of']:,} rows of {split}"
    return f"; {left} that version {summary['baseline_version']} has not learned from"


def _against(
    gate: Gate, task: Task, compared: Mapping[str, Any], rules: list[tuple[str, str, float]], whose: str, where: str
) -> Iterator[Line]:
    """Rules about another version.

    Args:
        gate: that has them.
        task: of both.
        compared: of the other version `baseline_version`, `not_compared`; `metrics` of both models and `differences`.
        rules: key, metric and limit of each.
        whose: the other version in words.
        where: on which rows, in words.
    """
    why_not = _not_compared(compared)
    for key, name, limit in rules:
        if why_not is not None:
            yield Line(f"{key} {name}", None, None, limit, "not held", f"{name}: nothing to compare with, {why_not}")
            continue
        metric = task.metric_of(name)
        assert metric is not None  # noqa: S101
        now, before = (compared["metrics"][model].get(name, math.nan) for model in (CANDIDATE, BASELINE))
        better = (now - before) * (1 if metric.higher_is_better else -1)
        text = (
            f"{name} is {now:.4f}, {abs(better):.4f} {'better' if better > 0 else 'worse'} than {before:.4f} in {whose}"
        )
        ends = compared.get("differences", {}).get(name)
        if key == "max_drop":
            ok = better >= -limit - _ROUNDING
            text += f"; allowed: {limit:g}{where}"
        else:
            text += f": {_claim(gate, ends, limit)}{where}"
            found = paired.answer((ends[0], ends[1]), limit) if ends else "undecided"
            ok = found == "no worse" or (found == "undecided" and gate.undecided == "push")
        yield Line(f"{key} {name}", _finite(better), ends, limit, "pass" if ok else "fail", text)


def _claim(gate: Gate, ends: list[float] | None, margin: float) -> str:
    """What `no_worse` has found, in words."""
    if not ends:
        return f"undecided, of how far that is from the true difference nothing is known; allowed: {margin:g}"
    low, high = (f"{abs(end):.4f} {'better' if end > 0 else 'worse'}" for end in ends)
    match paired.answer((ends[0], ends[1]), margin):
        case "no worse":
            return f"no worse, at most {low}" if ends[0] < 0 else f"no worse, at least {low}"
        case "worse":
            return f"it is worse, by more than the {margin:g} allowed: truly at least {high}"
    remedy = "more rows or a larger margin would decide" if gate.undecided == "refuse" else 'undecided = "push"'
    return f"undecided, truly between {low} and {high}, allowed: {margin:g} worse; {remedy}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
