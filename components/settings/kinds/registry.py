"""The kinds of runs: what `kind` at the top of a TOML file can be, and the settings that it has then."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from components.settings.kinds.pretraining_run import PretrainingRun
from components.settings.kinds.vocabulary_run import VocabularyRun
from components.settings.run import FINE_TUNING, Run
from components.settings.serialization import adapter

AnyRun = Run | VocabularyRun | PretrainingRun

OfCorpus = VocabularyRun | PretrainingRun
"""Those that read documents."""

R = TypeVar("R", bound=AnyRun)

KINDS: dict[str, type[AnyRun]] = {FINE_TUNING: Run, "vocabulary": VocabularyRun, "pretraining": PretrainingRun}


def of_values(values: Mapping[str, Any]) -> type[AnyRun] | None:
    """The settings' class of a TOML file's values, or of settings as JSON has them; None: of no kind that there is."""
    kind = values.get("kind", FINE_TUNING)
    return KINDS.get(kind) if isinstance(kind, str) else None


def base_model(run: AnyRun) -> tuple[str, tuple[str, str]]:
    """The base model, or the directory of a vocabulary, that a run reads, and the key that names it; empty: none."""
    if isinstance(run, VocabularyRun):
        return run.vocabulary.reference or "", ("vocabulary", "reference")
    if isinstance(run, PretrainingRun) and run.model.vocabulary is not None:
        return run.model.vocabulary, ("model", "vocabulary")
    return run.model.base or "", ("model", "base")


def with_base_model(run: R, path: str) -> R:
    """The same run with another path in place of the one that `base_model` gives."""
    _, (table, key) = base_model(run)
    changed = dataclasses.replace(getattr(run, table), **{key: path})
    return dataclasses.replace(run, **{table: changed})


def load_run(config: Mapping[str, Any]) -> AnyRun:
    """The settings of a run from what `serialization.dump` made of them, parsed.

    Raises:
        ValueError: they are none.
    """
    cls = of_values(config)
    if cls is None:
        raise ValueError("no kind of a run")
    found: AnyRun = adapter(cls).validate_json(json.dumps(config))
    return found
