"""ExampleGen over documents: a tf.Example a document, with its sentences; bad lines an error or a quarantine file.

As `example_gen`: one file an element, read and written by the same fused stage, so that memory does not grow with the
number of documents.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import tensorflow as tf
from tfx import types
from tfx.dsl.components.base import base_beam_component, base_beam_executor, base_driver, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.proto.orchestration import driver_output_pb2
from tfx.types import artifact_utils, component_spec, standard_artifacts

from components.common import feature_names, progress
from components.common.errors import changed
from components.common.json_files import take_lines
from components.examples.output import LINES, declare, write_by_beam
from components.pretraining import corpus_statistics
from components.pretraining.documents import Document, read_documents
from components.pretraining.sentences import sentences
from components.rows import data_hash, row_counts, tsv, writer
from components.rows.files import find_files, fingerprints
from components.settings.kinds.corpus import Corpus
from components.settings.serialization import dump, load


class _ReadFile(beam.DoFn):
    """Path -> serialized tf.Examples tagged by split, `bad` lines and one `counts` record.

    That one is as `row_counts.write` takes it, with `statistics`, those of the file. What documents are told apart by
    goes straight to `output`, the directory of the Examples.
    """

    def __init__(self, corpus: Corpus, output: str) -> None:
        self._corpus, self._output = corpus, output

    def process(self, name: str) -> Iterator[Any]:
        counter, rows, bad = corpus_statistics.Counter(name, self._corpus), Counter[str](), 0
        for found in read_documents(Path(name), self._corpus, progress.advance_bytes):
            if isinstance(found, Document):
                split, parts = found.split(self._corpus), sentences(found, self._corpus)
                rows[split] += 1
                counter.add(found, parts, split)
                yield beam.pvalue.TaggedOutput(split, _serialized(parts))
            else:
                bad += 1
                yield beam.pvalue.TaggedOutput("bad", tuple(found))
                if bad >= writer.BAD_ROWS_ENOUGH and self._corpus.on_bad_row == "fail":
                    break
        counter.write_hashes(Path(self._output))
        counts = {
            "file": name,
            "rows": [[split, "", rows[split]] for split in self._corpus.splits if rows[split]],
            "bad": bad,
        }
        statistics = corpus_statistics.as_dict(counter.found)
        yield beam.pvalue.TaggedOutput("counts", {**counts, "statistics": statistics})


def _serialized(parts: list[str]) -> bytes:
    example = tf.train.Example()
    example.features.feature[feature_names.SENTENCES].bytes_list.value.extend(part.encode() for part in parts)
    return example.SerializeToString(deterministic=True)


class Executor(base_beam_executor.BaseBeamExecutor):
    """Reads, checks and writes the documents."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes Split-NAME/ with gzipped TFRecords, beside them rows.json, the files of `corpus_statistics` and
        `data_hash` and, if there are bad lines, quarantine.tsv.

        Raises:
            InputError: a file that cannot be read or that changed meanwhile, a bad line, or too many of them in
                quarantine.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        corpus = _corpus(exec_properties)
        # Kubeflow knows no drivers.
        before = exec_properties.get("input_files") or fingerprints(corpus)
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        declare(examples, corpus.splits, span=0)
        output = Path(examples.uri)
        files = [path for _, path in find_files(corpus)]
        names = list(map(str, files))
        size = sum(path.stat().st_size for path in files)
        with progress.progress(size), self._make_beam_pipeline() as pipeline:
            outputs = (
                pipeline
                | "Files" >> beam.Create(names)
                | "ReadDocuments" >> beam.ParDo(_ReadFile(corpus, str(output))).with_outputs(*LINES, *corpus.splits)
            )
            write_by_beam(outputs, examples)
        if before != fingerprints(corpus):
            # Files may have come, too.
            raise changed(", ".join(names))
        read = json.loads(before)
        data_hash.write(output, data_hash.of_files((split, sha256) for split, _, sha256 in read))
        counts = sorted(take_lines(output / "counts"), key=lambda count: names.index(count["file"]))
        corpus_statistics.write(output, [(count["file"], count.pop("statistics")) for count in counts])
        row_counts.write(output, counts, dict(zip(names, (sha256 for _, _, sha256 in read), strict=True)))
        writer.enforce_bad_row_policy(
            output, corpus, (tsv.BadRow(*fields) for fields in take_lines(output / "bad")), counts
        )


class Driver(base_driver.BaseDriver):
    """Puts the sha256 of every input file into the node's cache key: equal bytes are not read twice."""

    def run(self, execution_info: Any) -> driver_output_pb2.DriverOutput:
        """Called by the launcher before it looks into its cache."""
        output = driver_output_pb2.DriverOutput()
        found = fingerprints(_corpus(execution_info.exec_properties))
        output.exec_properties["input_files"].string_value = found
        return output


def _corpus(exec_properties: dict[str, Any]) -> Corpus:
    """The settings, with the paths that there are now."""
    return load(Corpus, exec_properties["corpus"]).under(exec_properties["data_path"])


class CorpusExampleGenSpec(component_spec.ComponentSpec):
    """The component's contract."""

    PARAMETERS = {  # noqa: RUF012
        "corpus": component_spec.ExecutionParameter(type=str),
        "data_path": component_spec.ExecutionParameter(type=str),
        "source": component_spec.ExecutionParameter(type=str),
    }
    INPUTS: dict[str, component_spec.ChannelParameter] = {}  # noqa: RUF012
    OUTPUTS = {  # noqa: RUF012
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
    }


class CorpusExampleGen(base_beam_component.BaseBeamComponent):
    """Documents in, Examples out: the feature `sentences` of each.

    Args:
        corpus: settings of the files and how they are cut.
        data_path: directory that relative paths of these are taken from; known now, or once the node runs.
        source: hash of the code behind the component, for the cache key.
    """

    SPEC_CLASS = CorpusExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(self, corpus: Corpus, data_path: str | RuntimeParameter, source: str) -> None:
        examples = types.Channel(type=standard_artifacts.Examples)
        spec = CorpusExampleGenSpec(corpus=dump(corpus), data_path=data_path, source=source, examples=examples)
        super().__init__(spec=spec)
