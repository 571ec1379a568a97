"""Runs of the pipeline that benches measure."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.common import ROOT, Run, as_toml


def carried_out(config: Path, root: Path, *, may_be_refused: bool = False) -> Run:
    """The record of a run; of one that was killed what is finished comes from its cache.

    Ends the bench where the run fails, or where the gate refuses its model.

    Args:
        config: the TOML file.
        root: where the run keeps what it makes.
        may_be_refused: whether it does not matter what the gate says.
    """
    command = [sys.executable, "pipeline_runner.py", "run", "--config", str(config), "--root", str(root), "--json"]
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)  # noqa: S603
    record: Run = json.loads(done.stdout) if done.stdout else {}
    if record.get("state") not in ("pushed", *["refused"] * may_be_refused):
        sys.exit(f"{config}: the run ended with {done.returncode}: {record.get('error')}")
    return record


@contextlib.contextmanager
def beside(original: Path, settings: dict[str, Any]) -> Iterator[Path]:
    """A config with these settings in the folder of the original, to which paths in it are relative."""
    path = original.with_name(f".bench-{original.stem}-{os.getpid()}.toml")
    try:
        path.write_text(as_toml(settings), encoding="utf-8")
        yield path
    finally:
        path.unlink(missing_ok=True)
