"""`check`: a config against its files, without running anything."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from components.common import json_text, progress
from components.common.errors import InputError
from components.common.exit_status import DONE

if TYPE_CHECKING:
    from pipeline.config.corpus_preflight import CheckedCorpus
    from pipeline.config.preflight import Checked
    from pipeline.reports.check_report import Counted
    from pipeline.runs.paths import PipelinePaths


def execute(options: argparse.Namespace) -> int:
    from pipeline.config import load, preflight
    from pipeline.config.chosen import chosen
    from pipeline.config.corpus_preflight import CheckedCorpus
    from pipeline.reports import check_report, tables
    from pipeline.runners.tracking import mlflow_log
    from pipeline.runs.paths import PipelinePaths
    from pipeline.runs.pushed_versions import NamedRuns

    if options.all and options.json:
        raise InputError("--all", "with --json all settings are printed anyway", "Leave it out")
    checked = preflight.check_any(options.config, NamedRuns(options.root))
    if said := mlflow_log.missing(checked.run.tracking):
        print(f"! {said}", file=sys.stderr)
    if isinstance(checked, CheckedCorpus):
        return _of_corpus(checked, options)
    paths = PipelinePaths.of(checked.run, options.root)
    found, counted = chosen(checked, paths.serving), _counted(checked, paths)
    if options.json:
        from components.settings.serialization import dump

        texts = checked.task.texts
        document = {
            **json.loads(dump(checked.run)),
            "chosen": [choice.as_dict() for choice in found],
            "rows": [
                {"split": row.split, "label": row.label, **dict(zip(texts, row.texts, strict=True))}
                for row in counted.survey.first
            ],
            **counted.as_dict(),
            "warnings": check_report.warnings(checked, counted.survey),
            "sample_size": check_report.sample_size_of(checked, counted),
        }
        print(json_text.dumps(document))
    else:
        stated = None if options.all else load.stated(options.config)
        tables.console(sys.stdout).print(check_report.check_report(checked, paths, counted, found, stated))
    return DONE


def _of_corpus(checked: CheckedCorpus, options: argparse.Namespace) -> int:
    from pipeline.config import load
    from pipeline.reports import tables, vocabulary_report
    from pipeline.runs.paths import PipelinePaths

    if options.json:
        print(json_text.dumps(vocabulary_report.check_document(checked)))
        return DONE
    stated = None if options.all else load.stated(options.config)
    paths = PipelinePaths.of(checked.run, options.root)
    tables.console(sys.stdout).print(vocabulary_report.check_report(checked, paths, stated))
    return DONE


def _counted(checked: Checked, paths: PipelinePaths) -> Counted:
    """What is known of the rows: of all, as a run counted them, or of the first ones.

    Raises:
        InputError: a row breaks a rule, or of all rows more are equal than the limits allow.
    """
    from components.leakage import duplicates
    from pipeline.config import survey, text_sample
    from pipeline.reports.check_report import Counted
    from pipeline.runs.known_texts import known_texts

    files = [str(path) for _, path in checked.files]
    with progress.watch(sys.stderr, "reading the rows"):
        found = survey.survey(checked)
    if known := known_texts(checked, paths):
        by_run = f"of all rows, as run {known.run} counted them"
        duplicates.refuse(known.duplicates, files, checked.run.validation, str(checked.path))
        return Counted(found, known.texts, by_run, known.duplicates, by_run)
    if found.is_all:
        duplicates.refuse(found.duplicates, files, checked.run.validation, str(checked.path))
    texts = text_sample.text_sample(checked, found.drawn)
    repeated_of = found.of if found.is_all else f"{found.of}; a run counts all"
    return Counted(found, texts, found.drawn_of, found.duplicates, repeated_of)
