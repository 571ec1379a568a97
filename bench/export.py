"""Exports of a model beside the model: the same answers, what 8 bits cost in accuracy, and how fast each is.

    python -m bench.export [--only parity accuracy speed] [--texts 1000] [--rows 10000] [--rounds 5] [--short]

`parity`: a model of each task, the sample weights with a last layer of random numbers, on real texts of the movie
reviews and on odd ones: `hf` in PyTorch, by the largest difference of two logits, of numbers as a share of them where
they are above 1, and by equal labels; `onnx` in float32 and in int8 likewise, by predictions.

`accuracy`: the configs of movie reviews, R8 and, where the sample is there, CoNLL-2003 are run, and each pushed version
answers the rows of test as a SavedModel, as ONNX in float32 and in int8.

`speed`: a classifier over the sample weights, all rows and one text at a time, by SavedModel, onnx and onnx-int8, all
rows as `predict` runs it, one text by ONNX Runtime alone, and by transformers and torch with rows sorted by length.
Interleaved.

`--short` takes 20 steps of training instead of the configs' epochs, to see that all works. Writes
bench/results/export.json.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench.common import PEER, ROOT, Run, as_toml, interleaved, keep, last_json, middle, peer_python, ratio, settings_of
from components.common import cpu, tensorflow_env
from components.export.formats.forms import why_not
from components.settings.model_forms import FORMS

BASE = ROOT / "data" / "minilm"

REVIEWS = ROOT / "data" / "movie_reviews" / "train.tsv"

CONFIGS = {
    "movie-reviews": ("movie_reviews", "movie_reviews"),
    "reuters-r8": ("reuters_r8", "reuters_r8"),
    "conll2003": ("tagging", "conll2003"),
}
"""Name -> its config and the folder of its rows."""

SINGLE = 300

ODD = 0.1
"""Share of odd texts in `parity`."""

PUBLISHED = 3.2
"""ONNX int8 over torch float32, sentence-transformers' efficiency page, on an i7-13700K."""


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=["parity", "accuracy", "speed"])
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tasks", nargs="+", help="of parity; default all")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--parity-of", help=argparse.SUPPRESS)
    parser.add_argument("--speed-of", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    tensorflow_env.set_up()
    if options.speed_of:
        print(json.dumps(_speed_of(*options.speed_of)))
        return
    if options.parity_of:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(_parity_of(options.parity_of, options.texts, Path(folder))))
        return
    for name, part in {"parity": parity, "accuracy": accuracy, "speed": speed}.items():
        if options.only is None or name in options.only:
            with tempfile.TemporaryDirectory() as scratch:
                found = part(Path(scratch), options)
            keep("export", name, {"vnni": cpu.has_vnni(), **found})


