"""What three runs left under a root, made of the project's own classes and without running them."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata

from components.settings.data import Data
from components.settings.gate import Gate
from components.settings.model import Model
from components.settings.run import Run
from components.settings.serialization import dump
from pipeline.runs.manifest import DataFile, Manifest
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.record import NodeRecord, RunRecord
from pipeline.runs.recovery import Digests

IDS = ("20260101-000000", "20260102-000000", "20260103-000000")
"""The first was refused; the others pushed versions 1 and 2."""

_MODEL = "Trainer/model"


def write_runs(root: Path) -> PipelinePaths:
    """Of the pipeline `toy`: execution 1 to 3 made a run's model each, execution 9 was killed."""
    run = Run(
        name="toy",
        data=Data(train=("/gone/train.tsv",), dev=("/gone/dev.tsv",)),
        model=Model(base="/gone/model"),
        gate=Gate(min={"accuracy": 0.5}),
    )
    paths = PipelinePaths.of(run, root)
    for number, run_id in enumerate(IDS, 1):
        model = paths.artifacts / _MODEL / str(number) / "Format-Serving"
        _write_model(model, number)
        version = paths.serving / str(number - 1)
        if number > 1:
            shutil.copytree(model, version)
        _write_run(paths, run, run_id, model, version if number > 1 else None)
    (paths.artifacts / _MODEL / "9").mkdir()
    (paths.serving / ".withdrawn.json").write_text(json.dumps(["3" * 64]))
    shutil.copy(_store(), paths.metadata)
    with contextlib.closing(sqlite3.connect(paths.metadata)) as store, store:
        store.execute("UPDATE Artifact SET uri = ? || uri", (f"{paths.artifacts}/",))
    Digests(paths).remember(map(str, (paths.artifacts / _MODEL / "2", paths.serving / "1")))
    return paths


def _write_model(model: Path, number: int) -> None:
    (model / "assets.extra").mkdir(parents=True)
    (model / "saved_model.pb").write_text(f"graph {number}")
    card = {
        "task": {"name": "classification", "labels": ["bad", "good"]},
        "weights_sha256": str(number) * 64,
        "initial_weights": None,
        "input": {"predict_text": ["text"], "text": ["text"], "label": "label", "header": True, "quoting": "none"},
        "tokenizer": {"padding_id": 0},
    }
    (model / "assets.extra" / "model.json").write_text(json.dumps(card))


def _write_run(paths: PipelinePaths, run: Run, run_id: str, model: Path, version: Path | None) -> None:
    directory = paths.runs / run_id
    directory.mkdir(parents=True)
    metrics = {"accuracy": 0.75, "f1/bad": 0.5, "f1/good": 0.8, "example_count": 16.0}
    summary: dict[str, Any] = {
        "task": "classification",
        "labels": ["bad", "good"],
        "headline": ["accuracy"],
        "per_label": ["f1"],
        "metrics": {"candidate": {"": metrics, "text_length=1-16 tokens": metrics}},
        "confusion": {"candidate": [[6, 2], [0, 8]]},
        "blessed": version is not None,
        "reasons": [],
        **({"baseline_version": "1"} if version is not None and version.name == "2" else {}),
    }
    texts: dict[str, float] = dict.fromkeys(("rows", "words", "tokens", "most_tokens"), 16)
    texts |= dict.fromkeys(("unknown_share", "spelled_share", "whole_share", "truncated_share", "cut_share"), 0.5)
    record = RunRecord(
        run_id,
        run.name,
        "/gone/run.toml",
        str(directory),
        f"{run_id[:4]}-{run_id[4:6]}-{run_id[6:8]}T00:00:00+00:00",
        state="refused" if version is None else "pushed",
        nodes=[NodeRecord("Trainer", "done", 1.5, "96 rows", "", [str(model.parent)], ["a warning"])],
        rows={"train": 64, "dev": 16},
        texts={"train": {**texts, "mean_tokens": 8.0, "percentiles": {"50": 8, "99": 9}, "unseen_share": None}},
        drift={"version": None, "measures": []},
        training={
            "steps": 96,
            "trainable_parameters": 26,
            "parameters": 26,
            "frozen_seconds": 0.0,
            "examples_per_second": 5.5,
            "best_step": 96,
            "key": "6" * 64,
            "metric": "accuracy",
            "evaluations": [{"step": 96, "value": 0.5, "loss": 0.7}],
        },
        evaluations={"dev": summary},
        pushed=str(version) if version else None,
    )
    record.write()
    weights = json.loads((model / "assets.extra" / "model.json").read_text())["weights_sha256"]
    Manifest(
        name=run.name,
        run=run_id,
        started=record.started,
        config=json.loads(dump(run)),
        checkout="/gone",
        data=[DataFile("train", "/gone/train.tsv", "5" * 64, 16, 64, 0)],
        base_model={"config.json": "5" * 64},
        code={"sha256": "5" * 64},
        lock=None,
        libraries={"tfx": "1"},
        machine={"cpu": "one", "python": "3.11.9"},
        result={"weights_sha256": weights, "initial_weights": None, "model": str(model), "machine": {"cpu": "one"}},
    ).write(directory)


@cache
def _store() -> Path:
    """ML Metadata's file with the artifacts of the runs; their URIs begin below the artifacts' directory."""
    path = Path(mkdtemp(), "metadata.sqlite")
    store = metadata_store.MetadataStore(metadata.sqlite_metadata_connection_config(str(path)))
    states = metadata_store_pb2.Execution
    kind = store.put_artifact_type(metadata_store_pb2.ArtifactType(name="Model"))
    context_kind = metadata_store_pb2.ContextType(name=constants.PIPELINE_RUN_CONTEXT_TYPE_NAME)
    of_runs = store.put_context_type(context_kind)
    for number, run_id in enumerate(IDS, 1):
        (context,) = store.put_contexts([metadata_store_pb2.Context(type_id=of_runs, name=run_id)])
        (made,) = store.put_artifacts([metadata_store_pb2.Artifact(type_id=kind, uri=f"{_MODEL}/{number}")])
        attribution = metadata_store_pb2.Attribution(artifact_id=made, context_id=context)
        store.put_attributions_and_associations([attribution], [])
    of_nodes = store.put_execution_type(metadata_store_pb2.ExecutionType(name="Trainer"))
    ended = [metadata_store_pb2.Execution(type_id=of_nodes, last_known_state=states.COMPLETE) for _ in range(8)]
    killed = metadata_store_pb2.Execution(type_id=of_nodes, last_known_state=states.RUNNING)
    store.put_executions([*ended, killed])
    return path
