"""`export`: the pipeline for a scheduler, Airflow or Kubeflow."""

from __future__ import annotations

import argparse
import sys

from components.common.exit_status import DONE


def execute(options: argparse.Namespace) -> int:
    from pipeline.config.load import load_config
    from pipeline.reports import next_steps, tables

    if options.runner == "airflow":
        from pipeline.runners import airflow

        written = airflow.export(options.config, options.root, options.output)
        steps = next_steps.for_airflow(load_config(options.config), options.root, written)
    else:
        from pipeline.runners import kubeflow_spec

        written = [kubeflow_spec.export(options.config, options.output)]
        steps = next_steps.for_kubeflow(load_config(options.config), options.config, written[0])
    # On standard output are the files alone.
    print(*written, sep="\n", flush=True)
    tables.console(sys.stderr).print(steps)
    return DONE
