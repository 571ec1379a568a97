import hashlib
import json
from pathlib import Path
from typing import Any

from pipeline.config.preflight import check_any
from pipeline.dag import description
from pipeline.runs import manifest
from pipeline.runs.cache_key import libraries, source_hash
from pipeline.runs.paths import PipelinePaths
from tests.toys import write_toy_corpus, write_toy_pretraining, write_toy_run


def compiled(config: Path, root: Path) -> dict[str, set[str]]:
    """Node id -> upstream nodes, as TFX compiles the pipeline."""
    from tfx.dsl.compiler import compiler

    from pipeline.dag.build import build_pipeline

    checked = check_any(config)
    ir = compiler.Compiler().compile(
        build_pipeline(checked, PipelinePaths.of(checked.run, root), manifest.collect(checked, "1", ""))
    )
    return {n.pipeline_node.node_info.id: set(n.pipeline_node.upstream_nodes) for n in ir.nodes}


def drawn(config: Path) -> dict[str, set[str]]:
    return {node.id: set(node.upstream) for node in description.nodes(check_any(config).run)}


def test_the_dag_that_is_shown_is_the_dag_that_runs(tmp_path: Path) -> None:
    config = write_toy_run(tmp_path, serving={"validate": True}, calibration={"enabled": True})
    assert drawn(config) == compiled(config, tmp_path)


def test_what_is_switched_off_is_not_in_the_dag(tmp_path: Path) -> None:
    config = write_toy_run(tmp_path, serving={"validate": False})
    assert drawn(config) == compiled(config, tmp_path)
    assert not {"Calibration", "ServingValidator"} & set(drawn(config))
    assert drawn(config)["Pusher"] == {"Trainer", "Evaluator"}


def test_a_reviewed_schema_replaces_the_inferred_one(tmp_path: Path) -> None:
    (tmp_path / "schema.pbtxt").write_text('feature { name: "text" type: BYTES }')
    config = write_toy_run(tmp_path, validation={"schema_file": "schema.pbtxt"})
    nodes = drawn(config)
    assert nodes == compiled(config, tmp_path)
    assert "ImportSchemaGen" in nodes
    assert "SchemaGen" not in nodes


def test_without_a_test_split_only_dev_is_measured(tmp_path: Path) -> None:
    config = write_toy_run(tmp_path, without_test=True)
    assert drawn(config) == compiled(config, tmp_path)
    assert "Evaluator.test" not in drawn(config)


NODES = "components.nodes"

SOURCE_PARAMETER = {
    "TsvExampleGen": f"{NODES}.example_gen",
    "StatisticsGen": f"{NODES}.statistics_gen",
    "SchemaGen": f"{NODES}.schema_gen",
    "ExampleValidator": f"{NODES}.example_validator",
    "Predecessor": f"{NODES}.baseline",
    "DriftValidator": f"{NODES}.drift_validator",
    "Calibration": f"{NODES}.calibration",
    "ServingValidator": f"{NODES}.serving_validator",
    "Baseline": f"{NODES}.baseline",
    "Evaluator": f"{NODES}.evaluator",
    "Evaluator.test": f"{NODES}.evaluator",
}
"""Node -> the module of its code, whose hash is the parameter `source`."""

SOURCE_IN_CUSTOM_CONFIG = {
    "Transform": [f"{NODES}.transform", f"{NODES}.preprocessing"],
    "Trainer": [f"{NODES}.trainer"],
    "Pusher": [f"{NODES}.pusher"],
}
"""Node of TFX's -> the modules behind it, whose hashes are `source` in `custom_config`."""


def parameters(config: Path, root: Path) -> dict[str, dict[str, str]]:
    """Node id -> its parameters that are strings, of the pipeline as TFX compiles it."""
    from tfx.dsl.compiler import compiler

    from pipeline.dag.build import build_pipeline

    checked = check_any(config)
    ir = compiler.Compiler().compile(
        build_pipeline(checked, PipelinePaths.of(checked.run, root), manifest.collect(checked, "1", ""))
    )
    return {
        node.node_info.id: {name: value.field_value.string_value for name, value in node.parameters.parameters.items()}
        for node in (n.pipeline_node for n in ir.nodes)
    }


def test_the_cache_key_of_every_node_holds_the_hash_of_its_code(tmp_path: Path) -> None:
    added: dict[str, Any] = {"serving": {"validate": True}, "calibration": {"enabled": True}}
    found = parameters(write_toy_run(tmp_path, **added), tmp_path)
    assert {node: found[node].pop("source") for node in SOURCE_PARAMETER} == {
        node: source_hash(module) for node, module in SOURCE_PARAMETER.items()
    }
    assert {node: json.loads(found[node]["custom_config"])["source"] for node in SOURCE_IN_CUSTOM_CONFIG} == {
        node: "".join(map(source_hash, modules)) for node, modules in SOURCE_IN_CUSTOM_CONFIG.items()
    }
    assert set(found) == {*SOURCE_PARAMETER, *SOURCE_IN_CUSTOM_CONFIG}
    assert [node for node, given in found.items() if "source" in given] == []


