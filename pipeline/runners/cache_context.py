"""TFX's cache key without the places where things lie: they say nothing of what a node makes."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx import types
from tfx.orchestration.portable import cache_utils

from pipeline.runs.cache_key import placeless
from pipeline.runs.paths import HOME, moved


class CacheContexts:
    """What TFX's launcher asks of `cache_utils`, under keys that hold no place.

    Args:
        home: of the pipeline.
    """

    get_cached_outputs = staticmethod(cache_utils.get_cached_outputs)

    def __init__(self, home: Path) -> None:
        self._home = str(home)

    def get_cache_context(
        self,
        *,
        input_artifacts: Mapping[str, Sequence[types.Artifact]],
        parameters: Mapping[str, Any],
        **others: Any,
    ) -> metadata_store_pb2.Context:
        """As TFX's: an artifact is known by its id, and what a parameter's path leads to by another parameter."""
        context: metadata_store_pb2.Context = cache_utils.get_cache_context(
            input_artifacts={key: list(map(self._placeless, found)) for key, found in input_artifacts.items()},
            parameters=placeless(parameters, self._home),
            **others,
        )
        return context

    def _placeless(self, artifact: types.Artifact) -> types.Artifact:
        made = copy.deepcopy(artifact)
        made.uri = moved(artifact.uri, self._home, HOME)
        for value in made.mlmd_artifact.custom_properties.values():
            if value.HasField("string_value"):
                value.string_value = moved(value.string_value, self._home, HOME)
        return made
