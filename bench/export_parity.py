"""The part `parity` of `bench.export`; as a program, of one task: python -m bench.export_parity TASK TEXTS."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.common import ROOT, Progress, Run, last_json, peer_program
from components.common import tensorflow_env
from components.export.formats.forms import why_not
from components.settings.model_forms import FORMS

BASE = ROOT / "data" / "minilm"

_REVIEWS = ROOT / "data" / "movie_reviews" / "train.tsv"

_ODD = 0.1
"""Share of odd texts."""


def texts_of(count: int) -> list[str]:
    """Texts of the movie reviews."""
    lines = _REVIEWS.read_text(encoding="utf-8").splitlines()[1:]
    return [line.split("\t")[0] for line in (lines * (count // len(lines) + 1))[:count]]


def parity(progress: Progress, options: argparse.Namespace) -> dict[str, Any]:
    """Of each task, in a process of its own: tf2onnx takes 4 GB."""
    from tests import exported_models

    found: dict[str, Any] = {}
    for name in options.tasks or [name for name, task in exported_models.TASKS.items() if not task.writes]:
        command = [sys.executable, "-m", __name__, name, options.texts]
        found[name] = progress.of(f"parity/{options.texts}/{name}", partial(last_json, command))
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
    odd = int(_ODD * count)
    texts = 1 if task.bi_encoder else len(task.texts)
    real = texts_of(texts * (count - odd))
    rows = [tuple(real[place : place + texts]) for place in range(0, len(real), texts)]
    rows += measured.odd_texts(model.tokenizer, odd, texts, seed=1)
    found: Run = {"rows": len(rows)}
    for form in (FORMS["hf"], FORMS["onnx"]):
        if why_not(form, task, model.settings):
            continue
        compared = export(model, scratch / form.name, form, rows)
        found[form.name] = dataclasses.asdict(compared)
        if form.name == "hf":
            found["torch"] = _in_torch(model, scratch / form.name, rows, scratch)
    return found


def _in_torch(model: Any, directory: Path, rows: list[tuple[str, ...]], scratch: Path) -> Run:
    """The largest difference of two logits, and rows with the same token ids and the same answer."""
    from components.model.task_model import NEVER

    given, got = scratch / "rows.json", scratch / "logits.npz"
    given.write_text(json.dumps(rows), encoding="utf-8")
    last_json([*peer_program("export_peer"), directory, given, got, _kind(model)])
    theirs = np.load(got)
    ids, logits = _logits(model, rows)
    difference, same_ids, same = 0.0, 0, 0
    for number, (ours, wanted) in enumerate(zip(ids, logits, strict=True)):
        same_ids += np.array_equal(theirs[f"{number}/ids"], ours)
        other = theirs[f"{number}/logits"].reshape(wanted.shape)
        if model.task.finds_span:
            # The form's README leaves the question out, where this project's model does.
            other = np.where(wanted == NEVER, NEVER, other)
        over = np.abs(other - wanted) / (np.maximum(1, np.abs(wanted)) if model.task.numeric else 1)
        difference = max(difference, float(over.max()))
        same += bool(
            model.task.numeric or model.task.bi_encoder or _answer(model.task, other) == _answer(model.task, wanted)
        )
    return {"difference": difference, "same_ids": same_ids, "same_answers": same}


def _kind(model: Any) -> str:
    """As `bench.export_peer` names it."""
    if model.task.bi_encoder:
        return str(model.settings.pooling)
    return "tokens" if model.task.per_token else "spans" if model.task.finds_span else "rows"


def _answer(task: Any, logits: np.ndarray) -> list[Any]:
    if task.finds_span:
        return logits.argmax(axis=0).tolist()
    return (logits >= 0).tolist() if hasattr(task, "threshold") else logits.argmax(axis=-1).tolist()


def _logits(model: Any, rows: list[tuple[str, ...]]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Token ids and logits, or vectors, of each row by this project's Keras model with the version's weights."""
    import tensorflow as tf

    from components.export.formats.parity import Reference
    from components.settings.training import Training
    from components.training.initial_model import build_model, warm_start

    built = build_model(BASE, model.settings, Training(dropout=0.0), model.task)
    warm_start(model.path, built)
    ids = Reference(model).token_ids(rows)
    of_rows = built.vectors if model.task.bi_encoder else built
    logits = tf.function(
        lambda tokens: of_rows(tokens, tf.ones_like(tokens, tf.bool)),
        input_signature=[tf.TensorSpec([1, None], tf.int32)],
        autograph=False,
    )
    found = []
    for row in ids:
        out = logits(tf.constant(row[np.newaxis])).numpy()[0]
        found.append(out * model.task.deviation + model.task.mean if model.task.numeric else out)
    return ids, found


if __name__ == "__main__":
    tensorflow_env.set_up()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(_parity_of(sys.argv[1], int(sys.argv[2]), Path(folder))))
