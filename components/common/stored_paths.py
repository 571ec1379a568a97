"""Paths that come out of stored state, a run's files say, which anybody may have written: held to where they belong."""

from __future__ import annotations

import shutil
from pathlib import Path

from components.common.errors import InputError


def below(root: Path, path: Path | str) -> Path | None:
    """A path with its links and its `..` resolved, if that lies below a root, resolved too; None: it does not."""
    try:
        resolved, top = Path(path).resolve(), root.resolve()
    except (OSError, ValueError, RuntimeError):
        # A name that is too long, one with a null byte, a loop of links.
        return None
    return resolved if top in resolved.parents else None


def inside(root: Path, path: Path | str, remedy: str) -> Path:
    """`below`, where a path that lies elsewhere is a mistake.

    Raises:
        InputError: it does not lie below the root.
    """
    found = below(root, path)
    if found is None:
        raise InputError(repr(str(path)).strip("'"), f"does not lie below {root}", remedy)
    return found


def remove(root: Path, directory: Path) -> bool:
    """Removes a directory below a root with all that is in it; what links lead to stays.

    Returns:
        Whether it was there, and no link.
    """
    if directory.is_symlink() or not directory.is_dir() or below(root, directory) is None:
        return False
    shutil.rmtree(directory)
    return True


def check_files(model: Path) -> None:
    """A model has files and directories of its own: a pipe would be waited for, a link leads to a private key, say.

    Raises:
        InputError: it is or holds something else.
    """
    for path in (model, *model.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            kind = "a link" if path.is_symlink() else "neither a file nor a directory"
            remedy = "Put the file itself there, or the version back from where it was archived"
            raise InputError(str(path), f"{kind}, and a model holds none", remedy)
