"""The curve of `bench.pretraining` as an SVG file, drawn as the charts of a run's page are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from components.common.checkout import ROOT
from pipeline.reports.html import charts

_COLOURS = ROOT / "pipeline" / "reports" / "html" / "templates" / "page.css"


def drawn(curve: Sequence[dict[str, Any]], unigram: float) -> str:
    """The loss of hidden tokens on held-out documents, over the tokens seen, above that of counts alone."""
    learned = [{"x": one["tokens"] / 1e6, "y": one["mlm_loss"], "of": "the model"} for one in curve]
    ends = (learned[0]["x"], learned[-1]["x"])
    counts = [{"x": end, "y": unigram, "of": "by counts alone"} for end in ends]
    title = "Loss of hidden tokens on held-out documents"
    said = f"From {curve[0]['mlm_loss']:.2f} to {curve[-1]['mlm_loss']:.2f} nats; by counts alone {unigram:.2f}."
    chart = charts.lines(title, said, [*learned, *counts], "million tokens seen", "nats", "told by")
    head, _, rest = str(chart.svg).partition(">")
    return f"{head}><style>{_colours()} svg {{ background: var(--ground); }}</style>{rest}\n"


def _colours() -> str:
    """The rules of a page before its first of layout: its colours, light and dark."""
    rules, found, _ = _COLOURS.read_text(encoding="utf-8").partition("* { box-sizing")
    assert found  # noqa: S101
    return rules
