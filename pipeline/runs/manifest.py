"""What a run stood on and what it gave, complete enough to make it again: MANIFEST_FILE beside its record."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import platform
import subprocess
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.common import atomic_files, cpu
from components.common.checkout import ROOT
from components.common.errors import InputError
from components.pretrained import content
from components.rows.files import fingerprint
from components.settings.beam import Beam
from components.settings.kubeflow import Kubeflow
from components.settings.run import Run
from components.settings.schedule import Schedule
from components.settings.serialization import dump, load, load_file
from pipeline.runs import record
from pipeline.runs.cache_key import code_at_start
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.record import OUTCOME
from pipeline.runs.run_ids import in_order

if TYPE_CHECKING:
    from pipeline.config.preflight import Checked

MANIFEST_FILE = "manifest.json"

_SETTINGS = ("TF_NUM_", "TF_ENABLE_ONEDNN", "ONEDNN_", "DNNL_", "OMP_")
"""How environment variables begin that change the order in which TensorFlow adds up."""

_LOCK = ROOT / "requirements.lock"


@dataclass(slots=True)
class DataFile:
    """An input file as it was read."""

    split: str | None
    """None: its rows were dealt to the splits by a hash."""
    path: str
    sha256: str
    bytes: int
    rows: int | None = field(default=None, compare=False)
    quarantined: int | None = field(default=None, compare=False)
    """Known once it was read."""


@dataclass(slots=True)
class Manifest:
    """All that a run's result follows from, then the result."""

    name: str
    run: str
    """The run's id."""
    started: str
    config: dict[str, Any]
    """`components.settings.run.Run`, resolved: every default filled in, every path absolute."""
    checkout: str
    """Where the project's code lay."""
    data: list[DataFile]
    base_model: dict[str, str]
    """File -> sha256."""
    code: dict[str, Any]
    """`sha256` of all sources; `commit` and whether it was `modified`, in a checkout."""
    lock: str | None
    """sha256 of requirements.lock; None in an installed package."""
    libraries: dict[str, str]
    """Every installed distribution -> its version."""
    machine: dict[str, Any]
    """What can change a product's last bits: `cpu`, `features`, settings of `tensorflow`; and `system`, `python`."""
    schema: str | None = None
    """sha256 of the reviewed schema; None: one was inferred."""
    result: dict[str, Any] = field(default_factory=dict)
    """`weights_sha256`, `initial_weights` (sha256 of a pushed model's that the training went on from), `model` (a
    directory) and the `machine` it was trained on; with the record's `RunRecord.outcome`, which is kept there alone.
    Empty until the run's end."""

    @property
    def settings(self) -> Run:
        """The config."""
        return load(Run, json.dumps(self.config))

    def as_json(self) -> str:
        """The manifest as JSON."""
        return json.dumps(dataclasses.asdict(self), indent=1)

    def write(self, directory: Path) -> None:
        """Into a run's directory, in one step."""
        own = {name: value for name, value in self.result.items() if name not in OUTCOME}
        atomic_files.write_text(directory / MANIFEST_FILE, dataclasses.replace(self, result=own).as_json())


def read_alone(directory: Path) -> Manifest:
    """A run's manifest without the outcome that is in the run's record, which may be damaged.

    Raises:
        InputError: none there, or a damaged one.
    """
    remedy = "Give the id or the directory of a run; `show --all` lists them"
    return load_file(Manifest, directory / MANIFEST_FILE, "a run's manifest", remedy, damaged="Give another run")


def read(directory: Path) -> Manifest:
    """A run's manifest, with the outcome that is in the run's record.

    Raises:
        InputError: none there, or a damaged one, or a damaged record.
    """
    found = read_alone(directory)
    if found.result:
        found.result |= record.read(directory).outcome
    return found


