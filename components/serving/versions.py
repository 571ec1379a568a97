"""The directory a model server reads: DIRECTORY/VERSION/saved_model.pb, and nothing half-written ever among it."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from components.common import atomic_files, locks, stored_paths
from components.common.errors import InputError
from components.export.card import CARD_FILE, WARMUP_FILE, answers_nothing, exported_as, identity, read_card, write_card
from components.serving.signing import SIGNATURE_FILE, check_own, fingerprint, sign

CARDS = "cards"
"""Within a serving directory, which servers look for numbers in: a folder a version with what there is to read."""

DAMAGED = ".damaged-"
"""Before the name of a directory that was put aside."""

_ADDED = {"restored_from": None, "run": None, "signed_by": None, "warmup_sha256": None, "measured": None}
"""What a version's card may say more than its model's: the version it is a copy of, the run that pushed it, the
fingerprint of the key that it is signed by, its metrics on dev; and less: the hash of a file that was left out."""

_WITHDRAWN = TypeAdapter(list[str])

_WITHDRAWN_FILE = ".withdrawn.json"
"""Within a serving directory."""

_GRAPH_FILE = "saved_model.pb"

_GIVE = "Give a pushed model: the path a run printed at its end, `show` prints it again"


def versions(directory: Path) -> list[int]:
    """The complete versions in a serving directory, oldest first."""
    if not directory.is_dir():
        return []
    found = (path for path in directory.iterdir() if is_version(path.name) and is_complete(path))
    return sorted(int(path.name) for path in found)


def is_complete(version: Path) -> bool:
    """Whether a directory holds a SavedModel, or what was one, a vocabulary, a pre-trained model, or another form."""
    return (version / _GRAPH_FILE).is_file() or answers_nothing(version) is not None or bool(exported_as(version))


def is_version(name: str) -> bool:
    """Whether a directory's name is a version's: digits, as the number is written again."""
    return name.isascii() and name.isdecimal() and (name == "0" or name[0] != "0")


def production(directory: Path, *, but: str | None = None, but_of_data: str | None = None) -> int | None:
    """The version in production: the newest that was not withdrawn.

    Args:
        directory: a serving directory.
        but: `card.identity` of a model whose versions do not count: a candidate that is evaluated again after its push
            is measured against what it replaced and not against itself.
        but_of_data: `data_sha256` of data such that versions that learned from it do not count.
    """
    out = withdrawn(directory)
    for version in reversed(versions(directory)):
        described = read_card(directory / str(version))
        of_data = but_of_data is not None and described.get("data_sha256") == but_of_data
        if not (is_one_of(out, described) or of_data or identity(described) == but):
            return version
    return None


def is_one_of(models: Collection[str], card: dict[str, Any]) -> bool:
    """Whether a model is among some that are known by `card.identity`, or as they once were, by their weights alone."""
    return identity(card) in models or card.get("weights_sha256") in models


def publish(model: Path, directory: Path, key: Path | None = None, warmup: bool = True, **more: Any) -> int:
    """Copies a SavedModel into a serving directory under a new version number, the time in seconds.

    The copy is written aside, forced to disk and renamed: a server sees all of it or nothing. What the newest version
    holds already, as after a push that was killed before it could be noted, is not published twice.

    Args:
        model: what is published.
        directory: where to.
        key: signs the copy; what another key has signed is published again.
        warmup: whether the copy has the model's requests to warm up a server by.
        more: what the card of the copy says besides, by the names in `_ADDED`.

    Returns:
        The version.

    Raises:
        InputError: no key; or the model holds a link, or what is no file.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with _locked(directory):
        newest = max(versions(directory), default=0)
        there = directory / str(newest)
        if _signed(there, key) and _holds(there, model, warmup):
            return newest
        return _publish(model, directory, key, warmup, **more)


def _signed(version: Path, key: Path | None) -> bool:
    """Whether a version has the signature that is wanted: by this key, or by any or none."""
    if key is None:
        return True
    return (version / SIGNATURE_FILE).is_file() and read_card(version).get("signed_by") == fingerprint(key)


def same_card(version: Path, model: Path) -> bool:
    """Whether the card of a version is that of a model; it may say more."""
    return {**read_card(version), **_ADDED} == {**read_card(model), **_ADDED}


def _holds(version: Path, model: Path, warmup: bool) -> bool:
    """Whether a version has all files of a model that are wanted; its card may say more."""
    paths = [path.relative_to(model) for path in model.rglob("*") if path.is_file() and path != model / CARD_FILE]
    if not warmup:
        if "warmup_sha256" in read_card(version):
            return False
        paths = [path for path in paths if path != Path(WARMUP_FILE)]
    return (
        (version / CARD_FILE).is_file()
        and same_card(version, model)
        and all((version / path).is_file() for path in paths)
        and all(atomic_files.sha256(version / path) == atomic_files.sha256(model / path) for path in paths)
    )


