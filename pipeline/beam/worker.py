#!/usr/bin/env python3
"""Starts a Beam worker with all that the project's pipelines need imported; the contract is that of Beam's containers.

A worker pool runs it as its `--container_executable`, Flink as the `command` of `--environment_type=PROCESS`. Its first
line takes the `python3` of the PATH, which has to be that of the project's environment.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

_ENDPOINTS = ("logging", "artifact", "provision", "control")


def main() -> None:
    """Asks the runner what to do and serves it until it hangs up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--id", required=True)
    for name in _ENDPOINTS:
        parser.add_argument(f"--{name}_endpoint", default="")
    # Runners add flags of their own.
    options, _ = parser.parse_known_args()
    # A pool leaves what is written there unread, and a full pipe would stop the worker.
    os.dup2(2, 1)
    # The project's folder instead of this file's: unpickled functions are the project's.
    sys.path[0] = str(Path(__file__).resolve().parents[2])

    from components.common import tensorflow_env

    tensorflow_env.set_up()

    import grpc

    from components.export import older_ops

    # A model in production that is held against a new one may be of an earlier release.
    older_ops.register()

    # What Beam carries to a worker refers to these.
    import tfx.components  # noqa: F401
    from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc, endpoints_pb2
    from apache_beam.runners.worker import sdk_worker_main
    from google.protobuf import json_format, text_format

    from components.common.literal_paths.libraries import use_literal_paths

    use_literal_paths()

    channel = grpc.insecure_channel(options.provision_endpoint)
    service = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
    request = beam_provision_api_pb2.GetProvisionInfoRequest()
    info = service.GetProvisionInfo(request, metadata=(("worker_id", options.id),)).info

    def endpoint(name: str) -> str:
        descriptor = getattr(info, f"{name}_endpoint")
        url = descriptor.url or getattr(options, f"{name}_endpoint")
        return str(text_format.MessageToString(endpoints_pb2.ApiServiceDescriptor(url=url)))

    os.environ |= {
        "WORKER_ID": options.id,
        "CONTROL_API_SERVICE_DESCRIPTOR": endpoint("control"),
        "LOGGING_API_SERVICE_DESCRIPTOR": endpoint("logging"),
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
    }
    if info.status_endpoint.url:
        os.environ["STATUS_API_SERVICE_DESCRIPTOR"] = text_format.MessageToString(info.status_endpoint)
    sdk_worker_main.main(sys.argv)


if __name__ == "__main__":
    main()
