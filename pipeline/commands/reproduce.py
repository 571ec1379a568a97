"""A run made again from its manifest, and compared with what it was."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from components.common import json_text
from components.common.checkout import ROOT
from components.common.errors import Failure, InputError
from components.common.exit_status import DONE, FAILED
from components.common.literal_paths.patterns import matching
from components.pretrained import base_model
from components.settings.data import SPLITS
from components.settings.kinds import registry
from components.settings.run import Run
from components.settings.serialization import dump
from components.settings.toml import TomlSource
from pipeline.config.preflight import check_run
from pipeline.runners import local
from pipeline.runs import record
from pipeline.runs.comparison import Comparison, input_differences, result_differences
from pipeline.runs.manifest import MANIFEST_FILE, Manifest, read, read_ended
from pipeline.runs.paths import PipelinePaths, moved
from pipeline.runs.pushed_versions import version_of
from pipeline.runs.record import RunRecord

_EPOCHS_OF_OLD = 2
"""Of runs whose record does not tell what was chosen: every one of theirs that stated nothing had these."""

_BEFORE = (
    ("model", "pooling", "cls"),
    *(("validation", f"max_{kind}_share", 1.0) for kind in ("leaked", "duplicate", "contradicting")),
    *(("calibration", "enabled", False), ("serving", "validate", False)),
)
"""(table, key, value) of what an older config does not state, and today's default may stop a run or change a model."""


class Places(NamedTuple):
    """Where things lie now that the run had elsewhere; None: where they were."""

    data: Path | None = None
    """In place of the directory that held all data files."""
    base: Path | None = None
    """The base model's directory."""
    schema: Path | None = None
    """The reviewed schema."""


def reproduce_run(
    directory: Path, root: Path | None, say: Callable[[Any], None], places: Places, wait: bool = False
) -> tuple[RunRecord, Comparison | None]:
    """Runs it again without any cache.

    Args:
        directory: of the run's record.
        root: where the new run keeps its files; None: within `directory`.
        say: shows a line to the user.
        places: of what was moved.
        wait: for the end of another run on the new root.

    Raises:
        InputError: no manifest, a run that did not come to its end, or inputs that are no longer there.
    """
    before = read_ended(directory)
    trained = record.read(directory).training
    before.config = with_precision(before.config, trained)
    if isinstance(before.settings, Run):
        before.config = with_choices(before.config, trained)
    root = directory / "reproduction" if root is None else root
    if (root / before.name).exists():
        remedy = "Delete it, or give another directory by --into"
        raise InputError(str(root / before.name), "is there already: results might come from its cache", remedy)
    config = _found_again(before, directory)
    _use_places(config, before, places)
    run = registry.load_run(config)
    path = directory / MANIFEST_FILE
    checked = check_run(run, path, TomlSource(str(path), ""))
    made = local.run(checked, root, say, wait)
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

    found: dict[str, Any] = here(json.loads(dump(before.settings)))
    # Not where the first run was pushed to, and not signed: nobody is to take it for that one.
    found["push"] = {**found["push"], "destination": None, "sign_key": None, "formats": []}
    # Nor is anybody told, or is it logged as a run of its own.
    found["notify"] = found["tracking"] = {}
    if not isinstance(before.settings, Run):
        return found
    if found["gate"]["anchor"] is not None:
        # There are no versions where it runs; of the best one there then is none to compare with.
        found["gate"]["anchor"] = "best"
    # Whether the data may be learned from was answered then.
    found["drift"] = {**found["drift"], "on_drift": "warn"}
    if found["training"]["init_from"] == "pushed":
        found["training"]["init_from"] = _initial(before, directory)
    return found


