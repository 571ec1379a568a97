"""What a run does besides its nodes: its beginning, what each node has to tell, its end.

`run` takes them all in one process, a scheduler each in a process of its own.
"""

from __future__ import annotations

import contextlib
import datetime
import shutil
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from components.common import locks, stored_paths
from components.common.errors import InputError, changed
from components.distributed import cluster
from components.export.card import PRETRAINED, VOCABULARY, identity, read_card
from components.serving.versions import production, versions
from components.settings.run import FINE_TUNING, Run
from pipeline.runs import manifest, record
from pipeline.runs.manifest import Manifest
from pipeline.runs.node_notes import note_of
from pipeline.runs.paths import MAKERS, PRETRAINER, PipelinePaths
from pipeline.runs.record import NodeRecord, RunRecord, close_killed
from pipeline.runs.run_ids import new_id

if TYPE_CHECKING:
    from pipeline.config.preflight import AnyChecked
    from pipeline.runs.record import NodeOutcome


READERS = ("TsvExampleGen", "CorpusExampleGen")
"""The nodes that read a run's files, one for each kind of run."""

_OF_CARD = {
    FINE_TUNING: ("weights_sha256", "initial_weights", "initial_identity"),
    VOCABULARY: ("vocabulary_sha256", "size"),
    PRETRAINED: ("weights_sha256",),
}
"""Kind of what is pushed -> what a run's result has of its card."""


def check(checked: AnyChecked, paths: PipelinePaths) -> None:
    """What is wrong with a run here and now, before anything is written.

    Raises:
        InputError: a path that is not UTF-8; the reviewed schema is an artifact of the run's own; the anchor is no
            version that is there; TF_CONFIG does not make this process the chief.
    """
    check_names(checked, paths)
    if isinstance(checked.run, Run):
        _check_fine_tuning(checked.run, paths)


def _check_fine_tuning(run: Run, paths: PipelinePaths) -> None:
    if isinstance(run.gate.anchor, int) and run.gate.anchor not in versions(paths.serving):
        problem = f"no version {run.gate.anchor}, which gate.anchor names"
        raise InputError(str(paths.serving), problem, "Correct it; `versions` lists those that are there")
    schema = run.validation.schema_file
    if schema is not None and stored_paths.below(paths.artifacts, schema):
        raise InputError(schema, "a run's own artifact cannot be its reviewed schema", "Copy it elsewhere first")
    if run.training.devices == "multiworker":
        cluster.chief()


def check_names(checked: AnyChecked, paths: PipelinePaths) -> None:
    """Refuses what ML Metadata, which keeps paths as Unicode text, cannot keep.

    Raises:
        InputError: a path that is not UTF-8, as Linux allows.
    """
    for path in (paths.home, paths.serving, checked.base_model or paths.home, *(file for _, file in checked.files)):
        try:
            str(path).encode()
        except UnicodeEncodeError:
            raise InputError(str(path), "the name is not UTF-8", "Rename it, or give another path") from None


class NothingNew(NamedTuple):
    """The newest run that came to its end, whose nodes would all come from cache."""

    run: str
    """Its id."""
    why: str
    pushed: str | None
    """The version that it pushed; None: it pushed none, and would not again."""


def nothing_new(checked: AnyChecked, paths: PipelinePaths) -> NothingNew | None:
    """Whether a run over spans of data would be the last one again; None: it would come out otherwise.

    It would if the rows, the base model, the config, the code or a library changed, if the version that it pushed is
    gone, or if another version is in production than the one that its model was held against.
    """
    spans = checked.run.data.spans if isinstance(checked.run, Run) else ()
    last = manifest.newest_ended(paths.runs) if spans else None
    if last is None:
        return None
    directory = paths.runs / last.run
    # What is damaged says nothing: a run is made.
    with contextlib.suppress(InputError), record.as_written(directory):
        if not manifest.same_inputs(last, checked):
            return None
        kept = record.read(directory)
        gone = kept.pushed and int(Path(kept.pushed).name) not in versions(paths.serving)
        if not gone and held_against_production(kept, paths, last.result.get("identity", "")):
            why = f"span {max(spans)} is still the newest, run {last.run} had it"
            refused = "" if kept.pushed else f", and nothing was pushed: {refusal(kept)}"
            return NothingNew(last.run, why + refused, kept.pushed)
    return None


def held_against_production(kept: RunRecord, paths: PipelinePaths, model: str) -> bool:
    """Whether a run's model, of this identity, was held against what would be its baseline now."""
    now = production(paths.serving, but=model)
    measured: str | None = kept.evaluations["dev"].get("baseline_version")
    return measured == (None if now is None else str(now))


