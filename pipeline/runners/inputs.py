"""What a node reads besides its artifacts, held against what the run began with; see `check`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.common.errors import changed
from components.pretrained import content
from components.rows.files import fingerprint
from pipeline.runs import cache_key
from pipeline.runs.manifest import Manifest


def check_code(found: Manifest) -> None:
    """Holds all sources against those that a run began with, once its DAG was compiled by them.

    Raises:
        InputError: they are others.
    """
    if cache_key.project_hash() != found.code["sha256"]:
        raise changed(f"the code in {cache_key.ROOT}")


def check(executor: str, properties: Mapping[str, Any], compiled_by: str = "") -> None:
    """Called before a node and after it: what it makes is kept under the hashes that its properties hold.

    These are of the base model, of the reviewed schema and of the code; a change that a node cannot reach is none. The
    data's own nodes hash these where they read them.

    Args:
        executor: dotted name of the class that does the node's work.
        properties: the node's, JSON within them or parsed.
        compiled_by: `cache_key.project_hash` of the sources of which this process made the properties; what is equal by
            the byte need not be parsed. Empty: unknown.

    Raises:
        InputError: something is another by now.
    """
    given = {**properties, **_parsed(properties.get("custom_config", {}))}
    if base_model := given.get("base_model"):
        content.check(Path(base_model), _parsed(given["base_model_sha256"]))
    schema = given.get("schema_file")
    if schema and not given["source"].startswith(fingerprint(Path(schema))):
        raise changed(schema, on_kubeflow="export it again")
    if schema or "source" not in given:
        return
    try:
        unchanged = bool(compiled_by) and compiled_by == cache_key.project_hash()
        same = unchanged or given["source"] == source(executor, given)
    except (OSError, SyntaxError):
        # Somebody is writing it just now.
        same = False
    if not same:
        remedy = "give the image the code of the export, and the package of a task of your own"
        raise changed(f"the code in {cache_key.ROOT}", on_kubeflow=remedy)


def source(executor: str, properties: Mapping[str, Any]) -> str:
    """A node's `source`, of the code that there is now."""
    functions = (properties.get(name, "") for name in ("preprocessing_fn", "run_fn"))
    modules = [name.rpartition(".")[0] for name in (executor, *functions) if name.startswith("components.")]
    # A component of TFX's own has none of ours.
    return "".join(cache_key.source_hash(name, cache_key.ROOT) for name in modules) or cache_key.libraries()


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
