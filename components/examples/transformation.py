"""A transform graph over the Examples of a split, without Beam: what TFX's Transform writes, many rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import tensorflow_transform as tft
from tensorflow_transform import impl_helper
from tensorflow_transform.saved import saved_transform_io_v2
from tfx_bsl.coders import example_coder
from tfx_bsl.tfxio import tf_example_record

from components.common import progress
from components.examples import records
from components.examples.in_process import ordered

NAME = "transformed_examples"
"""That a file begins with, as TFX has it."""


class Transformation:
    """A transform graph, loaded to be applied to rows.

    Args:
        graph: directory of the artifact.
    """

    def __init__(self, graph: str) -> None:
        output = tft.TFTransformOutput(graph)
        raw, transformed = output.raw_metadata.schema, output.transformed_metadata.schema
        source = tf_example_record.TFExampleBeamRecord(physical_format="tfrecords_gzip", schema=raw)
        self._decoder = example_coder.ExamplesToRecordBatchDecoder(raw.SerializeToString())
        self._adapter = source.TensorAdapter()
        self._graph = saved_transform_io_v2.SavedModelLoader(output.transform_savedmodel_dir)
        inputs = set(source.TensorAdapterConfig().tensor_representations)
        self._graph.finalize(inputs, set(self._graph.structured_outputs))
        self._converter = impl_helper.make_tensor_to_arrow_converter(transformed)
        self._encoder = example_coder.RecordBatchToExamplesEncoder(transformed)

    def rows(self, source: Path) -> Iterator[list[bytes]]:
        """The transformed Examples of a split, serialized, many together; in order.

        Args:
            source: directory of its raw Examples.
        """
        # Only TensorFlow's functions may be called by several threads; decoder and encoder keep what they work on.
        decoded = map(self._decoder.DecodeBatch, records.batches(source))
        for found in ordered(self._graph.apply_transform_model, map(self._adapter.ToBatchTensors, decoded)):
            yield self._encoder.encode(self._converter.convert(found))

    def write(self, source: Path, target: Path) -> None:
        """Writes them.

        Args:
            source: directory of raw Examples.
            target: directory of the transformed ones.
        """
        with progress.progress() as bar, records.written(target, NAME) as write:
            for batch in self.rows(source):
                write(batch)
                bar.advance(len(batch), f"{bar.done + len(batch):,.0f} rows")
