"""Where this project's code lies, a checkout or a directory of installed packages, and how one starts it there."""

from __future__ import annotations

import itertools
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

COMMAND = "bert-pipeline"
"""What an installation puts on the path."""

SCRIPT = "pipeline_runner.py"
"""What a checkout has."""


def started_as() -> tuple[str, ...]:
    """The words in front of a command's name, by which this process was started and another one can be; paths absolute.

    The words that were typed are asked, and not `sys.argv`, which libraries change and tests replace.
    """
    typed = sys.orig_argv[1:4]
    for word in typed:
        if Path(word).name == COMMAND:
            on_path = shutil.which(COMMAND)
            return (COMMAND if on_path and Path(on_path).samefile(word) else str(Path(word).absolute()),)
    if any(pair == ("-m", "pipeline") for pair in itertools.pairwise(typed)):
        return sys.executable, "-m", "pipeline"
    return sys.executable, str(ROOT / SCRIPT)
