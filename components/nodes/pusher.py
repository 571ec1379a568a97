"""Pusher that publishes in one step: TFX's copies file by file to where a server may already be looking."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.pusher import component, executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils, proto_utils

from components.examples import client_texts
from components.export import card
from components.export.card_task import task_of
from components.export.formats import beside
from components.serving import removal, versions
from components.verdict.summary import MEASURED_FILE

EXAMPLES = "examples"
"""The input beside TFX's own."""


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
        formats = config.get("formats", [])
        beside.check(model, directory, formats)
        key, warmup = config.get("sign_key"), config.get("warmup", True)
        about: dict[str, Any] = {"run": run} if run else {}
        measured = Path(artifact_utils.get_single_uri(input_dict["model_blessing"]), MEASURED_FILE)
        if measured.is_file():
            about["measured"] = json.loads(measured.read_text(encoding="utf-8"))
        before = versions.versions(directory)
        version = versions.publish(model, directory, key and Path(key), warmup, **about)
        place = directory / str(version)
        try:
            if formats:
                beside.write(place, formats, _dev_texts(input_dict, place))
        except Exception:
            # A run that fails leaves production as it was.
            if version not in before:
                for other in beside.of_version(place):
                    removal.remove(other.parent, [version])
                removal.remove(directory, [version])
            raise
        self._MarkPushed(pushed, pushed_destination=str(place), pushed_version=str(version))
        # The artifact is the version itself: if somebody removes it, the node's cache no longer holds.
        pushed.uri = str(place)


def _dev_texts(input_dict: dict[str, list[types.Artifact]], version: Path) -> list[tuple[str, ...]]:
    """Texts of dev, as a client sends them."""
    if not input_dict.get(EXAMPLES):
        return []
    examples = Path(artifact_utils.get_single_uri(input_dict[EXAMPLES]))
    return client_texts.of_examples(examples, "dev", task_of(version), client_texts.HELD_AGAINST)


class PusherSpec(standard_component_specs.PusherSpec):
    """The component's contract."""

    INPUTS = {  # noqa: RUF012
        **standard_component_specs.PusherSpec.INPUTS,
        EXAMPLES: component_spec.ChannelParameter(type=standard_artifacts.Examples, optional=True),
    }


class Pusher(component.Pusher):
    """TFX's Pusher with the executor above.

    Args:
        model: channel of the candidate Model.
        push_destination: where versions go.
        custom_config: `formats`, `sign_key` and so on, by these names, and what else counts in the cache key.
        model_blessing: channel of the gate's verdict.
        infra_blessing: channel of what a client found.
        examples: channel of raw Examples; other forms of the model are held against it on rows of dev.
    """

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        push_destination: pusher_pb2.PushDestination,
        custom_config: dict[str, Any],
        model_blessing: types.BaseChannel | None = None,
        infra_blessing: types.BaseChannel | None = None,
        examples: types.BaseChannel | None = None,
    ) -> None:
        spec = PusherSpec(
            model=model,
            model_blessing=model_blessing,
            infra_blessing=infra_blessing,
            examples=examples,
            push_destination=push_destination,
            custom_config=json_utils.dumps(custom_config),
            pushed_model=types.Channel(type=standard_artifacts.PushedModel),
        )
        # TFX's own takes no Examples.
        base_component.BaseComponent.__init__(self, spec=spec)
