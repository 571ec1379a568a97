"""A pushed model against transformers and torch: 10,000 rows, and one text at a time.

    python -m bench.predict [--rounds 5] [--rows 10000]

Ours is a classifier over the sample weights, exported as Trainer does, run by `components.serving.predictor`, which
`predict` uses, and, one text at a time, by its raw-text signature. The peer gets the same rows sorted by length.
Interleaved; writes bench/results/predict.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from bench.common import ROOT, Run, interleaved, keep, last_json, middle, peer_program, ratio, settings_of
from bench.train import CONFIGS, worker
from bench.train_data import write_rows
from components.common import tensorflow_env

SINGLE = 300

START = time.monotonic()


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--ours", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--export", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ours or options.export:
        tensorflow_env.set_up()

        print(json.dumps(ours(*map(Path, options.ours)) if options.ours else export(Path(options.export))))
        return
    with tempfile.TemporaryDirectory() as scratch:
        settings = settings_of(ROOT / "pipeline" / "configs" / CONFIGS["movie-reviews"])
        folder = write_rows(Path(scratch, "rows"), settings, None, 2)
        lines = (folder / "train.tsv").read_text(encoding="utf-8").splitlines()[1 : options.rows + 1]
        texts = Path(scratch, "texts.txt")
        texts.write_text("".join(line.split("\t")[0] + "\n" for line in lines), encoding="utf-8")
        worker("prepare", write_rows(Path(scratch, "few"), settings, 320))
        last_json([sys.executable, "-m", __spec__.name, "--export", Path(scratch, "few")])
        model = Path(scratch, "few", "model")
        peer = [
            *peer_program(),
            "predict",
            "--model",
            ROOT / "data" / "minilm",
            "--texts",
            texts,
            "--single",
            SINGLE,
        ]
        contestants = {
            "ours": partial(last_json, [sys.executable, "-m", __spec__.name, "--ours", model, texts]),
            "peer": partial(last_json, peer),
        }
        runs = interleaved(options.rounds, contestants)
    report(runs)


def report(runs: dict[str, list[Run]]) -> None:
    """Prints and keeps the medians."""
    figures: dict[str, Any] = {}
    for key in ("rows_per_second", "total_seconds", "latency_ms"):
        figures[key] = {who: middle(of_one, key) for who, of_one in runs.items()}
        figures[key]["ours_over_peer"] = round(ratio(runs["ours"], runs["peer"], key), 3)
        print(f"{key:16} ours {figures[key]['ours']:8.2f}  peer {figures[key]['peer']:8.2f}", end="")
        print(f"  {figures[key]['ours_over_peer']:.2f} x")
    keep("predict", "rows", {**figures, "runs": runs})


def export(folder: Path) -> Run:
    """Exports an untrained classifier with the transform graph of a prepared folder, as Trainer would."""
    import tensorflow_transform as tft

    from components import tasks
    from components.export import saved_model
    from components.settings.model import Model
    from components.settings.training import Training
    from components.training import initial_model

    graph = json.loads((folder / "transformed.json").read_text())["transform_graph"][0]
    transform, task = tft.TFTransformOutput(graph), tasks.read(graph)
    run = settings_of(folder / "run.toml")
    model = initial_model.build_model(Path(run["model"]["base"]), Model(**run["model"]), Training(), task)
    exported = saved_model.exported(model, transform.transform_features_layer(), transform.raw_feature_spec())
    exported.write(folder / "model" / "1", {})
    return {}


def ours(model: Path, texts: Path) -> Run:
    """All rows, then some one by one."""
    import tensorflow as tf

    from components.serving.predictor import Predictor

    predictor = Predictor(model)
    lines = texts.read_text(encoding="utf-8").splitlines()
    started = time.monotonic()
    count = sum(1 for _ in predictor.predict((line,) for line in lines))
    seconds = time.monotonic() - started
    predict_texts = tf.saved_model.load(str(predictor.path)).signatures["serving_default"]
    latencies = []
    for text in lines[:SINGLE]:
        begun = time.perf_counter()
        predict_texts(text=tf.constant([text]))["probabilities"].numpy()
        latencies.append(time.perf_counter() - begun)
    return {
        "rows_per_second": round(count / seconds, 1),
        "total_seconds": round(started + seconds - START, 1),
        "latency_ms": round(1e3 * median(latencies), 2),
    }


if __name__ == "__main__":
    main()
