"""The commands that ask a model, and their options."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from components.settings.model_forms import Format, Precision
from pipeline.commands.model_options import (
    Add,
    add_base,
    add_columns,
    add_encoder,
    add_label,
    add_pushed,
    add_root,
    at_least,
)

_PUSHED = "tickets"
"""A pipeline's name."""


def add_predictions(add: Add) -> None:
    """`predict`, `evaluate` and `bulk-predict`, by a pushed model."""
    command = add(
        "predict",
        "predict with a pushed model: texts, lines of stdin, or a TSV file",
        "Columns, header and quoting of --input are those of the training data, where no option says otherwise. "
        "Where the input has a column of the same name, the prediction's is predicted_NAME.",
        f"predict --model {_PUSHED} 'wake me'\npredict --model {_PUSHED} --input rows.tsv --output out.tsv",
    )
    add_pushed(command)
    command.add_argument("text", nargs="*", metavar="TEXT", help="a row, a tab between two texts; default: stdin")
    command.add_argument("--input", type=Path, metavar="TSV", help="rows to predict, of any number; may end in .gz")
    command.add_argument("--output", type=Path, metavar="TSV", help="the rows with their predictions; default stdout")
    command.add_argument("--tokens", action="store_true", help="of tags: texts are words with one space between")
    add_columns(command)
    command.add_argument("--json", action="store_true", help="print one JSON object a text or row")
    command = add(
        "evaluate",
        "measure a pushed model on labelled rows, as a run measures it on dev",
        "All metrics of its task, by class, by text length and by the columns of --slice. Columns, header, quoting and "
        "format are those of the training data, where no option says otherwise. A bound that is missed ends with 3.",
        f"evaluate --model {_PUSHED} labelled.tsv --slice country --min accuracy=0.9",
    )
    add_pushed(command)
    command.add_argument("rows", type=Path, metavar="TSV", help="rows with labels; may end in .gz")
    add_columns(command)
    add_label(command)
    command.add_argument("--format", metavar="F", help="of the file: tsv, conll or conllu; default as in training")
    command.add_argument("--slice", action="append", default=[], metavar="C", help="a column to measure by; repeatable")
    for side, words in (("min", "at least, of one that is better when higher"), ("max", "at most, of the others")):
        bound = f"what a metric must be {words}; METRIC/LABEL for that of a label; repeatable"
        command.add_argument(f"--{side}", action="append", default=[], metavar="METRIC=VALUE", help=bound)
    command.add_argument("--json", action="store_true", help="print the evaluation as JSON")
    _add_suggest(add)
    command = add(
        "bulk-predict",
        "predict many files with Beam, in parts; a killed job resumes",
        "Bad rows go to quarantine.tsv within --output instead of stopping the job. Columns are named as by `predict`.",
        f"bulk-predict --model {_PUSHED} --input 'rows*.tsv' --output predictions",
    )
    add_pushed(command)
    command.add_argument("--input", type=Path, nargs="+", required=True, metavar="TSV", help="files or globs, also .gz")
    command.add_argument("--output", type=Path, required=True, metavar="DIR", help="for predictions and bad rows")
    command.add_argument("--config", type=Path, metavar="C", help="a run's TOML file, for its [beam]; default local")
    add_columns(command)


def _add_suggest(add: Add) -> None:
    command = add(
        "suggest",
        "pick the rows without a label that are most worth one",
        "Those that a pushed model is least sure of, and among these such as are unlike each other; of numbers such as "
        "are unlike each other. Rows with a label, texts that stand twice and texts that the model learned from are "
        "left out. Columns, header and quoting are those of the training data, where no option says otherwise; of "
        "tags, texts are words with one space between. Kept in memory are ten rows for each that is wanted, of however "
        "many.",
        f"suggest --model {_PUSHED} unlabelled.tsv --top 100 --output to_label.tsv",
    )
    add_pushed(command)
    command.add_argument("rows", type=Path, metavar="TSV", help="rows to choose from; may end in .gz")
    command.add_argument("--top", type=at_least(1), default=100, metavar="N", help="rows that are wanted; default 100")
    add_columns(command)
    add_label(command)
    output = "the rows with the model's label, its uncertainty, and a label to fill in; default stdout"
    command.add_argument("--output", type=Path, metavar="TSV", help=output)
    command.add_argument("--json", action="store_true", help="write one JSON object a row")


