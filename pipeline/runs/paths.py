"""Where a run keeps what: ROOT/NAME/ with metadata, artifacts, records of the runs, and the pushed models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.common import stored_paths
from components.settings.kinds.registry import AnyRun

RECORD_FILE = "run.json"

LOG_FILE = "log.txt"

REPORT_FILE = "report.html"

LOCK_FILE = "lock"

PRETRAINER = "Pretrainer"

MAKERS = ("Trainer", "Calibration", "VocabularyLearner", PRETRAINER)
"""The nodes that make what is pushed: in a run the last of them, each of which makes another of what it is given."""

HOME = "HOME"
"""Stands for a pipeline's home where it does not matter which it is."""


def moved(value: Any, old: str, new: str) -> Any:
    """The same with the paths that lead into one directory leading into another; also within lists and dicts."""
    match value:
        case str():
            return new + value[len(old) :] if f"{value}/".startswith(f"{old}/") else value
        case list():
            return [moved(item, old, new) for item in value]
        case dict():
            return {key: moved(item, old, new) for key, item in value.items()}
    return value


@dataclass(frozen=True, slots=True)
class PipelinePaths:
    """The paths of one pipeline."""

    home: Path
    serving: Path
    """TensorFlow Serving's model directory: one folder a version."""

    @classmethod
    def of(cls, run: AnyRun, root: Path) -> PipelinePaths:
        """The paths of a run under a root."""
        home = root.resolve() / run.name
        destination = Path(run.push.destination) if run.push.destination else home / "serving"
        return cls(home, destination / (run.push.name or run.name))

    @classmethod
    def of_run(cls, run: AnyRun, directory: Path) -> PipelinePaths:
        """The paths of a run whose record lies in `directory`, ROOT/NAME/runs/ID."""
        return cls.of(run, directory.resolve().parents[2])

    @property
    def metadata(self) -> Path:
        """ML Metadata's SQLite file."""
        return self.home / "metadata.sqlite"

    @property
    def artifacts(self) -> Path:
        """TFX's pipeline root."""
        return self.home / "artifacts"

    def artifact(self, uri: str) -> Path | None:
        """The directory of a node's artifact, NODE/KEY/EXECUTION, resolved; None of an URI that leads elsewhere."""
        found = stored_paths.below(self.artifacts, uri)
        return found if found and len(found.relative_to(self.artifacts.resolve()).parts) == 3 else None

    def checkpoints(self, node: str) -> Path:
        """Of a training that is under way in one of `MAKERS`; see `components.training.checkpoints`."""
        return self.artifacts / node / "checkpoints"

    @property
    def models(self) -> Path:
        """Trainer's Model artifacts: EXECUTION/Format-Serving."""
        return self.made_by(MAKERS[0])

    def made_by(self, node: str) -> Path:
        """The Model artifacts of one of `MAKERS`."""
        return self.artifacts / node / "model"

    @property
    def runs(self) -> Path:
        """A directory a run, with its record and its log."""
        return self.home / "runs"

    @property
    def lock(self) -> Path:
        """Held while a run is on."""
        return self.home / LOCK_FILE
