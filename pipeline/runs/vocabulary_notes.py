"""What each node of a run that learns a vocabulary has to tell, in a line; and what both kinds' readers have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from components.pretraining import corpus_statistics
from components.rows import row_counts
from components.rows.writer import QUARANTINE_FILE
from components.tokenization.learning import word_counts
from components.tokenization.learning.vocabulary_learner import LEARNED_FILE
from components.verdict.summary import CANDIDATE, SUMMARY_FILE
from pipeline.runs.record import RunRecord


def vocabulary_note(learned: dict[str, Any]) -> str:
    """What VocabularyLearner has to tell, in a line."""
    tokens, characters, words = (learned[name] for name in ("tokens", "characters", "words"))
    return f"{tokens:,} tokens, {characters:,} characters among them, of {words:,} different words"


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
    summary = json.loads(Path(outputs["evaluation"][0], SUMMARY_FILE).read_text())
    record.evaluations["dev"] = summary
    measured = ", ".join(f"{name} {value:.4f}" for name, value in summary["metrics"][CANDIDATE][""].items())
    return f"{measured}, {'blessed' if summary['blessed'] else 'refused'}"
