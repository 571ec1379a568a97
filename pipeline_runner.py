#!/usr/bin/env python3
"""bert-pipeline's command line: from TSV files of labelled text to a gated, pushed BERT."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys

from components.common import streams, tensorflow_env
from components.common.errors import InputError
from components.common.exit_status import FAILED, WRONG_INPUT
from pipeline.commands.arguments import parser

_OF_PATHS = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP)
"""What is wrong with a path that was given, not with the machine."""


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns its exit status."""
    streams.prepare()
    options = parser(__doc__ or "").parse_args(arguments)
    tensorflow_env.set_up()
    try:
        status = _execute(options)
        # Where the disk is full or the reader has gone, this is the last moment to say so.
        sys.stdout.flush()
        return status
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG_INPUT
    except BrokenPipeError:
        # The reader of our output has gone, as `| head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(
            f"error: {place}{error.strerror or error}. Check the path, its permissions and the disk.", file=sys.stderr
        )
        return WRONG_INPUT if error.errno in _OF_PATHS else FAILED
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return FAILED


def _execute(options: argparse.Namespace) -> int:
    # Only the command's own module: others would cost it their imports.
    module = importlib.import_module(f"pipeline.commands.{options.command.replace('-', '_')}")
    status: int = module.execute(options)
    return status


if __name__ == "__main__":
    sys.exit(main())
