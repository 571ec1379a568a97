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

from pydantic import ValidationError

from components.common import atomic_files, cpu, json_text
from components.common.checkout import ROOT
from components.common.errors import InputError
from components.pretrained import content
from components.rows.files import fingerprint
from components.serving import signing
from components.settings.data import SPLITS
from components.settings.kinds import registry
from components.settings.kinds.registry import AnyRun
from components.settings.run import FINE_TUNING, Run
from components.settings.serialization import dump, load_file
from pipeline.runs import record
from pipeline.runs.cache_key import COMPUTING, code_at_start
from pipeline.runs.record import OUTCOME
from pipeline.runs.run_ids import in_order

if TYPE_CHECKING:
    from pipeline.config.preflight import AnyChecked

MANIFEST_FILE = "manifest.json"

_SETTINGS = ("TF_NUM_", "TF_ENABLE_ONEDNN", "ONEDNN_", "DNNL_", "OMP_")
"""How environment variables begin that change the order in which TensorFlow adds up."""

WITHOUT_EFFECT = ("beam", "schedule", "kubeflow", "notify", "tracking")
"""Tables of the config that no result follows from."""

_RESULT: dict[str, dict[str, Any]] = {
    FINE_TUNING: {"weights_sha256": str, "initial_weights": str | None, "model": str, "machine": dict},
    "vocabulary": {"vocabulary_sha256": str, "model": str, "machine": dict},
    "pretraining": {"weights_sha256": str, "model": str, "machine": dict},
}
"""Kind of a run -> what its result has besides the record's outcome."""

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
    """`components.settings.kinds.registry.AnyRun`, resolved: every default filled in, every path absolute."""
    checkout: str
    """Where the project's code lay."""
    data: list[DataFile]
    base_model: dict[str, str]
    """File -> sha256; of a vocabulary's run, of its reference, if it has one; of a new BERT, of its vocabulary."""
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
    sign_key: str | None = None
    """`signing.fingerprint` of the key that versions are signed by; None: they are not, or the run is older."""
    came_from: list[dict[str, Any]] = field(default_factory=list)
    """What the base model, or the vocabulary, came from, if another pipeline of the root has pushed it: `key` of the
    config, `pipeline`, `version`, `identity`, `kind`, and of its `run` the `data`, `code`, `base_model` and, in turn,
    `came_from`."""
    result: dict[str, Any] = field(default_factory=dict)
    """Of a vocabulary `identity`, `vocabulary_sha256`, `size`, `model` and `machine`. Else, but of a pre-training,
    `identity` and `weights_sha256` of the model, both also of the pushed one that the training went on from
    (`initial_identity`, `initial_weights`), `model` (a directory) and the `machine` it was trained on; with the
    record's `RunRecord.outcome`, which is kept there alone.
    Empty until the run's end."""

    @property
    def settings(self) -> AnyRun:
        """The config.

        Raises:
            InputError: it is none that a run had.
        """
        try:
            return registry.load_run(self.config)
        except ValueError as error:
            first = error.errors(include_url=False)[0] if isinstance(error, ValidationError) else {"msg": str(error)}
            problem = f"its config is none of a run ({first['msg']})"
            raise InputError(f"the manifest of run {self.run}", problem, "Give another run") from None

    def as_json(self) -> str:
        """The manifest as JSON."""
        return json_text.dumps(dataclasses.asdict(self), indent=1)

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
    found = load_file(Manifest, directory / MANIFEST_FILE, "a run's manifest", remedy, damaged="Give another run")
    wanted = _RESULT.get(found.config.get("kind", FINE_TUNING), {"model": str})
    if found.result and not all(isinstance(found.result.get(name), kind) for name, kind in wanted.items()):
        problem = "not a run's manifest (its result lacks weights, model or machine)"
        raise InputError(str(directory / MANIFEST_FILE), problem, "Give another run")
    match Path(found.result.get("model", "")).parts:
        case [*_, "artifacts", node, key, execution, name]:
            # In the root as it lies now, which may have been copied or moved.
            home = directory.resolve().parent.parent
            found.result["model"] = str(home / "artifacts" / node / key / execution / name)
    return found


def read(directory: Path) -> Manifest:
    """A run's manifest, with the outcome that is in the run's record.

    Raises:
        InputError: none there, or a damaged one, or a damaged record.
    """
    found = read_alone(directory)
    if found.result:
        with record.as_written(directory):
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


def same_inputs(before: Manifest, checked: AnyChecked) -> bool:
    """Whether a run would make what an earlier one made: of the same settings, bytes, code and libraries."""
    return _made_of(before) == _made_of(collect(checked, before.run, before.started))


def _made_of(run: Manifest) -> list[Any]:
    """What counts in the cache keys of a run's nodes; where and when it runs, and where its files lie, does not."""
    config = json.loads(dump(run.settings))
    for name in WITHOUT_EFFECT:
        del config[name]
    files = {"data": (*SPLITS, "files"), "model": ("base",), "validation": ("schema_file",), "push": ("sign_key",)}
    files |= {"corpus": ("files",), "vocabulary": ("reference",)}
    config.get("model", {}).pop("vocabulary", None)
    for table, names in files.items():
        for name in names if table in config else ():
            del config[table][name]
    data = [(file.split, file.sha256) for file in run.data]
    python = run.machine["python"].split(".")[:2]
    libraries = [run.libraries.get(name) for name in COMPUTING]
    return [config, data, run.base_model, run.schema, run.sign_key, run.code["sha256"], python, libraries]


def machine_of(runs: Path, model: str) -> dict[str, Any] | None:
    """Where a model was trained, as the runs in a directory have it."""
    for directory in newest_first(runs):
        with contextlib.suppress(InputError):
            found = read_alone(directory)
            if found.result.get("model") == model:
                return dict(found.result["machine"])
    return None


def collect(checked: AnyChecked, run_id: str, started: str) -> Manifest:
    """The manifest of a run that begins."""
    run = checked.run
    schema = run.validation.schema_file if isinstance(run, Run) else None
    return Manifest(
        name=run.name,
        run=run_id,
        started=started,
        config=json.loads(dump(run)),
        checkout=str(ROOT),
        data=data_files(checked.files),
        base_model=content.hashes(checked.base_model) if checked.base_model else {},
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
        schema=atomic_files.sha256(Path(schema)) if schema else None,
        sign_key=signing.fingerprint(Path(run.push.sign_key)) if run.push.sign_key else None,
        came_from=list(checked.came_from),
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