def refusal(kept: RunRecord) -> str:
    """Why a run that came to its end has pushed nothing."""
    serving = [f"as a client has it: {reason}" for reason in kept.serving.get("reasons", [])]
    return "; ".join([*kept.evaluations["dev"]["reasons"], *serving]) or "a rollback took this model out of production"


def begin(checked: AnyChecked, paths: PipelinePaths, scheduled_as: str | None = None) -> RunRecord:
    """Makes the run's directory, with its config and its record. The caller holds the lock.

    Args:
        checked: the run, in order.
        paths: where it keeps what.
        scheduled_as: a scheduler's id for it.
    """
    now = datetime.datetime.now(datetime.UTC)
    paths.runs.mkdir(parents=True, exist_ok=True)
    # Two pipelines of a root may begin at once, and an id is one run's.
    with locks.locked(paths.home.parent):
        run_id = new_id(paths.runs, now)
        directory = paths.runs / run_id
        directory.mkdir()
    shutil.copy(checked.path, directory / "config.toml")
    begun = RunRecord(
        run_id,
        checked.run.name,
        str(checked.path.resolve()),
        str(directory),
        now.astimezone().isoformat(timespec="seconds"),
        scheduled_as=scheduled_as,
    )
    begun.write()
    close_killed(paths.runs, begun)
    return begun


def note(node: NodeRecord, outcome: NodeOutcome, record: RunRecord, found: Manifest) -> None:
    """Puts into the record, and the manifest, what a node has given.

    Raises:
        InputError: the input files are no longer those that the run began with.
    """
    node.state = "cached" if outcome.cached else "done"
    node.reason = outcome.reason
    node.outputs = sorted(chain.from_iterable(outcome.outputs.values()))
    node.note = note_of(record, node.id, outcome.outputs)
    if node.id in READERS:
        _check_files(found, Path(outcome.outputs["examples"][0]))
        found.write(Path(record.directory))
    if node.id in ("Trainer", PRETRAINER):
        if not outcome.cached:
            _keep_events(Path(outcome.outputs["model_run"][0]), Path(record.directory))
        checkpoints = PipelinePaths.of_run(found.settings, Path(record.directory)).checkpoints(node.id)
        # Only now: until the node was noted as complete, a kill would have had it go on from them.
        stored_paths.remove(checkpoints, checkpoints / record.training["key"])


def _keep_events(logs: Path, directory: Path) -> None:
    """Copies TensorBoard's events to the run: it names what it shows after the directory, here the run's id."""
    for path in logs.glob("events.out.tfevents.*"):
        shutil.copy(path, directory)


def maker(record: RunRecord) -> NodeRecord:
    """The node of a run that makes what is pushed: the last of `MAKERS` in it."""
    there = {node.id: node for node in record.nodes}
    return next((there[name] for name in reversed(MAKERS) if name in there), None) or record.node(MAKERS[0])


def made_model(record: RunRecord, paths: PipelinePaths) -> Path:
    """What a run may push: the SavedModel that Trainer or Calibration left in it, or the vocabulary that
    was learned.

    Raises:
        InputError: it is said to lie elsewhere than where its node writes.
    """
    from tfx.utils import path_utils

    node = maker(record)
    place, outputs = paths.made_by(node.id), node.outputs
    models = [uri for uri in outputs if stored_paths.below(place, uri)]
    if len(models) != 1:
        problem = f"has {len(models)} models of {node.id} in {place}, expected 1; its outputs: {outputs}"
        raise InputError(str(paths.metadata), problem, "Run again: what lies elsewhere is made again")
    return Path(path_utils.serving_model_path(models[0]))


def end(record: RunRecord, found: Manifest) -> None:
    """The result of a run whose nodes are all done, into record and manifest.

    Raises:
        InputError: the model is said to lie elsewhere than where its node writes.
    """
    paths = PipelinePaths.of_run(found.settings, Path(record.directory))
    model = made_model(record, paths)
    cached = maker(record).state == "cached"
    earlier = manifest.machine_of(paths.runs, str(model)) if cached else None
    record.state = "pushed" if record.pushed else "refused"
    card = read_card(model)
    found.result = {
        "identity": identity(card),
        **{name: card.get(name) for name in _OF_CARD[card.get("kind", FINE_TUNING)]},
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

    read = list(rows_by_file(examples).values())
    # Not against what is there now: a file may have been another one in between.
    began = data_hash.of_files((file.split, file.sha256) for file in found.data)
    if data_hash.read(examples) != began or len(read) != len(found.data):
        raise changed(", ".join(file.path for file in found.data))
    # In the order of the manifest's: what comes from cache may have been read from elsewhere.
    for file, (rows, bad) in zip(found.data, read, strict=True):
        file.rows, file.quarantined = rows, bad
