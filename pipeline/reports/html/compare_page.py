"""The page of several runs beside each other."""

from __future__ import annotations

from pipeline.reports.html.blocks import Block, Note, Page, Section, Table
from pipeline.reports.html.data_sections import curves
from pipeline.reports.side_by_side import NO_DIFFERENCE, SideBySide


def compare_page(found: SideBySide) -> Page:
    """Metrics, curves and differences."""
    states = ["state", *found.states]
    metrics = [[name, *map(str, values)] for name, values in found.metrics]
    blocks: list[Block] = [Table("Metrics of all rows", ["", *found.runs], [states, *metrics])]
    sections = [Section("metrics", "Metrics", blocks)]
    if found.training:
        sections.append(Section("training", "Training", list(curves(found.training))))
    rows = [[name, *values] for name, values in found.inputs]
    inputs: Block = Table("What the runs differ in", ["", *found.runs], rows, texts=range(len(found.runs) + 1))
    if not found.inputs:
        inputs = Note(NO_DIFFERENCE)
    sections.append(Section("differences", "Differences", [inputs]))
    return Page("Runs side by side", ", ".join(found.runs), sections)
