"""What each node of a run over documents has to tell, in a line; and what the readers of all kinds have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from components.pretraining import corpus_statistics
from components.pretraining.objectives import PRETRAINED_FILE
from components.rows import row_counts
from components.rows.writer import QUARANTINE_FILE
from components.tokenization.learning import word_counts
from components.tokenization.learning.vocabulary_learner import LEARNED_FILE
from components.training.history import HISTORY_FILE
from components.verdict.summary import CANDIDATE, SUMMARY_FILE
from pipeline.runs.paths import PRETRAINER
from pipeline.runs.record import RunRecord

NODES = (
    *("CorpusExampleGen", "CorpusValidator", "WordCounter", "VocabularyLearner", "VocabularyEvaluator"),
    *(PRETRAINER, "PretrainingEvaluator"),
)
"""Those that `note_of` knows."""


def vocabulary_note(learned: dict[str, Any]) -> str:
    """What VocabularyLearner has to tell, in a line."""
    tokens, characters, words = (learned[name] for name in ("tokens", "characters", "words"))
    return f"{tokens:,} tokens, {characters:,} characters among them, of {words:,} different words"


def pretraining_note(learned: dict[str, Any], training: dict[str, Any]) -> str:
    """What Pretrainer has to tell, in a line."""
    best = next(one["value"] for one in training["evaluations"] if one["step"] == training["best_step"])
    resumed = f", resumed at step {training['resumed'][-1]}" if training["resumed"] else ""
    return f"dev {training['metric']} {best:.4f}, {token_speed(learned, training)}{resumed}"


def trained_on(learned: dict[str, Any]) -> str:
    """What a model was pre-trained on, in a line."""
    return f"{learned['examples']['train']:,} examples of {learned['tokens']['train']:,} tokens"


def token_speed(learned: dict[str, Any], training: dict[str, Any]) -> str:
    """Of the training steps: tokens as the model sees them, control tokens among them."""
    return f"{learned['tokens_per_example'] * training['examples_per_second']:,.0f} tokens/s"


def row_note(record: RunRecord, examples: Path, what: str) -> str:
    """Copies into the record how many rows an ExampleGen read; returns it in words."""
    record.rows = {}
    for (split, _), count in row_counts.row_counts(examples).items():
        record.rows[split] = record.rows.get(split, 0) + count
    record.quarantined = sum(bad for _, bad in row_counts.rows_by_file(examples).values())
    record.quarantine_file = str(examples / QUARANTINE_FILE) if record.quarantined else None
    bad = f", {record.quarantined:,} quarantined" if record.quarantined else ""
    return f"{sum(record.rows.values()):,} {what}{bad}"


def note_of(record: RunRecord, node: str, outputs: dict[str, list[str]]) -> str:
    """Copies into the record what a node has to tell, and returns it in words."""
    match node:
        case "CorpusExampleGen":
            return row_note(record, Path(outputs["examples"][0]), "documents")
        case "CorpusValidator":
            corpus = corpus_statistics.read_whole(Path(outputs["anomalies"][0]))
            record.corpus = corpus_statistics.as_dict(corpus)
            return corpus.note()
        case "WordCounter":
            return f"{word_counts.different(Path(outputs['counts'][0])):,} different words"
        case "VocabularyLearner":
            record.vocabulary = json.loads(Path(outputs["model"][0], LEARNED_FILE).read_text())
            return vocabulary_note(record.vocabulary)
        case "Pretrainer":
            record.pretraining = json.loads(Path(outputs["model"][0], PRETRAINED_FILE).read_text())
            begins = " and ".join(record.pretraining["random"])
            record.node(node).warnings = [f"the base model lacks {begins}: begun with random values"] if begins else []
            record.training = json.loads(Path(outputs["model_run"][0], HISTORY_FILE).read_text())
            return pretraining_note(record.pretraining, record.training)
    summary = json.loads(Path(outputs["evaluation"][0], SUMMARY_FILE).read_text())
    record.evaluations["dev"] = summary
    measured = ", ".join(f"{name} {value:.4f}" for name, value in summary["metrics"][CANDIDATE][""].items())
    return f"{measured}, {'blessed' if summary['blessed'] else 'refused'}"
