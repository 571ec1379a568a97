import io
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from components.common import streams
from tests.checkout import ROOT
from tests.toys import HEADED_RUN, write_toy_checkpoint

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


def test_what_is_hidden_leaves_the_terminal_for_who_shows_progress(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with streams.hidden_stderr(tmp_path / "log.txt") as terminal:
        os.write(2, b"of a library\n")
        terminal.write("half of it\n")
    assert (tmp_path / "log.txt").read_text() == "of a library\n"
    assert capfd.readouterr().err == "half of it\n"


PRINTS = """
import sys
from components.common import streams
streams.prepare()
print("gr\\xf6\\xdfer \\u2713 \\udc80")
print("Fehler: gr\\xf6\\xdfer", file=sys.stderr)
"""


def ended(command: str, code: str = PRINTS, **environment: str) -> tuple[int, bytes, bytes]:
    """Exit status, standard output and standard error of Python as a shell starts it."""
    done = subprocess.run(
        ["/bin/bash", "-c", command.replace("PYTHON", f'{sys.executable} -c "$CODE"')],
        cwd=ROOT,
        env={**os.environ, "CODE": code, **environment},
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {},
    ],
    ids=str,
)
def test_text_in_a_pipe_is_utf_8_whatever_the_locale_is(environment: dict[str, str]) -> None:
    assert ended("PYTHON", **environment) == (0, "größer ✓ \\udc80\n".encode(), "Fehler: größer\n".encode())


def test_what_a_terminal_has_no_character_for_is_escaped() -> None:
    status, out, _ = ended("script -qec 'PYTHON 2>&-' /dev/null", PYTHONIOENCODING="ascii")
    assert (status, out.strip()) == (0, rb"gr\xf6\xdfer \u2713 \udc80")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_leads_nowhere(closed: str) -> None:
    status, out, err = ended(f"PYTHON {closed}")
    assert status == 0
    assert (out == b"") == (closed != "2>&-" and ">&-" in closed)
    assert (err == b"") == ("2>&-" in closed)


def test_what_is_opened_next_does_not_take_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    code = "from components.common import streams\nstreams.prepare()\n"
    code += f"file = open('{tmp_path}/file', 'w')\nassert file.fileno() > 2\nprint('a')\nimport os\nos.write(1, b'b')"
    assert ended("PYTHON <&- >&-", code) == (0, b"", b"")
    assert (tmp_path / "file").read_bytes() == b""


@pytest.mark.parametrize(("where", "status"), [(">&-", 0), ("> /dev/full", 1)])
def test_a_command_whose_output_is_lost_says_so_where_it_was_wanted(where: str, status: int, tmp_path: Path) -> None:
    write_toy_checkpoint(tmp_path / "toy")
    (tmp_path / "run.toml").write_text(HEADED_RUN)
    (tmp_path / "train.tsv").write_text("text\tlabel\ngood film\tgood\nbad film\tbad\n")
    (tmp_path / "dev.tsv").write_text("text\tlabel\na film\tgood\nno film\tbad\n")
    command = f"{sys.executable} pipeline_runner.py check --json --config {tmp_path}/run.toml {where}"
    found, _, err = ended(command)
    assert (found, err.decode()) == (
        status,
        "error: No space left on device. Check the path, its permissions and the disk.\n" if status else "",
    )
