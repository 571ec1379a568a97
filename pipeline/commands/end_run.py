"""`end-run`: the last step of a run that a scheduler starts."""

from __future__ import annotations

import argparse


def execute(options: argparse.Namespace) -> int:
    from pipeline.runners import scheduled

    return scheduled.end(options.dag, options.run_id)
