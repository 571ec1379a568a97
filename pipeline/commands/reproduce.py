"""A run made again from its manifest, and compared with what it was."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.common.checkout import ROOT
from components.common.errors import InputError
from components.common.exit_status import DONE, FAILED
from components.serving.versions import version_with_weights
from components.settings.run import Run
from components.settings.serialization import load
from components.settings.toml import TomlSource
from pipeline.config.preflight import check_run
from pipeline.runners import local
from pipeline.runs import record
from pipeline.runs.comparison import Comparison, input_differences, result_differences
from pipeline.runs.manifest import MANIFEST_FILE, Manifest, read, read_ended
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.record import RunRecord

_EPOCHS_OF_OLD = 2
"""Of runs whose record does not tell what was chosen: every one of theirs that stated nothing had these."""


def reproduce_run(
    directory: Path, root: Path | None, say: Callable[[Any], None]
) -> tuple[RunRecord, Comparison | None]:
    """Runs it again without any cache.

    Args:
        directory: of the run's record.
        root: where the new run keeps its files; None: within `directory`.
        say: shows a line to the user.

    Raises:
        InputError: no manifest, a run that did not come to its end, or inputs that are no longer there.
    """
    before = read_ended(directory)
    before.config = with_choices(before.config, record.read(directory).training)
    root = directory / "reproduction" if root is None else root
    if (root / before.name).exists():
        remedy = "Delete it, or give another directory by --into"
        raise InputError(str(root / before.name), "is there already: results might come from its cache", remedy)
    run = load(Run, json.dumps(_found_again(before, directory)))
    path = directory / MANIFEST_FILE
    checked = check_run(run, path, TomlSource(str(path), ""))
    made = local.run(checked, root, say)
    if made.state not in ("pushed", "refused"):
        return made, None
    after = read(Path(made.directory))
    differences, results = list(input_differences(before, after)), list(result_differences(before, after))
    return made, Comparison(before.run, made.directory, differences, results)


def _found_again(before: Manifest, directory: Path) -> dict[str, Any]:
    """The config, with files of another checkout taken from this one where they are gone from there."""

    def here(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: here(item) for key, item in value.items()}
        if isinstance(value, list):
            return [here(item) for item in value]
        path = Path(value) if isinstance(value, str) else None
        if path is None or not path.is_absolute() or path.exists() or not path.is_relative_to(before.checkout):
            return value
        return str(ROOT / path.relative_to(before.checkout))

    found: dict[str, Any] = here(before.config)
    # Not where the first run was pushed to.
    found["push"] = {**found["push"], "destination": None}
    # Whether the data may be learned from was answered then.
    found["drift"] = {**found["drift"], "on_drift": "warn"}
    if found["training"]["init_from"] == "pushed":
        found["training"]["init_from"] = _initial(before, directory)
    return found


def with_choices(config: dict[str, Any], trained: dict[str, Any]) -> dict[str, Any]:
    """A run's config with what Trainer chose in it, whatever the code would choose today.

    Args:
        config: as the run's manifest has it.
        trained: as the run's record has it.
    """
    found = {name: dict(value) if isinstance(value, dict) else value for name, value in config.items()}
    for one in trained.get("chosen", []):
        table, _, key = one["key"].partition(".")
        found[table][key] = one["value"]
    if found["training"].get("epochs") is None and found["training"].get("steps") is None:
        found["training"]["epochs"] = _EPOCHS_OF_OLD
    return found


def _initial(before: Manifest, directory: Path) -> str:
    """The pushed version that the training went on from, or one with the same weights."""
    wanted = before.result["initial_weights"]
    if wanted is None:
        return "base"
    serving = PipelinePaths.of_run(before.settings, directory).serving
    version = version_with_weights(serving, wanted)
    if version is None:
        problem = f"the version that the training went on from is gone (weights {wanted[:12]})"
        raise InputError(str(serving), problem, "Put it back from where it was archived")
    return str(version)


def execute(options: argparse.Namespace) -> int:
    from pipeline.reports import run_report, tables
    from pipeline.runs.record import find

    (*_, directory) = find(options.root, options.run)
    say = (lambda _: None) if options.json else tables.console(sys.stdout).print
    made, compared = reproduce_run(directory, options.into, say)
    if compared is None:
        again = f"Delete {tables.short_path(str(Path(made.directory).parents[1]))} to try again."
        print(f"error: {run_report.failure(made, again)}", file=sys.stderr)
        return FAILED
    if options.json:
        print(json.dumps(dataclasses.asdict(compared)))
    else:
        say(run_report.comparison_report(compared))
    return FAILED if compared.result else DONE
