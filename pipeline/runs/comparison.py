"""Two runs held against each other: what they stood on, and what they gave."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.tokenization.tokenizer_files import VOCABULARY
from components.tokenization.vocabulary import read_vocabulary
from pipeline.runs.manifest import DataFile, Manifest

_CHANGED_ROWS = 5
"""Items that are listed of a kind of difference."""


@dataclass(slots=True)
class Comparison:
    """A run beside its reproduction."""

    run: str
    reproduction: str
    """Directory of the second run's record."""
    differences: list[tuple[str, str]] = field(default_factory=list)
    """(kind, what) of all that the result follows from, in the order in which it could matter."""
    result: list[str] = field(default_factory=list)
    """What differs in weights and metrics, and by how much; empty: nothing by a bit."""


def input_differences(before: Manifest, after: Manifest) -> Iterator[tuple[str, str]]:
    """(kind, what) of all that the result follows from, in the order in which it could matter."""
    old_files, new_files = (_by_place(manifest.data) for manifest in (before, after))
    for key in dict.fromkeys([*old_files, *new_files]):
        old, new = old_files.get(key), new_files.get(key)
        if old is None or new is None:
            yield "data", f"{key[0] or 'data'} file {key[1] + 1} is in one of the runs only"
        elif old.sha256 != new.sha256:
            yield (
                "data",
                f"{new.path}: {old.bytes:,} bytes {old.sha256[:12]} before, {new.bytes:,} {new.sha256[:12]} now",
            )
    yield from _changed("schema", {"sha256": before.schema}, {"sha256": after.schema})
    yield from _changed("base model", before.base_model, after.base_model)
    initial = [{"initial weights": one.result.get("initial_weights")} for one in (before, after)]
    yield from _changed("base model", *initial)
    yield from _changed("config", flat_settings(before.config), flat_settings(after.config))
    if before.code["sha256"] != after.code["sha256"]:
        commits = [
            str(m.code.get("commit", "?"))[:12] + ("+" if m.code.get("modified") else "") for m in (before, after)
        ]
        yield "code", f"commit {commits[0]} before, {commits[1]} now"
    yield from _changed("library", before.libraries, after.libraries)
    # Where the weights were made, if that was an earlier run than the one that is reproduced.
    yield from _changed("machine", before.result["machine"], after.machine)


def _by_place(files: list[DataFile]) -> dict[tuple[str | None, int], DataFile]:
    """By split and place within it: names may be equal, and paths differ from one machine to another."""
    splits = {file.split: [other for other in files if other.split == file.split] for file in files}
    return {(split, place): file for split, found in splits.items() for place, file in enumerate(found)}


def _changed(kind: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[tuple[str, str]]:
    names = [name for name in dict.fromkeys([*before, *after]) if before.get(name) != after.get(name)]
    for name in names[:_CHANGED_ROWS]:
        yield kind, f"{name}: {_short(before.get(name))} before, {_short(after.get(name))} now"
    if len(names) > _CHANGED_ROWS:
        yield kind, f"and {len(names) - _CHANGED_ROWS} more"


def flat_settings(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """TABLE.KEY -> value of all that can change a result, but for where files lie."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        # Where files lie is no part of what they are, which `data` and `base model` tell.
        if isinstance(value, dict):
            flat |= flat_settings(value, f"{prefix}{key}.")
        elif prefix not in ("data.", "corpus.", "push.") or not _is_path(value):
            flat[f"{prefix}{key}"] = value
    found_elsewhere = ("model.base", "model.vocabulary", "vocabulary.reference", "training.init_from", "gate.anchor")
    for name in (*found_elsewhere, "drift.on_drift"):
        flat.pop(name, None)
    # When it runs, who is told and what a server does first change no result.
    return {
        name: value
        for name, value in flat.items()
        if not name.startswith(("schedule.", "notify.", "tracking.", "push.warmup", "push.formats"))
    }


def _is_path(value: Any) -> bool:
    return bool(value) and all(str(item).startswith("/") for item in (value if isinstance(value, list) else [value]))


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False) if value is not None else "none"
    return text if len(text) <= 60 else f"{text[:57]}..."


def result_differences(before: Manifest, after: Manifest) -> Iterator[str]:
    """What differs in weights, or tokens, and metrics, and by how much; nothing where both are the same bits."""
    if before.result.get("vocabulary_sha256") != after.result.get("vocabulary_sha256"):
        yield f"vocabulary: {token_difference(before.result['model'], after.result['model'])}"
    if before.result.get("weights_sha256") != after.result.get("weights_sha256"):
        yield f"weights: {weight_difference(before.result['model'], after.result['model'])}"
    for split, metrics in before.result["metrics"].items():
        found = after.result["metrics"].get(split, {})
        changed = {name: (value, found.get(name)) for name, value in metrics.items() if found.get(name) != value}
        for name, (old, new) in list(changed.items())[:_CHANGED_ROWS]:
            yield f"{split} {name}: {old} before, {new} now"
        if len(changed) > _CHANGED_ROWS:
            yield f"{split}: and {len(changed) - _CHANGED_ROWS} more metrics"


def token_difference(old: str, new: str) -> str:
    """The first id that two vocabularies differ in, where both are still there."""
    paths = [Path(path, VOCABULARY) for path in (old, new)]
    if not all(path.is_file() for path in paths):
        return f"differs; by what cannot be said, {old} is gone"
    first, second = map(read_vocabulary, paths)
    pairs = itertools.zip_longest(first, second)
    number, (one, other) = next((number, pair) for number, pair in enumerate(pairs) if pair[0] != pair[1])
    alike = len(set(first) & set(second))
    return f"the id {number} is {one!r} before, {other!r} now; {alike:,} of {len(first):,} tokens are in both"


def weight_difference(old: str, new: str) -> str:
    """The largest one, where both models are still there."""
    if not all(Path(path, "variables").is_dir() for path in (old, new)):
        return f"differ; by how much cannot be said, {old} is gone"
    import numpy as np
    import tensorflow as tf

    readers = [tf.train.load_checkpoint(str(Path(path, "variables", "variables"))) for path in (old, new)]
    worst, where = 0.0, ""
    shapes = [reader.get_variable_to_shape_map() for reader in readers]
    if shapes[0] != shapes[1]:
        names = sorted({*shapes[0], *shapes[1]})
        other = next(name for name in names if shapes[0].get(name) != shapes[1].get(name))
        return f"of other shapes, as {other.split('/.ATTRIBUTES')[0]}"
    for name in shapes[0]:
        first, second = (reader.get_tensor(name) for reader in readers)
        # Besides the weights there is a description of the object graph, bytes.
        if isinstance(first, np.ndarray) and (difference := float(np.abs(first - second).max(initial=0))) > worst:
            worst, where = difference, name.split("/.ATTRIBUTES")[0]
    return f"differ by up to {worst:.2g}, in {where}"
