import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.watched_files import CANARY, unchanged_around

OUTSIDE: list[Callable[[Path], object]] = [
    lambda root: (root / f"../{CANARY}/file").write_text("changed\n\n"),
    lambda root: (root / f"../{CANARY}/file").unlink(),
    lambda root: (root / f"../{CANARY}/file").rename(root / "taken"),
    lambda root: (root / "../new").mkdir(),
    lambda root: shutil.rmtree(root / f"../{CANARY}"),
    lambda root: os.system(f"echo >> '{root.parent}/{CANARY}/file'"),  # noqa: S605 -- as compiled code would
]


@pytest.mark.parametrize("change", OUTSIDE)
def test_what_is_written_outside_the_root_is_noticed(change: Callable[[Path], object], tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(AssertionError), unchanged_around(root):
        change(root)


def test_a_file_elsewhere_that_was_written_and_deleted_again_is_noticed(tmp_path: Path) -> None:
    root, other = tmp_path / "around" / "root", tmp_path / "other"
    root.mkdir(parents=True)
    with pytest.raises(AssertionError, match="other"), unchanged_around(root):
        other.write_text("there")
        other.unlink()


def test_what_is_written_below_the_root_is_not(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with unchanged_around(root):
        (root / "folder").mkdir()
        (root / "folder" / "file").write_text("there")
        (root / "link").symlink_to("/nowhere")
        shutil.rmtree(root / "folder")
