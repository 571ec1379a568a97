"""Removing what no kept run and no pushed version needs any more."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ml_metadata.errors import StatusError
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata

from components.common import stored_paths
from components.common.errors import InputError
from components.serving.versions import DAMAGED, versions
from pipeline.runs import record
from pipeline.runs.paths import RECORD_FILE, PipelinePaths
from pipeline.runs.run_ids import in_order

_ASIDE = re.compile(re.escape(DAMAGED) + "[0-9]+")
"""The name of what was put aside: of an artifact's directory, or a version's."""


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

    Raises:
        InputError: a damaged record, or ML Metadata's file is.
    """
    runs = in_order(path.parent for path in paths.runs.glob(f"*/{RECORD_FILE}"))
    records = [record.read(directory) for directory in runs]
    finished = [found for found in records if found.state in ("pushed", "refused")]
    pushed = {str(paths.serving / str(version)) for version in versions(paths.serving)}
    kept = [found.id for found in finished[-keep:]]
    kept += [found.id for found in finished[:-keep] if found.pushed in pushed]
    # One that a scheduler has between two of its nodes holds no lock.
    kept += [found.id for found in records if found.state == "running" or found is records[-1] if found.id not in kept]
    result = Pruned([found.id for found in records if found.id in kept])
    with _store(paths) as mlmd:
        needed: set[Path | None] = set()
        for context in mlmd.store.get_contexts_by_type(constants.PIPELINE_RUN_CONTEXT_TYPE_NAME):
            if context.name in kept:
                artifacts = mlmd.store.get_artifacts_by_context(context.id)
                needed |= {paths.artifact(artifact.uri) for artifact in artifacts}
        gone: list[metadata_store_pb2.Artifact] = []
        directories: list[Path] = []
        for artifact in mlmd.store.get_artifacts():
            # An URI is a text that anybody may have written.
            path = paths.artifact(artifact.uri)
            if path is None or path in needed:
                continue
            if path.is_dir() and path not in directories:
                result.removed.append(artifact.uri)
                directories.append(path)
            if artifact.state != metadata_store_pb2.Artifact.DELETED:
                artifact.state = metadata_store_pb2.Artifact.DELETED
                gone.append(artifact)
        if gone and not dry:
            # First: nothing takes from cache what is half removed.
            mlmd.store.put_artifacts(gone)
    for path in (*paths.artifacts.glob(f"*/*/{DAMAGED}*"), *paths.serving.glob(f"{DAMAGED}*")):
        if _ASIDE.fullmatch(path.name) and not path.is_symlink():
            result.removed.append(str(path))
            directories.append(path)
    result.bytes = sum(map(_size, directories))
    for path in () if dry else directories:
        stored_paths.remove(paths.serving if path.parent == paths.serving else paths.artifacts, path)
    return result


@contextlib.contextmanager
def _store(paths: PipelinePaths) -> Iterator[metadata.Metadata]:
    """ML Metadata of a pipeline."""
    try:
        with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(paths.metadata))) as mlmd:
            yield mlmd
    except (StatusError, RuntimeError) as error:
        problem = f"cannot be read as ML Metadata's store ({str(error).splitlines()[0][:160]})"
        remedy = "Put it back from where it was archived, or delete the pipeline's artifacts and this file"
        raise InputError(str(paths.metadata), problem, remedy) from None


def _size(directory: Path) -> int:
    # A hard link, as the model in production has one in the baseline, frees nothing.
    files = [path.stat() for path in directory.rglob("*") if path.is_file()]
    return sum(file.st_size for file in files if file.st_nlink == 1)