def _use_places(config: dict[str, Any], before: Manifest, places: Places) -> None:
    """Puts into the config where things lie now.

    Raises:
        InputError: something is not there.
    """
    # Of a run that ended there is at least one.
    held_all = os.path.commonpath([Path(file.path).parent for file in before.data]) if before.data else ""
    run = before.settings
    table = "data" if isinstance(run, Run) else "corpus"
    of_base, base_key = registry.base_model(run)[1]
    if places.data is not None:
        for name in {file.split or "files" for file in before.data}:
            files = [file.path for file in before.data if (file.split or "files") == name]
            config[table][name] = moved(files, held_all, str(places.data.resolve()))
    if places.base is not None:
        config[of_base][base_key] = str(places.base.resolve())
    if places.schema is not None and isinstance(run, Run):
        config["validation"]["schema_file"] = str(places.schema.resolve())
    named = [path for name in (*SPLITS, "files") for path in config[table].get(name, ())]
    # A name may be a glob, or hold brackets and be none. A model of the hub is fetched.
    gone = [path for path in named if not (Path(path).exists() or matching(path))]
    if gone:
        remedy = f"Put it back, or give what {held_all} is now by --data-path"
        raise InputError(gone[0], "no such file", remedy)
    base, schema = config[of_base][base_key], config.get("validation", {}).get("schema_file")
    if base is not None and "://" not in base and not base_model.is_there(Path(base)):
        raise InputError(base, "no such directory", "Put the base model back, or give where it is now by --base")
    if schema is not None and not Path(schema).is_file():
        raise InputError(schema, "no such file", "Put the schema back, or give where it is now by --schema")
    if places.schema is not None and not (isinstance(run, Run) and run.validation.schema_file):
        problem = f"the run {before.run} had no schema_file, which this would be in place of"
        raise InputError("--schema", problem, "Leave it out")


def with_precision(config: dict[str, Any], trained: dict[str, Any]) -> dict[str, Any]:
    """A run's config with the precision that its training computed in: `auto` may be another one on this CPU.

    Args:
        config: as the run's manifest has it.
        trained: as the run's record has it.
    """
    training = config.get("training", {})
    if training.get("precision") != "auto" or "precision" not in trained:
        return config
    return {**config, "training": {**training, "precision": trained["precision"]}}


def with_choices(config: dict[str, Any], trained: dict[str, Any]) -> dict[str, Any]:
    """A run's config with what Trainer chose in it, and what held before there was a key, whatever is chosen today.

    Args:
        config: as the run's manifest has it.
        trained: as the run's record has it.
    """
    found = {name: dict(value) if isinstance(value, dict) else value for name, value in config.items()}
    for table, key, value in _BEFORE:
        found.setdefault(table, {}).setdefault(key, value)
    for one in trained.get("chosen", []):
        table, _, key = one["key"].partition(".")
        found[table][key] = one["value"]
    if found["training"].get("epochs") is None and found["training"].get("steps") is None:
        found["training"]["epochs"] = _EPOCHS_OF_OLD
    return found


def _initial(before: Manifest, directory: Path) -> str:
    """The pushed version that the training went on from, or another of the same model."""
    wanted = before.result["initial_weights"]
    if wanted is None:
        return "base"
    serving = PipelinePaths.of_run(before.settings, directory).serving
    # The manifest of an older run knows the weights alone.
    version = version_of(serving, before.result.get("initial_identity") or wanted)
    if version is None:
        problem = f"the version that the training went on from is gone (weights {wanted[:12]})"
        raise InputError(str(serving), problem, "Put it back from where it was archived")
    return str(version)


def execute(options: argparse.Namespace) -> int:
    from pipeline.reports import run_report, tables
    from pipeline.runs.record import find

    (*_, directory) = find(options.root, options.run)
    say = (lambda _: None) if options.json else tables.console(sys.stdout).print
    places = Places(options.data_path, options.base, options.schema)
    made, compared = reproduce_run(directory, options.into, say, places, options.wait)
    if compared is None:
        again = f"Delete {tables.short_path(str(Path(made.directory).parents[1]))} to try again."
        failure = run_report.failed(made, again)
        print(f"error: {run_report.as_message(failure)}", file=sys.stderr)
        if options.json:
            print(json_text.dumps(failure.document()))
        return FAILED
    if options.json:
        remedy = "The comparison lists first what it could come from"
        failure = Failure(FAILED, compared.run, f"not reproduced: {'; '.join(compared.result)}", remedy)
        print(json_text.dumps(dataclasses.asdict(compared) | (failure.document() if compared.result else {})))
    else:
        say(run_report.comparison_report(compared))
    return FAILED if compared.result else DONE
