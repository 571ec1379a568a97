"""The page about a run: what it takes to write it, how large it is, and how soon a browser has it.

    python -m bench.report [--rows 10000] [--classes 2 150]

Rows of 30 words and answers of no model, so that nothing but the page is measured: CPU seconds of the first page of a
process, which starts what draws charts, and of the next one. The browser is Debian's `chromium`, which `make browser`
has what asks it for. Writes bench/results/report.json, and prints the lines of a table.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.common import ROOT, keep
from components.tasks.metrics import Assessment
from components.verdict.answers import AnsweredRow, Answers
from pipeline.reports.html.render import render
from pipeline.reports.html.run_page import run_page
from tests.pipeline.reports.made_up import record, summary

_BROWSER_PYTHON = ROOT / ".venv-browser" / "bin" / "python"

_BROWSE = ROOT / "tests" / "pipeline" / "reports" / "browse.py"

_WRONG = 0.15
"""Of the rows."""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--classes", nargs="+", type=int, default=[2, 150])
    options = parser.parse_args()
    for classes in options.classes:
        found = measured(options.rows, classes)
        keep("report", f"{options.rows} rows, {classes} classes", found)
        print(
            f"| {options.rows:,} rows, {classes:,} classes |",
            " | ".join(f"{value:.3g}" for value in found.values()),
            "|",
        )


def measured(rows: int, classes: int) -> dict[str, Any]:
    """CPU seconds of two pages, megabytes, and with a browser the slowest of four times it opened the page."""
    draws = random.Random(0)  # noqa: S311
    names = [f"class {number}" for number in range(classes)]
    matrix = [[0] * classes for _ in names]
    answered = []
    for place in range(1, rows + 1):
        actual = draws.randrange(classes)
        predicted = draws.randrange(classes) if draws.random() < _WRONG else actual
        matrix[actual][predicted] += 1
        text = " ".join("".join(draws.choices("abcdefgh", k=5)) for _ in range(30))
        now, before = (_assessment(names, actual, one, draws) for one in (predicted, actual))
        answered.append(AnsweredRow(place, (text,), now, before))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        found = record(folder / "toy" / "runs" / "1", evaluations={"dev": summary(names, matrix)})
        seconds = []
        for _ in range(2):
            began = time.process_time()
            page = render(run_page(found, Answers("dev", "", "1", rows, answered)))
            seconds.append(time.process_time() - began)
        path = folder / "report.html"
        path.write_text(page, encoding="utf-8")
        sizes = {
            "first_cpu_seconds": seconds[0],
            "next_cpu_seconds": seconds[1],
            "megabytes": path.stat().st_size / 1e6,
        }
        browser = shutil.which("chromium")
        if browser is None or not _BROWSER_PYTHON.exists():
            return sizes
        command = [str(_BROWSER_PYTHON), str(_BROWSE), browser, scratch, str(path)]
        seen = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)  # noqa: S603
        return {**sizes, "open_milliseconds": max(one["milliseconds"] for one in seen)}


def _assessment(names: list[str], actual: int, answer: int, draws: random.Random) -> Assessment:
    return Assessment(names[actual], names[answer], draws.random() * 5, actual == answer, draws.random())


if __name__ == "__main__":
    main()
