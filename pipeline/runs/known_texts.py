"""What a run has counted of the very texts that a config names, so that `check` need not go by the first rows."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

from components.common.errors import InputError
from components.leakage.duplicates import Duplicates
from components.pretrained import content
from components.rows.text_statistics import TextStatistics
from components.settings.data import SPLITS, Data
from components.settings.run import Run
from pipeline.runs import manifest, record
from pipeline.runs.manifest import DataFile, Manifest
from pipeline.runs.paths import PipelinePaths

if TYPE_CHECKING:
    from pipeline.config.preflight import Checked


class Known(NamedTuple):
    """What a run has counted, by split."""

    run: str
    texts: dict[str, TextStatistics]
    duplicates: dict[str, Duplicates]


def known_texts(checked: Checked, paths: PipelinePaths) -> Known | None:
    """What the newest run found that counted the same rows for the same base model and length; None: no run did."""
    now = None
    for directory in manifest.newest_first(paths.runs):
        with contextlib.suppress(InputError):
            before = manifest.read_alone(directory)
            counted = record.read(directory)
            # What is quickly told apart first: for a hash all of a file is read.
            if counted.texts and counted.duplicates and _looks_the_same(before, checked):
                now = now or (_bytes(manifest.data_files(checked.files)), content.hashes(checked.base_model))
                if (_bytes(before.data), before.base_model) == now:
                    texts = {split: TextStatistics(**found) for split, found in counted.texts.items()}
                    found_twice = {split: Duplicates(**found) for split, found in counted.duplicates.items()}
                    return Known(before.run, texts, found_twice)
    return None


def _looks_the_same(before: Manifest, checked: Checked) -> bool:
    then, run = before.settings, checked.run
    if not isinstance(then, Run):
        return False
    sizes = [(file.split, file.bytes) for file in before.data]
    same_files = sizes == [(split, path.stat().st_size) for split, path in checked.files]
    same_model = (then.model.most_tokens, then.model.control_tokens) == (
        run.model.most_tokens,
        run.model.control_tokens,
    )
    return same_files and _rules(then.data) == _rules(run.data) and same_model


def _bytes(files: list[DataFile]) -> list[tuple[str | None, str]]:
    """What was read, wherever it lay."""
    return [(file.split, file.sha256) for file in files]


def _rules(data: Data) -> dict[str, Any]:
    """How the files are read, without their places."""
    return {name: value for name, value in dataclasses.asdict(data).items() if name not in (*SPLITS, "files")}
