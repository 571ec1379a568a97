"""What can be found out of a push before anything is made."""

from __future__ import annotations

import os
from pathlib import Path

from components.common.errors import InputError
from components.serving import signing
from components.settings.push import Push
from components.settings.toml import TomlSource


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
