"""`export`: the pipeline for a scheduler, Airflow or Kubeflow."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from components.common.errors import InputError
from components.common.exit_status import DONE
from pipeline.commands.model_options import DEFAULT_ROOT


def execute(options: argparse.Namespace) -> int:
    from pipeline.config.load import load_any
    from pipeline.reports import next_steps, tables

    if options.runner == "airflow":
        from pipeline.runners import airflow

        root = options.root or Path(DEFAULT_ROOT)
        written = airflow.export(options.config, root, options.output)
        steps = next_steps.for_airflow(load_any(options.config), root, written)
    else:
        if options.root is not None:
            raise InputError("--root", "is for Airflow: Kubeflow keeps runs where [kubeflow] root says", "Leave it out")
        from pipeline.runners import kubeflow_spec

        written = [kubeflow_spec.export(options.config, options.output)]
        steps = next_steps.for_kubeflow(load_any(options.config), options.config, written[0])
    # On standard output are the files alone.
    print(*written, sep="\n", flush=True)
    tables.console(sys.stderr).print(steps)
    return DONE
