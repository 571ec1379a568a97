"""The pushed versions of a pipeline, and the runs they came from."""

from __future__ import annotations

import contextlib
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from components.common.errors import InputError
from components.common.suggest import did_you_mean
from components.export.card import PRETRAINED, VOCABULARY, identity, kind_of, read_card
from components.export.card_task import task_of
from components.pretraining.objectives import MaskedTokens
from components.pretraining.vocabulary_metrics import VocabularyMeasures
from components.serving.versions import is_one_of, production, versions, withdrawn
from components.settings.fields import NAME
from components.settings.kinds.registry import AnyRun
from components.tasks.own import MissingTaskError
from components.verdict.gate import Measured
from pipeline.config.named import Pushed
from pipeline.runs import manifest, record
from pipeline.runs.paths import PipelinePaths

_MEASURED: dict[str | None, Measured] = {VOCABULARY: VocabularyMeasures(), PRETRAINED: MaskedTokens()}
"""Kind of what is pushed, where it is none for a task -> what is measured of it."""


@dataclass(slots=True)
class Version:
    """A pushed version."""

    number: int
    state: str
    """`in production`, `withdrawn`, `copy of N` after a rollback, or nothing."""
    path: str
    identity: str
    """`components.export.card.identity`."""
    weights_sha256: str
    run: str | None = None
    """Id of the run that pushed it."""
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By split."""
    headline: str = ""
    """The first of the task's metrics."""


def pipeline_paths(root: Path, name: str | None) -> PipelinePaths:
    """The paths of a pipeline under a root, as its newest run had them.

    A scheduler elsewhere may leave no record of a run: where its models are pushed to by default is found by name.

    Raises:
        InputError: there is no run, or there are several pipelines and none was named; or the name can be none.
    """
    if name and not re.fullmatch(NAME, name):
        raise InputError("--name", f"got {name!r}, which no pipeline can be called", "`show --all` lists them")
    home = root.resolve() / (name or "")
    if name and not (home / "runs").is_dir() and versions(home / "serving" / name):
        return PipelinePaths(home, home / "serving" / name)
    return PipelinePaths.of(_settings(root, name), root)


def sign_key(root: Path, name: str | None) -> Path | None:
    """By which a pipeline's newest run signed its versions; None: it did not.

    Raises:
        InputError: as `pipeline_paths`.
    """
    if name and not (root / name / "runs").is_dir():
        return None
    key = _settings(root, name).push.sign_key
    return Path(key) if key else None


def _settings(root: Path, name: str | None) -> AnyRun:
    found = record.find(root, name)
    names = sorted({path.parents[1].name for path in found})
    if len(names) > 1:
        raise InputError(str(root), f"several pipelines in it: {', '.join(names)}", "Give one of them by --name")
    for directory in reversed(found):
        # A run that was killed early has none.
        if (directory / manifest.MANIFEST_FILE).is_file():
            return manifest.read_alone(directory).settings
    return manifest.read_alone(found[-1]).settings


def pushed(where: PipelinePaths) -> list[Version]:
    """Oldest first."""
    # The manifests of older runs know the weights alone.
    of_model: dict[str, manifest.Manifest] = {}
    for directory in manifest.newest_first(where.runs):
        with contextlib.suppress(InputError):
            found = manifest.read(directory)
            if found.result.get("state") == "pushed":
                of_model[found.result.get("identity") or found.result["weights_sha256"]] = found
    there, out = versions(where.serving), withdrawn(where.serving)
    listed = []
    for number in there:
        path = where.serving / str(number)
        described = read_card(path)
        model, weights = identity(described), described.get("weights_sha256", "")
        copied = f"copy of {described['restored_from']}" if "restored_from" in described else ""
        state = "withdrawn" if is_one_of(out, described) else copied
        if number == there[-1]:
            state = f"in production, {copied}" if copied else "in production"
        run = of_model.get(model) or of_model.get(weights)
        metrics = run.result["metrics"] if run else {}
        headline = _headline(path) if metrics else ""
        pusher = run.run if run else described.get("run")
        listed.append(Version(number, state, str(path), model, weights, pusher, metrics, headline))
    return listed


def _headline(version: Path) -> str:
    """The metric that stands beside a version; empty where it is a task's whose package is not installed."""
    if (kind := kind_of(version)) in _MEASURED:
        return _MEASURED[kind].primary_metric.name
    try:
        return task_of(version).primary_metric.name
    except MissingTaskError:
        return ""


def version_of(directory: Path, model: str) -> Path | None:
    """The newest version of a model, which is known by its identity, or by its weights where a run is older."""
    paths = (directory / str(version) for version in reversed(versions(directory)))
    return next((path for path in paths if is_one_of((model,), read_card(path))), None)


@dataclass(frozen=True, slots=True)
class NamedRuns:
    """A root of runs, as `config.named.Named`."""

    root: Path

    def __call__(self, name: str) -> Pushed:
        """What `NAME` has in production, or `NAME/VERSION`.

        Raises:
            InputError: there is no such pipeline, or it has pushed nothing, or not this version.
        """
        pipeline, slash, number = name.partition("/")
        known = sorted(path.name for path in self.root.glob("*") if (path / "runs").is_dir())
        if not re.fullmatch(NAME, pipeline) or pipeline not in known:
            nearest = did_you_mean(pipeline, known)
            listed = f"The pipelines are {', '.join(known)}" if known else "Run that one first, or give its --root"
            raise InputError(str(self.root), f"no pipeline {pipeline!r} in it", f"{nearest}{listed}")
        paths = pipeline_paths(self.root, pipeline)
        there = versions(paths.serving)
        if slash and number not in map(str, there):
            listed = f"Its versions are {', '.join(map(str, there))}" if there else f"`show {pipeline}` says why"
            raise InputError(str(paths.serving), f"no version {number!r} in it", listed)
        version = number or production(paths.serving)
        if version is None:
            raise InputError(str(paths.serving), "no version in it", f"`show {pipeline}` says why, or run it first")
        path = paths.serving / str(version)
        return Pushed(path, _came_from(pipeline, path, paths))


def _came_from(pipeline: str, version: Path, paths: PipelinePaths) -> dict[str, Any]:
    """What a version was made of, as far as the records of its pipeline's runs tell."""
    card = read_card(version)
    known = {"pipeline": pipeline, "version": version.name, "identity": identity(card), "kind": card.get("kind")}
    # The oldest that gave it: others took it from cache.
    for directory in reversed(manifest.newest_first(paths.runs)):
        with contextlib.suppress(InputError):
            found = manifest.read_alone(directory)
            if found.result and is_one_of([str(found.result.get("identity"))], card):
                made = {"run": found.run, "code": found.code, "base_model": found.base_model}
                data = [asdict(file) for file in found.data]
                return {**known, **made, "data": data, "came_from": found.came_from}
    return known
