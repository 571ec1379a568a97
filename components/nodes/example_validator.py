"""ExampleValidator that stops the run: TFX's only writes its report down.

It also counts how the texts fit the tokenizer: what StatisticsGen cannot know of them.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx import types
from tfx.components.example_validator import executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts

from components import tasks
from components.common import feature_names
from components.common.errors import InputError
from components.examples import token_counts
from components.leakage import duplicates, row_hashes
from components.rows import text_statistics
from components.rows.row_counts import row_counts, rows_by_file
from components.settings.data import GATE
from components.settings.serialization import dump, load
from components.settings.validation import Validation
from components.tasks.generation.task import Generation
from components.tokenization.tokenizer_files import read_tokenizer
from components.tokenization.vocabulary import Tokenizer

_ANOMALIES_FILE = "SchemaDiff.pb"

_WITHOUT_ROWS = "SPLIT_WITHOUT_ROWS"


class Executor(executor.Executor):
    """TFX's comparison of statistics with the schema; ours of rows with splits and classes, of texts with limits."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the anomalies of each split, and beside them its duplicates and the statistics of its texts.

        Raises:
            InputError: an anomaly that `allow_anomalies` does not list, a share of rows with equal texts beyond its
                limit, or one of words or rows that the model loses; all of a kind are named.
        """
        super().Do(input_dict, output_dict, {**exec_properties, "exclude_splits": "null"})
        anomalies = artifact_utils.get_single_instance(output_dict["anomalies"])
        examples = artifact_utils.get_single_uri(input_dict["examples"])
        found = [
            *_of_schema(anomalies),
            *_of_rows(Path(examples), artifact_utils.decode_split_names(anomalies.split_names)),
        ]
        # Nothing can be trained, chosen or gated without rows, so these cannot be allowed.
        needed = {f"{split}:rows:{_WITHOUT_ROWS}" for split in ("train", "dev", GATE)}
        limits = load(Validation, exec_properties["validation"])
        allowed = set(limits.allow_anomalies)
        refused = [(name, why) for name, why in found if name in needed or not {name, name.split(":", 1)[1]} & allowed]
        if refused:
            listed = "".join(f"\n  {name}: {why[:200].strip(' .')}" for name, why in refused)
            names = list(dict.fromkeys(name for name, _ in refused if name not in needed))
            accept = f", or accept it with validation.allow_anomalies = {json.dumps(names)}" if names else ""
            count = f"{len(refused)} anomal{'y' if len(refused) == 1 else 'ies'} in the data"
            raise InputError("ExampleValidator", count + listed, f"\nCorrect the data{accept}")
        found_twice = duplicates.count(
            {split: row_hashes.read(Path(examples), split) for split in _splits(input_dict["examples"])}
        )
        files = list(rows_by_file(Path(examples)))
        duplicates.refuse(found_twice, files, limits, "ExampleValidator")
        texts = _of_texts(input_dict["examples"], exec_properties)
        if over := text_statistics.beyond(texts, limits):
            listed = "".join(f"\n  {line}" for line in over)
            remedy = "\nCorrect the data, take another base model or model.max_length, or raise the limit"
            raise InputError("ExampleValidator", f"the texts do not fit the tokenizer{listed}", remedy)
        for warning in (*duplicates.warnings(found_twice, files), *text_statistics.warnings(texts)):
            # Where no run's line will say it, as in a container of Kubeflow's.
            logging.getLogger(__name__).warning(warning)
        duplicates.write(Path(anomalies.uri), found_twice)
        text_statistics.write(Path(anomalies.uri), texts)


def _of_texts(
    examples: list[types.Artifact], exec_properties: dict[str, Any]
) -> dict[str, text_statistics.TextStatistics]:
    """Split -> the statistics of its texts, of splits with rows."""
    task = tasks.read(artifact_utils.get_single_uri(examples))
    parses = exec_properties["control_tokens"] == "parse"
    tokenizer = read_tokenizer(Path(exec_properties["base_model"]), parses_control_tokens=parses)
    found = {}
    for split in _splits(examples):
        directory = Path(artifact_utils.get_split_uri(examples, split))
        if (texts := token_counts.of_examples(directory, task, tokenizer, exec_properties["max_tokens"])) is not None:
            found[split] = texts if not isinstance(task, Generation) else _of_targets(texts, directory, task, tokenizer)
    return found


def _of_targets(
    texts: text_statistics.TextStatistics, directory: Path, task: Generation, tokenizer: Tokenizer
) -> text_statistics.TextStatistics:
    """The same with the share of targets that are cut.

    Raises:
        InputError: some would be, and are to be refused.
    """
    found = token_counts.long_targets(directory, task, tokenizer, task.target_length)
    if found.long and not task.cuts_targets:
        what = (
            f"{found.long:,} of {found.rows:,} targets have more than data.target_length, {task.target_length} tokens"
        )
        remedy = 'Shorten them, raise data.target_length, or set data.long_targets = "cut"'
        raise InputError("ExampleValidator", f"{directory.name}: {what}, the first: {found.first[:80]!r}", remedy)
    return dataclasses.replace(texts, cut_targets_share=found.long / found.rows)


def _splits(examples: list[types.Artifact]) -> list[str]:
    return list(artifact_utils.decode_split_names(artifact_utils.get_single_instance(examples).split_names))


def _of_schema(artifact: types.Artifact) -> list[tuple[str, str]]:
    """(SPLIT:FEATURE:ANOMALY, explanation) of what TensorFlow Data Validation found."""
    found = []
    for split in artifact_utils.decode_split_names(artifact.split_names):
        report = anomalies_pb2.Anomalies()
        path = Path(artifact_utils.get_split_uri([artifact], split), _ANOMALIES_FILE)
        report.ParseFromString(path.read_bytes())
        if report.HasField("dataset_anomaly_info"):
            found += _reasons(split, "dataset", report.dataset_anomaly_info)
        for feature, info in sorted(report.anomaly_info.items()):
            found += _reasons(split, feature, info)
    return found


def _reasons(split: str, feature: str, info: anomalies_pb2.AnomalyInfo) -> list[tuple[str, str]]:
    kinds = anomalies_pb2.AnomalyInfo.Type
    return [(f"{split}:{feature}:{kinds.Name(reason.type)}", reason.description) for reason in info.reason]


def _of_rows(examples: Path, splits: list[str]) -> list[tuple[str, str]]:
    """The same of what no schema says: a split without rows, a class that train does not show."""
    rows = row_counts(examples)
    found = [
        (f"{split}:rows:{_WITHOUT_ROWS}", "the split has no rows")
        for split in splits
        if not any(name == split for name, _ in rows)
    ]
    task = tasks.read(examples)
    shown = {name for split, label in rows if split == "train" for name in task.label_names(label)}
    missing = [label for label in task.labels if label not in shown]
    found += [
        (f"train:{feature_names.LABEL}:CLASS_WITHOUT_ROWS", f"no row of class {label!r} in train") for label in missing
    ]
    return found


class ExampleValidatorSpec(component_spec.ComponentSpec):
    """The component's contract."""

    PARAMETERS = {  # noqa: RUF012
        "validation": component_spec.ExecutionParameter(type=str),
        "base_model": component_spec.ExecutionParameter(type=str),
        "base_model_sha256": component_spec.ExecutionParameter(type=str),
        "max_tokens": component_spec.ExecutionParameter(type=int),
        "control_tokens": component_spec.ExecutionParameter(type=str),
        "source": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "statistics": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "schema": component_spec.ChannelParameter(type=standard_artifacts.Schema),
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
    }
    OUTPUTS = {  # noqa: RUF012
        "anomalies": component_spec.ChannelParameter(type=standard_artifacts.ExampleAnomalies),
    }


