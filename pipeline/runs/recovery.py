"""What a killed run or a damaged disk left, put in order before the next run begins. The caller holds the lock."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ml_metadata.proto import metadata_store_pb2
from pydantic import TypeAdapter
from tfx.orchestration import metadata
from tfx.types import standard_artifacts

from components.common import atomic_files, locks, stored_paths
from components.export.card import CARD_FILE, WARMUP_FILE
from components.export.formats import beside
from components.serving import removal, versions
from components.serving.signing import SIGNATURE_FILE
from pipeline.runs.paths import MAKERS, PipelinePaths, moved

_States = metadata_store_pb2.Execution

_DIGESTS = TypeAdapter(dict[str, dict[str, str]])

_SHOWN = 200
"""Characters of a stored text in a message."""

_UNDER_WAY = (_States.NEW, _States.RUNNING)


def put_aside_unknown(paths: PipelinePaths) -> list[str]:
    """Puts aside what nodes made in executions that ML Metadata does not know: their numbers will be given again, and a
    node would write among another's files. So it is after its file was deleted, or put back from an archive.

    Returns:
        What became of it, for the user.
    """
    with contextlib.closing(_database(paths.metadata)) as database:
        try:
            (newest,) = database.execute("SELECT max(id) FROM Execution").fetchone()
        except sqlite3.OperationalError:
            # Not made yet.
            newest = None
    unknown = [
        path
        for path in paths.artifacts.glob("*/*/[0-9]*")
        if versions.is_version(path.name)
        and int(path.name) > (newest or 0)
        and paths.artifact(str(path)) == path.resolve()
    ]
    for path in unknown:
        aside = path.with_name(f"{versions.DAMAGED}{path.name}")
        stored_paths.remove(paths.artifacts, aside)
        path.rename(aside)
    if not unknown:
        return []
    what = f"{paths.metadata.name} does not know {len(unknown)} outputs of nodes in {paths.artifacts}"
    return [
        f"{what}: they were put aside, as {versions.DAMAGED}NUMBER, and their nodes run again; `prune` removes them"
    ]


def adopt(paths: PipelinePaths) -> list[str]:
    """Has ML Metadata and the digests of a root that was copied or moved name the files as they lie in this one.

    They name them by absolute paths: nodes would be taken from cache from where the root was, or made again. Records of
    runs are read as lying where they do. The caller holds the lock.

    Returns:
        Where it was, for the user.
    """
    artifact = re.compile(rf"(/.*/{re.escape(paths.home.name)})/artifacts/[^/]+/[^/]+/[0-9]+")
    with contextlib.closing(_database(paths.metadata)) as database:
        try:
            uris = [uri for (uri,) in database.execute("SELECT DISTINCT uri FROM Artifact WHERE uri IS NOT NULL")]
        except sqlite3.DatabaseError:
            # Not made yet; or damaged, which ML Metadata will say.
            return []
        homes = sorted({found[1] for found in map(artifact.fullmatch, uris) if found} - {str(paths.home)})
        Digests(paths).adopt(homes)
        # Last, and all at once: until then the next run finds it again.
        with database:
            for home in homes:
                for table, column in (("Artifact", "uri"), ("ArtifactProperty", "string_value")):
                    database.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",  # noqa: S608
                        (f"{paths.home}/", len(home) + 2, len(home) + 1, f"{home}/"),
                    )
                # Of what nodes were given, JSON for the most part: else a move would be a reason to run again.
                database.execute(
                    "UPDATE ExecutionProperty SET string_value = replace(string_value, ?, ?)",
                    (f'"{home}/', f'"{paths.home}/'),
                )
    return [f"{paths.home} was copied or moved from {home}: its own files are used from now on" for home in homes]


def _database(path: Path) -> sqlite3.Connection:
    # A file that is not there would be made.
    return sqlite3.connect(path if path.is_file() else ":memory:")


def disown(paths: PipelinePaths, connection: metadata_store_pb2.ConnectionConfig) -> list[str]:
    """Has nothing taken from cache that ML Metadata's file, which anybody may have written, says to lie elsewhere.

    Every node writes into the pipeline's artifacts, also one that copies a schema or a model from elsewhere. Only what
    Pusher made is no artifact there but a version, in a serving directory that may be anywhere; nothing reads it again.

    Returns:
        What was wrong, for the user.
    """
    with metadata.Metadata(connection) as mlmd:
        alien = [
            one
            for one in mlmd.store.get_artifacts()
            if one.state == metadata_store_pb2.Artifact.LIVE
            and one.type != standard_artifacts.PushedModel.TYPE_NAME
            and paths.artifact(one.uri) is None
        ]
        for one in alien:
            one.state = metadata_store_pb2.Artifact.DELETED
        if alien:
            mlmd.store.put_artifacts(alien)
    where = f"does not lie in {paths.artifacts}: it is not used, its node runs again"
    return [f"the {one.type} at {one.uri[:_SHOWN]!r} {where}" for one in alien]


def discard_unfinished(
    paths: PipelinePaths, connection: metadata_store_pb2.ConnectionConfig, contexts: Collection[str] = ()
) -> None:
    """Removes what killed nodes and pushes had begun to write, and ends their executions in ML Metadata.

    Args:
        paths: where the artifacts are.
        connection: to ML Metadata.
        contexts: only executions that are in all of these contexts, while others may be on.
    """
    with metadata.Metadata(connection) as mlmd:
        open_ones = [e for e in mlmd.store.get_executions() if e.last_known_state in _UNDER_WAY]
        if contexts:
            named = {e.id: {c.name for c in mlmd.store.get_contexts_by_execution(e.id)} for e in open_ones}
            open_ones = [e for e in open_ones if set(contexts) <= named[e.id]]
        for execution in open_ones:
            # TFX's NODE/KEY/EXECUTION for its output, NODE/.system/KEY/EXECUTION for what it needs meanwhile.
            for directory in (
                *paths.artifacts.glob(f"*/*/{execution.id}"),
                *paths.artifacts.glob(f"*/*/*/{execution.id}"),
            ):
                stored_paths.remove(paths.artifacts, directory)
            # Last: until then the next run finds it again.
            execution.last_known_state = _States.FAILED
        if open_ones:
            mlmd.store.put_executions(open_ones)
    if contexts:
        return
    # What nodes need only while they are on, under names that do not tell which: none is on now.
    for kind in ("stateful_working_dir", "driver_execution"):
        for directory in paths.artifacts.glob(f"*/.system/{kind}/*"):
            stored_paths.remove(paths.artifacts, directory)
    for directory in (paths.serving, *beside.directories(paths.serving)):
        removal.discard_unfinished(directory)


class Digests:
    """sha256 of what finished nodes left, by which damage shows before a later run builds on it.

    Args:
        paths: where the artifacts are.
    """

    def __init__(self, paths: PipelinePaths) -> None:
        self._paths, self._file = paths, paths.home / "digests.json"
        self._known: dict[str, dict[str, str]] = {}

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            found: dict[str, dict[str, str]] = _DIGESTS.validate_json(self._file.read_bytes())
        except (OSError, ValueError):
            # Without it nothing can be checked, and nothing is lost.
            return {}
        # What is not named by its place within its directory is no file that was remembered.
        return {uri: files for uri, files in found.items() if not any(map(_leads_out, files))}

    def adopt(self, homes: Iterable[str]) -> None:
        """Names what lay in other homes as it lies in this one."""
        known = self._read()
        for home in homes:
            known = {moved(uri, home, str(self._paths.home)): files for uri, files in known.items()}
            atomic_files.write_text(self._file, json.dumps(known))

    def remember(self, uris: Iterable[str]) -> None:
        """Of artifacts that a node has just made. Nodes that a scheduler starts side by side may do so at once."""
        new = {uri: _of_files(Path(uri)) for uri in uris}
        with locks.locked(self._file.with_suffix(".lock")):
            self._known = self._read() | new
            atomic_files.write_text(self._file, json.dumps(self._known))

    def mend(self) -> list[str]:
        """Sees to it that nothing is taken from cache that is not as it was left. Files that were added do no harm.

        What a node made is renamed, so that it is made again; a pushed version gets the files of the model that was
        pushed, and stays where it is if that is gone.

        Returns:
            What was wrong, for the user.
        """
        self._known = self._read()
        for version in versions.versions(self._paths.serving):
            # Those that a rollback made, and those that were there before anything was remembered.
            uri = str(self._paths.serving / str(version))
            if uri not in self._known:
                self._known[uri] = _of_files(Path(uri))
        self._known = {uri: files for uri, files in self._known.items() if _is_directory(uri)}
        # Versions in other serving directories are left to the runs that push there: nothing else is ours to rename.
        ours = [uri for uri in self._known if self._paths.artifact(uri) or self._is_version(uri)]
        hashes = _Hashes()
        with ThreadPoolExecutor() as pool:
            files = pool.map(lambda uri: hashes.damaged(Path(uri), self._known[uri]), ours)
            damaged = {uri: file for uri, file in zip(ours, files, strict=True) if file}
        found = []
        # What the nodes made first: what versions are mended from is whole then.
        for uri in sorted(damaged, key=self._is_version):
            file = Path(uri, damaged[uri])
            if path := self._paths.artifact(uri):
                aside = path.with_name(f"{versions.DAMAGED}{path.name}")
                del self._known[uri]
                if not path.is_dir():
                    # Put aside already, under another way to write its path.
                    continue
                stored_paths.remove(self._paths.artifacts, aside)
                path.rename(aside)
                found.append(f"{file} is damaged: it was put aside in {aside.name}, its node runs again")
            else:
                found.append(f"{file} is damaged: {self._mend_version(uri, hashes)}")
        atomic_files.write_text(self._file, json.dumps(self._known))
        return found

    def _is_version(self, uri: str) -> bool:
        found = stored_paths.below(self._paths.serving, uri)
        return found is not None and found.parent == self._paths.serving.resolve() and versions.is_version(found.name)

    def _mend_version(self, uri: str, hashes: _Hashes) -> str:
        version, known = Path(uri).resolve(), self._known[uri]
        # A push adds to the card, and signs what there is then: the model has neither.
        own = {name: known[name] for name in (CARD_FILE, SIGNATURE_FILE) if name in known}
        of_model = {name: sha256 for name, sha256 in known.items() if name not in own}
        made = (path for node in MAKERS for path in self._paths.made_by(node).glob("[0-9]*/*"))
        models = [path for path in made if hashes.damaged(path, of_model) is None]
        kept = [name for name in own if hashes.damaged(version, {name: own[name]}) is None]
        if CARD_FILE in kept:
            models = [path for path in models if versions.same_card(version, path)]
        elif CARD_FILE in own:
            exact = [path for path in models if hashes.damaged(path, {CARD_FILE: own[CARD_FILE]}) is None]
            if not exact:
                # It says less than what was signed.
                kept = []
            models = exact or models
        if not models or any(not versions.same_card(models[0], path) for path in models):
            return "no copy of its model is left; delete the version to have it pushed again, or roll back"
        versions.replace(version, models[0], kept, warmup=WARMUP_FILE in known)
        self._known[uri] = _of_files(version)
        lost = " without the signature, which is gone" if SIGNATURE_FILE in set(own).difference(kept) else ""
        return f"the version was copied again from the model it is of{lost}"


class _Hashes:
    """sha256 of files, each read once however many names it has: the model in production has several."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], str] = {}

    def damaged(self, directory: Path, known: dict[str, str]) -> str | None:
        """The first file of a directory that is not as it was."""
        return next((name for name, sha256 in known.items() if self._of(directory / name) != sha256), None)

    def _of(self, path: Path) -> str | None:
        try:
            status = path.stat()
            inode = status.st_dev, status.st_ino
            if inode not in self._known:
                self._known[inode] = atomic_files.sha256(path)
            return self._known[inode]
        except OSError:
            # Gone, or on a part of the disk that cannot be read any more.
            return None


def _leads_out(name: str) -> bool:
    return "\0" in name or Path(name).is_absolute() or ".." in Path(name).parts


def _is_directory(uri: str) -> bool:
    try:
        return Path(uri).is_dir()
    except (OSError, ValueError):
        # A text that can be no path.
        return False


def _of_files(directory: Path) -> dict[str, str]:
    files = (path for path in sorted(directory.rglob("*")) if path.is_file())
    return {str(path.relative_to(directory)): atomic_files.sha256(path) for path in files}
