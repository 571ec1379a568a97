"""The options of those commands that take a model and rows of texts."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

from components.common.defaults import MAX_LENGTH

Add = Callable[[str, str, str, str], argparse.ArgumentParser]
"""Name, summary, what else there is to know, example -> the command's parser."""

DEFAULT_ROOT = "runs"
"""Where runs are kept, below the working directory."""

_NAMED = "or a pipeline's name, also NAME/VERSION"

POOLING: Final = "mean"
"""Of a base model, where the command line does not say."""


RUN = "a run's id, or a pipeline's name for its newest run"


def at_least(least: int) -> Callable[[str], int]:
    """The type of an option that is a number of at least so much."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, got {text}")
        return int(text)

    return number


def add_root(command: argparse.ArgumentParser) -> None:
    """Where runs are kept."""
    command.add_argument(
        "--root", type=Path, default=Path(DEFAULT_ROOT), metavar="DIR", help="where runs are kept; default ./runs"
    )


def add_pushed(command: argparse.ArgumentParser) -> None:
    """A pushed model, and whether it is verified."""
    command.add_argument(
        "--model",
        type=Path,
        required=True,
        metavar="PUSHED",
        help=f"a pushed version, or the directory of all versions; {_NAMED}",
    )
    _add_verification(command)
    add_root(command)


def add_columns(command: argparse.ArgumentParser) -> None:
    """Which columns of a file are its texts."""
    column = "the text's column, a name or a number from 1; default as in training; give the option twice for two texts"
    command.add_argument("--column", action="append", metavar="C", help=column)
    command.add_argument("--no-header", action="store_true", help="the first line of a file is a row")


def add_label(command: argparse.ArgumentParser) -> None:
    """Which column of a file is its label."""
    label = "the label's column, a name or a number from 1; default as in training"
    command.add_argument("--label", metavar="C", help=label)


def add_encoder(command: argparse.ArgumentParser) -> None:
    """A model that gives vectors, and how."""
    command.add_argument(
        "--model",
        type=Path,
        required=True,
        metavar="MODEL",
        help=f"a pushed model, or a base model's directory or DIR/bert_model.ckpt; {_NAMED}",
    )
    _add_verification(command)
    add_root(command)
    command.add_argument("--no-header", action="store_true", help="the first line is a row")
    command.add_argument("--pooling", choices=["mean", "cls"], help=f"of a base model; default {POOLING}")
    length = f"tokens, of a base model; default {MAX_LENGTH}"
    command.add_argument("--max-length", type=at_least(3), metavar="N", help=length)


def add_base(command: argparse.ArgumentParser) -> None:
    """A base model."""
    command.add_argument(
        "--model",
        type=Path,
        required=True,
        metavar="MODEL",
        help=f"a base model's directory, or DIR/bert_model.ckpt in Google's form; {_NAMED}",
    )
    add_root(command)


def _add_verification(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--verify", action="store_true", help="hold a pushed model's weights against the sha256 in its card first"
    )
    key = "hold a pushed model against its signature first, by this public key; needs `make signing`"
    command.add_argument("--verify-key", type=Path, metavar="PEM", help=key)


def add_wait(command: argparse.ArgumentParser) -> None:
    """Whether to wait for another run."""
    command.add_argument("--wait", action="store_true", help="wait for the end of another run on this root")
