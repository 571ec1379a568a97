"""`export`: the pipeline for a scheduler, Airflow or Kubeflow."""

from __future__ import annotations

import argparse
from pathlib import Path

from components.common.errors import InputError
from components.common.exit_status import DONE
from pipeline.commands.arguments import DEFAULT_ROOT


def execute(options: argparse.Namespace) -> int:
    if options.runner == "airflow":
        from pipeline.runners import airflow

        written = airflow.export(options.config, options.root or Path(DEFAULT_ROOT), options.output)
    else:
        if options.root is not None:
            raise InputError("--root", "is for Airflow: Kubeflow keeps runs where [kubeflow] root says", "Leave it out")
        from pipeline.runners import kubeflow_spec

        written = [kubeflow_spec.export(options.config, options.output)]
    print(*written, sep="\n")
    return DONE
