"""What the tests of exports share: versions of toy models, each made once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import exported_models

Made = Callable[..., Path]


@pytest.fixture(scope="session")
def version(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The version of a task, made once for its settings."""
    known: dict[str, Path] = {}

    def made(task: str, **settings: Any) -> Path:
        key = json.dumps([task, settings])
        if key not in known:
            folder = tmp_path_factory.mktemp(task)
            known[key] = exported_models.write(folder, exported_models.TASKS[task], **settings)
        return known[key]

    return made
