"""The rooms keep their order and their size; `make rooms` shows them."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.checkout import ROOT
from tests.rooms import LONGEST_FILE, LONGEST_FUNCTION, MOST_FILES, functions, sources

LONG_FUNCTIONS = {
    ("pipeline/dag/build.py", "_fine_tuning_nodes"): "the list of the nodes",
}
"""Those that are lists, each with its reason."""


def test_a_room_imports_only_rooms_below_it_and_no_two_files_import_each_other() -> None:
    # A process of its own: the tool keeps the standard output that it was imported under.
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Contracts: 5 kept, 0 broken." in done.stdout, done.stdout
    assert done.returncode == 0


def test_no_file_is_longer_than_can_be_read_at_once() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_function_is_longer_than_a_screen_but_for_lists() -> None:
    long = {(one.path, one.name): one.lines for one in functions() if one.lines > LONGEST_FUNCTION}
    assert long.keys() == LONG_FUNCTIONS.keys(), long


def test_no_folder_has_more_files_than_can_be_taken_in() -> None:
    counts = Counter(path.parent.relative_to(ROOT) for path in sources() if path.name != "__init__.py")
    crowded = {str(folder): count for folder, count in counts.items() if count > MOST_FILES}
    # One file a command, a node and a table of the TOML.
    assert crowded.keys() <= {"pipeline/commands", "components/nodes", "components/settings"}
