"""Exports of a model beside the model: the same answers, what 8 and 16 bits cost in accuracy, and how fast each is.

    python -m bench.export [--only parity accuracy speed load] [--minutes 10] [--short] ...

`parity`: a model of each task, the sample weights with a last layer of random numbers, on real texts of the movie
reviews and on odd ones: `hf` in PyTorch, by the largest difference of two logits, of numbers as a share of them where
they are above 1, and by equal labels; `onnx` in float32 likewise, by predictions.

`accuracy`: the configs of movie reviews, R8 and, where the sample is there, CoNLL-2003 are run, or the newest runs of
these names below --runs are taken, and each pushed version answers the rows of test in every form.

`speed`: a classifier over the sample weights, all rows and one text at a time, by SavedModel, onnx and its forms of 8
bits, all rows as `predict` runs it, one text by ONNX Runtime alone, and by transformers and torch with rows sorted by
length. Interleaved.

`load`: what a process waits for its first answer, of each form and of SavedModels stored in 16 bits.

What is measured is noted at once, in --kept: a bench that was killed, or that --minutes ended, goes on where it was
when it is called again, and with --again begins anew. `--short` takes few texts, rows and rounds and 20 steps of
training, to see that all works, and keeps no result. Otherwise a part that is complete goes into
bench/results/export.json.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from bench import export_accuracy, export_parity, export_speed
from bench.common import ROOT, OutOfTimeError, Progress, keep, kept
from components.common import cpu, tensorflow_env

_KEPT = ROOT / "runs" / ".bench-export"

_PARTS = {
    "parity": export_parity.parity,
    "accuracy": export_accuracy.accuracy,
    "speed": export_speed.speed,
    "load": export_speed.load,
}

_ROWS = {
    **{"saved_model": "saved_model", "saved_model-float16": "float16", "saved_model-bfloat16": "bfloat16"},
    **{"onnx": "onnx", "onnx-int8": "onnx-int8", "onnx-int8-static": "onnx-int8-static", "torch": ""},
}
"""Of the table: a form in `speed` and `load`, and in `accuracy`."""

_SHORT = {"texts": 40, "rows": 100, "rounds": 1}
"""Of `--short`."""


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(_PARTS), default=list(_PARTS))
    parser.add_argument("--minutes", type=float, help="begin nothing after so many; the same command goes on")
    parser.add_argument("--again", action="store_true", help="forget what was measured before")
    parser.add_argument("--kept", type=Path, default=_KEPT, help="where what is measured is noted, and models are")
    parser.add_argument("--texts", type=int, default=1000, help="of `parity`, a task")
    parser.add_argument("--tasks", nargs="+", help="of `parity`; default all")
    parser.add_argument(
        "--configs", nargs="+", choices=list(export_accuracy.CONFIGS), help="of `accuracy`; default all"
    )
    parser.add_argument("--runs", type=Path, help="root of runs that `accuracy` takes, or makes; default below --kept")
    parser.add_argument("--steps", type=int, help="of training in `accuracy`; default the configs' epochs")
    parser.add_argument("--rows", type=int, default=10_000, help="of `speed`, and of a test split at most")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--table", action="store_true", help="print what each form costs, of what was measured")
    options = parser.parse_args()
    if options.table:
        print(table({part: kept("export", part) for part in _PARTS}))
        return
    tensorflow_env.set_up()
    if options.short:
        vars(options).update(_SHORT, steps=20, kept=options.kept / "short")
    options.kept.mkdir(parents=True, exist_ok=True)
    options.runs = options.runs or options.kept / "runs"
    progress = Progress(options.kept / "measured.json", options.minutes, again=options.again)
    for name in options.only:
        try:
            found = _PARTS[name](progress, options)
        except OutOfTimeError:
            sys.exit(f"{name}: out of time; the same command goes on, {len(progress.measured)} measurements are noted")
        if not options.short:
            keep("export", name, {"vnni": cpu.has_vnni(), **found})


def table(results: dict[str, dict[str, Any]]) -> str:
    """What each form costs, as Markdown for docs/serving.md; `-` for what was not measured."""
    configs = results["accuracy"].get("configs", {})
    lines = [f"| form | MB | first answer, s | one text, ms | rows/s | {' | '.join(configs)} |"]
    lines.append(f"| --- {'| --- ' * (4 + len(configs))}|")
    for form, stored in _ROWS.items():
        speed, load = results["speed"], results["load"]
        found = [
            _shown(load.get("bytes", {}).get(form), 1e-6, 0),
            _shown(load.get("first_answer_seconds", {}).get(form), 1, 1),
            _shown((speed.get("latency_ms", {}) | load.get("latency_ms", {})).get(form), 1, 1),
            _shown(speed.get("rows_per_second", {}).get(form), 1, 0),
            *(_shown(one["accuracy"].get(stored), 1, 4) for one in configs.values()),
        ]
        lines.append(f"| {form} | {' | '.join(found)} |")
    return "\n".join(lines)


def _shown(value: float | None, scale: float, digits: int) -> str:
    return "-" if value is None else f"{scale * value:,.{digits}f}"


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    main()