def test_the_cache_key_of_a_reviewed_schema_holds_its_content(tmp_path: Path) -> None:
    schema = tmp_path / "schema.pbtxt"
    schema.write_text('feature { name: "text" type: BYTES }')
    found = parameters(write_toy_run(tmp_path, validation={"schema_file": "schema.pbtxt"}), tmp_path)
    digest = hashlib.sha256(schema.read_bytes()).hexdigest()
    assert found["ImportSchemaGen"]["source"] == digest + libraries()


def test_which_values_of_a_column_are_measured_apart_counts_for_the_evaluator_alone(tmp_path: Path) -> None:
    rows = {"columns": 3, "slices": [3]}
    write_toy_run(tmp_path)
    for split in ("train", "dev", "test"):
        file = tmp_path / f"{split}.txt"
        file.write_text("".join(f"{line}\tDE\n" for line in file.read_text().splitlines()))
    first = parameters(write_toy_run(tmp_path, keep_data=True, data=rows), tmp_path)
    told = rows | {"slice_values": {"3": ["DE"]}, "max_slice_values": 7}
    then = parameters(write_toy_run(tmp_path, keep_data=True, data=told), tmp_path)
    assert [node for node in first if first[node] != then[node]] == ["Evaluator", "Evaluator.test"]


def test_a_second_version_to_compare_with_is_a_node_of_its_own(tmp_path: Path) -> None:
    config = write_toy_run(tmp_path, gate={"anchor": "best", "anchor_no_worse": {"accuracy": 0.1}})
    nodes = drawn(config)
    assert nodes == compiled(config, tmp_path)
    assert nodes["Evaluator"] - drawn(write_toy_run(tmp_path))["Evaluator"] == {"Anchor"}


OF_VOCABULARY = {
    "CorpusExampleGen": f"{NODES}.corpus_example_gen",
    "CorpusValidator": f"{NODES}.corpus_validator",
    "WordCounter": f"{NODES}.word_counter",
    "VocabularyLearner": f"{NODES}.vocabulary_learner",
    "VocabularyEvaluator": f"{NODES}.vocabulary_evaluator",
}
"""The same of a run that learns a vocabulary."""


OF_PRETRAINING = {
    "CorpusExampleGen": f"{NODES}.corpus_example_gen",
    "CorpusValidator": f"{NODES}.corpus_validator",
    "PretrainingEvaluator": f"{NODES}.pretraining_evaluator",
}
"""Of one that pre-trains, but for what TFX's own components have in `custom_config`."""


def test_a_pre_training_s_nodes_are_those_that_are_shown_each_with_the_hash_of_its_code(tmp_path: Path) -> None:
    config = write_toy_pretraining(tmp_path / "corpus")
    assert drawn(config) == compiled(config, tmp_path)
    found = parameters(config, tmp_path)
    assert {node: found[node]["source"] for node in OF_PRETRAINING} == {
        node: source_hash(module) for node, module in OF_PRETRAINING.items()
    }
    of_tfx = {node: json.loads(found[node]["custom_config"])["source"] for node in ("Pretrainer", "Pusher")}
    assert of_tfx == {node: source_hash(f"{NODES}.{node.lower()}") for node in of_tfx}
    assert set(found) == {*OF_PRETRAINING, *of_tfx}


def test_how_a_model_learns_counts_for_the_evaluator_where_it_is_measured_by_it(tmp_path: Path) -> None:
    first = parameters(write_toy_pretraining(tmp_path), tmp_path)
    then = parameters(write_toy_pretraining(tmp_path, training={"learning_rate": 0.02}), tmp_path)
    assert [node for node in first if first[node] != then[node]] == ["Pretrainer"]
    then = parameters(write_toy_pretraining(tmp_path, training={"masked_share": 0.2}), tmp_path)
    assert [node for node in first if first[node] != then[node]] == ["Pretrainer", "PretrainingEvaluator"]


def test_a_vocabulary_s_nodes_are_those_that_are_shown_each_with_the_hash_of_its_code(tmp_path: Path) -> None:
    config = write_toy_corpus(tmp_path / "corpus")
    assert drawn(config) == compiled(config, tmp_path)
    found = parameters(config, tmp_path)
    assert {node: found[node]["source"] for node in OF_VOCABULARY} == {
        node: source_hash(module) for node, module in OF_VOCABULARY.items()
    }
    assert json.loads(found["Pusher"]["custom_config"])["source"] == source_hash(f"{NODES}.pusher")
    assert set(found) == {*OF_VOCABULARY, "Pusher"}


def test_a_limit_of_the_corpus_counts_for_the_validator_alone_and_the_reference_for_the_evaluator(
    tmp_path: Path,
) -> None:
    first = parameters(write_toy_corpus(tmp_path), tmp_path)
    corpus = {"max_duplicate_share": 0.5, "max_long_share": 0.5, "max_control_share": 0.5}
    then = parameters(write_toy_corpus(tmp_path, corpus=corpus), tmp_path)
    assert [node for node in first if first[node] != then[node]] == ["CorpusValidator"]
    (tmp_path / "model" / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    then = parameters(write_toy_corpus(tmp_path), tmp_path)
    assert [node for node in first if first[node] != then[node]] == ["VocabularyEvaluator"]
