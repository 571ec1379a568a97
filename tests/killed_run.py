"""`run` that is killed (SIGKILL) when a node has done its work and nothing knows of it yet.

python -m tests.killed_run NODE CONFIG ROOT
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import pipeline_runner


def main(node: str, config: str, root: str) -> int:
    """Runs until then; the exit status, if that node did not run."""
    from tfx.orchestration.portable import beam_executor_operator, python_executor_operator

    for operator in (python_executor_operator.PythonExecutorOperator, beam_executor_operator.BeamExecutorOperator):
        original = operator.run_executor

        def run_executor(self: Any, info: Any, *others: Any, _original: Any = original) -> Any:
            done = _original(self, info, *others)
            if info.pipeline_node.node_info.id == node:
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        operator.run_executor = run_executor
    return pipeline_runner.main(["run", "--config", config, "--root", root, "--json"])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
