"""`completion`: a script by which a shell completes commands, options, and the names of pipelines.

It is written from the parser alone and asks nothing of Python while one types.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from components.common.checkout import COMMAND
from components.common.exit_status import DONE
from components.settings.fields import NAME
from pipeline.commands.arguments import commands
from pipeline.commands.model_options import DEFAULT_ROOT

_NAMES = frozenset({"PUSHED", "MODEL", "RUN", "NAME"})
"""What the arguments are called whose values may be the name of a pipeline."""


class _Argument(NamedTuple):
    """An option, or what stands by itself, of one command."""

    option: str
    """Empty: it stands by itself."""
    help: str
    value: str
    """What its value is called; empty: it has none."""
    words: tuple[str, ...]
    """Values that it takes, if they are known."""
    is_file: bool
    is_name: bool
    is_repeated: bool


def script(shell: str) -> str:
    """The script for `bash`, `zsh` or `fish`."""
    found = {
        name: [_argument(name, action) for action in command._actions if action.dest != "help"]
        for name, command in commands().items()
    }
    summaries = {name: (command.description or "").split("\n\n")[0] for name, command in commands().items()}
    return "\n".join(_SHELLS[shell](found, {name: " ".join(text.split()) for name, text in summaries.items()})) + "\n"


def _argument(command: str, action: argparse.Action) -> _Argument:
    value = "" if action.nargs == 0 else str(action.metavar or action.dest)
    return _Argument(
        option=action.option_strings[0] if action.option_strings else "",
        help=action.help or "",
        value=value,
        words=tuple(map(str, action.choices or ())),
        is_file=action.type is Path or action.dest == "model",
        is_name=value in _NAMES and command != "data",
        is_repeated=action.nargs in ("*", "+") or isinstance(action, argparse._AppendAction),
    )


_Commands = Mapping[str, list[_Argument]]


def _bash(found: _Commands, summaries: Mapping[str, str]) -> Iterator[str]:
    def after(option: bool, wanted: Callable[[_Argument], object]) -> str:
        """The patterns of a case: commands, with the option that takes such a value."""
        patterns = [
            shlex.quote(f"{name} {one.option}" if option else name)
            for name, some in found.items()
            for one in some
            if one.value and bool(one.option) == option and wanted(one)
        ]
        return "|".join(dict.fromkeys(patterns)) or "''"

    known = [(name, one) for name, some in found.items() for one in some if one.words]
    yield f"# {COMMAND}'s commands and options for bash: source <({COMMAND} completion bash)"
    yield from (
        "_bert_pipeline() {",
        "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}",
        f"    local root={DEFAULT_ROOT} words= at home",
        "    for ((at = 2; at < COMP_CWORD; at++)); do",
        "        [[ ${COMP_WORDS[at-1]} == --root ]] && root=${COMP_WORDS[at]}",
        "    done",
        "    local pipelines=",
        '    for home in "$root"/*/; do',
        # compgen expands its words: a directory called $(COMMAND) would have it run.
        "        [[ -d ${home}runs || -d ${home}serving ]] || continue",
        "        home=${home%/}",
        f'        [[ ${{home##*/}} =~ {NAME} ]] && pipelines+="${{home##*/}} "',
        "    done",
        "    if ((COMP_CWORD == 1)); then",
        f"        words='{' '.join(summaries)} --help'",
        "    else",
        '        case "$command $before" in',
    )
    for name, one in known:
        if one.option:
            yield f"        '{name} {one.option}') words='{' '.join(one.words)}' ;;"
    # Where nothing is given, bash completes files.
    yield f"        {after(True, lambda one: one.is_name)}) words=$pipelines ;;"
    yield f"        {after(True, lambda one: not one.is_name and not one.words)}) ;;"
    yield "        *)"
    yield '            if [[ $current == -* ]]; then case "$command" in'
    for name, some in found.items():
        yield f"                {name}) words='{' '.join([*(one.option for one in some if one.option), '--help'])}' ;;"
    yield '            esac; else case "$command" in'
    for name, one in known:
        if not one.option:
            yield f"                {name}) words='{' '.join(one.words)}' ;;"
    yield f"                {after(False, lambda one: one.is_name)}) words=$pipelines ;;"
    yield from (
        "            esac; fi ;;",
        "        esac",
        "    fi",
        '    COMPREPLY=($(compgen -W "$words" -- "$current"))',
        "}",
        f"complete -o default -F _bert_pipeline {COMMAND}",
    )


def _zsh(found: _Commands, summaries: Mapping[str, str]) -> Iterator[str]:
    yield f"#compdef {COMMAND}"
    yield f"# {COMMAND}'s commands and options for zsh, behind compinit: source <({COMMAND} completion zsh)"
    yield from (
        "_bert_pipeline_names() {",
        "    local -a names",
        f"    local root={DEFAULT_ROOT}",
        "    (( ${words[(I)--root]} )) && root=${words[${words[(I)--root]} + 1]}",
        "    names=($root/*/(runs|serving)(N/:h:t))",
        "    compadd -a names",
        "}",
        "_bert_pipeline_models() { _alternative 'names:pipeline:_bert_pipeline_names' 'files:directory:_files' }",
        "_bert_pipeline() {",
        "    if (( CURRENT == 2 )); then",
        "        local -a commands=(",
        *(f"            {shlex.quote(f'{name}:{summary}')}" for name, summary in summaries.items()),
        "        )",
        "        _describe command commands",
        "        return",
        "    fi",
        "    local command=$words[2]",
        "    shift words",
        "    (( CURRENT-- ))",
        "    case $command in",
    )
    for name, some in found.items():
        yield f"    {name}) _arguments {' '.join(shlex.quote(_zsh_spec(one)) for one in some)} ;;"
    yield from ("    esac", "}", f"compdef _bert_pipeline {COMMAND}")


def _zsh_spec(one: _Argument) -> str:
    """As `_arguments` takes it."""
    text = one.help.translate({ord(character): f"\\{character}" for character in "[]:\\"})
    action = f"({' '.join(one.words)})" if one.words else " "
    if one.is_file:
        action = "_bert_pipeline_models" if one.is_name else "_files"
    elif one.is_name:
        action = "_bert_pipeline_names"
    value = f":{one.value}:{action}" if one.value else ""
    if one.option:
        return f"{'*' * one.is_repeated}{one.option}[{text}]{value}"
    return f"{'*' if one.is_repeated else ''}{value}"


def _fish(found: _Commands, summaries: Mapping[str, str]) -> Iterator[str]:
    yield f"# {COMMAND}'s commands and options for fish: {COMMAND} completion fish | source"
    yield from (
        "function __bert_pipeline_at",
        "    set -l words (commandline -opc)",
        '    test (count $words) -ge 2; and test "$words[2]" = $argv[1]',
        "end",
        "function __bert_pipeline_names",
        "    set -l words (commandline -opc)",
        f"    set -l root {DEFAULT_ROOT}",
        "    if set -l at (contains -i -- --root $words); and test (count $words) -gt $at",
        "        set root $words[(math $at + 1)]",
        "    end",
        "    for home in $root/*/runs $root/*/serving",
        "        path basename (path dirname $home)",
        "    end | sort -u",
        "end",
        f"complete -c {COMMAND} -f",
    )
    for name, summary in summaries.items():
        first = "test (count (commandline -opc)) -eq 1"
        yield f"complete -c {COMMAND} -n {shlex.quote(first)} -a {name} -d {_fish_quoted(summary)}"
    for name, some in found.items():
        for one in some:
            line = f"complete -c {COMMAND} -n '__bert_pipeline_at {name}'"
            if one.option:
                line += f" -l {one.option.removeprefix('--')} -d {_fish_quoted(one.help)}{' -r' if one.value else ''}"
            if one.value:
                line += " -F" if one.is_file else " -f"
            if one.words or one.is_name:
                line += f" -a {_fish_quoted(' '.join(one.words) or '(__bert_pipeline_names)')}"
            yield line


def _fish_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


_SHELLS = {"bash": _bash, "zsh": _zsh, "fish": _fish}


def execute(options: argparse.Namespace) -> int:
    print(script(options.shell), end="")
    return DONE
