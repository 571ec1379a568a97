"""What a scheduler knows of a pipeline: one JSON file, written by `export`, read by each step."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.common import atomic_files
from components.common.exit_status import SKIPPED
from components.settings.push import Notify
from components.settings.schedule import Schedule
from components.settings.serialization import adapter, load_file


@dataclass(frozen=True, slots=True)
class ExportedDag:
    """A pipeline as it was exported. Paths are absolute, as they were there."""

    name: str
    config: str
    root: str
    python: str
    runner: str
    """`pipeline_runner.py`."""
    schedule: Schedule
    pipeline: dict[str, Any]
    """The compiled DAG: TFX's intermediate representation as JSON."""
    skip_exit_code: int = SKIPPED
    notify: Notify = field(default_factory=Notify)
    """As it was at the export: of a run that left no settings of its own."""

    @property
    def home(self) -> Path:
        """Where its runs keep their files."""
        return Path(self.root, self.name)

    def write(self, path: Path) -> None:
        """As JSON, in one step."""
        atomic_files.write_text(path, adapter(ExportedDag).dump_json(self, indent=1).decode())

    @classmethod
    def read(cls, path: Path) -> ExportedDag:
        """What `write` wrote.

        Raises:
            InputError: it cannot be read.
        """
        remedy = "Give the .json file that `export` wrote beside the DAG file"
        return load_file(ExportedDag, path, "an exported pipeline", remedy)


def edges(pipeline: dict[str, Any]) -> dict[str, list[str]]:
    """Of a compiled DAG: node -> the nodes it waits for."""
    nodes = [step["pipelineNode"] for step in pipeline["nodes"]]
    return {node["nodeInfo"]["id"]: sorted(node.get("upstreamNodes", [])) for node in nodes}
