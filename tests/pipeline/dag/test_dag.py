from pathlib import Path

from pipeline.config.preflight import check
from pipeline.dag import description
from pipeline.runs import manifest
from pipeline.runs.paths import PipelinePaths
from tests.toys import write_toy_run


def compiled(config: Path, root: Path) -> dict[str, set[str]]:
    """Node id -> upstream nodes, as TFX compiles the pipeline."""
    from tfx.dsl.compiler import compiler

    from pipeline.dag.build import build_pipeline

    checked = check(config)
    ir = compiler.Compiler().compile(
        build_pipeline(checked, PipelinePaths.of(checked.run, root), manifest.collect(checked, "1", ""))
    )
    return {n.pipeline_node.node_info.id: set(n.pipeline_node.upstream_nodes) for n in ir.nodes}


def drawn(config: Path) -> dict[str, set[str]]:
    return {node.id: set(node.upstream) for node in description.nodes(check(config).run)}


def test_the_dag_that_is_shown_is_the_dag_that_runs(tmp_path: Path) -> None:
    config = write_toy_run(tmp_path)
    assert drawn(config) == compiled(config, tmp_path)


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


def test_every_node_is_told_the_hash_of_what_it_runs(tmp_path: Path) -> None:
    from tfx.dsl.compiler import compiler

    from pipeline.dag.build import build_pipeline

    checked = check(write_toy_run(tmp_path))
    ir = compiler.Compiler().compile(
        build_pipeline(checked, PipelinePaths.of(checked.run, tmp_path), manifest.collect(checked, "1", ""))
    )
    for node in (n.pipeline_node for n in ir.nodes):
        assert "source" in str(node.parameters), node.node_info.id
