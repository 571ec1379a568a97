"""`export`, and the steps that a scheduler starts: `begin-run`, `run-node`, `end-run`, `run-container`."""

from __future__ import annotations

import argparse

from components.common.exit_status import DONE


def run_container(options: argparse.Namespace) -> int:
    """`run-container`: a node in a container of Kubeflow's."""
    from pipeline.runners import kubeflow_container

    kubeflow_container.run(options.arguments)
    return DONE


def export(options: argparse.Namespace) -> int:
    """`export`: a pipeline for a scheduler."""
    if options.runner == "airflow":
        from pipeline.runners import airflow

        written = airflow.export(options.config, options.root, options.output)
    else:
        from pipeline.runners import kubeflow

        written = [kubeflow.export(options.config, options.output)]
    print(*written, sep="\n")
    return DONE


def begin_run(options: argparse.Namespace) -> int:
    """`begin-run`: the first step of a run that a scheduler starts."""
    from pipeline.runners import scheduled

    return scheduled.begin(options.dag, options.run_id)


def run_node(options: argparse.Namespace) -> int:
    """`run-node`: one node of it."""
    from pipeline.runners import scheduled

    return scheduled.run_node(options.dag, options.run_id, options.node)


def end_run(options: argparse.Namespace) -> int:
    """`end-run`: its last step."""
    from pipeline.runners import scheduled

    return scheduled.end(options.dag, options.run_id)
