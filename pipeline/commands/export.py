"""`export`: the pipeline for a scheduler, Airflow or Kubeflow."""

from __future__ import annotations

import argparse

from components.common.exit_status import DONE


def execute(options: argparse.Namespace) -> int:
    if options.runner == "airflow":
        from pipeline.runners import airflow

        written = airflow.export(options.config, options.root, options.output)
    else:
        from pipeline.runners import kubeflow_spec

        written = [kubeflow_spec.export(options.config, options.output)]
    print(*written, sep="\n")
    return DONE
