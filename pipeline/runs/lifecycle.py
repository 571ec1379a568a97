"""What a run does besides its nodes: its beginning, what each node has to tell, its end.

`run` takes them all in one process, a scheduler each in a process of its own.
"""

from __future__ import annotations

import datetime
import shutil
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from components.common.errors import InputError, changed
from components.distributed import cluster
from components.export.card import read_card
from pipeline.runs import manifest
from pipeline.runs.manifest import Manifest
from pipeline.runs.node_notes import note_of
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.record import NodeRecord, RunRecord, close_killed
from pipeline.runs.run_ids import new_id

if TYPE_CHECKING:
    from pipeline.config.preflight import Checked
    from pipeline.runs.record import NodeOutcome


def check(checked: Checked, paths: PipelinePaths) -> None:
    """What is wrong with a run here and now, before anything is written.

    Raises:
        InputError: the reviewed schema is an artifact of the run's own; TF_CONFIG does not make this process the chief.
    """
    schema = checked.run.validation.schema_file
    if schema is not None and Path(schema).is_relative_to(paths.artifacts):
        raise InputError(schema, "a run's own artifact cannot be its reviewed schema", "Copy it elsewhere first")
    if checked.run.training.devices == "multiworker":
        cluster.chief()


def begin(checked: Checked, paths: PipelinePaths, scheduled_as: str | None = None) -> RunRecord:
    """Makes the run's directory, with its config and its record. The caller holds the lock.

    Args:
        checked: the run, in order.
        paths: where it keeps what.
        scheduled_as: a scheduler's id for it.
    """
    now = datetime.datetime.now(datetime.UTC)
    run_id = new_id(paths.runs, now)
    directory = paths.runs / run_id
    directory.mkdir(parents=True)
    shutil.copy(checked.path, directory / "config.toml")
    record = RunRecord(
        run_id,
        checked.run.name,
        str(checked.path.resolve()),
        str(directory),
        now.astimezone().isoformat(timespec="seconds"),
        scheduled_as=scheduled_as,
    )
    record.write()
    close_killed(paths.runs, record)
    return record


def note(node: NodeRecord, outcome: NodeOutcome, record: RunRecord, found: Manifest) -> None:
    """Puts into the record, and the manifest, what a node has given.

    Raises:
        InputError: the input files are no longer those that the run began with.
    """
    node.state = "cached" if outcome.cached else "done"
    node.reason = outcome.reason
    node.outputs = sorted(chain.from_iterable(outcome.outputs.values()))
    node.note = note_of(record, node.id, outcome.outputs)
    if node.id == "TsvExampleGen":
        _check_files(found, Path(outcome.outputs["examples"][0]))
        found.write(Path(record.directory))
    if node.id == "Trainer":
        checkpoints = PipelinePaths.of_run(found.settings, Path(record.directory)).checkpoints
        # Only now: until the node was noted as complete, a kill would have had it go on from them.
        shutil.rmtree(checkpoints / record.training["key"], ignore_errors=True)


def end(record: RunRecord, found: Manifest) -> None:
    """The result of a run whose nodes are all done, into record and manifest."""
    from tfx.utils import path_utils

    paths = PipelinePaths.of_run(found.settings, Path(record.directory))
    trainer = record.node("Trainer")
    (model,) = (
        Path(path_utils.serving_model_path(uri)) for uri in trainer.outputs if Path(uri).is_relative_to(paths.models)
    )
    earlier = manifest.machine_of(paths.runs, str(model)) if trainer.state == "cached" else None
    record.state = "pushed" if record.pushed else "refused"
    card = read_card(model)
    found.result = {
        **{name: card[name] for name in ("weights_sha256", "initial_weights")},
        "model": str(model),
        "machine": earlier or found.machine,
        **record.outcome,
    }
    # First: a manifest with a result is that of a run that has ended.
    record.write()
    found.write(Path(record.directory))


def _check_files(found: Manifest, examples: Path) -> None:
    """Holds the manifest against the files as they were read, and adds their rows to it."""
    from components.rows import data_hash
    from components.rows.row_counts import rows_by_file

    read = rows_by_file(examples)
    # Not against what is there now: a file may have been another one in between.
    began = data_hash.of_files((file.split, file.sha256) for file in found.data)
    if data_hash.read(examples) != began or set(read) != {file.path for file in found.data}:
        raise changed(", ".join(read))
    for file in found.data:
        file.rows, file.quarantined = read[file.path]
