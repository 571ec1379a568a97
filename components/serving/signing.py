"""Signatures of versions: made and held against by `model-signing`, a tool in an environment of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from components.common.checkout import ROOT
from components.common.errors import InputError

SIGNATURE_FILE = "assets.extra/model.sig"
"""Within a SavedModel: a signature of all its other files. TensorFlow Serving ignores assets.extra."""

_COMMAND = "model_signing"

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
    try:
        text = key.read_text(encoding="ascii")
    except OSError as error:
        raise InputError(str(key), f"cannot be read ({error.strerror})", remedy) from None
    except UnicodeDecodeError:
        text = ""
    if "ENCRYPTED" in text:
        raise InputError(str(key), "an encrypted key, for which nobody is asked", "Give one that is not encrypted")
    if f"{kind} KEY-----" not in text:
        raise InputError(str(key), f"no {kind.lower()} key in PEM's form", remedy)


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
        raise InputError(
            str(key), f"model-signing could not sign with it ({said})", "Give a key of the curve prime256v1"
        )


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
