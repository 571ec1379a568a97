"""The parts `speed` and `load` of `bench.export`; as a program, of one model.

python -m bench.export_speed MODEL TEXTS ROWS
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench.common import Progress, Run, last_json, middle, peer_program, ratio
from bench.export_parity import BASE, texts_of
from components.common import atomic_files, tensorflow_env
from components.settings.model_forms import FORMS

_SINGLE = 300

_PUBLISHED = 3.2
"""ONNX int8 over torch float32, sentence-transformers' efficiency page, on an i7-13700K."""

_SAVED_MODELS = {"saved_model": "float32", "saved_model-float16": "float16", "saved_model-bfloat16": "bfloat16"}
"""Each with what it is stored as."""

_ONNX = ("onnx", "onnx-int8", "onnx-int8-static")


def speed(progress: Progress, options: argparse.Namespace) -> dict[str, Any]:
    """Rows a second and milliseconds a text of each, and torch's beside them."""
    texts = _texts(options)
    models = {name: _model(name, options.kept) for name in ("saved_model", "saved_model-float16", *_ONNX, "hf")}
    peer = [*peer_program(), "predict", "--model", models.pop("hf"), "--texts", texts, "--single", _SINGLE]
    contestants = {name: _contestant(model, texts, options.rows) for name, model in models.items()}
    runs = _rounds(progress, f"speed/{options.rows}", {**contestants, "torch": partial(last_json, peer)}, options)
    figures: dict[str, Any] = {"published_int8_over_torch": _PUBLISHED}
    for key in ("rows_per_second", "latency_ms"):
        figures[key] = {who: middle(of_one, key) for who, of_one in runs.items()}
        figures[f"{key}_over_torch"] = {
            who: round(ratio(of_one, runs["torch"], key), 3) for who, of_one in runs.items() if who != "torch"
        }
        print(key, json.dumps(figures[key]), json.dumps(figures[f"{key}_over_torch"]), flush=True)
    return {**figures, "runs": runs}


def load(progress: Progress, options: argparse.Namespace) -> dict[str, Any]:
    """Seconds to the first answer of each, the imports apart, milliseconds a text, and bytes."""
    texts = _texts(options)
    models = {name: _model(name, options.kept) for name in (*_SAVED_MODELS, *_ONNX)}
    runs = _rounds(progress, "load", {name: _contestant(model, texts, 1) for name, model in models.items()}, options)
    keys = ("import_seconds", "load_seconds", "first_answer_seconds", "latency_ms")
    figures = {key: {who: middle(of_one, key) for who, of_one in runs.items()} for key in keys}
    sizes = {name: _size(place) for name, place in models.items()}
    print(json.dumps(figures), json.dumps(sizes), flush=True)
    return {**figures, "bytes": sizes, "runs": runs}


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def _rounds(
    progress: Progress, key: str, contestants: dict[str, Callable[[], Run]], options: argparse.Namespace
) -> dict[str, list[Run]]:
    """Everybody runs once a round, so that a slow minute of the machine is shared by all."""
    runs: dict[str, list[Run]] = {name: [] for name in contestants}
    for number in range(options.rounds):
        for name, contestant in contestants.items():
            runs[name].append(progress.of(f"{key}/{number}/{name}", contestant))
            print(f"round {number + 1} {name}: {json.dumps(runs[name][-1])}", file=sys.stderr, flush=True)
    return runs


def _contestant(model: Path, texts: Path, rows: int) -> Callable[[], Run]:
    return partial(last_json, [sys.executable, "-m", __name__, model, texts, rows])


def _texts(options: argparse.Namespace) -> Path:
    place: Path = options.kept / f"texts-{options.rows}.txt"
    place.write_text("".join(f"{text}\n" for text in texts_of(options.rows)), encoding="utf-8")
    return place


def _model(name: str, kept: Path) -> Path:
    """A classifier over the sample weights in a form, made if it is not there yet."""
    from components.export.formats.export import export
    from components.export.formats.pushed import Pushed
    from tests import exported_models

    place = kept / "models" / name
    version = place / "serving" / "1"
    if name in _SAVED_MODELS:
        if not place.is_dir():
            # As many classes as the peer's model has.
            task = dataclasses.replace(exported_models.TASKS["classification"], labels=("bad", "good"))
            with atomic_files.appearing(place) as aside:
                exported_models.write(aside, task, BASE, stored=_SAVED_MODELS[name], max_length=128)
        return version
    if not place.is_dir():
        export(Pushed.read(_model("saved_model", kept)), place, FORMS[name], [(text,) for text in texts_of(192)])
    return place


def _speed_of(model: Path, texts: Path, rows: int) -> Run:
    """All rows, then some one by one, as `bench.predict` has it; and what a process waits for its first answer."""
    began = time.monotonic()
    from components.serving.predictor import Predictor

    imported = time.monotonic()
    predictor = Predictor(model)
    loaded = time.monotonic()
    lines = texts.read_text(encoding="utf-8").splitlines()
    next(iter(predictor.predict([(lines[0],)])))
    first = time.monotonic()
    count = sum(1 for _ in predictor.predict((line,) for line in lines[:rows]))
    seconds = time.monotonic() - first
    return {
        "rows_per_second": round(count / seconds, 1),
        "latency_ms": round(1e3 * median(_latencies(model, lines[:_SINGLE])), 2),
        "import_seconds": round(imported - began, 2),
        "load_seconds": round(loaded - imported, 2),
        "first_answer_seconds": round(first - imported, 2),
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
    tensorflow_env.set_up()
    print(json.dumps(_speed_of(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))))
