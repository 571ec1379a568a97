import fcntl
import logging
import os
import re
import struct
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple, TextIO

import pytest

from components.common import progress


class Terminal(NamedTuple):
    """A pseudo-terminal: the end a program writes to, and the end a person looks at."""

    stream: TextIO
    screen: int

    def shown(self) -> str:
        """What was written since the last call, without colours and movements."""
        self.stream.flush()
        os.set_blocking(self.screen, False)
        parts = []
        while True:
            try:
                parts.append(os.read(self.screen, 65536))
            except BlockingIOError:
                return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", b"".join(parts).decode())

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self.stream, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("COLUMNS", raising=False)
    screen, end = os.openpty()
    with os.fdopen(end, "w", encoding="utf-8") as stream:
        found = Terminal(stream, screen)
        found.resize(120)
        yield found
    os.close(screen)


def test_off_a_terminal_progress_is_a_log_line_every_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    seconds = 0.0
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: seconds))
    caplog.set_level(logging.INFO, "components.common.progress")
    with (tmp_path / "out").open("w") as stream, progress.watch(stream, "Trainer"), progress.progress(80) as bar:
        for seconds in (4.0, 10.5, 15.0, 21.0):
            bar.advance(20, f"at {seconds:g} s")
    assert caplog.messages == ["50% at 10.5 s", "100% at 21 s"]
    assert (tmp_path / "out").read_text() == ""


def test_a_bar_without_a_total_logs_no_share(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    seconds = 0.0
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: seconds))
    caplog.set_level(logging.INFO, "components.common.progress")
    with progress.progress() as bar:
        seconds = 10.5
        bar.advance(3, "3 rows")
    assert caplog.messages == ["3 rows"]


def test_a_terminal_shows_name_share_rate_and_time_left(terminal: Terminal) -> None:
    with progress.watch(terminal.stream, "Trainer"), progress.progress(100) as bar:
        for _ in range(3):
            bar.advance(20, "7 examples/s")
            time.sleep(0.3)
    shown = terminal.shown()
    assert "Trainer" in shown
    assert "60%" in shown
    assert "7 examples/s" in shown
    assert re.search(r"0:00:\d\d left", shown)


SAID = "loss 0.377, dev accuracy 0.848, 71 examples/s, step 60/100"


@pytest.mark.parametrize(
    ("columns", "name", "expected"),
    [
        (120, "Trainer", rf"Trainer ━[━╸╺]+ +60% [-0]:[-\d:]{{5}} left {SAID}"),
        (80, "Trainer", r"Trainer ━[━╸╺]+ +60% [-0]:[-\d:]{5} left loss 0\.377, dev accuracy 0\.848"),
        (40, "Trainer", r"Trainer ━[━╸╺]+ +60% [-0]:[-\d:]{5} left"),
        (40, "ExampleValidator", r"ExampleValidator +60% [-0]:[-\d:]{5} left"),
        (40, "rows of the first quarter.tsv", r"rows of the first … +60% [-0]:[-\d:]{5} left"),
        (24, "Trainer", r"Tr… +60% [-0]:[-\d:]{5} left"),
    ],
)
def test_a_narrow_line_keeps_share_and_time_left_and_never_wraps(
    terminal: Terminal, columns: int, name: str, expected: str
) -> None:
    terminal.resize(columns)
    with progress.watch(terminal.stream, name), progress.progress(100) as bar:
        bar.advance(60, SAID)
    frames = [frame.strip() for frame in terminal.shown().splitlines()]
    assert max(map(len, frames)) < columns
    assert re.fullmatch(rf"\S {expected}", next(frame for frame in frames if "60%" in frame)), frames


def test_a_line_follows_a_window_that_is_made_narrower(terminal: Terminal) -> None:
    with progress.watch(terminal.stream, "Trainer"), progress.progress(100) as bar:
        bar.advance(50, SAID)
        time.sleep(0.3)
        terminal.resize(40)
        time.sleep(0.5)
        terminal.shown()
        time.sleep(0.5)
        assert max(len(frame.strip()) for frame in terminal.shown().splitlines()) < 40


def test_a_terminal_that_gets_lines_gets_no_progress_among_them(terminal: Terminal) -> None:
    with progress.watch(terminal.stream, "predict", terminal.stream), progress.progress(2) as bar:
        bar.advance(1, "a row")
    assert terminal.shown() == ""


def test_without_a_total_a_terminal_shows_the_elapsed_time(terminal: Terminal) -> None:
    with progress.watch(terminal.stream, "SchemaGen"):
        time.sleep(0.3)
    shown = terminal.shown()
    assert "SchemaGen" in shown
    assert "0:00:00" in shown
    assert "left" not in shown


def test_after_a_failure_progress_goes_to_the_log_again(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ArithmeticError), progress.watch(terminal.stream, "Trainer"):
        raise ArithmeticError
    terminal.shown()
    seconds = 0.0
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: seconds))
    caplog.set_level(logging.INFO, "components.common.progress")
    with progress.progress(2) as bar:
        seconds = 10.5
        bar.advance(1, "late")
    assert terminal.shown() == ""
    assert caplog.messages == ["50% late"]


def test_a_rate_counts_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = 100.0
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: seconds))
    bar = progress.Bar(None)
    seconds = 104.0
    assert bar.rate(20) == 5.0


def test_the_bar_of_the_work_that_is_on_can_be_asked_for() -> None:
    with progress.progress(10) as bar:
        assert progress.current() is bar
    assert progress.current() is None


def test_what_is_told_beside_the_bar_is_no_markup_and_controls_no_terminal(terminal: Terminal) -> None:
    with progress.watch(terminal.stream, "[/a]"), progress.progress(2) as bar:
        bar.advance(1, "[/b] \x1b]0;title")
        time.sleep(0.3)
        shown = terminal.shown()
    assert "[/a]" in shown
    assert "[/b] \\u001b]0;title" in shown
