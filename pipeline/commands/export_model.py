"""`export-model`: a pushed model in the form of another library, held against the model's own answers."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from components.common import atomic_files
from components.common.errors import InputError
from components.common.exit_status import DONE
from components.common.streams import hidden_stderr
from components.examples import client_texts
from components.export.card import PRETRAINED, exported_as, identity, kind_of
from components.export.formats import forms
from components.export.formats.pushed import Pushed
from components.pretrained import base_model
from components.rows import reader
from components.rows.tsv import BadRow
from components.serving import versions
from components.settings.model_forms import FORMS, Form
from components.settings.run import Run
from pipeline.commands import named_models
from pipeline.runs import manifest, record


def version_of(given: Path, root: Path) -> Path:
    """The version that is meant: its directory, that of all versions, a pipeline's name, NAME/VERSION or a run's id.

    Raises:
        InputError: there is none, or it is no pushed model.
    """
    of_run = None if given.exists() else _of_run(str(given), root)
    path = of_run or named_models.model_path(given, root)
    if kind_of(place := versions.located(path) if path.is_dir() and versions.versions(path) else path) == PRETRAINED:
        problem = "a pre-trained model, which is in Hugging Face's form as it was pushed"
        remedy = "transformers' AutoModelForMaskedLM and AutoModel read that directory: copy it"
        raise InputError(str(place), problem, remedy)
    if base_model.is_base_model(path) and not exported_as(path):
        problem = "a base model, in Hugging Face's form or in Google's"
        raise InputError(str(path), problem, "Give a pushed model: other programs read a base model as it is")
    return versions.resolve(path)


def _of_run(run: str, root: Path) -> Path | None:
    """The version that a run has pushed; None: there is no run of this id."""
    try:
        directory = next(path for path in record.find(root, run) if path.name == run)
    except (InputError, StopIteration):
        return None
    found = record.read(directory)
    if found.pushed is None:
        problem = f"the run {found.id} has pushed no model ({found.state})"
        raise InputError(run, problem, f"`show {found.id}` says why; give a run that has")
    return Path(found.pushed)


def dev_texts(model: Pushed, root: Path) -> Iterator[tuple[str, ...]]:
    """Texts of dev, as a client sends them, of the run that made a model; none where it or its files are not there."""
    for directory in manifest.newest_first(root / model.name / "runs"):
        with contextlib.suppress(InputError):
            found = manifest.read(directory)
            run = found.settings
            if found.result.get("identity") != identity(model.card) or not isinstance(run, Run):
                continue
            for file in found.data:
                if file.split in ("dev", None):
                    for row in reader.read_rows(Path(file.path), file.split, run.data):
                        if not isinstance(row, BadRow) and row.split == "dev":
                            yield from client_texts.as_sent(row.texts, model.task)
            return


def execute(options: argparse.Namespace) -> int:
    form = Form(options.format, options.precision)
    if form.name not in FORMS:
        raise InputError("--precision", f"{options.precision} goes with --format onnx", "Leave it out")
    version = version_of(options.model, options.root)
    model = Pushed.read(version, options.base)
    forms.check(model, form)
    atomic_files.require_new(options.output)
    texts = list(itertools.islice(dev_texts(model, options.root), client_texts.HELD_AGAINST))
    # Before TensorFlow is imported.
    forms.check_texts(model, form, texts)
    with hidden_stderr():
        from components.export.formats.export import export

        found = export(model, options.output, form, texts)
    print(options.output)
    real = f"{len(texts)} of them of dev" if texts else "none of them of dev, whose files are not there"
    said = f"the same tokens and {found.same_answers} equal answers on {found.rows} texts, {real}"
    print(f"{model.name} {version.name} as {form.name}: {said}; up to {found.difference:.1e} apart", file=sys.stderr)
    return DONE