def replace(version: Path, model: Path, kept: Iterable[str] = (), warmup: bool = True) -> None:
    """Puts a copy of a model in a damaged version's place; what was there stays beside it, hidden from servers.

    Args:
        version: the damaged one.
        model: what it is a version of.
        kept: files of the version that are whole, and that the model has not or has otherwise: signature and card.
        warmup: as for `publish`.

    Raises:
        InputError: as `publish`.
    """
    with _locked(version.parent):
        aside = _copy(model, version, warmup=warmup, kept={name: version / name for name in kept})
        damaged = version.with_name(f"{DAMAGED}{version.name}")
        stored_paths.remove(version.parent, damaged)
        version.rename(damaged)
        atomic_files.publish(aside, version)


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Keeps others from changing a serving directory: several pipelines may share it."""
    if not directory.is_dir():
        yield
        return
    with locks.locked(directory):
        yield


def _publish(model: Path, directory: Path, key: Path | None, warmup: bool = True, **more: Any) -> int:
    """`more`: what the card of the copy says besides."""
    newest = versions(directory)[-1:]
    version = max(int(time.time()), *(number + 1 for number in newest)) if newest else int(time.time())
    atomic_files.publish(_copy(model, directory / str(version), key, warmup, **more), directory / str(version))
    return version


def _copy(
    model: Path,
    version: Path,
    key: Path | None = None,
    warmup: bool = True,
    kept: Mapping[str, Path] = MappingProxyType({}),
    **more: Any,
) -> Path:
    """A copy beside where the version will be, on the disk to its last byte but for its own name.

    `kept`: files that are put into it, by their names in it.
    """
    stored_paths.check_files(model)
    aside = version.with_name(f".{version.name}-{uuid.uuid4().hex}")
    try:
        shutil.copytree(model, aside)
        own = read_card(model)
        if not warmup and "warmup_sha256" in own:
            (aside / WARMUP_FILE).unlink(missing_ok=True)
            del own["warmup_sha256"]
            write_card(aside, own)
        for name, path in kept.items():
            shutil.copy(path, aside / name)
        if key is not None:
            more["signed_by"] = fingerprint(key)
        if more:
            said = {name: value for name, value in own.items() if name != "signed_by"}
            write_card(aside, {**said, **more})
            # Of the card as it was.
            (aside / SIGNATURE_FILE).unlink(missing_ok=True)
        if key is not None:
            sign(aside, key)
        for path in aside.rglob("*"):
            atomic_files.force_to_disk(path)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return aside


def withdrawn(directory: Path) -> set[str]:
    """What a rollback took out of production, as `is_one_of` takes it: nothing pushes these models again.

    Raises:
        InputError: the file that says so is damaged.
    """
    place = directory / _WITHDRAWN_FILE
    try:
        return set(_WITHDRAWN.validate_json(place.read_bytes()))
    except FileNotFoundError:
        return set()
    except (OSError, ValueError):
        problem = "cannot be read as a JSON list of sha256"
        remedy = "Put it back from where it was archived; `[]` puts every version on offer again"
        raise InputError(str(place), problem, remedy) from None


def roll_back(directory: Path, version: int | None = None, key: Path | None = None) -> tuple[int, int]:
    """Puts an older version into production again: a copy of it becomes the newest, which servers load.

    The model that was in production is withdrawn.

    Args:
        directory: a serving directory.
        version: the older one; None: the newest that was not withdrawn, of another model than the one in production.
        key: signs the copy.

    Returns:
        The older version, and its new number.

    Raises:
        InputError: there is no such version, it is what is in production, or it holds a link or a pipe; or it is to be
            signed again and nobody can tell whether it is what was signed.
    """
    with _locked(directory):
        return _roll_back(directory, version, key)


def _roll_back(directory: Path, version: int | None, key: Path | None) -> tuple[int, int]:
    there = versions(directory)
    cards = {number: read_card(directory / str(number)) for number in there}
    listed = f"The versions are {', '.join(map(str, there))}" if there else "Push a model first"
    if version is not None and version not in cards:
        raise InputError(str(directory), f"no version {version} in it", listed)
    out = withdrawn(directory)
    others = [number for number in there if identity(cards[number]) != identity(cards[there[-1]])]
    kept = [number for number in others if not is_one_of(out, cards[number])]
    if version is None and not kept:
        raise InputError(str(directory), "no older version to go back to", listed)
    older = kept[-1] if version is None else version
    if older not in others:
        raise InputError(str(directory), f"version {older} is of the model that is in production", listed)
    stored_paths.check_files(directory / str(older))
    if key is not None:
        check_own(directory / str(older), key)
    out = (out | {identity(cards[there[-1]])}) - {identity(cards[older]), cards[older].get("weights_sha256")}
    # Before the push: if this ends between the two, a run does not put back what was to go.
    atomic_files.write_text(directory / _WITHDRAWN_FILE, json.dumps(sorted(out)))
    return older, _publish(directory / str(older), directory, key, restored_from=older)


def resolve(path: Path, other_forms: bool = False) -> Path:
    """The SavedModel a user means: a version's directory, or the newest version of a serving directory.

    Args:
        path: either.
        other_forms: whether the model may be in ONNX, too.

    Raises:
        InputError: no SavedModel there, or one with a link or a pipe in it.
    """
    version = located(path)
    if (form := exported_as(version)) and not (other_forms and form.startswith("onnx")):
        takes = "A SavedModel or an ONNX export" if other_forms else "Only a SavedModel"
        problem = f"the form {form} of a pushed model, which other programs take"
        raise InputError(str(version), problem, f"{takes} will do: give the version that it was made from")
    if not form and not (version / _GRAPH_FILE).is_file():
        raise InputError(str(version), answers_nothing(version) or "", _GIVE)
    return version


def located(path: Path) -> Path:
    """The same of whatever is pushed."""
    if not path.is_dir():
        problem = "a file, not a directory" if path.exists() else "no such directory"
        raise InputError(str(path), problem, _GIVE)
    if not is_complete(path):
        newest = versions(path)
        if not newest:
            raise InputError(str(path), f"no {_GRAPH_FILE} in it and no version with one below it", _GIVE)
        path /= str(newest[-1])
    stored_paths.check_files(path.resolve())
    return path
