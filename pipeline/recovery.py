"""What a killed run or a damaged disk left, put in order before the next run begins. The caller holds the lock."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration import metadata

from components import durable
from pipeline.places import Places

_States = metadata_store_pb2.Execution
_UNDER_WAY = (_States.NEW, _States.RUNNING)


def discard_unfinished(places: Places, connection: metadata_store_pb2.ConnectionConfig) -> int:
    """Ends executions that a kill left open in ML Metadata, and removes what they and killed pushes had begun to write.

    Returns:
        How many executions there were.
    """
    with metadata.Metadata(connection) as mlmd:
        open_ones = [e for e in mlmd.store.get_executions() if e.last_known_state in _UNDER_WAY]
        for execution in open_ones:
            execution.last_known_state = _States.FAILED
        if open_ones:
            mlmd.store.put_executions(open_ones)
    for execution in open_ones:
        # TFX's NODE/KEY/EXECUTION for its output, NODE/.system/KEY/EXECUTION for what it needs meanwhile.
        for directory in (
            *places.artifacts.glob(f"*/*/{execution.id}"),
            *places.artifacts.glob(f"*/*/*/{execution.id}"),
        ):
            shutil.rmtree(directory)
    for aside in places.serving.glob(".[0-9]*-*"):
        shutil.rmtree(aside)
    return len(open_ones)


class Digests:
    """sha256 of what finished nodes left, by which damage shows before a later run builds on it.

    Args:
        places: where the artifacts are.
    """

    def __init__(self, places: Places) -> None:
        self._places, self._file = places, places.home / "digests.json"
        try:
            self._known: dict[str, dict[str, str]] = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            # Without it nothing can be checked, and nothing is lost.
            self._known = {}

    def remember(self, uris: Iterable[str]) -> None:
        """Of artifacts that a node has just made."""
        for uri in uris:
            self._known[uri] = _of_files(Path(uri))
        durable.write_text(self._file, json.dumps(self._known))

    def discard_damaged(self, uris: Iterable[str]) -> list[str]:
        """Removes what is not as it was left, so that it is made again; a pushed version goes aside instead.

        Returns:
            What was wrong, for the user.
        """
        found = []
        for uri in uris:
            path, known = Path(uri), self._known.get(uri)
            if known is None or not path.is_dir() or (now := _of_files(path)) == known:
                continue
            file = next(name for name in sorted({*known, *now}) if known.get(name) != now.get(name))
            if path.parent == self._places.serving and path.name.isdecimal():
                path.rename(path.with_name(f".damaged-{path.name}"))
                found.append(f"version {path.name} is damaged ({file}): it was put aside and is pushed anew")
            else:
                shutil.rmtree(path)
                found.append(f"{path / file} is damaged: its node runs again")
            del self._known[uri]
        return found


def _of_files(directory: Path) -> dict[str, str]:
    files = (path for path in sorted(directory.rglob("*")) if path.is_file())
    return {str(path.relative_to(directory)): durable.sha256(path) for path in files}
