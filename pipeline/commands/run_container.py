"""`run-container`: a node in a container of Kubeflow's."""

from __future__ import annotations

import argparse

from components.common.exit_status import DONE


def execute(options: argparse.Namespace) -> int:
    from pipeline.runners import kubeflow_entrypoint

    kubeflow_entrypoint.run(options.arguments)
    return DONE
