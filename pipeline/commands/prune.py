"""`prune`: removes artifacts that nothing kept needs."""

from __future__ import annotations

import argparse
import dataclasses
import sys

from components.common import json_text
from components.common.exit_status import DONE


def execute(options: argparse.Namespace) -> int:
    from pipeline.runs import lock, pushed_versions

    paths = pushed_versions.pipeline_paths(options.root, options.name)
    with lock.held(paths):
        from pipeline.runs import pruning, recovery

        lock.check_metadata(paths.metadata, whole=True)
        for what in recovery.adopt(paths):
            print(what, file=sys.stderr)
        pruned = pruning.prune(paths, options.keep, options.dry_run)
    if options.json:
        print(json_text.dumps(dataclasses.asdict(pruned)))
        return DONE
    would = "would remove" if options.dry_run else "removed"
    print(f"{would} {len(pruned.removed)} artifacts, {pruned.bytes / 1e6:,.1f} MB; kept {', '.join(pruned.kept_runs)}")
    return DONE
