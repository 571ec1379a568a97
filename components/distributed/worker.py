"""A process of a training by several: `python -m components.distributed.worker`, started and watched by `supervisor`.

TensorFlow can join a cluster only before it does anything else, and a member of a cluster that is gone can take a
process with it: so this is not the process that runs the pipeline. Its order is a line of JSON on standard input, whose
end means that the supervisor is gone; events go to standard output, an object of JSON a line.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from components.common import progress, tensorflow_env
from components.common.errors import InputError, describe
from components.distributed import cluster
from components.pretrained import base_model

LOST = "another worker has ended or cannot be reached any more; its own message says why"


def main() -> None:
    """Trains, reports how it ended and ends, without waiting for threads of TensorFlow that wait for others."""
    tensorflow_env.set_up()
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    # What libraries print is no event.
    os.dup2(2, 1)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)

    def emit(**event: Any) -> None:
        print(json.dumps(event), file=events)

    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_supervisor, daemon=True).start()
    try:
        with progress.relayed(lambda bar, text: emit(total=bar.total, done=bar.done, text=text)):
            _work(request["order"], request["source"], emit)
    except InputError as error:
        emit(mistake=[error.place, error.problem, error.remedy])
        os._exit(1)
    except BaseException as error:
        traceback.print_exc()
        emit(failed=reason(error))
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _work(order: dict[str, Any] | None, source: str, emit: Callable[..., None]) -> None:
    # Before anything else of TensorFlow: importing `fine_tuning` makes constants.
    from components.distributed.cluster_replicas import of_cluster

    group = of_cluster(cluster.of_environment())
    emit(joined=True)
    order = json.loads(group.broadcast(json.dumps(order)))
    assert order is not None  # noqa: S101
    if not group.is_chief:
        check_order(order, source)
    from components.training.fine_tuning import train

    train(SimpleNamespace(**order), group)
    if not group.is_chief:
        # Until the chief has exported: it would take the end of this process for a loss.
        group.broadcast("")
    emit(ended=True)
    with contextlib.suppress(Exception):
        if group.is_chief:
            group.broadcast("")
        # Once more, so that nobody ends while the others still wait for that.
        group.broadcast("")


def check_order(order: dict[str, Any], source: str) -> None:
    """Refuses an order that this worker would carry out in another way than the chief.

    Raises:
        InputError: its code is another, or what it reads is not here.
    """
    import tensorflow as tf

    theirs = order["custom_config"].get("source", source)
    if theirs != source:
        problem = f"the chief trains with other code or libraries ({theirs[:12]}) than this worker ({source[:12]})"
        raise InputError(cluster.VARIABLE, problem, "Give both the same version of the project and its environment")
    base = order["custom_config"]["base_model"]
    for path in (order["transform_output"], base, order["base_model"]):
        if path is None or (path == base and base_model.is_there(Path(base))):
            continue
        if not tf.io.gfile.exists(path):
            remedy = "The run's root and the base model need the same paths on every machine, on a shared disk"
            raise InputError(path, "the chief reads this, and it is not on this machine", remedy)


def reason(error: BaseException) -> str:
    """What failed, in a line."""
    return LOST if _is_loss(error) else describe(error)


def _is_loss(error: BaseException) -> bool:
    """Whether it is what TensorFlow raises when it has lost a member of the cluster."""
    import tensorflow as tf

    lost = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)
    return isinstance(error, lost) or "Collective ops is aborted" in str(error)


def _end_with_supervisor() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
