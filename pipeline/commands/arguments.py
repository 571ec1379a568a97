"""The command line's commands and their options; `pipeline/__main__.py` starts them, docs/commands.md lists them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from components.common.checkout import COMMAND, ROOT, SCRIPT
from components.common.exit_status import DONE, FAILED, REFUSED, SKIPPED, WRONG_INPUT
from components.tasks import TASKS
from pipeline.commands import help_text, model_arguments, record_arguments
from pipeline.commands.command_parser import CommandParser
from pipeline.commands.model_options import RUN, Add, add_columns, add_label, add_root, add_wait, at_least

_SHIPPED = "pipeline/configs/movie_reviews.toml"


def parser(description: str) -> argparse.ArgumentParser:
    """Parses into a namespace whose `command` is the name of one."""
    parser = CommandParser(
        prog=help_text.program(),
        description=description,
        epilog=f"exit status: {DONE} done, {FAILED} failed, {WRONG_INPUT} wrong input, {REFUSED} not pushed:\n"
        f"refused by the gate, or withdrawn by a rollback; of a scheduler's steps also {SKIPPED}, nothing to do",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_commands(parser)
    return parser


def asks_for_json(words: Sequence[str]) -> bool:
    """Whether `--json`, or the beginning of it, is among the words of a command line, be it right or wrong."""
    return any(
        len(word) > len("--") and "--json".startswith(word) for word in takewhile(lambda word: word != "--", words)
    )


def commands() -> dict[str, argparse.ArgumentParser]:
    """Each command's own parser, by name, in the order in which `--help` lists them."""
    return _add_commands(CommandParser(prog=SCRIPT))


