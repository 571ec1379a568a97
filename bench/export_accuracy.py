"""The part `accuracy` of `bench.export`; as a program, of one form.

    python -m bench.export_accuracy RUNS NAME FORM ROWS

FORM is one of `push.formats`, or `saved_model`, or `float16` or `bfloat16`: a SavedModel that is stored so.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from bench.common import ROOT, Progress, Run, last_json, settings_of
from bench.runs import beside, carried_out
from components.common import tensorflow_env
from components.settings.model_forms import FORMS

CONFIGS = {
    "movie-reviews": ("movie_reviews", "movie_reviews"),
    "reuters-r8": ("reuters_r8", "reuters_r8"),
    "tagging": ("tagging", "conll2003"),
}
"""A run's name -> its config and the folder of its rows."""

_FORMS = ("saved_model", "float16", "bfloat16", "onnx", "onnx-int8", "onnx-int8-static")


def accuracy(progress: Progress, options: argparse.Namespace) -> dict[str, Any]:
    """Of each config's pushed version on test, the share of right labels or F1 of entities, and points lost."""
    found: dict[str, Any] = {}
    for name in options.configs or CONFIGS:
        if not (ROOT / "data" / CONFIGS[name][1]).is_dir():
            print(f"{name}: its sample is not there", file=sys.stderr)
            continue
        made = progress.of(f"accuracy/{options.runs}/{name}/run", partial(_run, name, options))
        figures = {}
        for form in _FORMS:
            command = [sys.executable, "-m", __name__, options.runs, name, form, options.rows]
            key = f"accuracy/{name}/{made['version']}/{options.rows}/{form}"
            figures[form] = progress.of(key, partial(last_json, command))["accuracy"]
        lost = {form: round(100 * (figures["saved_model"] - value), 2) for form, value in figures.items()}
        found[name] = {"steps": options.steps, **made, "accuracy": figures, "points_lost": lost}
        print(name, json.dumps(found[name]), flush=True)
    return {"configs": found}


def _run(name: str, options: argparse.Namespace) -> Run:
    """Runs a config, unless there is a run of its name; one that was killed goes on."""
    from pipeline.runs import manifest

    before = manifest.newest_ended(options.runs / name / "runs")
    if before is None:
        config, _ = CONFIGS[name]
        original = ROOT / "pipeline" / "configs" / f"{config}.toml"
        settings = settings_of(original)
        if options.steps:
            settings["training"] = {**settings["training"], "steps": options.steps}
            settings["training"].pop("epochs", None)
        settings["gate"] = {"min": {next(iter(settings["gate"]["min"])): 0.001}}
        settings["serving"] = {"validate": False}
        with beside(original, settings) as written:
            carried_out(written, options.runs)
    return {"version": str(_version(options.runs, name).name)}


def _version(runs: Path, name: str) -> Path:
    """What a pipeline has in production."""
    from components.serving import versions

    return versions.resolve(runs / name / "serving" / name)


def _measure(runs: Path, name: str, form: str, most: int) -> Run:
    from components.examples import client_texts
    from components.export.formats.export import export
    from components.export.formats.pushed import Pushed
    from components.settings.run import Run as Settings
    from pipeline.commands.export_model import dev_texts
    from pipeline.runs import manifest

    model, run = Pushed.read(_version(runs, name)), manifest.newest_ended(runs / name / "runs")
    assert run is not None  # noqa: S101
    assert isinstance(run.settings, Settings)  # noqa: S101
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch, "export")
        if form in FORMS:
            texts = list(islice(dev_texts(model, runs), client_texts.HELD_AGAINST))
            export(model, place, FORMS[form], texts)
        elif form == "saved_model":
            place = model.path
        else:
            _stored(model, form, place)
        files = [Path(file.path) for file in run.data if file.split == "test"]
        return {"accuracy": _accuracy(place, files, run.settings.data, model.task, most)}


def _stored(model: Any, stored: str, place: Path) -> None:
    """The version with its larger weights rounded, as Trainer would have exported it."""
    from components.settings.training import Training
    from components.training.fine_tuning import with_weights
    from components.training.initial_model import blank_model, warm_start
    from tests import exported_models

    base, training = ROOT / "data" / "minilm", Training(precision="float32", dropout=0.0)
    trained = blank_model(base, model.settings, training, model.task)
    warm_start(model.path, trained)
    rounded = with_weights(trained, blank_model(base, model.settings, training, model.task, stored=stored))
    exported_models.save(place, rounded, model.settings, model.tokenizer, model.card)


def _accuracy(model: Path, files: list[Path], data: Any, task: Any, most: int) -> float:
    """The share of rows with the right label; of entities F1."""
    from components.rows import reader
    from components.rows.tsv import BadRow
    from components.serving.predictor import Predictor
    from components.tasks.metrics import precision_recall_f1
    from components.tasks.tagging import entities

    every = (row for file in files for row in reader.read_rows(file, "test", data))
    rows = [row for row in islice(every, most) if not isinstance(row, BadRow)]
    answers = Predictor(model).predict((row.texts for row in rows), tokens=task.per_token)
    if not task.per_token:
        return sum(answer["label"] == row.label for answer, row in zip(answers, rows, strict=True)) / len(rows)
    hits = guessed = actual = 0
    for answer, row in zip(answers, rows, strict=True):
        words = row.texts[0].split(" ")
        begins = np.concatenate([[0], np.cumsum([len(word) + 1 for word in words])])
        gold = {(kind, begins[a], begins[b] - 1) for kind, a, b in entities(task.as_learned(row.label).split(" "))}
        ours = {(one["type"], one["begin"], one["end"]) for one in answer["entities"]}
        hits, guessed, actual = hits + len(gold & ours), guessed + len(ours), actual + len(gold)
    return precision_recall_f1(hits, guessed, actual)[2]


if __name__ == "__main__":
    tensorflow_env.set_up()
    print(json.dumps(_measure(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))))
