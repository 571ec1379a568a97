"""The options of the commands that look at runs and repeat them."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.commands.model_options import RUN, Add, add_root, add_wait, at_least

_GATED = "default those by which the gate decided: of gate with data.held_back, else of dev"


def add_records(add: Add) -> None:
    """`show` and `reproduce`."""
    command = add(
        "show",
        "show a run: nodes, verdict, metrics by class and slice, where it was pushed",
        "",
        "show movie-reviews",
    )
    command.add_argument("run", nargs="?", metavar="RUN", help=f"{RUN}; default the newest run of all")
    add_root(command)
    command.add_argument("--all", action="store_true", help="list the runs")
    command.add_argument("--manifest", action="store_true", help="print the manifest: the run's inputs and its result")
    command.add_argument("--json", action="store_true", help="print the run's record as JSON")
    command = add(
        "reproduce",
        "run again from a manifest, without any cache, and compare bit by bit",
        "Weights and metrics have to be equal to the last bit; what differs is listed, first what it could come from.",
        "reproduce 20261123-093000",
    )
    command.add_argument("run", metavar="RUN", help=RUN)
    add_root(command)
    command.add_argument("--into", type=Path, metavar="DIR", help="root of the new run; default within the old run's")
    moved = {"data-path": "the directory that held all data files", "base": "the base model", "schema": "schema_file"}
    for name, what in moved.items():
        command.add_argument(f"--{name}", type=Path, metavar="PATH", help=f"where {what} is now, if it was moved")
    add_wait(command)
    command.add_argument("--json", action="store_true", help="print the comparison as JSON")


def add_reports(add: Add) -> None:
    """`report`, `mistakes` and `compare`."""
    command = add(
        "report",
        "write a run as a page to look at: verdict, mistakes, curves, data, lineage",
        "One HTML file beside the run's record, report.html, which needs nothing else and asks nobody. What the model "
        "answers to single rows is asked the first time, of the first 10,000.",
        "report movie-reviews",
    )
    command.add_argument("run", nargs="?", metavar="RUN", help=f"{RUN}; default the newest run of all")
    command.add_argument("--split", metavar="SPLIT", help=f"whose rows are shown; {_GATED}")
    explain = "of the 20 worst mistakes tell which words weighed most, and the nearest rows of train"
    command.add_argument("--explain", action="store_true", help=explain)
    command.add_argument("--compare", nargs="+", metavar="RUN", help="write these runs beside each other instead")
    command.add_argument(
        "--output", type=Path, metavar="FILE", help="where the page of --compare goes; default ./compared.html"
    )
    add_root(command)
    command = add(
        "mistakes",
        "list the rows that a run's model is worst at",
        "On a terminal the worst ones and what is taken for what; elsewhere, and with --output, all wrong rows as TSV. "
        "The model is asked the first time.",
        "mistakes movie-reviews --output mistakes.tsv",
    )
    command.add_argument("run", nargs="?", metavar="RUN", help=f"{RUN}; default the newest run of all")
    command.add_argument("--split", metavar="SPLIT", help=f"whose rows; {_GATED}")
    _add_listed(command)
    command = add(
        "compare",
        "hold runs against each other: metrics, and what else differs",
        "Settings, files, code, libraries and machine are listed where the runs differ. `report --compare` has the "
        "curves, too.",
        "compare 20261123-093000 20261124-101500",
    )
    command.add_argument("run", nargs="+", metavar="RUN", help=RUN)
    add_root(command)
    command.add_argument("--json", action="store_true", help="print JSON")


def add_label_errors(add: Add) -> None:
    """`label-errors` and `correct-labels`."""
    command = add(
        "label-errors",
        "list the rows of a run whose labels are likely wrong",
        "By confident learning: rows of train are judged by heads that have not seen them, other rows by the run's "
        "model. On a terminal the worst ones; elsewhere, and with --output, all of them as TSV, to be reviewed and "
        "given to `correct-labels`.",
        "label-errors movie-reviews --output suspects.tsv",
    )
    command.add_argument("run", nargs="?", metavar="RUN", help=f"{RUN}; default the newest run of all")
    command.add_argument("--split", metavar="SPLIT", help="whose rows are judged; default all")
    _add_listed(command)
    command = add(
        "correct-labels",
        "write the data set of a run with the labels of a reviewed list",
        "The list is one of `label-errors` whose column `correct` somebody has filled in where a label is wrong. All "
        "files of the run go into a new directory, whole or not at all; rows without a correction stay as they are.",
        "correct-labels suspects.tsv --output corrected",
    )
    command.add_argument("reviewed", type=Path, metavar="TSV", help="the reviewed list")
    command.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="where the files go; a new directory"
    )
    command.add_argument("--run", metavar="RUN", help=f"{RUN}; default the newest run of all")
    add_root(command)
    command.add_argument("--json", action="store_true", help="print what was corrected as JSON")


def _add_listed(command: argparse.ArgumentParser) -> None:
    """Where rows are listed that a command found."""
    command.add_argument("--top", type=at_least(1), default=20, metavar="N", help="rows on a terminal; default 20")
    command.add_argument("--output", type=Path, metavar="FILE", help="write all of them there, as TSV")
    add_root(command)
    command.add_argument("--json", action="store_true", help="print all of them as JSON")
