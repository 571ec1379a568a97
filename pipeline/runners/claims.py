"""What `begin` did under a scheduler's id, for the steps that follow."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import TypeAdapter

from components.common import atomic_files
from pipeline.runners.exported_dag import ExportedDag

_CLAIM = TypeAdapter(dict[str, str])


def path(dag: ExportedDag, run_id: str) -> Path:
    """Where it is kept; the id may hold characters that no file's name can."""
    return dag.home / "scheduled" / f"{hashlib.sha256(run_id.encode()).hexdigest()}.json"


def write(dag: ExportedDag, run_id: str, content: dict[str, str]) -> None:
    """Keeps the run's `directory`, why it was `skipped`, or why it `failed` to begin."""
    claim = path(dag, run_id)
    claim.parent.mkdir(parents=True, exist_ok=True)
    atomic_files.write_text(claim, json.dumps({"run_id": run_id, **content}))


def read(dag: ExportedDag, run_id: str) -> dict[str, str]:
    """Empty where there is none that can be read."""
    try:
        return _CLAIM.validate_json(path(dag, run_id).read_bytes())
    except (OSError, ValueError):
        return {}
