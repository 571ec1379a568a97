"""Signatures of versions: made and held against by `model-signing`, a tool in an environment of its own."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Literal

from components.common.checkout import ROOT
from components.common.errors import InputError

SIGNATURE_FILE = "assets.extra/model.sig"
"""Within a SavedModel: a signature of all its other files. TensorFlow Serving ignores assets.extra."""

_COMMAND = "model_signing"

_CURVE = "Give a key of the curve prime256v1"

_LONGEST_KEY = 1 << 16
"""Bytes; a key of the curve has some hundred."""

_MINUTES = 30
"""So long a model may take: it is read and hashed."""


def tool() -> str:
    """The command of `model-signing`: where `make signing` puts it, or on the PATH.

    Raises:
        InputError: it is not installed.
    """
    own = ROOT / ".venv-signing" / "bin" / _COMMAND
    found = str(own) if own.is_file() else shutil.which(_COMMAND)
    if found is None:
        remedy = "Run `make signing`, or install model-signing in an environment of its own and put it on the PATH"
        raise InputError(_COMMAND, "the command is not installed", remedy)
    return found


def check_key(key: Path, kind: str) -> None:
    """Looks whether a file is a key in PEM's form.

    Args:
        key: the file.
        kind: `PRIVATE` or `PUBLIC`.

    Raises:
        InputError: it is not; or it is encrypted.
    """
    remedy = "Make a pair by `openssl ecparam -genkey -name prime256v1 -noout -out key.pem`, and its public half by "
    remedy += "`openssl ec -in key.pem -pubout -out key.pub`"
    if key.exists() and not (key.is_file() or key.is_dir()):
        raise InputError(str(key), "a pipe or a device, not a file", remedy)
    try:
        with key.open("rb") as file:
            text = file.read(_LONGEST_KEY).decode("ascii")
    except OSError as error:
        raise InputError(str(key), f"cannot be read ({error.strerror})", remedy) from None
    except UnicodeDecodeError:
        text = ""
    if "ENCRYPTED" in text:
        raise InputError(str(key), "an encrypted key, for which nobody is asked", "Give one that is not encrypted")
    if f"{kind} KEY-----" not in text:
        raise InputError(str(key), f"no {kind.lower()} key in PEM's form", remedy)


def fingerprint(key: Path) -> str:
    """sha256 of a private key's public half, DER of a SubjectPublicKeyInfo: what is signed by it says so.

    Raises:
        InputError: no key that can be read.
    """
    return hashlib.sha256(_public_half(key, "DER")).hexdigest()


def _public_half(key: Path, form: Literal["DER", "PEM"]) -> bytes:
    # Only where something is signed: it takes its time.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    check_key(key, "PRIVATE")
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        raise InputError(str(key), "cannot be read as a private key", _CURVE) from None
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    encoding = serialization.Encoding.DER if form == "DER" else serialization.Encoding.PEM
    return private.public_key().public_bytes(encoding, kind)


def sign(model: Path, key: Path) -> None:
    """Puts a signature of all its files into a SavedModel.

    Raises:
        InputError: no tool, or no key that can sign.
    """
    check_key(key, "PRIVATE")
    signature = model / SIGNATURE_FILE
    signature.parent.mkdir(exist_ok=True)
    signature.unlink(missing_ok=True)
    if said := _said("sign", "key", "--private_key", str(key), "--signature", str(signature), model=model):
        raise InputError(str(key), f"model-signing could not sign with it ({said})", _CURVE)


def check_own(model: Path, key: Path) -> None:
    """Holds a SavedModel that is to be signed again against its own signature, by the private key.

    Raises:
        InputError: no tool, no key; or nobody can tell whether it is what was signed: it has no signature, or one of
            other files or by another key.
    """
    tool()
    with tempfile.TemporaryDirectory() as folder:
        public = Path(folder, "key.pub")
        public.write_bytes(_public_half(key, "PEM"))
        try:
            verify(model, public)
        except InputError as error:
            remedy = "Choose another version, or make sure of this one and sign it yourself, as docs/serving.md shows"
            raise InputError(error.place, f"is not signed again: {error.problem}", remedy) from None


def verify(model: Path, key: Path) -> None:
    """Holds a SavedModel against its signature.

    Raises:
        InputError: no tool, no key, no signature, or one of other files or by another key.
    """
    check_key(key, "PUBLIC")
    signature = model / SIGNATURE_FILE
    if not signature.is_file():
        remedy = "Push it again with push.sign_key, or leave out --verify-key"
        raise InputError(str(model), f"is not signed: it has no {SIGNATURE_FILE}", remedy)
    arguments = ("verify", "key", "--public_key", str(key), "--signature", str(signature))
    if said := _said(*arguments, "--ignore-paths", str(signature), model=model):
        problem = f"its signature does not hold ({said})"
        raise InputError(str(model), problem, "Put the version back from where it was archived, or give the right key")


def _said(*arguments: str, model: Path) -> str:
    """Runs the tool on a model: empty, or what was wrong."""
    # Files of git's count, too. No shell, and no network: signing by a key asks nobody.
    command = [tool(), *arguments, "--no-ignore-git-paths", str(model)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60 * _MINUTES)  # noqa: S603
    lines = (done.stderr or done.stdout).strip().splitlines()
    return "" if done.returncode == 0 else (lines[-1] if lines else f"exit status {done.returncode}")[:300]
