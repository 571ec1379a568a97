"""A run that never was: its record and its answers, and texts that somebody may have in a file."""

from pathlib import Path
from typing import Any

from components.tasks.metrics import Assessment
from components.verdict.answers import AnsweredRow, Answers
from pipeline.reports.html.explanations import Explained, Explanations, Near, Weighed, worst
from pipeline.runs.record import RunRecord

HOSTILE = [
    "<script>alert(1)</script>",
    "</style><script>alert(2)</script>",
    '"><img src=x onerror=alert(3)>',
    "\x1b[31mred\x1b[0m",
    "[bold]markup[/bold]",
    "{{ 7 * 7 }}{% raw %}",
    "\u202eevil",
    "שלום עולם",
    "&lt;b&gt;",
    "L" * 200,
]


LINE = ("rule", "value", "interval", "limit", "result", "text")


def summary(names: list[str], matrix: list[list[int]], **more: Any) -> dict[str, Any]:
    total, right = sum(map(sum, matrix)), sum(line[at] for at, line in enumerate(matrix))
    metrics = {"accuracy": right / total, **{f"f1/{name}": 0.5 for name in names}, "example_count": float(total)}
    of_slice = {"accuracy": 0.25, "example_count": 4.0}
    return {
        **{"task": "classification", "labels": names, "headline": ["accuracy"], "per_label": ["f1"]},
        "metrics": {"candidate": {"": metrics, "source=web": of_slice, "source=": of_slice}},
        "confusion": {"candidate": matrix},
        **{"blessed": True, "reasons": []},
        **more,
    }


def record(directory: Path, **more: Any) -> RunRecord:
    training = {
        **{"trainable_parameters": 50, "parameters": 100, "steps": 20, "best_step": 20, "metric": "accuracy"},
        "evaluations": [{"step": 10, "value": 0.5, "loss": 0.7}, {"step": 20, "value": 0.75, "loss": 0.6}],
        **{"examples_per_second": 100.0, "seconds": 1.0, "frozen_seconds": 0.0},
    }
    fields = {"rows": {"train": 80, "dev": 20}, "training": training, "state": "pushed", **more}
    return RunRecord("20261128-093000", "toy", "run.toml", str(directory), "2026-11-28T09:30:00+00:00", **fields)


RIGHT = Assessment("good", "good", 0.1, True, 0.6)


def answers(texts: list[str], **more: Any) -> Answers:
    rows = [
        AnsweredRow(place, (text,), Assessment("good", "bad", place / 10, False, 0.9), RIGHT)
        for place, text in enumerate(texts, 1)
    ]
    return Answers("dev", "id", "7", len(texts), rows, **more)


def explanations(answered: Answers) -> Explanations:
    """Of these answers: each text is a word that spoke for the answer, between two that did not."""
    rows = []
    for number, row in enumerate(worst(answered), 1):
        words = [Weighed("the", -0.25), Weighed(row.texts[0], number / 2), Weighed("film", 0.0)]
        near = [Near(number, row.texts, row.candidate.truth, 0.875)]
        rows.append(Explained(row.place, words, 0.0, True, near))
    return Explanations(answered.split, answered.model, 80, 80, rows)
