"""The pushed versions of a pipeline, and the runs they came from."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.common.errors import InputError
from components.export.card import identity, is_vocabulary, read_card
from components.export.card_task import task_of
from components.pretraining.vocabulary_metrics import VocabularyMeasures
from components.serving.versions import is_one_of, versions, withdrawn
from components.settings.fields import NAME
from components.settings.kinds.registry import AnyRun
from components.tasks.own import MissingTaskError
from pipeline.runs import manifest, record
from pipeline.runs.paths import PipelinePaths


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
    if is_vocabulary(version):
        return VocabularyMeasures.primary_metric.name
    try:
        return task_of(version).primary_metric.name
    except MissingTaskError:
        return ""


def version_of(directory: Path, model: str) -> Path | None:
    """The newest version of a model, which is known by its identity, or by its weights where a run is older."""
    paths = (directory / str(version) for version in reversed(versions(directory)))
    return next((path for path in paths if is_one_of((model,), read_card(path))), None)
