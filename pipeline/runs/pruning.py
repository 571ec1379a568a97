"""Removing what no kept run and no pushed version needs any more, and pushed versions that nothing needs."""

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
from components.export.formats import beside
from components.serving import removal
from components.serving.versions import DAMAGED, is_version, versions
from components.settings.run import Run
from components.tasks import TASKS
from components.verdict.anchor import best
from pipeline.runs import manifest, record
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
    """Of artifacts and versions."""
    kept_versions: dict[int, str] = field(default_factory=dict)
    """Version -> why it stays; empty where versions were not asked for."""
    removed_versions: list[int] = field(default_factory=list)


def prune(paths: PipelinePaths, keep: int | None, dry: bool, newest: int | None = None) -> Pruned:
    """Removes artifacts, versions or both. Records, manifests and logs of all runs stay.

    The caller holds the lock.

    Args:
        paths: of one pipeline.
        keep: so many of the newest finished runs keep their artifacts, besides those of the pushed versions and the
            newest run, which may go on; None: all artifacts stay.
        dry: only says what would go.
        newest: so many of the newest versions stay, besides those that are needed; None: all do.

    Raises:
        InputError: a damaged record, card or list of what was withdrawn; or ML Metadata's file is.
    """
    result = Pruned()
    if newest is not None:
        _prune_versions(paths, newest, dry, result)
    if keep is not None:
        _prune_artifacts(paths, keep, dry, result)
    return result


def _prune_versions(paths: PipelinePaths, newest: int, dry: bool, result: Pruned) -> None:
    """First of all, so that artifacts of runs whose versions go can go too."""
    result.kept_versions = removal.needed(paths.serving, newest)
    for version, run in _pinned(paths).items():
        result.kept_versions.setdefault(version, f"what training.init_from of run {run} names")
    for version in _anchors(paths):
        result.kept_versions.setdefault(version, "what gate.anchor names")
    for version, other in _bases(paths):
        result.kept_versions.setdefault(version, f"what the newest run of {other} was made of")
    there = versions(paths.serving)
    # In their order, and none that is gone already.
    result.kept_versions = {one: result.kept_versions[one] for one in there if one in result.kept_versions}
    result.removed_versions = [version for version in there if version not in result.kept_versions]
    places = (paths.serving, *beside.directories(paths.serving))
    result.bytes += sum(_size(place / str(version)) for place in places for version in result.removed_versions)
    if not dry:
        for place in places:
            # What an earlier removal or push that was killed left.
            removal.discard_unfinished(place)
            removal.remove(place, (one for one in result.removed_versions if (place / str(one)).is_dir()))


def _pinned(paths: PipelinePaths) -> dict[int, str]:
    """Version -> the newest run whose config names its directory to start from."""
    found: dict[int, str] = {}
    for directory in manifest.newest_first(paths.runs):
        with contextlib.suppress(InputError):
            run = manifest.read_alone(directory).settings
            place = Path(run.training.init_from if isinstance(run, Run) else "")
            # By whatever name it is called: a link may lead to it, or its own may lead elsewhere.
            for one in (place, place.resolve()) if place.is_absolute() else ():
                if one.parent.resolve() == paths.serving.resolve() and is_version(one.name):
                    found.setdefault(int(one.name), directory.name)
    return found


def _anchors(paths: PipelinePaths) -> Iterator[int]:
    """What the newest run's gate compares with beside the version in production."""
    for directory in manifest.newest_first(paths.runs)[:1]:
        with contextlib.suppress(InputError):
            settings = manifest.read_alone(directory).settings
            gate = settings.gate
            if gate.anchor == "best" and isinstance(settings, Run):
                name = gate.anchor_metric
                metric = TASKS[settings.data.task].metric_of(name)
                higher = metric is None or metric.higher_is_better
                if (version := best(paths.serving, name, higher=higher, but="")) is not None:
                    yield version
            elif isinstance(gate.anchor, int):
                yield gate.anchor


def _bases(paths: PipelinePaths) -> Iterator[tuple[int, str]]:
    """What the newest runs of other pipelines of the root began with, and whose they are."""
    for runs in sorted(paths.home.parent.glob("*/runs")):
        for directory in manifest.newest_first(runs)[:1]:
            with contextlib.suppress(InputError):
                for one in manifest.read_alone(directory).came_from:
                    number = str(one.get("version", ""))
                    if one.get("pipeline") == paths.home.name and is_version(number):
                        yield int(number), runs.parent.name


def _prune_artifacts(paths: PipelinePaths, keep: int, dry: bool, result: Pruned) -> None:
    runs = in_order(path.parent for path in paths.runs.glob(f"*/{RECORD_FILE}"))
    records = [record.read(directory) for directory in runs]
    finished = [found for found in records if found.state in ("pushed", "refused")]
    # In a dry run the others are there still.
    stay = set(versions(paths.serving)).difference(result.removed_versions)
    pushed = {str(paths.serving / str(version)) for version in stay}
    kept = [found.id for found in finished[-keep:]]
    kept += [found.id for found in finished[:-keep] if found.pushed in pushed]
    # One that a scheduler has between two of its nodes holds no lock.
    kept += [found.id for found in records if found.state == "running" or found is records[-1] if found.id not in kept]
    result.kept_runs = [found.id for found in records if found.id in kept]
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
    result.bytes += sum(map(_size, directories))
    for path in () if dry else directories:
        stored_paths.remove(paths.serving if path.parent == paths.serving else paths.artifacts, path)


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
