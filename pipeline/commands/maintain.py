"""`rollback`, `prune` and `data`: what changes what is kept."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys

from components.common.checkout import ROOT
from components.common.errors import InputError
from components.common.exit_status import DONE


def rollback(options: argparse.Namespace) -> int:
    """`rollback`: an older version into production."""
    from components.serving.versions import roll_back
    from pipeline.runs import lock, pushed_versions

    paths = pushed_versions.pipeline_paths(options.root, options.name)
    with lock.held(paths):
        older, version = roll_back(paths.serving, options.version)
    print(f"version {older} is in production again, as version {version}: {paths.serving / str(version)}")
    return DONE


def prune(options: argparse.Namespace) -> int:
    """`prune`: artifacts that nothing kept needs."""
    from pipeline.runs import lock, pushed_versions

    paths = pushed_versions.pipeline_paths(options.root, options.name)
    with lock.held(paths):
        from pipeline.runs import pruning

        pruned = pruning.prune(paths, options.keep, options.dry_run)
    if options.json:
        print(json.dumps(dataclasses.asdict(pruned)))
        return DONE
    would = "would remove" if options.dry_run else "removed"
    print(f"{would} {len(pruned.removed)} artifacts, {pruned.bytes / 1e6:,.1f} MB; kept {', '.join(pruned.kept_runs)}")
    return DONE


def data(options: argparse.Namespace) -> int:
    """`data`: fetches a sample."""
    try:
        from data import fetch
    except ModuleNotFoundError:
        remedy = "Run the command in a checkout of the project"
        raise InputError("data", "the samples belong to a checkout, and this is an installed package", remedy) from None

    fetch.fetch(options.name, ROOT, lambda line: print(line, file=sys.stderr))
    return DONE
