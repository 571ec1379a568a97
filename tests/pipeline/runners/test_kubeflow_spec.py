"""What `export --runner kubeflow` writes: `test_kubeflow_runs.py` runs it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import pipeline_runner
from components.common.errors import InputError
from components.pretrained import hub
from components.settings.kubeflow import Kubeflow
from pipeline.runners import kubeflow_spec
from tests.checkout import ROOT
from tests.kfp_harness import read
from tests.toys import write_toy_run

SDK = ROOT / ".venv-kfp" / "bin" / "python"

NODES = [
    "baseline", "drift-validator", "evaluator", "evaluator-test", "example-validator", "predecessor", "pusher",
    "schema-gen", "statistics-gen", "trainer", "transform", "tsv-example-gen",
]  # fmt: skip

LOAD = """
import json, sys
from kfp import components
loaded = components.load_component_from_file(sys.argv[1])
mounted = loaded.platform_spec.platforms["kubernetes"].deployment_spec.executors
parameters = {name: given.default for name, given in loaded.component_spec.inputs.items()}
print(json.dumps([loaded.name, parameters, sorted(mounted)]))
"""


def settings(folder: Path, **more: object) -> dict[str, object]:
    return {"image": "registry.example/bert@sha256:0", "root": "minio://mlpipeline/bert", "folder": str(folder), **more}


def exported(config: Path, output: Path) -> Path:
    assert (
        pipeline_runner.main(["export", "--runner", "kubeflow", "--config", str(config), "--output", str(output)]) == 0
    )
    (written,) = output.glob("*.yaml")
    return written


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of a run with all settings."""
    folder = tmp_path_factory.mktemp("exported")
    more = {
        "volume": "toys",
        "mount": "/mnt",
        "cpu": {"default": 1, "Trainer": 2.5},
        "memory": {"Trainer": "512Mi"},
        "gpus": 1,
    }
    return exported(write_toy_run(folder, kubeflow=settings(Path("/mnt/toy"), **more)), folder / "kubeflow")


@pytest.fixture(scope="module")
def documents(written: Path) -> list[Any]:
    return list(yaml.safe_load_all(written.read_text()))


def test_a_task_a_node_and_each_a_container(documents: list[Any]) -> None:
    spec = documents[0]
    assert spec["schemaVersion"] == "2.1.0"
    assert spec["defaultPipelineRoot"] == "minio://mlpipeline/bert"
    assert sorted(spec["root"]["dag"]["tasks"]) == NODES
    executors = spec["deploymentSpec"]["executors"]
    assert sorted(executors) == [f"exec-{node}" for node in NODES]
    assert {next(iter(executor)) for executor in executors.values()} == {"container"}
    assert {executor["container"]["image"] for executor in executors.values()} == {"registry.example/bert@sha256:0"}
    assert not any(task.get("cachingOptions") for task in spec["root"]["dag"]["tasks"].values())


def test_the_spec_is_one_to_kfp_s_own_proto(written: Path) -> None:
    assert read(written).pipeline_info.name == "toy"


def test_kfp_s_sdk_loads_it(written: Path) -> None:
    if not SDK.exists():
        pytest.skip("no SDK of Kubeflow's here: `make kubeflow` installs it")
    command = [str(SDK), "-W", "ignore", "-c", LOAD, str(written)]
    without = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, env=without, capture_output=True, text=True, check=True)
    parameters = {"data_path": "/mnt/toy", "run_name": ""}
    assert json.loads(done.stdout) == ["toy", parameters, [f"exec-{node}" for node in NODES]]


