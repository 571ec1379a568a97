import io
import os
import stat
import sys
from pathlib import Path

import pytest

from components.common import streams

SHOWN = "[/x] \x1b]0;title\x07 \x9b31m \u202e :smile:"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_a_command_prints_controls_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    with streams.printable_terminals():
        print(SHOWN)
        print(SHOWN, file=sys.stderr)
        assert sys.stdout.isatty()
        # For colours, which are not others' text.
        assert streams.terminal_of(sys.stdout) is out
    for stream in (out, err):
        assert stream.getvalue() == "[/x] \\u001b]0;title\\u0007 \\u009b31m \\u202e :smile:\n"
    assert sys.stdout is out


def test_what_is_no_terminal_gets_the_text_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", out := io.StringIO())
    with streams.printable_terminals():
        print(SHOWN)
        assert streams.terminal_of(sys.stdout) is out
    assert out.getvalue() == f"{SHOWN}\n"


def test_a_log_is_no_program(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with streams.redirected_output(tmp_path / "log.txt") as terminal:
            terminal.close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "log.txt").stat().st_mode) == 0o644
