"""bert-pipeline's command line: from TSV files of labelled text to a gated, pushed BERT."""

from __future__ import annotations

import argparse
import errno
import importlib
import sys
from typing import TextIO

from components.common import json_text, streams, tensorflow_env
from components.common.errors import Failure, InputError, describe
from components.common.exit_status import FAILED, WRONG_INPUT
from pipeline.commands.arguments import asks_for_json, parser

_OF_PATHS = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP)
"""What is wrong with a path that was given, not with the machine."""

_OF_THE_DISK = "Check the path, its permissions and the disk."


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns its exit status."""
    streams.prepare()
    with streams.printable_terminals():
        return _main(arguments)


def _main(arguments: list[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    as_json = asks_for_json(words)
    try:
        options = parser(__doc__ or "").parse_args(words)
        tensorflow_env.set_up()
        status = _execute(options)
        # Where the disk is full or the reader has gone, this is the last moment to say so.
        sys.stdout.flush()
        return status
    except InputError as error:
        return _failed(Failure.of(error, WRONG_INPUT), str(error), as_json)
    except BrokenPipeError:
        # The reader of our output has gone, as `| head` does. Python would fail once more when it ends.
        streams.lead_nowhere(sys.stdout.fileno())
        return FAILED
    except OSError as error:
        place, rule = str(error.filename or ""), error.strerror or str(error)
        failure = Failure(WRONG_INPUT if error.errno in _OF_PATHS else FAILED, place, rule, _OF_THE_DISK)
        return _failed(failure, f"{f'{place}: ' if place else ''}{rule}. {_OF_THE_DISK}", as_json)
    except KeyboardInterrupt:
        return _failed(Failure(FAILED, "", "interrupted", "Run it again."), "interrupted", as_json)
    except Exception as error:
        if as_json:
            _print_json(Failure(FAILED, "", describe(error), "Standard error has the traceback."))
        raise


def _failed(failure: Failure, message: str, as_json: bool) -> int:
    _print(f"error: {message}", sys.stderr)
    if as_json:
        _print_json(failure)
    return failure.exit_status


def _print_json(failure: Failure) -> None:
    _print(json_text.dumps(failure.document()), sys.stdout)


def _print(text: str, stream: TextIO) -> None:
    """Prints as far as it goes: where one stream is on a full disk, the other and the exit status still tell."""
    try:
        print(text, file=stream, flush=True)
    except OSError:
        # What it still holds would fail once more when Python ends.
        streams.lead_nowhere(stream.fileno())


def _execute(options: argparse.Namespace) -> int:
    # Only the command's own module: others would cost it their imports.
    module = importlib.import_module(f"pipeline.commands.{options.command.replace('-', '_')}")
    status: int = module.execute(options)
    return status


if __name__ == "__main__":
    sys.exit(main())
