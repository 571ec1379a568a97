"""Other forms of pushed versions beside them: of NAME/VERSION the form `hf` is NAME-hf/VERSION."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from components.common import atomic_files, stored_paths
from components.common.errors import InputError
from components.export.card import EXPORTED, exported_as, identity, read_card, write_card
from components.export.formats import forms
from components.export.formats.pushed import Pushed
from components.settings.model_forms import FORMS


def directory(serving: Path, form: str) -> Path:
    """Where the versions of a serving directory stand in a form."""
    return serving.with_name(f"{serving.name}-{form}")


def directories(serving: Path) -> list[Path]:
    """Those that are there: of a form of ours, and of another pipeline's no version."""
    return [found for form in FORMS if (found := directory(serving, form)).is_dir() and not _is_taken(found, form)]


def of_version(version: Path) -> list[Path]:
    """The other forms that a version has."""
    return [path for found in directories(version.parent) if exported_as(path := found / version.name)]


def _is_taken(found: Path, form: str) -> bool:
    """Whether a directory has what is no export in it: it may be the serving directory of a pipeline of this name."""
    if not found.exists():
        return False
    return not found.is_dir() or any(exported_as(path) != form for path in found.iterdir() if path.name.isdecimal())


def check(model: Path, serving: Path, names: Iterable[str]) -> None:
    """Refuses forms that cannot state a model, or that have no place beside its versions; before it is pushed.

    Raises:
        InputError: with the reason, and the way out.
    """
    for name in names:
        forms.check(Pushed.read(model), FORMS[name])
        if _is_taken(place := directory(serving, name), name):
            problem = f"has versions that are no exports as {name}, which go there by push.formats"
            raise InputError(str(place), problem, "Give another push.name, or another push.destination")


def write(version: Path, names: Iterable[str], rows: Sequence[tuple[str, ...]]) -> None:
    """Writes the forms of a version that are not there yet.

    Args:
        version: that was pushed.
        names: of the forms.
        rows: real texts that each is held against the version on.

    Raises:
        InputError: as `export.export`.
    """
    model = Pushed.read(version)
    for name in names:
        place = directory(version.parent, name) / version.name
        if exported_as(place) == name and read_card(place)[EXPORTED].get("identity") == identity(model.card):
            continue
        # With TensorFlow, which whoever only looks does without.
        from components.export.formats.export import export

        export(model, place, FORMS[name], rows)


def copy(older: Path, version: Path) -> None:
    """Gives a version that is a copy of an older one the forms of that one."""
    for found in of_version(older):
        place = found.with_name(version.name)
        if exported_as(place):
            continue
        stored_paths.check_files(found)
        with atomic_files.appearing(place) as aside:
            shutil.copytree(found, aside, dirs_exist_ok=True)
            card = read_card(aside)
            card[EXPORTED]["version"] = version.name
            write_card(aside, card)
