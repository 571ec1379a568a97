"""argparse's parser, whose mistakes are messages with a remedy: the nearest command, option or value."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from itertools import takewhile
from typing import Any, NoReturn

from components.common.errors import InputError
from components.common.suggest import did_you_mean

_NEGATIVE = re.compile(r"-\d+|-\d*\.\d+")
"""What argparse takes for a number, where no option looks like one."""


class CommandParser(argparse.ArgumentParser):
    """Of the command line, or of one command."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse's, which would rather say what is missing than what is mistyped.

        Raises:
            InputError: a command, an option or a value that there is not; something is missing or too much.
        """
        words = list(sys.argv[1:] if args is None else args)
        for word in takewhile(lambda word: word.startswith("-"), words) if self._subparsers else words:
            if word == "--":
                break
            self._check_option(word)
        parsed, rest = super().parse_known_args(words, namespace)
        if rest:
            self.error(f"got {' '.join(map(repr, rest))}, which belongs to no option")
        return parsed, rest

    def _check_option(self, word: str) -> None:
        option = word.partition("=")[0]
        known = list(self._option_string_actions)
        is_option = len(word) > 1 and word.startswith("-") and " " not in word and not _NEGATIVE.fullmatch(word)
        # Any beginning of an option stands for it.
        if is_option and not any(one.startswith(option) for one in known):
            raise InputError(option, f"`{self.prog}` has no such option", did_you_mean(option, known, str) + self._help)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        known = list(map(str, action.choices))
        if action is (self._subparsers and self._subparsers._group_actions[0]):
            raise InputError(self.prog, f"there is no command {value!r}", did_you_mean(value, known, str) + self._help)
        problem = f"got {value!r}, expected {' or '.join(known)}"
        # What is no option has a name for the help alone.
        place = "/".join(action.option_strings) or str(action.metavar)
        raise InputError(place, problem, f"{did_you_mean(value, known, str)}{self._help}")

    def error(self, message: str) -> NoReturn:
        """Refuses the command line.

        Raises:
            InputError: always.
        """
        raise InputError(self.prog, message, self._help)

    @property
    def _help(self) -> str:
        return f"`{self.prog} --help` lists what there is"
