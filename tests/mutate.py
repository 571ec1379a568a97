"""A small mutation run: changes the code of a room, one place at a time, and sees whether the room's tests notice.

    make mutate ROOM=components/rows [TESTS="tests/components/rows ..."] [MUTANTS=60] [SEED=0]

Cosmic Ray makes the mutants, in a copy of the checkout; this module draws some of them, at most one a line, and lists
those that survive with their diff. A survivor is a missing test, or a change that makes no difference.

The tests run in `tests.warm_pytest`, where the libraries have been imported already: a mutant costs its tests alone.
"""

from __future__ import annotations

import argparse
import ast
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cosmic_ray.commands import init
from cosmic_ray.modules import find_modules
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome

ROOT = Path(__file__).parents[1]

PYTHON = ROOT / ".venv" / "bin" / "python"


def main() -> None:
    """Runs the mutants and lists the survivors; the exit status is 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("room", help="a folder or a file of the project, such as components/rows")
    parser.add_argument("--tests", nargs="*", help="what pytest runs (default: what mirrors the room)")
    parser.add_argument("--mutants", type=int, default=60, help="how many at most (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (default: %(default)s)")
    options = parser.parse_args()
    tests = options.tests or [str(mirror(options.room))]
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        copy, socket = Path(folder, "checkout"), Path(folder, "socket")
        copy_checkout(copy)
        mutants = drawn(copy, options.room, options.mutants, options.seed)
        with subprocess.Popen(
            [PYTHON, "-m", "tests.warm_pytest", "serve", socket], cwd=copy, stderr=subprocess.DEVNULL
        ) as server:
            try:
                while not socket.exists() and server.poll() is None:
                    time.sleep(0.1)
                arguments = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow", *tests]
                client = [sys.executable, copy / "tests" / "warm_pytest.py", "run", socket, copy, *arguments]
                survivors = run(copy, mutants, shlex.join(map(str, client)))
            finally:
                server.kill()
    print("".join(f"\n{diff}\n" for diff in survivors))
    print(f"{options.room}: {len(mutants)} mutants, {len(mutants) - len(survivors)} killed, {len(survivors)} survived")
    sys.exit(bool(survivors))


def mirror(room: str) -> Path:
    """The tests of a folder or file: those of the same name, else those of its folder."""
    path = Path("tests", room)
    if path.suffix == ".py":
        own = path.with_name(f"test_{path.name}")
        return own if (ROOT / own).exists() else path.parent
    return path


def copy_checkout(target: Path) -> None:
    """Copies what git tracks or would track; sample data is linked."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        source = ROOT / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    for folder in filter(Path.is_dir, (ROOT / "data").iterdir()):
        if not (target / "data" / folder.name).exists():
            (target / "data" / folder.name).symlink_to(folder.resolve())


def drawn(copy: Path, room: str, count: int, seed: int) -> list[MutationSpec]:
    """Some of all mutants, in the order of the files: at most one a line, none of an annotation."""
    with tempfile.TemporaryDirectory() as folder, use_db(Path(folder, "all.sqlite"), WorkDB.Mode.create) as database:
        init(sorted(find_modules([copy / room])), database, {})
        everything = sorted(
            (mutation for item in database.work_items for mutation in item.mutations),
            key=lambda mutation: (str(mutation.module_path), tuple(mutation.start_pos), mutation.operator_name),
        )
    draws = random.Random(seed)  # noqa: S311
    ignored = {path: set(annotated(path)) for path in {mutation.module_path for mutation in everything}}
    draws.shuffle(everything)
    by_line: dict[tuple[Path, int], MutationSpec] = {}
    for mutation in everything:
        if tuple(mutation.start_pos) not in ignored[mutation.module_path]:
            by_line[mutation.module_path, mutation.start_pos[0]] = mutation
    chosen = draws.sample(sorted(by_line), min(count, len(by_line)))
    return [by_line[place] for place in sorted(chosen)]


def annotated(path: Path) -> Iterator[tuple[int, int]]:
    """Lines and columns of a file that stand in annotations, or below TYPE_CHECKING: nothing runs them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield node.lineno, node.test.col_offset
        found = [getattr(node, "returns", None), getattr(node, "annotation", None)]
        for part in filter(None, found):
            for line in range(part.lineno, part.end_lineno + 1):
                first = part.col_offset if line == part.lineno else 0
                last = part.end_col_offset if line == part.end_lineno else 1000
                yield from ((line, column) for column in range(first, last))


def run(copy: Path, mutants: list[MutationSpec], command: str) -> list[str]:
    """Tests each mutant, after the code as it is.

    Returns:
        The survivors' diffs.
    """
    started = time.monotonic()
    as_it_is = mutate_and_test([], command, timeout=1800)
    seconds = time.monotonic() - started
    if as_it_is.test_outcome != TestOutcome.SURVIVED:
        sys.exit(f"the tests fail without any mutant:\n{as_it_is.output}")
    print(f"{len(mutants)} mutants, the tests take {seconds:.0f} s", file=sys.stderr)
    survivors = []
    for number, mutant in enumerate(mutants, start=1):
        result = mutate_and_test([mutant], command, timeout=4 * seconds + 20)
        outcome = str(result.test_outcome and result.test_outcome.value)
        place = f"{mutant.module_path.name}:{mutant.start_pos[0]}"
        print(f"{number:4} {outcome:9} {place:28} {mutant.operator_name}", file=sys.stderr, flush=True)
        if result.test_outcome == TestOutcome.SURVIVED:
            survivors.append(str(result.diff).replace(f"{copy}/", ""))
    return survivors


if __name__ == "__main__":
    main()
