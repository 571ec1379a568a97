"""`mistakes`: the rows that a run's model is worst at."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, TextIO

from components.common import atomic_files, json_text, streams
from components.common.exit_status import DONE
from components.rows import writer

if TYPE_CHECKING:
    from components.verdict.answers import Answers

COLUMNS = ("truth", "prediction", "confidence", "loss")
"""Behind a row's place and its texts."""


def execute(options: argparse.Namespace) -> int:
    from pipeline.commands.asked_models import answers_of
    from pipeline.reports import mistakes_report, tables
    from pipeline.runs import record

    directory = record.find(options.root, options.run)[-1]
    found = record.read(directory)
    with record.as_written(directory):
        answers = answers_of(found, options.split or found.gated, None)
    if options.json:
        print(json_text.dumps(_document(found.id, answers)))
    elif options.output is not None or not sys.stdout.isatty():
        with atomic_files.written(options.output) as out:
            write(answers, out)
    else:
        tables.console(sys.stdout).print(mistakes_report.mistakes_report(answers, options.top))
    if options.output is not None:
        print(streams.printable(f"{len(answers.worst()):,} rows: {options.output}"), file=sys.stderr)
    return DONE


def write(answers: Answers, out: TextIO) -> None:
    """The rows as TSV with a header, quoted where a text has a tab or a line break."""
    put = writer.writer(out, "csv")
    width = len(answers.rows[0].texts) if answers.rows else 1
    put(["row", *(["text"] if width == 1 else ["text_a", "text_b"]), *COLUMNS])
    for row in answers.worst():
        found = row.candidate
        confidence = "" if found.confidence is None else f"{found.confidence:.6f}"
        put([str(row.place), *row.texts, found.truth, found.answer, confidence, f"{found.loss:.6f}"])


def _document(run: str, answers: Answers) -> dict[str, object]:
    rows = [{"row": row.place, "texts": row.texts, **row.candidate._asdict()} for row in answers.worst()]
    pairs = [{"truth": truth, "prediction": answer, "rows": count} for (truth, answer), count in answers.confused()]
    return {"run": run, "split": answers.split, "total": answers.total, "rows": rows, "confused": pairs}
