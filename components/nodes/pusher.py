"""Pusher that publishes in one step: TFX's copies file by file to where a server may already be looking."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.pusher import component, executor
from tfx.dsl.components.base import executor_spec
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.utils import proto_utils

from components.export import card
from components.serving import versions
from components.verdict.summary import MEASURED_FILE


class Executor(executor.Executor):
    """TFX's check of the blessing, our way onto the disk."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes a blessed model; a refused or withdrawn one leaves the serving directory as it is.

        `run_name`, where there is one, goes into the version's card, and so do the metrics that it was blessed for.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(exec_properties["push_destination"], destination)
        directory = Path(destination.filesystem.base_directory)
        model = Path(self.GetModelPath(input_dict))
        if versions.is_one_of(versions.withdrawn(directory), card.read_card(model)):
            self._MarkNotPushed(pushed)
            return
        run = exec_properties.get("run_name")
        config = json.loads(exec_properties.get("custom_config") or "{}")
        key, warmup = config.get("sign_key"), config.get("warmup", True)
        about: dict[str, Any] = {"run": run} if run else {}
        measured = Path(artifact_utils.get_single_uri(input_dict["model_blessing"]), MEASURED_FILE)
        if measured.is_file():
            about["measured"] = json.loads(measured.read_text(encoding="utf-8"))
        version = versions.publish(model, directory, key and Path(key), warmup, **about)
        self._MarkPushed(pushed, pushed_destination=str(directory / str(version)), pushed_version=str(version))
        # The artifact is the version itself: if somebody removes it, the node's cache no longer holds.
        pushed.uri = str(directory / str(version))


class Pusher(component.Pusher):
    """TFX's Pusher with the executor above."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
