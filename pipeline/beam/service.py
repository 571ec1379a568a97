"""Beam's own job service and worker pool in one process, to try `preset = "portable"` on one machine.

    python -m pipeline.beam.service [--job-port 8099] [--worker-port 50000]

Unlike Beam's two commands it listens on the loopback alone, and a job whose worker dies fails instead of waiting for
ever. It serves one machine: what is shuffled stays in its memory.

Job service and worker pool carry out what they are sent, without encryption or password. Any account on the machine can
so run code as the user who started them.
"""

from __future__ import annotations

import argparse
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc, beam_runner_api_pb2
from apache_beam.runners.portability import local_job_service
from apache_beam.runners.portability.fn_api_runner import worker_handlers
from apache_beam.runners.worker import worker_pool_main
from apache_beam.utils import thread_pool_executor

from pipeline.beam.options import JOB_PORT, WORKER, WORKER_PORT, worker_path

_LOOPBACK = "127.0.0.1"

_GONE = "a worker is gone, killed or out of memory ({})"


class _Connection(worker_handlers.ControlConnection):
    """What the runner asks of a worker: once that is gone, every question has an error for an answer."""

    _gone = ""

    def push(self, request: Any) -> Any:
        future = super().push(request)
        if self._gone and future is not None:
            self.end(self._gone)
        return future

    def _read(self) -> None:
        try:
            super()._read()
        except Exception as error:  # whatever gRPC makes of a connection that broke
            self.end(_GONE.format(type(error).__name__))

    def end(self, why: str) -> None:
        """Answers all that is open with an error."""
        self._gone = why
        for instruction in list(self._futures_by_id):
            future = self._futures_by_id.pop(instruction, None)
            if future is not None:
                future.set(beam_fn_api_pb2.InstructionResponse(instruction_id=instruction, error=why))


def _worker_of(pool: worker_pool_main.BeamFnExternalWorkerPoolServicer) -> type:
    class Worker(worker_handlers.ExternalWorkerHandler):
        """A worker of the pool, watched from its start: it may die before it says a word."""

        def host_from_worker(self) -> str:
            return _LOOPBACK

        def start_worker(self) -> None:
            read = self.data_conn.input_elements

            def input_elements(*arguments: Any, **others: Any) -> Iterator[Any]:
                try:
                    yield from read(*arguments, **others)
                except Exception as error:  # the data's connection may break before that of the questions
                    raise RuntimeError(_GONE.format(type(error).__name__)) from error

            self.data_conn.input_elements = input_elements
            super().start_worker()
            process = pool._worker_processes[self.worker_id]

            def watch() -> None:
                if status := process.wait():
                    self.control_conn.end(f"a worker ended with status {status}")

            threading.Thread(target=watch, daemon=True).start()

    return Worker


def _on_loopback(make: Callable[..., grpc.Server]) -> Callable[..., grpc.Server]:
    """`grpc.server`, whose servers leave other interfaces and other processes' ports alone."""

    @functools.wraps(make)
    def server(*arguments: Any, options: Any = (), **others: Any) -> grpc.Server:
        made = make(*arguments, options=[*options, ("grpc.so_reuseport", 0)], **others)
        bind = made.add_insecure_port
        made.add_insecure_port = lambda address: bind(f"{_LOOPBACK}:{address.rpartition(':')[2]}")
        return made

    return server


def main() -> None:
    """Serves until it is told to stop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--job-port", type=int, default=JOB_PORT, metavar="PORT")
    parser.add_argument("--worker-port", type=int, default=WORKER_PORT, metavar="PORT")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    os.environ["PATH"] = worker_path()
    grpc.server = _on_loopback(grpc.server)
    worker_handlers.ControlConnection = _Connection
    pool = worker_pool_main.BeamFnExternalWorkerPoolServicer(use_process=True, container_executable=str(WORKER))
    payload = beam_runner_api_pb2.ExternalPayload
    worker_handlers.WorkerHandler.register_environment(common_urns.environments.EXTERNAL.urn, payload)(_worker_of(pool))
    workers = grpc.server(thread_pool_executor.shared_unbounded_instance())
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, workers)
    jobs = local_job_service.LocalJobServicer()
    try:
        worker_port = workers.add_insecure_port(f"{_LOOPBACK}:{options.worker_port}")
        workers.start()
        job_port = jobs.start_grpc_server(options.job_port)
        print(f'preset = "portable"  job_service = "{_LOOPBACK}:{job_port}"  workers = "{_LOOPBACK}:{worker_port}"')
        sys.stdout.flush()
        signal.pause()
    except RuntimeError as error:
        sys.exit(f"error: {error}. Give other ports with --job-port and --worker-port.")
    except KeyboardInterrupt:
        pass
    finally:
        if hasattr(jobs, "_server"):
            jobs.stop()
        for process in pool._worker_processes.values():
            process.kill()


if __name__ == "__main__":
    main()
