import threading
from pathlib import Path

import pytest

from components.common.locks import is_locked, lock, locked


def test_a_file_is_made_and_locked_for_the_block(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_locked(path)
    with locked(path):
        assert is_locked(path)
    assert path.read_bytes() == b""
    assert not is_locked(path)


def test_a_directory_is_locked_as_it_is(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(BlockingIOError), locked(tmp_path, waiting=refuse):
        pass
    assert list(tmp_path.iterdir()) == []


def refuse() -> None:
    raise BlockingIOError


def test_what_waits_says_so_and_comes_in_when_the_other_is_out(tmp_path: Path) -> None:
    path, order, waits = tmp_path / "lock", [], threading.Event()

    def second() -> None:
        with locked(path, waiting=waits.set):
            order.append("second")

    thread = threading.Thread(target=second)
    with locked(path):
        thread.start()
        assert waits.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_a_lock_that_is_not_waited_for_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path), path.open() as file, pytest.raises(BlockingIOError):
        lock(file)


def test_shared_locks_go_together_and_keep_others_out(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    with path.open() as one, path.open() as two, path.open() as three:
        lock(one, shared=True)
        lock(two, shared=True)
        with pytest.raises(BlockingIOError):
            lock(three)


def test_a_lock_ends_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("w") as file:
        lock(file)
        assert is_locked(path)
    assert not is_locked(path)
