"""Whether anything was written outside a folder: for tests that hand hostile names and files to the program."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

CANARY = "canary"
"""A folder beside the root, with the file `file` in it: what a hostile path such as `../canary/file` can aim at."""

_CHANGING = {"os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink"} | {
    "os.truncate",
    "os.utime",
    "shutil.move",
    "shutil.rmtree",
}
"""Audit events of the standard library that change what is at the paths among their arguments."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class _Watch:
    """The paths that this process changes while it is on, as Python's audit events tell."""

    def __init__(self) -> None:
        self.on, self.paths = False, set[Path]()
        # An audit hook stays for good: one for the process, which listens where it is on.
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING:
            self._note(arguments[:1], None, follow=True)
        elif event in _CHANGING:
            count = 2 if event in ("os.rename", "os.link", "shutil.move") else 1
            # A symbolic link is made at the second; the first is where it leads.
            names = arguments[1:2] if event == "os.symlink" else arguments[:count]
            # The descriptor of a folder to which a name is relative comes last.
            folder = arguments[-1] if len(arguments) > count else None
            self._note(names, folder, follow=event in ("os.chmod", "os.chown", "os.truncate", "os.utime"))

    def _note(self, names: tuple[Any, ...], folder: Any, follow: bool) -> None:
        for name in names:
            if isinstance(name, (str, bytes, os.PathLike)):
                has_folder = isinstance(folder, int) and folder >= 0
                path = Path(f"/proc/self/fd/{folder}" if has_folder else "", os.fsdecode(name))
                self.paths.add(path.resolve() if follow else path.parent.resolve() / path.name)


@cache
def _watch() -> _Watch:
    return _Watch()


@contextlib.contextmanager
def unchanged_around(root: Path) -> Iterator[None]:
    """Fails where something outside `root` was written, moved or deleted meanwhile.

    Names, kinds, sizes and hashes of all in the parent's folder but the root are compared, a canary among them. And
    all that Python itself opened for writing, moved or deleted, anywhere on the machine, has to lie below the root;
    devices and compiled modules are left out. The parent has to be the test's own, and nothing else writes there.
    """
    watch = _watch()
    canary = root.parent / CANARY / "file"
    canary.parent.mkdir(exist_ok=True)
    canary.write_text("unchanged\n", encoding="utf-8")
    before = _snapshot(root)
    watch.paths.clear()
    watch.on = True
    try:
        yield
    finally:
        watch.on = False
        after = _snapshot(root)
        changed = {Path(name) for name, _ in set(before.items()) ^ set(after.items())}
        changed |= {path for path in watch.paths if not _may_be_written(path, root.resolve())}
        assert not changed, f"changed outside {root}: {', '.join(map(str, sorted(changed)))}"


def _may_be_written(path: Path, root: Path) -> bool:
    return path.is_relative_to(root) or path.is_relative_to("/dev") or "__pycache__" in path.parts


def _snapshot(root: Path) -> dict[str, tuple[int, int, str]]:
    """Path -> kind, size and hash of everything beside `root`."""
    found = {}
    for folder, names, files in os.walk(root.parent):
        names[:] = [name for name in names if Path(folder, name) != root]
        for path in (Path(folder, name) for name in (*names, *files) if Path(folder, name) != root):
            kind = path.lstat()
            content = b""
            if stat.S_ISLNK(kind.st_mode):
                content = os.fsencode(path.readlink())
            elif stat.S_ISREG(kind.st_mode):
                content = path.read_bytes()
            size = 0 if stat.S_ISDIR(kind.st_mode) else kind.st_size
            found[str(path)] = kind.st_mode, size, hashlib.sha256(content).hexdigest()
    return found