def _texts(count: int) -> list[str]:
    lines = REVIEWS.read_text(encoding="utf-8").splitlines()[1:]
    return [line.split("\t")[0] for line in (lines * (count // len(lines) + 1))[:count]]


def parity(scratch: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Of each task, in a process of its own: tf2onnx takes 4 GB."""
    from tests import exported_models

    found: dict[str, Any] = {}
    for name in options.tasks or exported_models.TASKS:
        arguments = ["--parity-of", name, "--texts", options.texts]
        found[name] = last_json([sys.executable, "-m", __spec__.name, *arguments])
        print(name, json.dumps(found[name]), flush=True)
    return {"tasks": found}


def _parity_of(name: str, count: int, scratch: Path) -> Run:
    """Of a task, with the pooling that the form takes."""
    from components.export.formats import parity as measured
    from components.export.formats.export import export
    from components.export.formats.pushed import Pushed
    from tests import exported_models

    task = exported_models.TASKS[name]
    pooling = "mean" if task.bi_encoder else "cls"
    model = Pushed.read(exported_models.write(scratch / name, task, BASE, max_length=128, pooling=pooling))
    odd = int(ODD * count)
    texts = 1 if task.bi_encoder else len(task.texts)
    real = _texts(texts * (count - odd))
    rows = [tuple(real[place : place + texts]) for place in range(0, len(real), texts)]
    rows += measured.odd_texts(model.tokenizer, odd, texts, seed=1)
    found: Run = {"rows": len(rows)}
    for form in (FORMS["hf"], FORMS["onnx"], FORMS["onnx-int8"]):
        if why_not(form, task, model.settings):
            continue
        compared = export(model, scratch / form.name, form, rows)
        found[form.name] = dataclasses.asdict(compared)
        if form.name == "hf":
            found["torch"] = _in_torch(model, scratch / form.name, rows, scratch)
    return found


def _in_torch(model: Any, directory: Path, rows: list[tuple[str, ...]], scratch: Path) -> Run:
    """The largest difference of two logits, and rows with the same token ids and the same answer."""
    given, got = scratch / "rows.json", scratch / "logits.npz"
    given.write_text(json.dumps(rows), encoding="utf-8")
    kind = "tokens" if model.task.per_token else "rows"
    last_json([peer_python(), ROOT / "bench" / "export_peer.py", directory, given, got, kind])
    theirs = np.load(got)
    ids, logits = _logits(model, rows)
    difference, same_ids, same = 0.0, 0, 0
    for number, (ours, wanted) in enumerate(zip(ids, logits, strict=True)):
        same_ids += np.array_equal(theirs[f"{number}/ids"], ours)
        other = theirs[f"{number}/logits"].reshape(wanted.shape)
        over = np.abs(other - wanted) / (np.maximum(1, np.abs(wanted)) if model.task.numeric else 1)
        difference = max(difference, float(over.max()))
        same += bool(model.task.numeric or _answer(model.task, other) == _answer(model.task, wanted))
    return {"difference": difference, "same_ids": same_ids, "same_answers": same}


def _answer(task: Any, logits: np.ndarray) -> list[Any]:
    return (logits >= 0).tolist() if hasattr(task, "threshold") else logits.argmax(axis=-1).tolist()


def _logits(model: Any, rows: list[tuple[str, ...]]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Token ids and logits of each row by this project's Keras model with the version's weights."""
    import tensorflow as tf

    from components.export.formats.parity import Reference
    from components.settings.training import Training
    from components.training.initial_model import build_model, warm_start

    built = build_model(BASE, model.settings, Training(dropout=0.0), model.task)
    warm_start(model.path, built)
    ids = Reference(model).token_ids(rows)
    found = []
    for row in ids:
        tokens = tf.constant(row[np.newaxis])
        out = built(tokens, tf.ones_like(tokens, tf.bool)).numpy()[0]
        found.append(out * model.task.deviation + model.task.mean if model.task.numeric else out)
    return ids, found


def accuracy(scratch: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Of each config's pushed version on test, in points."""
    from components.export.formats.export import export
    from components.export.formats.pushed import Pushed

    found: dict[str, Any] = {}
    for name, (config, folder) in CONFIGS.items():
        if not (ROOT / "data" / folder).is_dir():
            print(f"{name}: its sample is not there", file=sys.stderr)
            continue
        path = ROOT / "pipeline" / "configs" / f"{config}.toml"
        settings = settings_of(path)
        if options.short:
            settings["training"] = {**settings["training"], "steps": 20}
            settings["training"].pop("epochs", None)
            settings["gate"] = {"min": {next(iter(settings["gate"]["min"])): 0.001}}
        settings["serving"] = {"validate": False}
        written = Path(scratch, f"{name}.toml")
        written.write_text(as_toml(settings), encoding="utf-8")
        record = last_json(
            [sys.executable, "pipeline_runner.py", "run", "--config", written, "--root", scratch / "runs", "--json"]
        )
        version = Path(record["pushed"])
        model = Pushed.read(version)
        figures = {"saved_model": _accuracy(version, settings, model.task, options.rows)}
        for form in (FORMS["onnx"], FORMS["onnx-int8"]):
            export(model, scratch / f"{name}-{form.name}", form, [])
            figures[form.name] = _accuracy(scratch / f"{name}-{form.name}", settings, model.task, options.rows)
        lost = round(100 * (figures["saved_model"] - figures["onnx-int8"]), 2)
        found[name] = {**figures, "points_lost_by_int8": lost}
        print(name, json.dumps(found[name]), flush=True)
    return {"configs": found}


def _accuracy(model: Path, settings: dict[str, Any], task: Any, most: int) -> float:
    """The share of rows with the right label; of entities F1."""
    from itertools import islice

    from components.rows import reader
    from components.rows.tsv import BadRow
    from components.serving.predictor import Predictor
    from components.settings.data import Data
    from components.tasks.metrics import precision_recall_f1
    from components.tasks.tagging import entities

    data = Data(**settings["data"])
    every = reader.read_rows(Path(settings["data"]["test"]), "test", data)
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


def speed(scratch: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Rows a second and milliseconds a text of each, and torch's beside them."""
    from components.export.formats.export import export
    from components.export.formats.pushed import Pushed
    from tests import exported_models

    # As many classes as the peer's model has.
    task = dataclasses.replace(exported_models.TASKS["classification"], labels=("bad", "good"))
    version = exported_models.write(scratch, task, BASE, max_length=128)
    texts = scratch / "texts.txt"
    texts.write_text("".join(f"{text}\n" for text in _texts(options.rows)), encoding="utf-8")
    models = {"saved_model": version}
    for form in (FORMS["onnx"], FORMS["onnx-int8"], FORMS["hf"]):
        export(Pushed.read(version), scratch / form.name, form, [])
        models[form.name] = scratch / form.name
    peer = [peer_python(), PEER, "predict", "--model", models.pop("hf"), "--texts", texts, "--single", SINGLE]
    contestants = {
        name: partial(last_json, [sys.executable, "-m", __spec__.name, "--speed-of", model, texts])
        for name, model in models.items()
    }
    runs = interleaved(options.rounds, {**contestants, "torch": partial(last_json, peer)})
    figures: dict[str, Any] = {"published_int8_over_torch": PUBLISHED}
    for key in ("rows_per_second", "latency_ms"):
        figures[key] = {who: middle(of_one, key) for who, of_one in runs.items()}
        figures[f"{key}_over_torch"] = {
            who: round(ratio(of_one, runs["torch"], key), 3) for who, of_one in runs.items() if who != "torch"
        }
        print(key, json.dumps(figures[key]), json.dumps(figures[f"{key}_over_torch"]), flush=True)
    return {**figures, "runs": runs, "bytes": {name: _size(place) for name, place in models.items()}}


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def _speed_of(model: Path, texts: Path) -> Run:
    """All rows, then some one by one, as `bench.predict` has it; and what a process waits for its first answer."""
    began = time.monotonic()
    from components.serving.predictor import Predictor

    loaded = time.monotonic()
    predictor = Predictor(model)
    lines = texts.read_text(encoding="utf-8").splitlines()
    next(iter(predictor.predict([(lines[0],)])))
    first = time.monotonic()
    count = sum(1 for _ in predictor.predict((line,) for line in lines))
    seconds = time.monotonic() - first
    return {
        "rows_per_second": round(count / seconds, 1),
        "latency_ms": round(1e3 * median(_latencies(model, lines[:SINGLE])), 2),
        "import_seconds": round(loaded - began, 2),
        "first_answer_seconds": round(first - loaded, 2),
    }


def _latencies(model: Path, lines: Iterable[str]) -> list[float]:
    """Seconds of each text, as a client without this project has it."""
    onnx = (model / "model.onnx").is_file()
    if onnx:
        import onnxruntime
        import tokenizers

        cut = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
        cut.encode_special_tokens = True
        session = onnxruntime.InferenceSession(str(model / "model.onnx"))
        only = onnxruntime.RunOptions()
        only.only_execute_path_to_fetches = True
    else:
        import tensorflow as tf

        predict = tf.saved_model.load(str(model)).signatures["serving_default"]
    found = []
    for line in lines:
        begun = time.perf_counter()
        if onnx:
            ids = np.array([one.ids for one in cut.encode_batch([line])], np.int32)
            session.run(["probabilities"], {"token_ids": ids}, only)
        else:
            predict(text=tf.constant([line]))["probabilities"].numpy()
        found.append(time.perf_counter() - begun)
    return found


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    main()
