"""The command line's commands and their options; `pipeline_runner.py` carries them out."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from components.common.defaults import MAX_LENGTH

_DEFAULT_ROOT = "runs"

_Add = Callable[[str, str, str], argparse.ArgumentParser]


def parser(description: str) -> argparse.ArgumentParser:
    """Parses into a namespace whose `command` is the name of one."""
    parser = argparse.ArgumentParser(
        prog="pipeline_runner.py", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, summary: str, example: str) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(command=name)
        return command

    for add_some in (_add_runs, _add_questions, _add_upkeep, _add_schedules):
        add_some(add)
    return parser


def _add_runs(add: _Add) -> None:
    shipped = "pipeline/configs/movie_reviews.toml"
    for name, summary in (
        ("run", "run the pipeline on this machine, TSV files to pushed model"),
        ("check", "validate a config against its files; run nothing"),
    ):
        command = add(name, summary, f"pipeline_runner.py {name} --config {shipped}")
        command.add_argument("--config", type=Path, required=True, metavar="C", help="the run's TOML file")
        _add_root(command)
        if name == "run":
            command.add_argument("--force", action="store_true", help="even if there is no new span of data")
            command.add_argument("--wait", action="store_true", help="for the end of another run on this root")
        command.add_argument("--json", action="store_true", help="print one JSON document instead of text")
    command = add(
        "train-worker",
        'help the chief of a run with training.devices = "multiworker" to train, on another machine or here',
        """TF_CONFIG='{"cluster": ..., "task": {"type": "worker", "index": 1}}' pipeline_runner.py train-worker""",
    )
    command.add_argument(
        "--wait", type=_at_least(1), default=60, metavar="MINUTES", help="for the chief to begin; default 60"
    )
    command.add_argument("--log", type=Path, metavar="FILE", help="keep what TensorFlow says")
    command = add(
        "run-container",
        "run a node in a container; what `export --runner kubeflow` wrote calls it",
        "pipeline_runner.py run-container -- --executor_class_path CLASS --json_serialized_invocation_args JSON",
    )
    command.add_argument("arguments", nargs="*", metavar="ARGUMENT", help="those of TFX's entry point, after --")
    command = add("show", "show a run: nodes, verdict, metrics, where it was pushed", "pipeline_runner.py show")
    command.add_argument(
        "run", nargs="?", metavar="RUN", help="a run's id or a pipeline's name; default the newest run"
    )
    _add_root(command)
    command.add_argument("--all", action="store_true", help="list the runs")
    command.add_argument("--manifest", action="store_true", help="print what the run stood on, and its result, as JSON")
    command.add_argument("--json", action="store_true", help="print JSON")
    command = add(
        "reproduce",
        "make a run again from its manifest and compare, bit by bit",
        "pipeline_runner.py reproduce 20261123-093000",
    )
    command.add_argument("run", metavar="RUN", help="a run's id")
    _add_root(command)
    command.add_argument(
        "--into", type=Path, metavar="DIR", help="root of the new run; default a directory within the old run's"
    )
    command.add_argument("--json", action="store_true", help="print JSON")


def _add_questions(add: _Add) -> None:
    command = add(
        "predict",
        "ask a pushed model what it says of texts",
        "pipeline_runner.py predict --model runs/movie-reviews/serving/movie-reviews 'not bad at all'\n"
        "  pipeline_runner.py predict --model MODEL --input rows.tsv --output out.tsv",
    )
    command.add_argument(
        "--model", type=Path, required=True, metavar="PUSHED", help="a pushed version, or their directory"
    )
    command.add_argument(
        "text", nargs="*", metavar="TEXT", help="rows, two texts with a tab between; default from stdin"
    )
    command.add_argument("--input", type=Path, metavar="TSV", help="rows to label, of any number; .gz is welcome")
    command.add_argument("--output", type=Path, metavar="TSV", help="where they go with their labels; default stdout")
    command.add_argument(
        "--column",
        action="append",
        metavar="C",
        help="the text's column in --input, a name or a number from 1, for two texts twice; default as in training",
    )
    command.add_argument("--no-header", action="store_true", help="the first line of --input is a row")
    command.add_argument("--json", action="store_true", help="one JSON object a text")
    command = add(
        "bulk-predict",
        "ask a pushed model about many rows by Beam; a killed job goes on where it was",
        "pipeline_runner.py bulk-predict --model MODEL --input 'rows*.tsv' --output answers",
    )
    command.add_argument(
        "--model", type=Path, required=True, metavar="PUSHED", help="a pushed version, or their directory"
    )
    command.add_argument(
        "--input", type=Path, nargs="+", required=True, metavar="TSV", help="files or globs; .gz is welcome"
    )
    command.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="for the answers and the quarantine of bad rows"
    )
    command.add_argument("--config", type=Path, metavar="C", help="a run's TOML file, for its [beam]")
    command.add_argument("--column", action="append", metavar="C", help="as in `predict`")
    command.add_argument("--no-header", action="store_true", help="the first line of each file is a row")
    for name, summary, example in (
        ("embed", "write vectors of texts", "embed --model data/minilm --input rows.tsv --output vectors.npy"),
        (
            "match",
            "find the texts of a corpus that are nearest to others",
            "match --model data/minilm --queries q.tsv --corpus c.tsv --top 10",
        ),
    ):
        command = add(name, summary, f"pipeline_runner.py {example}")
        command.add_argument(
            "--model", type=Path, required=True, metavar="MODEL", help="a pushed model, or a base model's directory"
        )
        if name == "embed":
            command.add_argument("--input", type=Path, required=True, metavar="TSV", help="a text a row")
            command.add_argument("--output", type=Path, required=True, metavar="FILE", help="ends in .npy or .parquet")
            command.add_argument("--column", metavar="C", help="the text's, a name or a number; default `text`")
        else:
            command.add_argument("--queries", type=Path, required=True, metavar="TSV", help="a text a row")
            command.add_argument("--corpus", type=Path, required=True, metavar="TSV", help="a text a row")
            command.add_argument("--query-column", metavar="C", help="the text's, a name or a number; default `text`")
            command.add_argument("--corpus-column", metavar="C", help="the same of the corpus")
            command.add_argument("--top", type=_at_least(1), default=10, metavar="N", help="default 10")
            command.add_argument("--output", type=Path, metavar="TSV", help="default stdout")
            command.add_argument("--json", action="store_true", help="one JSON object a query")
        command.add_argument("--no-header", action="store_true", help="the first line is a row")
        command.add_argument("--pooling", choices=["mean", "cls"], default="mean", help="of a base model; default mean")
        command.add_argument(
            "--max-length",
            type=_at_least(3),
            default=MAX_LENGTH,
            metavar="N",
            help=f"tokens, of a base model; default {MAX_LENGTH}",
        )
    command = add(
        "check-data",
        "compare rows with those that a run's model learned from",
        "pipeline_runner.py check-data rows.tsv --against 20261123-093000",
    )
    command.add_argument("rows", type=Path, metavar="TSV", help="rows as the model is asked about; .gz is welcome")
    command.add_argument("--against", required=True, metavar="RUN", help="a run's id")
    _add_root(command)
    command.add_argument(
        "--column",
        action="append",
        metavar="C",
        help="the text's column, a name or a number, for two texts twice; default as in training",
    )
    command.add_argument("--label", metavar="C", help="the label's; default as in training, where a header names it")
    command.add_argument("--no-header", action="store_true", help="the first line is a row")
    command.add_argument("--json", action="store_true", help="print JSON")


def _add_upkeep(add: _Add) -> None:
    for name, summary in (
        ("versions", "list the pushed versions with their runs and metrics"),
        ("rollback", "put an older version into production again"),
        ("prune", "remove artifacts that no kept run and no pushed version needs"),
    ):
        more = {"prune": " --keep 3"}.get(name, "")
        command = add(name, summary, f"pipeline_runner.py {name}{more}")
        if name == "rollback":
            command.add_argument(
                "version",
                nargs="?",
                type=int,
                metavar="VERSION",
                help="default the newest with other weights than those in production",
            )
        command.add_argument("--name", metavar="NAME", help="the pipeline, if the root has several")
        _add_root(command)
        if name == "prune":
            command.add_argument(
                "--keep", type=_at_least(1), required=True, metavar="N", help="runs that keep their artifacts"
            )
            command.add_argument("--dry-run", action="store_true", help="only say what would go")
        if name != "rollback":
            command.add_argument("--json", action="store_true", help="print JSON")
    command = add("data", "fetch a sample data set or the sample weights", "pipeline_runner.py data movie-reviews")
    samples = "movie-reviews, reuters-r8, reuters-topics, conll2003 or minilm (the weights)"
    command.add_argument("name", metavar="NAME", help=samples)


def _add_schedules(add: _Add) -> None:
    command = add(
        "export",
        "write the pipeline for a scheduler",
        "pipeline_runner.py export --runner airflow --config pipeline/configs/movie_reviews.toml --output dags",
    )
    command.add_argument("--runner", choices=["airflow", "kubeflow"], required=True, help="which one")
    command.add_argument("--config", type=Path, required=True, metavar="C", help="the run's TOML file")
    command.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the files go")
    _add_root(command)
    for name, summary in (
        ("begin-run", "begin a run whose nodes a scheduler starts"),
        ("run-node", "run one node of it"),
        ("end-run", "end it, whatever became of its nodes"),
    ):
        node = " Trainer" if name == "run-node" else ""
        command = add(name, summary, f"pipeline_runner.py {name}{node} --dag dags/movie-reviews.json --run-id today")
        if name == "run-node":
            command.add_argument("node", metavar="NODE", help="its id")
        command.add_argument("--dag", type=Path, required=True, metavar="JSON", help="what `export` wrote")
        command.add_argument("--run-id", required=True, metavar="ID", help="the scheduler's id of the run")


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text} is no number of at least {least}")
        return int(text)

    return number


def _add_root(command: argparse.ArgumentParser) -> None:
    command.add_argument("--root", type=Path, default=Path(_DEFAULT_ROOT), metavar="DIR", help="default ./runs")
