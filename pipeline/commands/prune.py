"""`prune`: removes artifacts that nothing kept needs, and older versions."""

from __future__ import annotations

import argparse
import dataclasses
import sys

from components.common import json_text, streams
from components.common.errors import InputError
from components.common.exit_status import DONE


def execute(options: argparse.Namespace) -> int:
    from pipeline.runs import lock, pushed_versions

    if options.keep is None and options.versions is None:
        remedy = "Give --keep N, the runs whose artifacts stay, or --versions N, the pushed versions that stay"
        raise InputError("prune", "nothing to remove was named", remedy)
    paths = pushed_versions.pipeline_paths(options.root, options.name)
    with lock.held(paths, lock.told if options.wait else None):
        with streams.hidden_stderr():
            from pipeline.runs import pruning, recovery

            lock.check_metadata(paths.metadata, whole=True)
            adopted = recovery.adopt(paths)
            pruned = pruning.prune(paths, options.keep, options.dry_run, options.versions)
        for what in adopted:
            print(what, file=sys.stderr)
    if options.json:
        print(json_text.dumps(dataclasses.asdict(pruned)))
        return DONE
    would = "would remove" if options.dry_run else "removed"
    if options.versions is not None:
        for version, why in pruned.kept_versions.items():
            print(f"version {version} stays: {why}")
        listed = f": {', '.join(map(str, pruned.removed_versions))}" if pruned.removed_versions else ""
        print(f"{would} {len(pruned.removed_versions)} versions{listed}")
    if options.keep is not None:
        print(f"{would} {len(pruned.removed)} artifacts; kept {', '.join(pruned.kept_runs)}")
    print(f"{pruned.bytes / 1e6:,.1f} MB in all")
    return DONE
