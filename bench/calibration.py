"""How sure models are before and after calibration, on rows that did not choose it: 20 random halves of dev and test.

    python -m bench.calibration [--sets movie_reviews ...] [--splits 20] [--error 0.05] [--epochs N] [--table]

Each set's shipped config is run once, and what the trained model, not yet calibrated, predicts of dev and test is kept
below runs/bench-calibration: everything else is a matter of seconds. A run that was killed goes on where it was the
next time. `--epochs` takes other ones than the config's, which the table says: for a look, and on a slow machine. For
each split the rows of both are dealt anew, as many to dev as it has: `before` and `after` are of the others. The
checkpoint was chosen by the rows of dev, some of which are among them, which flatters both alike. Writes
bench/results/calibration.json and prints it; adds what the runs warned of to bench/results/shipped.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import numpy as np

from bench import shipped, task_data
from bench.common import ROOT, Run, keep, kept, settings_of
from components import tasks
from components.calibration import fitting
from components.calibration.of_task import calibrated
from components.common import tensorflow_env
from components.settings.calibration import Calibration
from components.tasks import Task

SETS = ("movie_reviews", "reuters_r8", "pair", "tagging", "multilabel")
"""Configs; that of pairs is run on MRPC, see `bench.task_data`."""

KEPT = ROOT / "runs" / "bench-calibration"

_WARNINGS = "warnings.json"
"""Beside the predictions: what the run of the shipped config warned of."""


class Predicted(NamedTuple):
    """Predictions of a split's rows, or of its words, as `calibration.of_task.calibrated` takes them."""

    predictions: np.ndarray
    targets: np.ndarray
    groups: np.ndarray


def main() -> None:
    """Predicts where that is still to do, calibrates and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--error", type=float, default=0.05, help="of answered rows that is allowed")
    parser.add_argument("--epochs", type=int, help="of training; default: the config's")
    parser.add_argument("--table", action="store_true", help="print what was measured")
    options = parser.parse_args()
    if not options.table:
        tensorflow_env.set_up()
        for name in options.sets:
            place = KEPT / (name if options.epochs is None else f"{name}-{options.epochs}-epochs")
            task, dev, test = predicted(name, options.epochs, place)
            runs = [split(task, dev, test, seed, options.error) for seed in range(options.splits)]
            warned = json.loads((place / _WARNINGS).read_text(encoding="utf-8"))
            trained = {} if options.epochs is None else {"epochs": options.epochs}
            keep("calibration", name, {"error": options.error, **trained, "warned": warned, "runs": runs})
    report()


def predicted(name: str, epochs: int | None, place: Path) -> tuple[Task, Predicted, Predicted]:
    """The task of a set's model, and what that predicts of dev and of test; kept at `place` after the first time."""
    if not (place / "test.npz").is_file():
        _predict(name, epochs, place)
    task = tasks.read(place)
    found = []
    for part in ("dev", "test"):
        with np.load(place / f"{part}.npz", allow_pickle=False) as stored:
            found.append(Predicted(*(stored[field] for field in Predicted._fields)))
    return task, found[0], found[1]


def _predict(name: str, epochs: int | None, place: Path) -> None:
    """Runs the pipeline, and the model it trained."""
    import tensorflow_transform as tft

    from components.export.card import read_card
    from components.export.card_task import task_of
    from components.nodes.calibration import predictions_of
    from components.training.dataset import Rows

    settings = settings_of(shipped.CONFIGS / f"{name}.toml")
    is_shipped = epochs is None and name != "pair"
    if epochs is not None:
        settings["training"] |= {"epochs": epochs}
    if name == "pair":
        task_data.write(name, place / "rows")
        settings["data"] |= {part: str(place / "rows" / f"{part}.tsv") for part in task_data.SPLITS}
    record = shipped.run_of(name, settings, place / "run")
    if is_shipped:
        shipped.add(name, record)
    (place / _WARNINGS).write_text(json.dumps(shipped.warnings(record)), encoding="utf-8")
    outputs = {node["id"]: node["outputs"] for node in record["nodes"]}
    (model,) = (Path(uri, "Format-Serving") for uri in outputs["Trainer"] if Path(uri, "Format-Serving").is_dir())
    (graph,) = (uri for uri in outputs["Transform"] if Path(uri, "transform_fn").is_dir())
    (examples,) = (Path(uri) for uri in outputs["Transform"] if Path(uri, "Split-dev").is_dir())
    task, spec = task_of(model), tft.TFTransformOutput(graph).transformed_feature_spec()
    tasks.write(place, task)
    padding = read_card(model)["tokenizer"]["padding_id"]
    with tempfile.TemporaryDirectory(dir=place) as scratch:
        for part in ("dev", "test"):
            rows = Rows.of_examples([f"{examples}/Split-{part}/*"], spec, task, Path(scratch, part), padding)
            found = Predicted(*predictions_of(model, rows, task))
            np.savez_compressed(place / f"{part}.npz", **found._asdict())
    shutil.rmtree(place / "run")


