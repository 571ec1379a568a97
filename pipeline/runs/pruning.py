"""Removing what no kept run and no pushed version needs any more."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata

from components.serving.versions import DAMAGED, versions
from pipeline.runs import record
from pipeline.runs.paths import RECORD_FILE, PipelinePaths
from pipeline.runs.run_ids import in_order


@dataclass(slots=True)
class Pruned:
    """What was removed, or would be."""

    kept_runs: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    """Directories of artifacts."""
    bytes: int = 0


def prune(paths: PipelinePaths, keep: int, dry: bool) -> Pruned:
    """Removes artifacts. Records, manifests and logs of all runs stay, and so do the pushed versions.

    The caller holds the lock.

    Args:
        paths: of one pipeline.
        keep: so many of the newest finished runs keep their artifacts, besides those of the pushed versions and the
            newest run, which may go on.
        dry: only says what would go.
    """
    runs = in_order(path.parent for path in paths.runs.glob(f"*/{RECORD_FILE}"))
    records = [record.read(directory) for directory in runs]
    finished = [found for found in records if found.state in ("pushed", "refused")]
    pushed = {str(paths.serving / str(version)) for version in versions(paths.serving)}
    kept = [found.id for found in finished[-keep:]]
    kept += [found.id for found in finished[:-keep] if found.pushed in pushed]
    # One that a scheduler has between two of its nodes holds no lock.
    kept += [found.id for found in records if found.state == "running" or found is records[-1] if found.id not in kept]
    connection = metadata.sqlite_metadata_connection_config(str(paths.metadata))
    result = Pruned([found.id for found in records if found.id in kept])
    with metadata.Metadata(connection) as mlmd:
        needed: set[str] = set()
        for context in mlmd.store.get_contexts_by_type(constants.PIPELINE_RUN_CONTEXT_TYPE_NAME):
            if context.name in kept:
                needed |= {artifact.uri for artifact in mlmd.store.get_artifacts_by_context(context.id)}
        gone, directories = [], []
        for artifact in mlmd.store.get_artifacts():
            path = Path(artifact.uri)
            if artifact.uri in needed or not path.is_relative_to(paths.artifacts):
                continue
            if path.is_dir():
                result.removed.append(artifact.uri)
                directories.append(path)
            if artifact.state != metadata_store_pb2.Artifact.DELETED:
                artifact.state = metadata_store_pb2.Artifact.DELETED
                gone.append(artifact)
        if gone and not dry:
            # First: nothing takes from cache what is half removed.
            mlmd.store.put_artifacts(gone)
    for path in (*paths.artifacts.glob(f"*/*/{DAMAGED}*"), *paths.serving.glob(f"{DAMAGED}*")):
        result.removed.append(str(path))
        directories.append(path)
    result.bytes = sum(map(_size, directories))
    for path in () if dry else directories:
        shutil.rmtree(path)
    return result


def _size(directory: Path) -> int:
    # A hard link, as the model in production has one in the baseline, frees nothing.
    files = [path.stat() for path in directory.rglob("*") if path.is_file()]
    return sum(file.st_size for file in files if file.st_nlink == 1)
