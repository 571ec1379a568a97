"""A command that is killed (SIGKILL): when a node has done its work and nothing knows of it yet, or during a training.

python -m tests.killed_run NODE run --config CONFIG --root ROOT
python -m tests.killed_run 2 run-node Trainer --dag DAG --run-id ID      when its second checkpoint is written
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from typing import Any

import pipeline_runner


def main(when: str, *command: str) -> int:
    """Runs until then; the exit status, if that did not come."""
    if when.isdecimal():
        _during_training(int(when))
    else:
        _behind_node(when)
    return pipeline_runner.main(list(command))


def _behind_node(node: str) -> None:
    from tfx.orchestration.portable import beam_executor_operator, python_executor_operator

    for operator in (python_executor_operator.PythonExecutorOperator, beam_executor_operator.BeamExecutorOperator):
        original = operator.run_executor

        def run_executor(self: Any, info: Any, *others: Any, _original: Any = original) -> Any:
            done = _original(self, info, *others)
            if info.pipeline_node.node_info.id == node:
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        operator.run_executor = run_executor


def _during_training(checkpoints: int) -> None:
    from components.training.checkpoints import Checkpoints

    original, written = Checkpoints.save, itertools.count(1)

    def save(self: Any, *state: Any) -> None:
        original(self, *state)
        if next(written) == checkpoints:
            os.kill(os.getpid(), signal.SIGKILL)

    Checkpoints.save = save  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
