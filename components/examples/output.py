"""Where an ExampleGen of ours puts what it reads: splits of Examples, and lines about files beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
from tfx import types
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils

LINES = ("bad", "counts")
"""What is read beside the Examples; `json_files.take_lines` reads the file of each."""


def declare(examples: types.Artifact, splits: Iterable[str], span: int) -> None:
    """Says of the artifact what will be in it."""
    examples.split_names = artifact_utils.encode_split_names(list(splits))
    examples.span = span
    examples_utils.set_payload_format(examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")


def write_by_beam(outputs: Mapping[str, Any], examples: types.Artifact) -> None:
    """Writes PCollections, each into a place of its own: splits, and `LINES` as lines of JSON.

    Args:
        outputs: of serialized Examples for each split of the artifact, and of what JSON holds for each of `LINES`.
        examples: the artifact.
    """
    for split in artifact_utils.decode_split_names(examples.split_names):
        prefix = str(Path(artifact_utils.get_split_uri([examples], split), "data_tfrecord"))
        outputs[split] | f"Write[{split}]" >> beam.io.WriteToTFRecord(prefix, file_name_suffix=".gz")
    for tag in LINES:
        lines = outputs[tag] | f"Json[{tag}]" >> beam.Map(json.dumps)
        lines | f"Write[{tag}]" >> beam.io.WriteToText(str(Path(examples.uri, tag)), shard_name_template="")
