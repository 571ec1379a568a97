"""The card of a pushed version in Hugging Face's form: README.md with a block of metadata, from its run's facts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from components.common import atomic_files, stored_paths
from components.common.streams import printable
from components.serving.versions import CARDS
from components.settings.run import Run
from components.verdict.summary import CANDIDATE, intervals_of
from pipeline.reports.metric_values import of_copies, value, without_copies
from pipeline.runs import manifest
from pipeline.runs.manifest import Manifest
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.record import RunRecord

FILE = "README.md"

_PIPELINE_TAGS = {
    "classification": "text-classification",
    "multilabel": "text-classification",
    "pair": "text-classification",
    "similarity": "sentence-similarity",
    "regression": "text-classification",
    "tagging": "token-classification",
    "word_tags": "token-classification",
    "embedding": "feature-extraction",
    "answering": "question-answering",
    "generation": "text2text-generation",
}
"""Task -> what Hugging Face's hub calls its kind; it has none for a number, which is a text's class in its list."""

_LABELS = 50
"""That are listed."""

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+!|~&-])")


def write(record: RunRecord) -> Path | None:
    """Writes the card of the version that a run pushed, beside it, in one step; None: it pushed none, or a vocabulary.

    It lies in CARDS/VERSION of the serving directory, not in the version: that one is signed as a whole, and it is
    complete before test was measured.
    """
    if not record.pushed or record.is_of_documents:
        return None
    found = manifest.read(Path(record.directory))
    serving = PipelinePaths.of_run(found.settings, Path(record.directory)).serving
    version = stored_paths.below(serving, record.pushed)
    if version is None or not version.is_dir():
        return None
    path = serving / CARDS / version.name / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_files.write_text(path, card(record, found, version.name))
    return path


def card(record: RunRecord, found: Manifest, version: str) -> str:
    """The whole file.

    Args:
        record: of a run that pushed a model.
        found: its manifest.
        version: that it pushed.
    """
    from huggingface_hub import ModelCardData

    task = record.evaluations["dev"]["task"]
    data = ModelCardData(
        base_model=_hub_name(found),
        library_name="tensorflow",
        pipeline_tag=_PIPELINE_TAGS.get(task),
        tags=["bert", task],
        model_name=record.name,
        eval_results=_results(record, task),
    )
    body = "\n".join(_body(record, found, version, task))
    return f"---\n{data.to_yaml()}\n---\n\n{body}\n"


def _hub_name(found: Manifest) -> str | None:
    settings = found.settings
    base = settings.model.base if isinstance(settings, Run) else ""
    return base.removeprefix("hf://").partition("@")[0] if base.startswith("hf://") else None


def _results(record: RunRecord, task: str) -> list[Any]:
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type=_PIPELINE_TAGS.get(task, task),
            dataset_type="private",
            dataset_name=f"{record.name}, {split}",
            dataset_split=split,
            metric_type=name,
            metric_value=summary["metrics"][CANDIDATE][""][name],
        )
        for split, summary in record.by_split.items()
        for name in summary["headline"]
        if name in summary["metrics"][CANDIDATE][""]
    ]


def _body(record: RunRecord, found: Manifest, version: str, task: str) -> Iterator[str]:
    dev = record.evaluations["dev"]
    yield f"# {_text(record.name)}, version {version}"
    yield ""
    yield f"A BERT for the task `{task}`, fine-tuned, measured and pushed by run {record.id} on {record.started[:10]}."
    yield "It is a SavedModel that takes raw text and needs TensorFlow alone."
    yield ""
    yield "## How good it is"
    yield ""
    yield from _metrics(record)
    yield from (f"- {_text(line['text'])}" for line in dev.get("verdict", ()) if line["result"] == "not held")
    yield f"It was pushed because every bound that its owner had set was met on {record.gated}: {_bounds(found)}."
    if record.serving:
        yield f"Tried as a client does: {record.serving['rows']:,} rows answered as its weights have it."
    yield ""
    yield "## What it learned from"
    yield ""
    yield from _table(["split", "rows"], [[split, f"{count:,}"] for split, count in record.rows.items()])
    labels = dev.get("labels", [])
    if labels:
        more = f", and {len(labels) - _LABELS:,} more" if len(labels) > _LABELS else ""
        yield f"Labels: {', '.join(map(_text, labels[:_LABELS]))}{more}."
    yield from (f"- {_text(warning)}" for node in record.nodes for warning in node.warnings)
    trained = record.training
    share = trained["trainable_parameters"] / trained["parameters"]
    yield f"{trained['trainable_parameters']:,} parameters ({share:.1%} of the model) were trained for "
    yield f"{trained['steps']:,} steps; the checkpoint of step {trained['best_step']:,} was kept."
    yield ""
    yield "## Limits"
    yield ""
    for split, texts in record.texts.items():
        yield (
            f"- It sees at most {texts['most_tokens']:,} tokens of a row; {texts['truncated_share']:.1%} of {split} "
            f"have more, and {texts['unknown_share']:.1%} of the words of {split} are not in its vocabulary."
        )
    yield "- Nothing was measured of texts of another kind, language or time than those of dev and test."
    yield ""
    yield "## Where it comes from"
    yield ""
    yield from _lineage(record, found)


def _metrics(record: RunRecord) -> Iterator[str]:
    headline = without_copies(record.evaluations["dev"]["headline"])
    rows = []
    for split, summary in record.by_split.items():
        values, known = summary["metrics"][CANDIDATE][""], intervals_of(summary)
        cells = []
        for name in headline:
            shown = value(values, name)
            cells.append(f"{shown} ({known[name][0]:.4f} to {known[name][1]:.4f})" if name in known else shown)
        rows.append([split, *cells])
        if copies := of_copies(values, headline):
            rows.append([f"{split}, sources copied", *(value(copies, name) for name in headline)])
    yield from _table(["", *headline], rows)


def _bounds(found: Manifest) -> str:
    gate = found.config.get("gate", {})
    said = [
        f"{_text(name)} {words} {limit:g}"
        for side, words in (("min", "at least"), ("max", "at most"))
        for name, limit in gate.get(side, {}).items()
    ]
    return ", ".join(said)


def _lineage(record: RunRecord, found: Manifest) -> Iterator[str]:
    facts = [("run", record.id), *((name, str(value)) for name, value in found.code.items())]
    facts += [(name, str(found.result[name])) for name in ("identity", "weights_sha256") if name in found.result]
    facts += [(f"base model, {name}", sha256) for name, sha256 in found.base_model.items()]
    facts += [(f"{file.split or 'rows'}: {Path(file.path).name}", f"sha256 {file.sha256}") for file in found.data]
    yield from _table(["", ""], [[_text(name), _text(value)] for name, value in facts])


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in (headings, ["---"] * len(headings), *rows):
        yield f"| {' | '.join(row)} |"
    yield ""


def _text(text: str) -> str:
    """Text of others as Markdown shows it: no markup, no line break, nothing that would control a terminal."""
    return _MARKUP.sub(r"\\\1", printable(text).replace("\n", " ").replace("\t", " "))