class ExampleValidator(base_component.BaseComponent):
    """Compares each split with the schema and with what the tokenizer makes of it, and stops the run at an anomaly.

    Args:
        statistics: channel of ExampleStatistics.
        schema: channel of Schema.
        examples: channel of Examples, for their texts and the counts of rows beside them.
        validation: anomalies that are allowed, and how many words and rows may be lost on the model.
        base_model: directory of the base model, whose tokenizer it is.
        base_model_sha256: file -> sha256 of what is there, for the cache key.
        max_tokens: of a row that the model sees.
        control_tokens: `model.control_tokens`.
        source: hash of the code behind the component, for the cache key.
    """

    SPEC_CLASS = ExampleValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        statistics: types.BaseChannel,
        schema: types.BaseChannel,
        examples: types.BaseChannel,
        validation: Validation,
        base_model: str,
        base_model_sha256: dict[str, str],
        max_tokens: int,
        control_tokens: str,
        source: str,
    ) -> None:
        spec = ExampleValidatorSpec(
            statistics=statistics,
            schema=schema,
            examples=examples,
            validation=dump(dataclasses.replace(validation, schema_file=None)),
            base_model=base_model,
            base_model_sha256=json.dumps(base_model_sha256),
            max_tokens=max_tokens,
            control_tokens=control_tokens,
            source=source,
            anomalies=types.Channel(type=standard_artifacts.ExampleAnomalies),
        )
        super().__init__(spec=spec)
