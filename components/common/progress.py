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

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as Remaining

from components.common.streams import printable, terminal_of

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
def watch(stream: TextIO, name: str) -> Iterator[None]:
    """Shows on a terminal that `name` runs, and the progress of what runs within. The line vanishes at the end."""
    global _watcher  # noqa: PLW0603  # one terminal, one line
    if not stream.isatty():
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


class _Plain(TextColumn):
    """Text that comes from files, too: no markup."""

    def __init__(self, form: str) -> None:
        super().__init__(form, markup=False)


class _Watcher(Progress):
    """A spinner with the elapsed time, which becomes a bar with the time left once a total is known."""

    def __init__(self, stream: TextIO, name: str) -> None:
        bar = BarColumn(bar_width=24)
        columns = (
            SpinnerColumn(),
            _Plain("{task.description:<18}"),
            TimeElapsedColumn(),
            _Plain("{task.fields[text]}"),
        )
        self._with_total = (
            columns[0],
            columns[1],
            bar,
            TaskProgressColumn(),
            columns[3],
            Remaining(),
            TextColumn("left"),
        )
        super().__init__(
            *columns,
            console=Console(file=terminal_of(stream)),
            transient=True,
            refresh_per_second=5,
            # Rich would print above the line what libraries write to sys.stderr; that belongs into the log.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self.add_task(printable(name), total=None, text="")

    def update(self, bar: Bar, text: str) -> None:  # type: ignore[override]
        if bar.total:
            self.columns = self._with_total
        super().update(self._task, completed=bar.done, total=bar.total, text=printable(text))
