"""The configs that ship, each run once as it is: what it warns of, and how long its nodes take.

    python -m bench.shipped [--configs intents pair ...] [--table]

Of all of them by default, a quarter of an hour of two cores. A run that was killed goes on where it was the next time,
below runs/bench-shipped; what was run is not run again. A config whose samples are not there is named and left out;
`python pipeline_runner.py data NAME` fetches them. `bench.calibration` adds those that it runs. Writes
bench/results/shipped.json and prints it. Seconds are those of the machine as busy as it was.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from bench.common import ROOT, Run, keep, kept, settings_of
from bench.runs import beside, carried_out
from components.common.errors import InputError
from pipeline.config.preflight import check_any

CONFIGS = ROOT / "pipeline" / "configs"

NAMES = tuple(sorted(path.stem for path in CONFIGS.glob("[!.]*.toml")))

KEPT = ROOT / "runs" / "bench-shipped"


def main() -> None:
    """Runs what was not run yet, and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configs", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--table", action="store_true", help="print what was measured")
    options = parser.parse_args()
    for name in () if options.table else options.configs:
        if kept("shipped", name):
            continue
        try:
            check_any(CONFIGS / f"{name}.toml")
        except InputError as error:
            print(f"{name}: left out: {error}", file=sys.stderr)
            continue
        place = KEPT / name
        add(name, run_of(name, settings_of(CONFIGS / f"{name}.toml"), place))
        shutil.rmtree(place)
    report()


def run_of(name: str, settings: dict[str, Any], root: Path) -> Run:
    """The record of a run of a config, whether the gate lets its model pass or not.

    Args:
        name: of the config.
        settings: what is to be in it.
        root: where the run keeps what it makes.
    """
    with beside(CONFIGS / f"{name}.toml", settings) as config:
        return carried_out(config, root, may_be_refused=True)


def add(name: str, record: dict[str, Any]) -> None:
    """Keeps what a run of a config tells."""
    steps = record["training"].get("steps") or record["pretraining"].get("steps")
    found: Run = {
        "state": record["state"],
        "rows": record["rows"],
        **({"steps": steps} if steps else {}),
        "warned": warnings(record),
        "seconds": round(record["seconds"], 1),
        "node_seconds": {node["id"]: round(node["seconds"], 1) for node in record["nodes"]},
    }
    keep("shipped", name, found)


def warnings(record: dict[str, Any]) -> list[str]:
    """What the nodes of a run warned of; files by their paths in the checkout."""
    return [warning.replace(f"{ROOT}/", "") for node in record["nodes"] for warning in node["warnings"]]


def report() -> None:
    """A Markdown table of what was run."""
    print("| config | rows of train | gate | warns of |")
    print("| --- | --- | --- | --- |")
    for name in NAMES:
        if found := kept("shipped", name):
            warned = "; ".join(found["warned"]) or "nothing"
            print(f"| {name} | {found['rows'].get('train', 0):,} | {found['state']} | {warned} |")
        else:
            print(f"| {name} | | not run | |")


if __name__ == "__main__":
    main()
