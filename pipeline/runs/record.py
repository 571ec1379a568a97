"""What a run left behind for people: one JSON file, rewritten after every node, read by `show`."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from rich.errors import ConsoleError

from components.common import atomic_files, json_text, locks
from components.common.errors import InputError
from components.common.suggest import did_you_mean
from components.settings.serialization import load, load_file
from components.verdict.summary import CANDIDATE, split_of
from pipeline.runs.paths import LOCK_FILE, LOG_FILE, RECORD_FILE, REPORT_FILE, moved
from pipeline.runs.run_ids import in_order

NodeState = Literal["done", "cached", "failed", "running"]

RunState = Literal["running", "pushed", "refused", "failed", "interrupted"]

_DAMAGED = "Delete the run's directory, or give another run's id"

OUTCOME = ("state", "rows", "duplicates", "metrics")
"""The names in `RunRecord.outcome`."""


@dataclass(slots=True)
class NodeRecord:
    """How one node fared."""

    id: str
    state: NodeState = "running"
    seconds: float = 0.0
    note: str = ""
    reason: str = ""
    """Why it ran though it had run before: what had changed."""
    outputs: list[str] = field(default_factory=list)
    """URIs of its artifacts."""
    warnings: list[str] = field(default_factory=list)
    """What a person should know though the run goes on."""


@dataclass(slots=True)
class RunRecord:
    """How one run fared."""

    id: str
    name: str
    config: str
    directory: str
    started: str
    """ISO 8601 with the offset from UTC."""
    state: RunState = "running"
    seconds: float = 0.0
    nodes: list[NodeRecord] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    """Split -> rows."""
    quarantined: int = 0
    quarantine_file: str | None = None
    texts: dict[str, Any] = field(default_factory=dict)
    """Split -> `rows.text_statistics.TextStatistics`."""
    duplicates: dict[str, Any] = field(default_factory=dict)
    """Split -> `leakage.duplicates.Duplicates`."""
    corpus: dict[str, Any] = field(default_factory=dict)
    """`pretraining.corpus_statistics.CorpusStatistics`, of a run that reads documents."""
    vocabulary: dict[str, Any] = field(default_factory=dict)
    """What a run that learns a vocabulary has learned it from."""
    pretraining: dict[str, Any] = field(default_factory=dict)
    """What a run that pre-trains has learned from, as `pretraining.pretrain` leaves it."""
    drift: dict[str, Any] = field(default_factory=dict)
    """What DriftValidator measured."""
    damaged: list[str] = field(default_factory=list)
    """What was not as earlier runs had left it, and what became of it."""
    training: dict[str, Any] = field(default_factory=dict)
    """`training.history.History`."""
    evaluations: dict[str, dict[str, Any]] = field(default_factory=dict)
    """`dev`: the Evaluator's summary of the rows that the gate looks at, which `data.held_back` makes a split of their
    own, see `by_split`; `test`: Evaluator.test's."""
    calibration: dict[str, Any] = field(default_factory=dict)
    """What Calibration found: `calibration.of_task.Calibrated.summary`."""
    serving: dict[str, Any] = field(default_factory=dict)
    """What ServingValidator found: `serving.validation.validate`."""
    pushed: str | None = None
    error: str | None = None
    scheduled_as: str | None = None
    """The id that a scheduler gave the run, whose nodes are processes of their own; None: a run of `run`."""

    @property
    def outcome(self) -> dict[str, Any]:
        """What the run's manifest says of the result besides the weights: `OUTCOME`, the metrics on all rows."""
        metrics = {split: dict(summary["metrics"][CANDIDATE][""]) for split, summary in self.by_split.items()}
        return dict(zip(OUTCOME, (self.state, self.rows, self.duplicates, metrics), strict=True))

    @property
    def by_split(self) -> dict[str, dict[str, Any]]:
        """Split that was measured -> the evaluation of it."""
        return {split_of(summary, role): summary for role, summary in self.evaluations.items()}

    @property
    def gated(self) -> str:
        """The split that the gate looks at."""
        return split_of(self.evaluations.get("dev", {}), "dev")

    @property
    def is_of_documents(self) -> bool:
        """Whether the run learned of documents: what it makes answers nothing by itself."""
        return bool(self.vocabulary or self.pretraining)

    @property
    def log(self) -> Path:
        """The run's log."""
        return Path(self.directory, LOG_FILE)

    @property
    def report(self) -> Path:
        """The page about the run, if one was written."""
        return Path(self.directory, REPORT_FILE)

    def node(self, node_id: str) -> NodeRecord:
        """The node's entry, a new one behind the others if it has none."""
        if (found := next((node for node in self.nodes if node.id == node_id), None)) is None:
            self.nodes.append(found := NodeRecord(node_id))
        return found

    def write(self) -> None:
        """Replaces the file in one step."""
        atomic_files.write_text(Path(self.directory, RECORD_FILE), self.as_json())

    def as_json(self) -> str:
        """The record as JSON."""
        return json_text.dumps(self.document(), indent=1)

    def document(self) -> dict[str, Any]:
        """The record as JSON can hold it; its evaluations are not copied."""
        # A confusion matrix of a thousand classes has a million numbers, which `asdict` would copy one by one.
        return dataclasses.asdict(dataclasses.replace(self, evaluations={})) | {"evaluations": self.evaluations}


