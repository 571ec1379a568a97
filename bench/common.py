"""What the benches share: the machine, the peer's environment, interleaved rounds, and where results go."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

from components.common import atomic_files, cpu, tensorflow_env
from components.common.checkout import ROOT

RESULTS = ROOT / "bench" / "results"

Run = dict[str, Any]


def add_sets(parser: argparse.ArgumentParser, sets: Iterable[str]) -> None:
    """The options of a bench that trains on some sets with some seeds and keeps what it measured."""
    names = list(sets)
    parser.add_argument("--sets", nargs="+", choices=names, default=names)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--table", action="store_true", help="print what was measured")


def peer_python() -> Path:
    """The python of the peer's environment, which `make .venv-peer/installed` makes; PEER names another one."""
    return Path(os.environ.get("PEER", ROOT / ".venv-peer" / "bin" / "python"))


def peer_program(name: str = "peer") -> list[object]:
    """The command of one of the peer's programs, without its arguments; it runs in the checkout."""
    return [peer_python(), "-m", f"bench.{name}"]


def peer_trainer() -> list[object]:
    """The command of the peer's fine-tuning, without its arguments."""
    return [*peer_program(), "train"]


def worked(asked: list[str] | None, workers: Mapping[str, Callable[..., Run]]) -> bool:
    """Whether this process was started for a single measurement, which it has made and printed then.

    Args:
        asked: the name of a worker and its arguments; None: this is the bench itself.
        workers: each takes its arguments as text.
    """
    if asked is None:
        return False
    tensorflow_env.set_up()
    name, *arguments = asked
    print(json.dumps(workers[name](*arguments)))
    return True


def last_json(command: Iterable[object]) -> Run:
    """Runs a command; the last line it prints is a JSON object."""
    words = list(map(str, command))
    with tempfile.TemporaryDirectory() as scratch:
        variables = {**os.environ, "TMPDIR": scratch, "HF_HOME": f"{scratch}/hf"}
        done = subprocess.run(  # noqa: S603
            words, cwd=ROOT, check=False, capture_output=True, text=True, env=variables
        )
    if done.returncode:
        sys.exit(f"{' '.join(words)} failed:\n{done.stderr[-3000:]}")
    found: Run = json.loads(done.stdout.splitlines()[-1])
    return found


def interleaved(rounds: int, contestants: Mapping[str, Callable[[], Run]]) -> dict[str, list[Run]]:
    """Lets everybody run once a round, so that a slow minute of the machine is shared by all."""
    runs: dict[str, list[Run]] = {name: [] for name in contestants}
    for number in range(rounds):
        for name, contestant in contestants.items():
            runs[name].append(contestant())
            print(f"round {number + 1}/{rounds} {name}: {json.dumps(runs[name][-1])}", file=sys.stderr, flush=True)
    return runs


def middle(runs: list[Run], key: str) -> float:
    """The median of a figure."""
    return float(median(run[key] for run in runs))


def ratio(runs: list[Run], others: list[Run], key: str) -> float:
    """The median over the rounds of how many times the one's figure is the other's."""
    return float(median(a[key] / b[key] for a, b in zip(runs, others, strict=True)))


class OutOfTimeError(Exception):
    """There is more to measure than there was time for."""


class Progress:
    """What a bench has measured so far, in a file: one that was killed goes on.

    Args:
        place: the file.
        minutes: after which nothing more is begun; None: there is no end.
        again: whether what is there is forgotten.
    """

    def __init__(self, place: Path, minutes: float | None = None, *, again: bool = False) -> None:
        self._place, self._end = place, time.monotonic() + 60 * minutes if minutes is not None else math.inf
        self.measured: dict[str, Run] = json.loads(place.read_text()) if place.is_file() and not again else {}
        """By key."""

    def of(self, key: str, measure: Callable[[], Run]) -> Run:
        """What was measured under a key, or is now.

        Raises:
            OutOfTimeError: it is not there, and the time is over.
        """
        if key not in self.measured:
            if time.monotonic() > self._end:
                raise OutOfTimeError
            self.measured[key] = measure()
            atomic_files.write_text(self._place, json.dumps(self.measured, indent=1))
        return self.measured[key]


def keep(name: str, part: str, content: dict[str, Any], folder: Path = RESULTS) -> None:
    """Puts a part, with the machine and the versions it was measured with, into NAME.json of bench/results."""
    target = folder / f"{name}.json"
    target.parent.mkdir(exist_ok=True)
    before = json.loads(target.read_text()) if target.exists() else {}
    target.write_text(json.dumps({**before, part: {"machine": machine(), **content}}, indent=1) + "\n")


def kept(name: str, part: str, folder: Path = RESULTS) -> dict[str, Any]:
    """What `keep` put there; empty if it has not."""
    target = folder / f"{name}.json"
    found: dict[str, Any] = json.loads(target.read_text()).get(part, {}) if target.exists() else {}
    return found


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    features = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in cpu.cpu_features()]
    versions = {name: metadata.version(name) for name in ("tensorflow", "keras", "tfx", "apache-beam")}
    found: dict[str, Any] = {
        "cpu": cpu.cpu_name(),
        "features": features,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **versions,
    }
    if peer_python().exists():
        code = "import torch, transformers; print(torch.__version__, transformers.__version__)"
        done = subprocess.run([peer_python(), "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
        found["peer"] = dict(zip(("torch", "transformers"), done.stdout.split(), strict=True))
    return found


def settings_of(config: Path) -> dict[str, Any]:
    """A run's TOML."""
    return tomllib.loads(config.read_text())


def as_toml(values: dict[str, Any]) -> str:
    """A config's tables as TOML: JSON's strings, numbers and lists are TOML's too."""
    lines = [f"{key} = {_inline(value)}" for key, value in values.items() if not isinstance(value, dict)]
    for table, content in values.items():
        if isinstance(content, dict):
            lines += [f"[{table}]", *(f"{key} = {_inline(value)}" for key, value in content.items())]
    return "\n".join(lines) + "\n"


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_inline(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)
