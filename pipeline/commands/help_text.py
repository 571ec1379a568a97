"""What `--help` shows of a command besides its arguments."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from components.common.checkout import COMMAND, SCRIPT, started_as

_WIDTH = 78
"""Of what argparse prints as it is."""


def program() -> str:
    """What help and examples call the program: as it was started."""
    first, *others = started_as()
    if not others:
        return COMMAND
    return SCRIPT if others[-1].endswith(SCRIPT) else f"{Path(first).name} {' '.join(others)}"


def paragraphs(*texts: str) -> str:
    """Those that are not empty, in lines."""
    return "\n\n".join(textwrap.fill(text, _WIDTH, break_on_hyphens=False) for text in texts if text)


def examples(prog: str, typed: str) -> str:
    """Commands, one a line in `typed`, in lines that do not part an option from its value."""
    return "\n".join(["example:", *(_example(f"  {prog} {line}") for line in typed.splitlines())])


def _example(command: str) -> str:
    kept = re.sub(r"(--\S+) ", "\\1\0", command)
    lines = textwrap.wrap(kept, _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    return " \\\n".join(lines).replace("\0", " ")
