"""What can be found out of a push before anything is made."""

from __future__ import annotations

import os
from pathlib import Path

from components.common.errors import InputError
from components.export.formats import forms
from components.pretrained import pooling
from components.serving import signing
from components.settings.model_forms import FORMS
from components.settings.push import Push
from components.settings.run import Run
from components.settings.toml import TomlSource
from components.tasks import Task
from components.training import recipe


def check_formats(run: Run, task: Task, base_model: Path, source: TomlSource) -> None:
    """Finds out whether the model can go out in the forms of `push.formats`, as far as is known before the run.

    Args:
        run: the settings.
        task: what is learned.
        base_model: by which pooling is chosen where they do not say.
        source: the TOML file.

    Raises:
        InputError: one of the forms cannot state it.
    """
    model, formats = run.model, run.push.formats
    if formats and model.pooling == "auto" and task.pools:
        if run.training.init_from != "base":
            # As the pushed model has it, which the run will find.
            return
        _, model = recipe.applied([recipe.pooling(task, pooling.read(base_model))], run.training, model)
    for name in formats:
        if found := forms.why_not(FORMS[name], task, model):
            problem = f"`push.formats` has {name!r}, but the model {found[0]}"
            raise InputError(source.locate(("push", "formats")), problem, f"Take it out. {found[1]}")


def check_push(push: Push, source: TomlSource) -> None:
    """Finds out whether something can be pushed, and signed; makes nothing.

    Raises:
        InputError: the destination is no directory that may be written to; or the key, or what signs, is missing.
    """
    if push.destination is not None:
        destination = push.destination
        there = next(path for path in (Path(destination), *Path(destination).parents) if path.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            problem = f"`push.destination` is {destination}, but {there} is not a directory that you may write to"
            raise InputError(source.locate(("push", "destination")), problem, "Give another directory")
    if push.sign_key is not None:
        signing.fingerprint(Path(push.sign_key))
        signing.tool()
