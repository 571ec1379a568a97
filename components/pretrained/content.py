"""What a base model's directory holds, by sha256: in the cache keys, and held against what is there once it is read."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from components.common import atomic_files
from components.common.errors import changed
from components.pretrained import google_tf1
from components.pretrained.file_names import CHECKPOINT_INDEX, CONFIG, MODULES, POOLING
from components.tokenization.tokenizer_files import TOKENIZER_FILES

_SETTLED = 2.0
"""Seconds after its last change from which a file's times tell a further one: file systems' clocks are coarse."""

_known: dict[Path, tuple[tuple[int, ...], str]] = {}
"""Of files that this process has hashed: what `stat` said before, and the sha256."""


def hashes(model: Path) -> dict[str, str]:
    """File name -> sha256 of what a base model is made of, be it a directory or a path prefix in one."""
    directory = model if model.is_dir() else model.parent
    if directory != model or google_tf1.is_google(model):
        patterns = (*google_tf1.patterns(model), *TOKENIZER_FILES)
    else:
        patterns = (CONFIG, *TOKENIZER_FILES, "*.safetensors", "*.index.json", MODULES, POOLING)
    # A pipe would be waited for; what has to be a file is refused by who reads it.
    found = (path for pattern in patterns for path in sorted(directory.glob(pattern)) if path.is_file())
    return {path.relative_to(directory).as_posix(): _sha256(path) for path in found}


def check(model: Path, known: Mapping[str, str]) -> None:
    """Holds a base model against what `hashes` said of it.

    Raises:
        InputError: a file of it is another one by now, has gone or has come.
    """
    is_prefix = not model.is_dir() and model.name + CHECKPOINT_INDEX in known
    now = hashes(model) if is_prefix or model.is_dir() else {}
    directory = model.parent if is_prefix else model
    for name in {**known, **now}:
        if now.get(name) != known.get(name):
            raise changed(str(directory / name), on_kubeflow="export it again")


def _sha256(path: Path) -> str:
    """Of a file's bytes; what was hashed before is not read again while all that `stat` tells is the same."""
    status = path.stat()
    # Of these, nobody but the file system sets the last one.
    told = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    found = _known.get(path)
    if found is None or found[0] != told:
        settled = abs(time.time() - status.st_ctime) > _SETTLED
        found = told if settled else (), atomic_files.sha256(path)
        _known[path] = found
    return found[1]