def read_ended(directory: Path) -> Manifest:
    """The manifest of a run that came to its end.

    Raises:
        InputError: none there, a damaged one, or a run that did not.
    """
    found = read(directory)
    if not found.result:
        raise InputError(str(directory / MANIFEST_FILE), "the run did not come to its end", "Give one that did")
    return found


def newest_first(runs: Path) -> list[Path]:
    """The directories of a pipeline's runs that have a manifest; one that was killed early has none."""
    return in_order(path.parent for path in runs.glob(f"*/{MANIFEST_FILE}"))[::-1]


def newest_ended(runs: Path) -> Manifest | None:
    """Of the runs in a directory that came to their end."""
    for directory in newest_first(runs):
        with contextlib.suppress(InputError):
            found = read_alone(directory)
            if found.result:
                return found
    return None


def data_files(files: Iterable[tuple[str | None, Path]]) -> list[DataFile]:
    """A run's input files, of splits, as they are now."""
    return [DataFile(split, str(path), fingerprint(path), path.stat().st_size) for split, path in files]


def same_inputs(before: Manifest, checked: Checked) -> bool:
    """Whether a run would have the settings, data and base model of an earlier one."""
    now = collect(checked, before.run, before.started)
    # Where and when it runs does not matter to what it makes.
    compared = [
        dataclasses.replace(one.settings, beam=Beam(), schedule=Schedule(), kubeflow=Kubeflow())
        for one in (before, now)
    ]
    same = all(getattr(before, name) == getattr(now, name) for name in ("data", "base_model", "schema"))
    return same and compared[0] == compared[1]


def nothing_new(checked: Checked, paths: PipelinePaths) -> str | None:
    """Why a run over spans of data would be the last one again; None: it would not."""
    spans = checked.run.data.spans
    last = newest_ended(paths.runs) if spans else None
    if last is None or not same_inputs(last, checked):
        return None
    return f"span {max(spans)} is still the newest, run {last.run} had it"


def machine_of(runs: Path, model: str) -> dict[str, Any] | None:
    """Where a model was trained, as the runs in a directory have it."""
    for directory in newest_first(runs):
        with contextlib.suppress(InputError):
            found = read_alone(directory)
            if found.result.get("model") == model:
                return dict(found.result["machine"])
    return None


def collect(checked: Checked, run_id: str, started: str) -> Manifest:
    """The manifest of a run that begins."""
    run = checked.run
    return Manifest(
        name=run.name,
        run=run_id,
        started=started,
        config=json.loads(dump(run)),
        checkout=str(ROOT),
        data=data_files(checked.files),
        base_model=content.hashes(checked.base_model),
        code={"sha256": code_at_start(), **_commit()},
        lock=atomic_files.sha256(_LOCK) if _LOCK.is_file() else None,
        libraries=_libraries(),
        machine={
            "cpu": cpu.cpu_name(),
            "features": sorted(cpu.cpu_features()),
            "tensorflow": {name: os.environ[name] for name in sorted(os.environ) if name.startswith(_SETTINGS)},
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        schema=atomic_files.sha256(Path(run.validation.schema_file)) if run.validation.schema_file else None,
    )


def _libraries() -> dict[str, str]:
    # Of the environment alone: setuptools puts copies of its own on the path once it is imported.
    site = [sysconfig.get_path(kind) for kind in ("purelib", "platlib")]
    found = {one.metadata["Name"].lower(): one.version for one in metadata.distributions(path=site)}
    return dict(sorted(found.items()))


def _commit() -> dict[str, Any]:
    command = ["git", "-C", str(ROOT)]
    try:
        top = subprocess.run([*command, "rev-parse", "--show-toplevel"], capture_output=True, text=True, check=True)  # noqa: S603
        if Path(top.stdout.strip()) != ROOT:
            # Installed somewhere within another project's checkout.
            return {}
        commit = subprocess.run([*command, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)  # noqa: S603
        status = subprocess.run([*command, "status", "--porcelain"], capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"commit": commit.stdout.strip(), "modified": bool(status.stdout.strip())}
