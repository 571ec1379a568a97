import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from components.common.errors import InputError
from components.export.card import CARD_FILE
from components.serving import signing, versions
from components.serving.verification import verified


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A private key and its public half; skips without the tool."""
    try:
        signing.tool()
    except InputError:
        pytest.skip("needs `make signing`")
    return key_pair(tmp_path_factory.mktemp("keys"), "models")


def key_pair(folder: Path, name: str) -> tuple[Path, Path]:
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    make = ["openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", str(private)]
    subprocess.run(make, check=True)
    publish = ["openssl", "ec", "-in", str(private), "-pubout", "-out", str(public)]
    subprocess.run(publish, check=True, stderr=subprocess.DEVNULL)
    return private, public


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, keys: tuple[Path, Path]) -> Path:
    """A serving directory with one signed version."""
    folder = tmp_path_factory.mktemp("kept")
    versions.publish(written(folder / "model", "aa"), folder / "serving", keys[0])
    return folder / "serving"


def written(model: Path, weights: str) -> Path:
    (model / "assets.extra").mkdir(parents=True)
    (model / "saved_model.pb").write_text("graph")
    (model / CARD_FILE).write_text(f'{{"weights_sha256": "{weights}"}}')
    return model


@pytest.fixture
def serving(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "serving"))


def refused(model: Path, key: Path) -> str:
    with pytest.raises(InputError) as caught:
        verified(model, False, key)
    return caught.value.problem


def test_a_version_holds_as_it_was_pushed(serving: Path, keys: tuple[Path, Path]) -> None:
    (version,) = versions.versions(serving)
    assert verified(serving, False, keys[1]) == serving / str(version)


@pytest.mark.parametrize("file", ["saved_model.pb", CARD_FILE, "one_more", ".git/config"])
def test_a_file_that_was_changed_or_added_is_told(file: str, serving: Path, keys: tuple[Path, Path]) -> None:
    place = next(serving.glob("[0-9]*")) / file
    place.parent.mkdir(exist_ok=True)
    place.write_text("changed")
    assert refused(serving, keys[1]).startswith("its signature does not hold (")


def test_another_key_and_a_version_without_a_signature_are_told(
    serving: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    _, other = key_pair(tmp_path, "other")
    assert refused(serving, other).startswith("its signature does not hold (")
    (signature,) = serving.glob(f"*/{signing.SIGNATURE_FILE}")
    signature.unlink()
    assert refused(serving, keys[1]) == f"is not signed: it has no {signing.SIGNATURE_FILE}"


def test_what_another_key_signed_is_published_again(serving: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    model, (private, public) = written(tmp_path / "model", "aa"), key_pair(tmp_path, "other")
    before = versions.versions(serving)
    copied = shutil.copy(keys[0], tmp_path / "copied.pem")
    assert [versions.publish(model, serving, key) for key in (keys[0], Path(copied))] == before * 2
    version = versions.publish(model, serving, private)
    assert versions.versions(serving) == [*before, version]
    verified(serving, False, public)
    assert versions.publish(model, serving, private) == version


def _changed(version: Path) -> None:
    (version / "saved_model.pb").write_text("changed")


def _unsigned(version: Path) -> None:
    (version / signing.SIGNATURE_FILE).unlink()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_changed, "is not signed again: its signature does not hold ("),
        (_unsigned, "is not signed again: is not signed: "),
    ],
)
def test_what_cannot_be_told_to_be_what_was_signed_is_not_signed_again(
    change: Callable[[Path], None], problem: str, serving: Path, keys: tuple[Path, Path]
) -> None:
    (older,) = versions.versions(serving)
    written(serving / str(older + 1), "bb")
    change(serving / str(older))
    with pytest.raises(InputError) as caught:
        versions.roll_back(serving, key=keys[0])
    assert caught.value.problem.startswith(problem)
    assert versions.versions(serving) == [older, older + 1]
    assert versions.withdrawn(serving) == set()


def test_a_key_is_known_by_its_public_half(tmp_path: Path) -> None:
    private, public = key_pair(tmp_path, "models")
    der = subprocess.run(
        ["openssl", "ec", "-pubin", "-in", str(public), "-outform", "DER"], check=True, capture_output=True
    )
    assert signing.fingerprint(private) == hashlib.sha256(der.stdout).hexdigest()
    private.write_text("-----BEGIN EC PRIVATE KEY-----\nnone\n-----END EC PRIVATE KEY-----\n")
    with pytest.raises(InputError, match="cannot be read as a private key"):
        signing.fingerprint(private)


def test_a_rollback_is_signed_anew_or_not_at_all(serving: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    (older,) = versions.versions(serving)
    written(serving / str(older + 1), "bb")
    without = Path(shutil.copytree(serving, tmp_path / "without"))
    versions.roll_back(serving, key=keys[0])
    verified(serving, False, keys[1])
    versions.roll_back(without)
    assert refused(without, keys[1]).startswith("is not signed")


def test_what_is_in_production_unsigned_is_pushed_again_signed(keys: tuple[Path, Path], tmp_path: Path) -> None:
    model, serving = written(tmp_path / "model", "aa"), tmp_path / "serving"
    first = versions.publish(model, serving)
    signed = versions.publish(model, serving, keys[0])
    assert signed > first
    assert versions.publish(model, serving, keys[0]) == signed
    verified(serving, False, keys[1])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("no key", "no private key in PEM's form"),
        ("-----BEGIN PUBLIC KEY-----", "no private key in PEM's form"),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "an encrypted key, for which nobody is asked"),
        (None, "cannot be read (No such file or directory)"),
    ],
)
def test_what_is_no_key_to_sign_by_is_told(content: str | None, problem: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "key.pem").write_text(content)
    with pytest.raises(InputError) as caught:
        signing.check_key(tmp_path / "key.pem", "PRIVATE")
    assert (caught.value.place, caught.value.problem) == (str(tmp_path / "key.pem"), problem)


def test_without_the_tool_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(signing, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="Run `make signing`"):
        signing.tool()


def test_a_base_model_cannot_be_verified(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert verified(tmp_path, False, None) == tmp_path
    with pytest.raises(InputError, match="goes with a pushed model"):
        verified(tmp_path, True, None)