def _add_commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    found: dict[str, argparse.ArgumentParser] = {}

    def add(name: str, summary: str, details: str, example: str) -> argparse.ArgumentParser:
        found[name] = command = subparsers.add_parser(
            name,
            help=summary,
            description=help_text.paragraphs(f"{summary[0].upper()}{summary[1:]}.", details),
            epilog=help_text.examples(parser.prog, example),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(command=name)
        return command

    for add_some in (
        _add_runs,
        record_arguments.add_records,
        record_arguments.add_reports,
        record_arguments.add_label_errors,
        model_arguments.add_predictions,
        model_arguments.add_vectors,
        model_arguments.add_fill,
        model_arguments.add_export,
        _add_data,
        _add_upkeep,
        _add_schedules,
        _add_shell,
    ):
        add_some(add)
    return found


def _add_runs(add: Add) -> None:
    command = add(
        "run",
        "run the pipeline on this machine, from TSV files to a pushed model",
        "Metadata, artifacts, logs and pushed models stay under --root. Nodes whose data, "
        "config and code are unchanged come from cache. Several configs run one after the other, as a pre-training and "
        "the fine-tuning that names it; the first that pushes nothing is the last.",
        f"run --config {_SHIPPED}",
    )
    command.add_argument(
        "--config",
        type=_config,
        required=True,
        action="append",
        metavar="C",
        help="the run's TOML file; several times for several runs",
    )
    add_root(command)
    command.add_argument("--force", action="store_true", help="run even if there is no new span of data")
    add_wait(command)
    command.add_argument("--json", action="store_true", help="print the run's record as JSON instead of text")
    command = add(
        "check",
        "validate a config against its files; run nothing",
        "Holds the rows against the rules, up to 500,000 of each split, and prints the first ones as they are read, "
        "rows with each label by split, the most frequent texts, equal texts within and across splits, how texts fit "
        "the model's vocabulary and length, the DAG and the settings. Takes seconds, and does not import TensorFlow.",
        f"check --config {_SHIPPED}",
    )
    _add_config(command)
    add_root(command)
    command.add_argument("--all", action="store_true", help="print the settings that have their defaults, too")
    command.add_argument(
        "--json", action="store_true", help="print all settings and what was found in the rows as JSON"
    )
    command = add(
        "train-worker",
        "help the chief of a distributed run to train, on another machine or on this one",
        'For runs with training.devices = "multiworker". TF_CONFIG says who this process is.',
        "train-worker --wait 30",
    )
    command.add_argument(
        "--wait", type=at_least(1), default=60, metavar="MINUTES", help="how long to wait for the chief; default 60"
    )
    command.add_argument("--log", type=Path, metavar="FILE", help="keep TensorFlow's log there")


def _add_data(add: Add) -> None:
    command = add(
        "check-data",
        "compare rows with the rows that a run's model learned from",
        "Labels, text length, unknown words and vocabulary, by the limits in the run's [drift]. "
        'Beyond a limit the exit status is 2, with on_drift = "warn" 0.',
        "check-data rows.tsv --against 20261123-093000",
    )
    command.add_argument("rows", type=Path, metavar="TSV", help="rows with or without labels; may end in .gz")
    command.add_argument("--against", required=True, metavar="RUN", help=RUN)
    add_root(command)
    add_columns(command)
    add_label(command)
    command.add_argument("--json", action="store_true", help="print the comparison as JSON")
    command = add(
        "init",
        "write a config for a file of labelled text",
        "Separator, header, quoting, columns, task and files are guessed from the first rows, each with the reason "
        "beside it; nothing is asked. What is written passes `check`, or nothing is written.",
        "init tickets/train.tsv --output tickets.toml",
    )
    command.add_argument("rows", type=Path, metavar="FILE", help="rows of text and label, in UTF-8; may end in .gz")
    command.add_argument("--output", type=Path, metavar="TOML", help="default beside the rows, by their name")
    command.add_argument("--task", choices=list(TASKS), help="if the guess is wrong")
    command.add_argument("--text", metavar="C", help="the text's column; of two texts both, with a comma between")
    add_label(command)
    command.add_argument("--model", metavar="BASE", help="the base model; default the sample weights, or BERT's own")
    command.add_argument("--force", action="store_true", help="replace a config that is there")
    command = add(
        "data",
        "fetch a sample data set or the sample weights",
        "Into data/ of the checkout, or beside the installed package; what is there already is not fetched again.",
        "data movie-reviews",
    )
    # Not from the catalogue: images and clients of the pipeline are without data/. A test holds it against it.
    samples = "movie-reviews, reuters-r8, reuters-topics, newsgroups, documents, conll2003, news-answers, spelled-out"
    command.add_argument("name", metavar="NAME", help=f"{samples}, minilm; minilm is the weights")


def _add_upkeep(add: Add) -> None:
    command = add("versions", "list the pushed versions with their runs and metrics", "", "versions --name tickets")
    _add_pipeline(command)
    command.add_argument("--json", action="store_true", help="print JSON")
    command = add(
        "rollback",
        "put an older version into production again",
        "A copy of it becomes the newest version. No run pushes the weights that were in production again.",
        "rollback --name tickets",
    )
    command.add_argument(
        "version", nargs="?", type=int, metavar="VERSION", help="default the newest older one with other weights"
    )
    _add_pipeline(command)
    add_wait(command)
    command = add(
        "prune",
        "remove artifacts that no kept run and no pushed version needs, and older versions",
        "Records, manifests and logs of all runs stay, and with --keep alone the pushed versions do. Of these never "
        "goes what is in production, what a rollback goes back to, and what a config starts from.",
        "prune --keep 3 --dry-run\nprune --versions 5",
    )
    _add_pipeline(command)
    command.add_argument("--keep", type=at_least(1), metavar="N", help="newest runs that keep artifacts")
    command.add_argument("--versions", type=at_least(1), metavar="N", help="newest versions that stay")
    command.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    add_wait(command)
    command.add_argument("--json", action="store_true", help="print JSON")


def _add_schedules(add: Add) -> None:
    command = add(
        "export",
        "write the pipeline for a scheduler, as a DAG; of a model, see export-model",
        "For Airflow a DAG file and the compiled pipeline; for Kubeflow Pipelines one YAML file.",
        "export --runner airflow --config tickets.toml --output dags",
    )
    command.add_argument("--runner", choices=["airflow", "kubeflow"], required=True, help="which scheduler")
    _add_config(command)
    command.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the files go")
    command.add_argument("--root", type=Path, metavar="DIR", help="for Airflow, where runs are kept; default ./runs")
    for name, summary in (
        ("begin-run", "begin a run whose nodes a scheduler starts"),
        ("run-node", "run one node of a scheduled run"),
        ("end-run", "end a scheduled run, whatever became of its nodes"),
    ):
        node = " Trainer" if name == "run-node" else ""
        details = "A task of the DAG that `export --runner airflow` wrote starts it."
        command = add(name, summary, details, f"{name}{node} --dag dags/tickets.json --run-id today")
        if name == "run-node":
            command.add_argument("node", metavar="NODE", help="its id")
        command.add_argument("--dag", type=Path, required=True, metavar="JSON", help="what `export` wrote")
        command.add_argument("--run-id", required=True, metavar="ID", help="the scheduler's id of the run")
    command = add(
        "run-container",
        "run one node in a container",
        "The spec that `export --runner kubeflow` wrote starts it.",
        "run-container -- --executor_class_path CLASS --json_serialized_invocation_args JSON",
    )
    command.add_argument("arguments", nargs="*", metavar="ARGUMENT", help="those of TFX's entry point, after --")


def _add_shell(add: Add) -> None:
    command = add(
        "completion",
        "print a script by which a shell completes commands, options and pipelines",
        f"For the installed command, {COMMAND}. In bash: source <({COMMAND} completion bash). In zsh, behind compinit: "
        f"source <({COMMAND} completion zsh). In fish: {COMMAND} completion fish | source. The line belongs into the "
        "shell's start-up file.",
        "completion bash",
    )
    command.add_argument("shell", choices=["bash", "zsh", "fish"], metavar="SHELL", help="bash, zsh or fish")


def _config(given: str) -> Path:
    """A TOML file; `pipeline/configs/NAME` is one that ships, wherever the command is started."""
    ships = given.startswith("pipeline/configs/") and not Path(given).exists()
    return ROOT / given if ships else Path(given)


def _add_config(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", type=_config, required=True, metavar="C", help="the run's TOML file")


def _add_pipeline(command: argparse.ArgumentParser) -> None:
    command.add_argument("--name", metavar="NAME", help="the pipeline, if the root has several")
    add_root(command)
