"""`train-worker`: a process that helps the chief of a training by several."""

from __future__ import annotations

import argparse
import contextlib
import sys

from components.common.exit_status import DONE, FAILED


def execute(options: argparse.Namespace) -> int:
    from components.common import progress
    from components.distributed import cluster, supervisor
    from pipeline.runs.cache_key import source_hash

    cluster.follower()
    source = source_hash("components.nodes.trainer")
    log = options.log.open("w", encoding="utf-8") if options.log else None
    try:
        with progress.stop_on_signals(), progress.watch(sys.stderr, "train-worker"), log or contextlib.nullcontext():
            supervisor.follow(source, options.wait, log, lambda line: print(line, flush=True))
    except RuntimeError as error:
        print(f"error: {error}. Run again, here and on the others; --log FILE keeps the details.", file=sys.stderr)
        return FAILED
    print("the training has ended")
    return DONE
