"""What `--model` means: a directory, or a pipeline's name."""

from __future__ import annotations

import argparse
import contextlib
import re
from pathlib import Path

from components.common.errors import InputError
from components.common.suggest import did_you_mean
from components.pretrained import base_model
from components.serving import versions
from components.settings.fields import NAME
from pipeline.config.load import NAMED


def model_of(options: argparse.Namespace) -> Path:
    """The directory that `--model` means, verified as the other options of `add_pushed` ask.

    Raises:
        InputError: as `model_path`, or as `verification.verified`.
    """
    # Costs its imports, which reading a command line does without.
    from components.serving import verification

    return verification.verified(model_path(options.model, options.root), options.verify, options.verify_key)


def model_path(given: Path, root: Path) -> Path:
    """The directory of a model: what is given, or the pushed models of the pipeline that is called so.

    Args:
        given: a directory; or `NAME`, for a pipeline's serving directory, or `NAME/VERSION`, for one version in it;
            `run:` before it as in a config leaves no doubt that it is no directory.
        root: where the pipelines keep their runs.

    Raises:
        InputError: it is a model's directory and also the name of a pipeline that has pushed one; or a pipeline without
            pushed models, or without this version; or no directory and no pipeline.
    """
    if str(given).startswith(NAMED):
        # Costs its imports, which a path does without.
        from pipeline.runs.pushed_versions import NamedRuns

        return NamedRuns(root)(str(given).removeprefix(NAMED)).path
    name, *version = given.parts or ("",)
    if len(version) > 1 or not re.fullmatch(NAME, name) or not all(map(versions.is_version, version)):
        return given
    if not _is_home(root / name):
        is_there = given.exists() or base_model.is_there(given)
        if not is_there and (known := sorted(home.name for home in root.glob("*") if _is_home(home))):
            problem = f"no such directory, and no pipeline of this name in {root}"
            remedy = f"{did_you_mean(name, known)}Give a model's directory, or one of the pipelines: {', '.join(known)}"
            raise InputError(str(given), problem, remedy)
        return given
    is_model = base_model.is_base_model(given) or versions.is_complete(given) or bool(versions.versions(given))
    serving = _serving(root, name)
    there = versions.versions(serving)
    named = serving.joinpath(*version)
    if is_model:
        if there and not (given.exists() and given.samefile(named)):
            problem = f"both a model's directory and a pipeline in {root}"
            raise InputError(str(given), problem, f"Give {given.absolute()}, or {named}")
        return given
    if not there:
        problem = f"the pipeline {name} in {root} has pushed no model"
        raise InputError(str(given), problem, f"`show {name}` says why, or run it first")
    if version and int(version[0]) not in there:
        problem = f"the pipeline {name} has no version {version[0]}"
        raise InputError(str(given), problem, f"Its versions are {', '.join(map(str, there))}")
    return named


def _is_home(directory: Path) -> bool:
    return (directory / "runs").is_dir() or (directory / "serving").is_dir()


def _serving(root: Path, name: str) -> Path:
    # Costs its imports, which a path does without.
    from pipeline.runs import pushed_versions

    with contextlib.suppress(InputError):
        return pushed_versions.pipeline_paths(root, name).serving
    # There is no record of a run.
    return root.resolve() / name / "serving" / name
