"""What a person sees while something long runs: one live line on a terminal, now and then a log line elsewhere.

A component calls `progress` and need not know who watches. A command that owns a terminal calls `watch` around it.
What is watched is state of the process, as its terminal and its signals are; importing this changes nothing.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.progress import Progress, SpinnerColumn, Task, TimeElapsedColumn, TimeRemainingColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from components.common.streams import columns, printable, terminal_of

_LOG_SECONDS = 10.0

_watcher: _Watcher | _Relay | None = None

_stop = threading.Event()

_current: Bar | None = None


class Bar:
    """The progress of one piece of work.

    Args:
        total: how much there is to do, in any unit; None if that is not known.
    """

    def __init__(self, total: float | None) -> None:
        self.done = 0.0
        self.total = total
        self.started = time.monotonic()
        self._logged = self.started

    def advance(self, amount: float, text: str = "") -> None:
        """Adds to what is done; `text` stands beside the bar, say a rate or a loss.

        Where the line is narrow, it is cut at a comma: what matters most comes first.

        Raises:
            KeyboardInterrupt: the user has asked to stop, see `stop_on_signals`.
        """
        if _stop.is_set():
            raise KeyboardInterrupt
        self.done += amount
        if _watcher is not None:
            _watcher.update(self, text)
        elif time.monotonic() - self._logged > _LOG_SECONDS:
            self._logged = time.monotonic()
            logging.getLogger(__name__).info("%s%s", self._share(), text)

    def rate(self, count: float) -> float:
        """`count` per second since the start."""
        return count / max(time.monotonic() - self.started, 1e-9)

    def _share(self) -> str:
        return f"{100 * self.done / self.total:.0f}% " if self.total else ""


@contextmanager
def progress(total: float | None = None) -> Iterator[Bar]:
    """Shows the progress of the block it surrounds."""
    global _current  # noqa: PLW0603  # one piece of work at a time
    _current = bar = Bar(total)
    try:
        yield bar
    finally:
        _current = None


def current() -> Bar | None:
    """The bar of the work that is on, for code that Beam carries to its place as bytes; none in another process."""
    return _current


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Makes SIGINT and SIGTERM raise KeyboardInterrupt, if need be at the next step of a progress bar.

    A signal that arrives while a library calls back from C++ raises there, where Python can only report and ignore it.
    """

    def stop(number: int, frame: object) -> None:
        _stop.set()
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        _stop.clear()
        for number, handler in before.items():
            signal.signal(number, handler)


def asked_to_stop() -> bool:
    """Whether a signal came: what ends the work then may be another exception, if it struck within a library."""
    return _stop.is_set()


@contextmanager
def watch(stream: TextIO, name: str, out: TextIO | None = None) -> Iterator[None]:
    """Shows on a terminal that `name` runs, and the progress of what runs within. The line vanishes at the end.

    Where `out` is a terminal too, the lines that are written to it meanwhile show that; one among them would disturb.
    """
    global _watcher  # noqa: PLW0603  # one terminal, one line
    if not stream.isatty() or (out is not None and out.isatty()):
        yield
        return
    with _Watcher(stream, name) as _watcher:
        try:
            yield
        finally:
            _watcher = None


@contextmanager
def relayed(tell: Callable[[Bar, str], None]) -> Iterator[None]:
    """Gives the progress of what runs within to `tell`, in a process that another one watches."""
    global _watcher  # noqa: PLW0603  # one place to show it
    _watcher = _Relay(tell)
    try:
        yield
    finally:
        _watcher = None


class _Relay:
    def __init__(self, tell: Callable[[Bar, str], None]) -> None:
        self.update = tell


class _Watcher(Progress):
    """A spinner with the elapsed time, which becomes a bar with the time left once a total is known.

    In a line of any width: what is done and the time left come first, then the bar, then what the work says. Each part
    has its place, so that nothing moves while it runs.
    """

    def __init__(self, stream: TextIO, name: str) -> None:
        super().__init__(
            console=Console(file=terminal_of(stream)),
            transient=True,
            refresh_per_second=5,
            # Rich would print above the line what libraries write to sys.stderr; that belongs into the log.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._stream, self._name = stream, printable(name)
        self._spinner, self._elapsed, self._remaining = SpinnerColumn(), TimeElapsedColumn(), TimeRemainingColumn()
        self._task = self.add_task(name, total=None, text="")

    def update(self, bar: Bar, text: str) -> None:  # type: ignore[override]
        super().update(self._task, completed=bar.done, total=bar.total, text=printable(text))

    def get_renderables(self) -> Iterator[RenderableType]:
        for task in self.tasks:
            # Rich would ask standard input how wide it is, and so miss that a window was made narrower.
            self.console.width = columns(self._stream)
            yield self._line(task, self.console.width - 1)

    def _line(self, task: Task, room: int) -> RenderableType:
        spinner = self._spinner(task)
        if task.total is None:
            figures = Text(str(self._elapsed(task)), "progress.elapsed")
        else:
            left = f"{self._remaining(task)} left"
            figures = Text.assemble((f"{task.percentage:>3.0f}%", "progress.percentage"), (f" {left}", "cyan"))
        name = Text(self._name)
        name.truncate(max(1, room - _SPINNER - 1 - figures.cell_len), overflow="ellipsis")
        rest = room - _SPINNER - name.cell_len - 1 - figures.cell_len
        parts: list[RenderableType] = [spinner, name]
        if task.total is not None and rest > _BAR[0]:
            bar = min(max(rest - _SAID, _BAR[0]), _BAR[1])
            parts.append(ProgressBar(task.total, task.completed, bar))
            rest -= bar + 1
        line = Table.grid(padding=(0, 1, 0, 0))
        for _ in range(len(parts) + 2):
            line.add_column(no_wrap=True)
        line.add_row(*parts, figures, Text(_first_parts(str(task.fields["text"]), rest - 1)))
        return line


_SPINNER = 2
"""Columns of the spinner and of the space behind it."""

_BAR = (6, 24)
"""The fewest and the most columns of the bar."""

_SAID = 36
"""Columns that a longer bar leaves to what the work says."""


def _first_parts(text: str, room: int) -> str:
    """As many of the parts between commas, from the first on, as there is room for."""
    parts = text.split(", ")
    while parts and cell_len(", ".join(parts)) > room:
        parts.pop()
    return ", ".join(parts)


def advance_bytes(size: int) -> None:
    """Shows of the current piece of work, whose total is in bytes, that so many more are done."""
    if bar := current():
        done = bar.done + size
        bar.advance(size, f"{done / 1e6:.0f} MB, {bar.rate(done) / 1e6:.1f} MB/s")
