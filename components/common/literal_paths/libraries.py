"""Beam's and TensorFlow's own patterns, held to the same rule. Importing this imports neither."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import Any

from components.common.literal_paths.patterns import looks_like_pattern, matching, parted, plain


def use_literal_paths() -> None:
    """Has this process find the files that Beam and TensorFlow write below a directory that is named like a pattern.

    They write to a path, and then look for what they wrote by a pattern that begins with it.
    """
    import tensorflow as tf
    from apache_beam.io.localfilesystem import LocalFileSystem
    from tensorflow.python.saved_model import load

    if LocalFileSystem.match is not _match:
        # What TFMA, Transform and all else load by ends in `load_partial`.
        _originals.update(match=LocalFileSystem.match, glob=tf.io.gfile.glob, load=load.load_partial)
        LocalFileSystem.match, tf.io.gfile.glob, load.load_partial = _match, _glob, _load


_originals: dict[str, Any] = {}


def _match(self: Any, patterns: list[str], limits: list[int | None] | None = None) -> list[Any]:
    """In place of `LocalFileSystem.match`."""
    from apache_beam.io.filesystem import MatchResult

    found = []
    for pattern, limit in zip(patterns, limits or [None] * len(patterns), strict=True):
        start, rest = parted(pattern)
        if not looks_like_pattern(start):
            found += _originals["match"](self, [pattern], [limit])
            continue
        if rest and not looks_like_pattern(rest):
            # A directory matches its own name, though nothing else lists one.
            files = iter([self.metadata(pattern)] if self.exists(pattern) else [])
        else:
            written = re.compile(self.translate_pattern(rest or "*"))
            files = (file for file in self._list(start) if written.match(file.path.removeprefix(start)))
        found.append(MatchResult(pattern, list(islice(files, limit))))
    return found


def _glob(pattern: Any) -> list[Any]:
    """In place of `tf.io.gfile.glob`, which takes one pattern or some."""
    if isinstance(pattern, str) and looks_like_pattern(parted(pattern)[0]):
        return list(matching(pattern))
    found: list[Any] = _originals["glob"](pattern)
    return found


def _load(export_dir: Any, *arguments: Any, **others: Any) -> Any:
    """In place of `load_partial`."""
    with plain(Path(export_dir)) as path:
        return _originals["load"](str(path), *arguments, **others)
