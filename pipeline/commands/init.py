"""`init`: a config for a file of labelled text, with the reason for each setting."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from components.common import atomic_files, streams
from components.common.checkout import ROOT
from components.common.defaults import MAX_LENGTH
from components.common.errors import InputError
from components.common.exit_status import DONE

if TYPE_CHECKING:
    from pipeline.config.guessed import Guess

_BASE = "hf://google-bert/bert-base-uncased"

_SAMPLE = ROOT / "data" / "minilm"
"""The sample weights, where they were fetched."""

_LEAST = {"multilabel": ("micro_f1", 0.5), "similarity": ("spearman", 0.3), "regression": ("spearman", 0.3),
          "embedding": ("spearman", 0.3), "tagging": ("f1", 0.5), "word_tags": ("token_accuracy", 0.5),
          "answering": ("f1", 0.5), "generation": ("chrf", 0.5)}  # fmt: skip
"""Task -> the bound that is proposed, of what has no share of its most frequent class to go by."""

_SPLITS = {"dev": ("dev", "valid", "validation", "eval"), "test": ("test",)}
"""Split -> what its file may be called beside one that is called train."""


def execute(options: argparse.Namespace) -> int:
    from pipeline.config import guessed, preflight

    stated = {"task": options.task, "text": options.text, "label": options.label}
    given = {name: value for name, value in stated.items() if value is not None}
    found = guessed.guess(options.rows, given)
    path: Path = options.output or options.rows.with_suffix("").with_suffix(".toml")
    if path.exists() and not options.force:
        raise InputError(str(path), "is there already", "Give another by --output, or --force to replace it")
    if path.exists() and path.samefile(options.rows):
        raise InputError(str(path), "is the file of rows", "Give another by --output")
    if path.is_dir():
        raise InputError(str(path), "a directory, not a file", "Give the path of a file")
    atomic_files.require_folder(path)
    text = as_toml(options.rows, path.parent, found, options.model)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(str(options.rows), "a name that is not UTF-8, which no TOML can hold", "Rename it") from None
    # Beside it, because paths are taken from where it lies.
    trial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        atomic_files.write_text(trial, text)
        preflight.check(trial)
    except InputError as error:
        # Its place may be the file that is tried, which nobody will find.
        place = str(options.rows) if error.place.startswith(str(trial)) else error.place
        problem = f"read as {found.task}, {error.problem}"
        raise InputError(place, problem, f"{error.remedy}. Or state --task, --text, --label or --model") from None
    finally:
        with contextlib.suppress(OSError):
            trial.unlink(missing_ok=True)
    atomic_files.write_text(path, text)
    print(streams.printable(str(path)))
    why = found.reasons["task"]
    print(
        streams.printable(f"task {found.task}: {why}; look through the file, then `run --config {path}`"),
        file=sys.stderr,
    )
    return DONE


def as_toml(rows: Path, folder: Path, found: Guess, model: str | None) -> str:
    """The config with comments.

    Args:
        rows: the file.
        folder: of the config, from which its paths are taken.
        found: what the file looks like.
        model: the base model that was named.
    """
    name = re.sub(r"[^a-z0-9]+", "-", rows.name.partition(".")[0].lower()).strip("-") or "rows"
    data = [(key, value, found.reasons.get(key, "")) for key, value in found.data.items()]
    metric, least, why = _bound(found)
    base = model or (str(_SAMPLE) if (_SAMPLE / "config.json").is_file() else _BASE)
    looked = f"{found.rows:,} rows" if found.rows else "lines"
    parts = [
        f"# What `init {_plain(rows.name)}` made of it, by its first {looked}. Look through it: these are guesses.",
        _line("name", name, "runs and pushed models are kept under it"),
        _line("task", found.task, found.reasons["task"]),
        "",
        "[data]",
        *(_line(key, value, reason) for key, value, reason in [*_files(rows, folder), *data]),
        "",
        "[model]",
        _line("base", _from_folder(base, folder), "a directory, or a name on Hugging Face's hub"),
        *_length(base),
        "",
        "[gate]",
        f"min = {{ {metric} = {least:g} }}".ljust(_COLUMN) + f"# {why}",
    ]
    return "\n".join(parts) + "\n"


def _from_folder(base: str, folder: Path) -> str:
    """A base model as a config in this folder names it."""
    if "://" in base or base.startswith("run:") or Path(base).is_absolute():
        return base
    return os.path.relpath(Path(base).expanduser(), folder)


_COLUMN = 40


def _line(key: str, value: object, why: str) -> str:
    shown = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"{key} = {shown}".ljust(_COLUMN) + (f"# {_plain(why)}" if why else "")


def _plain(text: str) -> str:
    """As a comment may hold it."""
    return streams.printable(text).replace("\n", " ").replace("\t", " ")


def _files(rows: Path, folder: Path) -> list[tuple[str, object, str]]:
    """A file for each split where there are such beside the one called train; else its rows are dealt."""
    beside: dict[str, Path] = {}
    stem, _, ending = rows.name.partition(".")
    if stem.lower() == "train":
        for split, names in _SPLITS.items():
            there = (rows.with_name(f"{name}.{ending}") for name in names)
            if (path := next(filter(Path.is_file, there), None)) is not None:
                beside[split] = path
    # From the folder of the config, so that both can be moved together.
    paths = {split: os.path.relpath(path, folder) for split, path in {"train": rows, **beside}.items()}
    if "dev" not in beside:
        return [("files", paths["train"], "its rows are dealt to train, dev and test: 80, 10, 10")]
    return [(split, path, "") for split, path in paths.items()]


def _length(base: str) -> list[str]:
    """Of a base model that takes fewer tokens than the settings have by default."""
    from components.pretrained import base_model, hub

    most = base_model.read_config(hub.resolve(base)).max_position_embeddings
    return [_line("max_length", most, "what the base model takes at most")] if most < MAX_LENGTH else []


def _bound(found: Guess) -> tuple[str, float, str]:
    if found.labels:
        (label, rows), total = found.labels.most_common(1)[0], found.labels.total()
        share = rows / total
        # Halfway to 1 where 0.02 more would be beyond it.
        least = min(round(share + 0.02, 2), round((1 + share) / 2, 6))
        return "accuracy", least, f"more than answering {_plain(label)[:30]!r} always; raise it to what you need"
    metric, least = _LEAST.get(found.task, ("accuracy", 0.5))
    return metric, least, "raise it to what you need"
