"""The DAG as a person sees it, without TFX; a test holds it against the compiled pipeline."""

from __future__ import annotations

from typing import NamedTuple

from components.settings.kinds.pretraining_run import PretrainingRun
from components.settings.kinds.registry import AnyRun
from components.settings.run import Run


class Node(NamedTuple):
    """One node: its id, the nodes it reads from, and what it does."""

    id: str
    upstream: tuple[str, ...]
    does: str


def nodes(run: AnyRun) -> list[Node]:
    """The nodes of a run in the order in which they run."""
    if isinstance(run, Run):
        return _of_fine_tuning(run)
    corpus = [
        Node("CorpusExampleGen", (), "documents to tf.Examples of sentences, bad lines named"),
        Node("CorpusValidator", ("CorpusExampleGen",), "stops at anomalies of the corpus"),
    ]
    return [*corpus, *(_of_pretraining(run) if isinstance(run, PretrainingRun) else _of_vocabulary())]


def _of_pretraining(run: PretrainingRun) -> list[Node]:
    what = "goes on with BERT" if run.model.base is not None else "trains a new BERT"
    return [
        Node("Pretrainer", ("CorpusExampleGen", "CorpusValidator"), f"{what}: {', '.join(run.training.objectives)}"),
        Node("PretrainingEvaluator", ("CorpusExampleGen", "Pretrainer"), "measures on held-out documents and gates"),
        Node("Pusher", ("Pretrainer", "PretrainingEvaluator"), "publishes a blessed model"),
    ]


def _of_vocabulary() -> list[Node]:
    return [
        Node("WordCounter", ("CorpusExampleGen", "CorpusValidator"), "words and their counts, by Beam"),
        Node("VocabularyLearner", ("CorpusExampleGen", "WordCounter"), "learns WordPiece of the counts"),
        Node(
            "VocabularyEvaluator", ("CorpusExampleGen", "VocabularyLearner"), "measures on held-out documents and gates"
        ),
        Node("Pusher", ("VocabularyLearner", "VocabularyEvaluator"), "publishes a blessed vocabulary"),
    ]


def _of_fine_tuning(run: Run) -> list[Node]:
    schema = "ImportSchemaGen" if run.validation.schema_file else "SchemaGen"
    statistics = () if run.validation.schema_file else ("TsvExampleGen", "StatisticsGen")
    described = "the reviewed schema" if run.validation.schema_file else "a schema inferred from train"
    drifted = "stops" if run.drift.on_drift == "fail" else "warns"
    goes_on = () if run.training.init_from == "base" else ("Predecessor",)
    candidate = "Calibration" if run.calibrates else "Trainer"
    evaluated = ("TsvExampleGen", candidate, "Baseline")
    calibrates = Node("Calibration", ("Transform", "Trainer"), "makes probabilities or thresholds fit dev")
    tried = ("ServingValidator",) if run.serving.validate else ()
    tries = Node(
        "ServingValidator", ("TsvExampleGen", "Transform", candidate), "asks the model as a client does, measures it"
    )
    about_anchor = f"the version to hold on to: {run.gate.anchor}"
    anchors = [Node("Anchor", (candidate, *tried), about_anchor)] if run.gate.anchor else []
    return [
        Node("TsvExampleGen", (), "TSV rows to tf.Examples, bad rows named"),
        Node("StatisticsGen", ("TsvExampleGen",), "statistics of each split"),
        Node(schema, statistics, described),
        Node(
            "ExampleValidator",
            ("TsvExampleGen", "StatisticsGen", schema),
            "counts equal texts and unknown words, stops at anomalies",
        ),
        Node("Predecessor", ("TsvExampleGen", "ExampleValidator"), "the pushed model of other data"),
        Node("DriftValidator", ("TsvExampleGen", "Predecessor"), f"{drifted} at drift from its data"),
        Node("Transform", ("TsvExampleGen", schema, "DriftValidator"), "WordPiece in the graph, labels to ids"),
        Node("Trainer", ("Transform", schema, *goes_on), f"fine-tunes BERT, strategy {run.training.strategy}"),
        *([calibrates] if run.calibrates else []),
        *([tries] if tried else []),
        Node("Baseline", (candidate, *tried), "the model in production, if there is one"),
        *anchors,
        Node("Evaluator", (*evaluated, *(node.id for node in anchors)), f"measures on {run.data.gated} and gates"),
        *([Node("Evaluator.test", evaluated, "measures on test, reports only")] if "test" in run.data.splits else []),
        Node("Pusher", (candidate, *tried, "Evaluator"), "publishes a blessed model"),
    ]
