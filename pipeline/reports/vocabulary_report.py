"""A run over documents, as `check`, `run` and `show` show it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from components.pretraining.corpus_statistics import CorpusStatistics, anomalies, as_dict
from components.pretraining.objectives import UNIGRAM
from components.pretraining.vocabulary_metrics import REFERENCE
from components.settings.kinds.registry import OfCorpus
from components.settings.serialization import dump
from components.verdict.summary import CANDIDATE
from pipeline.config.corpus_preflight import CheckedCorpus, CheckedPretraining, CheckedVocabulary
from pipeline.dag import description
from pipeline.reports.metric_values import value
from pipeline.reports.tables import FittingTable, Hanging, fact_lines, new_table, short_path
from pipeline.runs.paths import PipelinePaths

_OTHERS = "all other settings have their defaults: --all lists them"

_SENTENCES = 3
"""Of a document, that are shown."""


def check_report(checked: CheckedCorpus, paths: PipelinePaths, stated: Mapping[str, Any] | None) -> RenderableType:
    """The DAG and the settings of a config that is in order, and what its first documents are like.

    Args:
        checked: the config.
        paths: where a run of it would keep what.
        stated: what the TOML file holds, whose settings are shown; None: all are.
    """
    run, corpus = checked.run, checked.run.corpus
    counted = "of all documents" if checked.corpus_of_all else "of the first documents alone; a run counts all"
    facts = [
        ("kind", run.kind),
        ("corpus", ", ".join(short_path(str(path)) for _, path in checked.files)),
        (
            "sentences",
            "a line each" if corpus.splitter == "lines" else f"{corpus.splitter}, language {corpus.language}",
        ),
        *_made(checked),
        ("pushed to", short_path(str(paths.serving))),
    ]
    parts: list[RenderableType] = [
        Text.assemble((run.name, "bold"), "  is in order"),
        *(Text(), fact_lines(facts), Text(), _documents(checked), Text()),
        *(corpus_table(checked.corpus), Hanging(Text(), Text(counted, "dim"))),
    ]
    for line in () if checked.corpus_of_all else anomalies(checked.corpus, corpus):
        parts.append(Hanging(Text("! ", "bold red"), Text(f"{line}: a run stops at this, where all documents are so")))
    parts += [Text(), *_dag(run), Text(), _settings(run, stated)]
    return Group(*parts, *([] if stated is None else [Hanging(Text(), Text(_OTHERS, "dim"))]))


def _made(checked: CheckedCorpus) -> list[tuple[str, str]]:
    """What the run would make, and of what besides the documents."""
    if isinstance(checked, CheckedVocabulary):
        vocabulary = checked.run.vocabulary
        made = f"{vocabulary.size:,} tokens, {'uncased' if vocabulary.lower_case else 'cased'}"
        reference = [("reference", short_path(str(checked.base_model)))] if checked.base_model else []
        return [("vocabulary", made), *reference]
    assert isinstance(checked, CheckedPretraining)  # noqa: S101
    config, settings = checked.model_config, checked.run.model
    shape = f"{config.num_hidden_layers} layers, width {config.hidden_size}, {config.vocab_size:,} tokens"
    facts = [("base" if settings.base else "vocabulary", short_path(str(checked.base_model))), ("model", shape)]
    if checked.random:
        facts.append(("random", f"{' and '.join(checked.random)}, which the base model lacks"))
    return [*facts, ("objectives", ", ".join(checked.run.training.objectives))]


def _dag(run: OfCorpus) -> Iterator[RenderableType]:
    for node in description.nodes(run):
        needs = (f"  <- {', '.join(node.upstream)}", "dim") if node.upstream else ""
        yield Hanging(Text(f"{node.id:<21}"), Text.assemble(node.does, needs))


def check_document(checked: CheckedCorpus) -> dict[str, Any]:
    """The same for `check --json`."""
    return {
        **json.loads(dump(checked.run)),
        "documents": [one._asdict() for one in checked.first],
        "statistics": {**as_dict(checked.corpus), "of_all": checked.corpus_of_all},
    }


def _documents(checked: CheckedCorpus) -> Table:
    """The first documents, each by its first sentences, cut to what a terminal has room for."""
    table = Table(box=None, pad_edge=False, header_style="dim", expand=True)
    table.add_column("split", no_wrap=True, min_width=len("train"))
    table.add_column("sentences", no_wrap=True, overflow="ellipsis", ratio=1)
    for one in checked.first:
        for number, sentence in enumerate(one.sentences[:_SENTENCES]):
            table.add_row(Text("" if number else one.split), Text(sentence))
    return table


def corpus_table(found: CorpusStatistics) -> FittingTable:
    """What a corpus is like."""
    table = new_table("corpus", "documents", "held out", "sentences", "a document", "repeated", "of one sentence")
    documents = max(1, found.documents)
    shares = [f"{count / documents:.1%}" for count in (found.duplicates, found.one_sentence)]
    mean = f"{found.sentences / documents:.1f}"
    table.add_row("", f"{found.documents:,}", f"{found.held_out:,}", f"{found.sentences:,}", mean, *shares)
    return table


def measures_table(summary: dict[str, Any]) -> FittingTable:
    """What was made beside what it is compared with, on held-out documents."""
    names = summary["headline"]
    table = new_table("held out", *(name.replace("_", " ") for name in names))
    for model, title in ((CANDIDATE, "this"), (REFERENCE, "reference"), (UNIGRAM, "by counts alone")):
        if model in summary["metrics"]:
            values = summary["metrics"][model][""]
            table.add_row(title, *(value(values, name) for name in names))
    return table


def _settings(run: OfCorpus, stated: Mapping[str, Any] | None) -> Group:
    found = [
        (f"{section}.{key}", json.dumps(value, ensure_ascii=False))
        for section, values in json.loads(dump(run)).items()
        if isinstance(values, dict)
        for key, value in values.items()
        if (section, key) != ("corpus", "files") and (stated is None or key in stated.get(section, {}))
    ]
    return fact_lines(found, max((len(key) for key, _ in found), default=0))