def test_each_node_asks_for_what_the_settings_say_and_the_trainer_for_the_gpu(documents: list[Any]) -> None:
    executors = documents[0]["deploymentSpec"]["executors"]
    resources = {name: executor["container"]["resources"] for name, executor in executors.items()}
    assert resources.pop("exec-trainer") == {
        "cpuRequest": 2.5,
        "resourceCpuRequest": "2.5",
        "memoryRequest": 0.536870912,
        "memoryLimit": 0.536870912,
        "resourceMemoryRequest": "512Mi",
        "resourceMemoryLimit": "512Mi",
        "accelerator": {
            "type": "nvidia.com/gpu",
            "count": "1",
            "resourceType": "nvidia.com/gpu",
            "resourceCount": "1",
        },
    }
    assert all(found == {"cpuRequest": 1.0, "resourceCpuRequest": "1"} for found in resources.values())


def test_the_claim_is_mounted_in_every_container(documents: list[Any]) -> None:
    executors = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert sorted(executors) == [f"exec-{node}" for node in NODES]
    (claim,) = executors["exec-trainer"]["pvcMount"]
    assert (claim["constant"], claim["mountPath"]) == ("toys", "/mnt")


def test_no_path_of_the_machine_that_exported_is_in_it(written: Path) -> None:
    text = written.read_text()
    assert str(written.parents[1]) not in text
    assert "/mnt/toy/model" in text
    assert "/mnt/toy/toy/serving/toy" in text


def of_nodes(*nodes: Any) -> Any:
    from tfx.orchestration.pipeline import Pipeline

    return Pipeline(pipeline_name="toy", pipeline_root="nowhere", components=list(nodes))


def refused(pipeline: Any) -> str:
    with pytest.raises(InputError) as caught:
        kubeflow_spec.compiled(pipeline, Kubeflow(image="image", root="gs://bucket"), {})
    return str(caught.value)


def test_a_resolver_is_refused_with_the_way_out() -> None:
    from tfx.dsl.components.common.resolver import Resolver
    from tfx.dsl.input_resolution.strategies.latest_artifact_strategy import LatestArtifactStrategy
    from tfx.types import Channel, standard_artifacts

    node = Resolver(strategy_class=LatestArtifactStrategy, model=Channel(type=standard_artifacts.Model))
    assert refused(of_nodes(node.with_id("newest"))) == (
        "newest: a Resolver, which open-source Kubeflow does not run. "
        "Let a component find the artifact, as components.nodes.baseline does."
    )


def test_a_condition_on_a_value_is_refused_with_the_way_out() -> None:
    from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
    from tfx.components.statistics_gen.component import StatisticsGen
    from tfx.dsl.experimental.conditionals.conditional import Cond
    from tfx.types import Channel, standard_artifacts

    first = ImportSchemaGen(schema_file="schema.pbtxt")
    with Cond(first.outputs["schema"].future()[0].uri != "nowhere"):
        second = StatisticsGen(examples=Channel(type=standard_artifacts.Examples))
    assert refused(of_nodes(first, second)) == (
        "StatisticsGen: runs under a condition on a value, which open-source Kubeflow cannot compute. "
        "Let the node look at its input and decide, as components.nodes.pusher does."
    )


def test_an_example_gen_of_tfx_s_is_refused_with_the_way_out() -> None:
    from tfx.components.example_gen.csv_example_gen.component import CsvExampleGen

    assert refused(of_nodes(CsvExampleGen(input_base="span-{SPAN}"))) == (
        "CsvExampleGen: looks for its span in a hook that open-source Kubeflow ignores. "
        "Use components.nodes.example_gen, which looks when it runs."
    )


def test_a_base_model_of_the_hub_is_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(hub, "resolve", lambda _: tmp_path / "model")
    config = write_toy_run(tmp_path, model={"base": "hf://google/toy"}, kubeflow=settings(Path("/mnt/toy")))
    command = ["export", "--runner", "kubeflow", "--config", str(config), "--output", str(tmp_path / "out")]
    assert pipeline_runner.main(command) == 2
    assert capsys.readouterr().err == (
        f"error: {config}:12: `model.base` is hf://google/toy, which every container would fetch anew. Put its files, "
        f"which are in {tmp_path}/model, below the TOML's directory and name theirs.\n"
    )
    assert not (tmp_path / "out").exists()