def split(task: Task, dev: Predicted, test: Predicted, seed: int, error: float) -> Run:
    """Calibrates on as many rows as dev has, measures on the others."""
    predictions = np.concatenate([dev.predictions, test.predictions])
    actual = np.concatenate([dev.targets, test.targets])
    groups = np.concatenate([dev.groups, test.groups + dev.groups.max() + 1])
    order = np.random.default_rng(seed).permutation(int(groups.max()) + 1)
    # Rows by their places in the new order: those of dev come first.
    place = np.argsort(order)[groups]
    chooses = place < len(np.unique(dev.groups))
    abstain: dict[Any, float] = {"error": error} if task.single_label else {}
    settings = Calibration(abstain=abstain)
    found = calibrated(task, predictions[chooses], actual[chooses], place[chooses], settings)
    scores, targets = predictions[~chooses], actual[~chooses]
    if not task.has_temperature:
        before, after = (one.compute_metrics(targets, scores) for one in (task, found.task))
        told = found.summary["cross_fitted"]
        names = ("macro_f1", "micro_f1")
        return {
            "seed": seed,
            "before": {name: before[name] for name in names},
            "after": {name: after[name] for name in names},
            "told": {name: told[name] for name in names},
        }
    assert found.temperature is not None  # noqa: S101
    targets = targets.astype(np.int64)
    given = fitting.tempered(scores, found.temperature)
    run: Run = {
        "seed": seed,
        "temperature": found.temperature,
        "before": _of_classes(scores, targets),
        "after": _of_classes(given, targets),
        "told": {name: found.summary["after"][name] for name in ("ece", "loss")},
    }
    if task.single_label:
        answered = given.max(axis=1) >= found.task.answered_from  # type: ignore[attr-defined]
        wrong = int((answered & (given.argmax(axis=1) != targets)).sum())
        run["abstention"] = {
            "coverage": float(answered.mean()),
            "error": wrong / max(1, int(answered.sum())),
            "told": {name: found.summary["abstention"][name] for name in ("coverage", "bound")},
        }
    return run


def _of_classes(probabilities: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    return {
        "ece": fitting.calibration_error(probabilities, targets),
        "loss": fitting.log_loss(probabilities, targets),
        "accuracy": float((probabilities.argmax(axis=1) == targets).mean()),
    }


def report() -> None:
    """A Markdown table of the means, and in how many splits what is promised held."""
    print("| set | figure | before | after | told of dev |")
    print("| --- | --- | --- | --- | --- |")
    for name in SETS:
        runs = kept("calibration", name).get("runs", [])
        for figure in runs[0]["before"] if runs else ():
            before, after = (mean(run[side][figure] for run in runs) for side in ("before", "after"))
            told = f"{mean(run['told'][figure] for run in runs):.4f}" if figure in runs[0]["told"] else ""
            print(f"| {name} | {figure} | {before:.4f} | {after:.4f} | {told} |")
    for name in SETS:
        found = kept("calibration", name)
        if "epochs" in found:
            print(f"{name}: {found['epochs']} epochs instead of the config's")
        for warning in found.get("warned", []):
            print(f"{name} warns: {warning}")
        runs = found.get("runs", [])
        if not runs:
            continue
        if "macro_f1" in runs[0]["before"]:
            better = sum(run["after"]["macro_f1"] >= run["before"]["macro_f1"] for run in runs)
            print(f"{name}: macro_f1 no lower in {better} of {len(runs)} splits")
        if "abstention" in runs[0]:
            print(f"{name}: {_answered([run['abstention'] for run in runs], found['error'])}")


def _answered(runs: list[Run], error: float) -> str:
    held = sum(run["error"] <= error for run in runs)
    bound = sum(run["error"] <= run["told"]["bound"] for run in runs)
    coverage, wrong = (mean(run[figure] for run in runs) for figure in ("coverage", "error"))
    told = mean(run["told"]["coverage"] for run in runs)
    return (
        f"answered {coverage:.1%} of rows (told: {told:.1%}), {wrong:.2%} of them wrong; at most {error:.0%} in "
        f"{held} of {len(runs)} splits, at most the bound that is told in {bound}"
    )


if __name__ == "__main__":
    main()
