"""Compiles the ops for each kind of CPU: `python -m components.kernels.build`, a part of `make setup` and of a wheel.

The compiler is a package that the lock pins, and not the machine's own, so that an op gives the same bits whoever built
it. Needs nothing else, TensorFlow's headers included.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent

LEVELS = {
    "x86-64-v4": frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
    "x86-64-v3": frozenset({"avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}),
}
"""Levels of x86-64, the best first -> what a CPU of it has beyond the levels below, as Linux names it."""

_OLDEST_GLIBC = "2.28"

_FLAGS = [
    *("-O3", "-std=c2x", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"),
    # Multiplications and additions become one op wherever they can, with both levels alike.
    *("-ffp-contract=fast", "-fno-math-errno"),
    "-mprefer-vector-width=512",
    # The same bytes from whatever folder.
    *("-g0", "-s"),
    # TensorFlow's functions are found when the library is loaded.
    "-Wl,--allow-shlib-undefined",
]


def library(level: str, folder: Path = HERE) -> Path:
    """Where the ops for a level are."""
    return folder / f"{level}.so"


def build(folder: Path = HERE) -> None:
    """Writes every level's library into the folder, each whole or not at all."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for level in LEVELS:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            made = Path(scratch, "made.so")
            target = ["-target", f"x86_64-linux-gnu.{_OLDEST_GLIBC}", f"-mcpu={level.replace('-', '_').lower()}"]
            command = [sys.executable, "-m", "ziglang", "cc", *target, *_FLAGS, "-o", str(made), "ops.c"]
            # The compiler's cache goes with the build: another one's, or a half-written one, has no say.
            caches = {name: str(Path(scratch, name)) for name in ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")}
            subprocess.run(command, cwd=HERE, env={**os.environ, **caches}, check=True)  # noqa: S603
            made.replace(library(level, folder))


if __name__ == "__main__":
    build()
