"""What a run has counted of the very texts that a config names, so that `check` need not go by the first rows."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from components.common.errors import InputError
from components.pretrained import content
from components.rows.text_statistics import TextStatistics
from pipeline.runs import manifest, record
from pipeline.runs.manifest import Manifest
from pipeline.runs.paths import PipelinePaths

if TYPE_CHECKING:
    from pipeline.config.preflight import Checked


def known_texts(checked: Checked, paths: PipelinePaths) -> tuple[str, dict[str, TextStatistics]] | None:
    """The newest run that counted the same rows for the same base model and length; split -> what it found.

    None: no run did.
    """
    now = None
    for directory in manifest.newest_first(paths.runs):
        with contextlib.suppress(InputError):
            before = manifest.read_alone(directory)
            counted = record.read(directory).texts
            # What is quickly told apart first: for a hash all of a file is read.
            if counted and _looks_the_same(before, checked):
                now = now or (manifest.data_files(checked.files), content.hashes(checked.base_model))
                if (before.data, before.base_model) == now:
                    return before.run, {split: TextStatistics(**found) for split, found in counted.items()}
    return None


def _looks_the_same(before: Manifest, checked: Checked) -> bool:
    then, run = before.settings, checked.run
    sizes = [(file.path, file.bytes) for file in before.data]
    same_files = sizes == [(str(path), path.stat().st_size) for _, path in checked.files]
    same_model = (then.model.most_tokens, then.model.control_tokens) == (
        run.model.most_tokens,
        run.model.control_tokens,
    )
    return same_files and then.data == run.data and same_model
