"""The DAG as a person sees it, without TFX; a test holds it against the compiled pipeline."""

from __future__ import annotations

from typing import NamedTuple

from components.settings import Run


class Node(NamedTuple):
    """One node: its id, the nodes it reads from, and what it does."""

    id: str
    upstream: tuple[str, ...]
    does: str


def nodes(run: Run) -> list[Node]:
    """The nodes of a run in the order in which they run."""
    schema = "ImportSchemaGen" if run.validation.schema_file else "SchemaGen"
    statistics = () if run.validation.schema_file else ("TsvExampleGen", "StatisticsGen")
    described = "the reviewed schema" if run.validation.schema_file else "a schema inferred from train"
    evaluated = ("TsvExampleGen", "Trainer", "Baseline")
    return [
        Node("TsvExampleGen", (), "TSV rows to tf.Examples, bad rows named"),
        Node("StatisticsGen", ("TsvExampleGen",), "statistics of each split"),
        Node(schema, statistics, described),
        Node("ExampleValidator", ("TsvExampleGen", "StatisticsGen", schema), "stops at an anomaly"),
        Node("Transform", ("TsvExampleGen", schema, "ExampleValidator"), "WordPiece in the graph, labels to ids"),
        Node("Trainer", ("Transform", schema), f"fine-tunes BERT, strategy {run.training.strategy}"),
        Node("Baseline", ("Trainer",), "the model in production, if there is one"),
        Node("Evaluator", evaluated, "measures on dev and gates"),
        *([Node("Evaluator.test", evaluated, "measures on test, reports only")] if "test" in run.data.splits else []),
        Node("Pusher", ("Trainer", "Evaluator"), "publishes a blessed model"),
    ]