def add_vectors(add: Add) -> None:
    """`embed` and `match`, by a pushed model or a base model."""
    command = add(
        "embed",
        "write a vector for each text of a TSV file",
        "By a pushed model with one text a row, or by a base model as it is.",
        "embed --model data/minilm --input rows.tsv --output vectors.npy",
    )
    add_encoder(command)
    command.add_argument("--input", type=Path, required=True, metavar="TSV", help="a text a row")
    command.add_argument("--output", type=Path, required=True, metavar="FILE", help="ends in .npy or .parquet")
    command.add_argument("--column", metavar="C", help="the text's column, a name or a number; default `text`")
    command = add(
        "match",
        "find the nearest texts of a corpus for each query",
        "By cosine, exact, over the vectors that `embed` writes.",
        "match --model data/minilm --queries queries.tsv --corpus corpus.tsv --top 10",
    )
    add_encoder(command)
    command.add_argument("--queries", type=Path, required=True, metavar="TSV", help="a text a row")
    command.add_argument("--corpus", type=Path, required=True, metavar="TSV", help="a text a row")
    command.add_argument("--query-column", metavar="C", help="the text's column, a name or a number; default `text`")
    command.add_argument("--corpus-column", metavar="C", help="the same in the corpus")
    command.add_argument("--top", type=at_least(1), default=10, metavar="N", help="texts for each query; default 10")
    command.add_argument("--output", type=Path, metavar="TSV", help="default stdout")
    command.add_argument("--json", action="store_true", help="print one JSON object a query")


def add_export(add: Add) -> None:
    """`export-model`."""
    command = add(
        "export-model",
        "write a pushed model in the form of another library",
        "hf for Hugging Face's transformers, sentence-transformers, or onnx for ONNX Runtime. What is written is held "
        "against the model's own answers first, on rows of dev and on odd texts, and is there whole or not at all.",
        f"export-model {_PUSHED} --format hf --output {_PUSHED}-hf",
    )
    model = "a pushed version, or the directory of all versions; or a pipeline's name, also NAME/VERSION, or a run's id"
    command.add_argument("model", type=Path, metavar="MODEL", help=model)
    command.add_argument("--format", choices=list(get_args(Format)), required=True, help="which form")
    command.add_argument("--output", type=Path, required=True, metavar="DIR", help="a directory that is not there yet")
    precision = "of onnx; default float32"
    command.add_argument("--precision", choices=list(get_args(Precision)), default="float32", help=precision)
    base = "the base model that it was trained from, for a version whose card does not state its shape"
    command.add_argument("--base", type=Path, metavar="DIR", help=base)
    add_root(command)


def add_fill(add: Add) -> None:
    """`fill`, by a base model with its head for masked tokens."""
    command = add(
        "fill",
        "find the most probable tokens for each [MASK] of a text",
        "By a base model that has its head for masked tokens, as models have after their pre-training; each mask by "
        "itself. Texts come from the command line, from lines of stdin or from a TSV file.",
        "fill --model bert-base-uncased 'the film was [MASK] .'",
    )
    add_base(command)
    command.add_argument("text", nargs="*", metavar="TEXT", help="a text with [MASK] in it; default: stdin")
    command.add_argument("--input", type=Path, metavar="TSV", help="a text a row, of any number; may end in .gz")
    command.add_argument("--column", metavar="C", help="the text's column, a name or a number; default `text`")
    command.add_argument("--no-header", action="store_true", help="the first line is a row")
    command.add_argument("--top", type=at_least(1), default=5, metavar="N", help="tokens for each mask; default 5")
    command.add_argument("--output", type=Path, metavar="TSV", help="where --input's go; default stdout")
    command.add_argument("--json", action="store_true", help="print one JSON object a text")