@contextlib.contextmanager
def edited(directory: Path) -> Iterator[RunRecord]:
    """A run's record to be changed and written, while other nodes' processes wait to do so."""
    with locks.locked(directory / f"{RECORD_FILE}.lock"):
        found = read(directory)
        yield found
        found.write()


def read(directory: Path) -> RunRecord:
    """The record of a run, with paths as they are in a root that was copied or moved.

    One that says it is running while nobody is was killed; of a scheduled one nobody can tell.

    Raises:
        InputError: none there, or a damaged one.
    """
    remedy = "Give the id of a run; `show --all` lists them"
    found = load_file(RunRecord, directory / RECORD_FILE, "the record of a run", remedy, _DAMAGED)
    if (before := Path(found.directory)) != (now := directory.resolve()) and before.name == now.name:
        of_home = moved(dataclasses.asdict(found), *(str(path.parent.parent) for path in (before, now)))
        found = load(RunRecord, json.dumps(of_home))
    # Where it is written again, and its log is: never where the file says.
    found.directory = str(directory.resolve())
    if found.state == "running" and not found.scheduled_as and not locks.is_locked(directory.parents[1] / LOCK_FILE):
        _close(found, "the process was killed")
    return found


@contextlib.contextmanager
def as_written(directory: Path) -> Iterator[None]:
    """Around what looks deep into a record of a directory: what nodes had to tell stands there as they wrote it.

    Raises:
        InputError: it does not.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, ConsoleError) as error:
        problem = f"not the record of a run ({type(error).__name__}: {error})"
        raise InputError(str(directory / RECORD_FILE), problem, _DAMAGED) from None


def close_killed(runs: Path, own: RunRecord) -> None:
    """Records that claim to be running, though a run has begun that none of their kind runs beside, are `interrupted`.

    Of `run`s the lock lets one in at a time; of its own the scheduler starts one at a time.

    Args:
        runs: directory of the runs.
        own: of the run that has begun and holds the lock.
    """
    scheduled = own.scheduled_as is not None
    for path in runs.glob(f"*/{RECORD_FILE}"):
        with contextlib.suppress(InputError):
            found = read(path.parent)
            if found.state == "running" and found.id != own.id and (found.scheduled_as is not None) == scheduled:
                _close(found, "the scheduler gave it up" if scheduled else "the process was killed")
                found.write()


def _close(found: RunRecord, error: str) -> None:
    found.state, found.error = "interrupted", error
    for node in found.nodes:
        if node.state == "running":
            node.state = "failed"


def find(root: Path, wanted: str | None) -> list[Path]:
    """Directories of the runs under a root, oldest first; only those of the id or of the pipeline `wanted`.

    Raises:
        InputError: there is none.
    """
    every = in_order(path.parent for path in root.glob(f"*/runs/*/{RECORD_FILE}"))
    if wanted is None:
        found = every
    else:
        found = [path for path in every if wanted in (path.name, path.parents[1].name, str(path))]
    if not found and not every:
        raise InputError(str(root), "no run in it", "Start one with `run --config C`, or give the --root of your runs")
    if not found and wanted is not None:
        nearest = did_you_mean(wanted, [name for path in every for name in (path.name, path.parents[1].name)], str)
        raise InputError(str(root), f"no run or pipeline {wanted!r} in it", f"{nearest}`show --all` lists the runs")
    return found


class NodeOutcome(NamedTuple):
    """What became of a node."""

    cached: bool
    outputs: dict[str, list[str]]
    """Output key -> URIs of the artifacts."""
    reason: str
    """Why it ran; empty if it is the first time, or if it did not."""
