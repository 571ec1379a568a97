"""What `export --runner kubeflow` writes, and whole pipelines of it, container by container, beside the local run."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import pipeline_runner
from components.common.errors import InputError
from components.export.card import read_card
from components.pretrained import hub
from components.serving.versions import versions
from components.settings.schedulers import Kubeflow
from pipeline.runners import kubeflow_spec
from tests.checkout import ROOT
from tests.kfp_harness import Cluster, Outputs, TaskError, read
from tests.pipeline.commands.test_run_tasks import write_run
from tests.toys import write_toy_run

SDK = ROOT / ".venv-kfp" / "bin" / "python"

LEARNS = {"epochs": 12, "learning_rate": 0.02}

GATE = {"min": {"accuracy": 0.7}}

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
    return output / "toy.yaml"


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


# From here on the tests build on each other, from top to bottom: pipelines are run.
Local = Callable[[Path], tuple[int, dict[str, Any]]]


@pytest.fixture
def local(root: Path, capfd: pytest.CaptureFixture[str]) -> Local:
    """Runs a config on this machine: exit status and record."""

    def run(config: Path) -> tuple[int, dict[str, Any]]:
        capfd.readouterr()
        status = pipeline_runner.main(
            ["run", "--config", str(config), "--root", str(root / config.parent.name), "--json"]
        )
        return status, json.loads(capfd.readouterr().out)

    return run


def moved(config: Path, folder: Path, rows: Path) -> None:
    """Puts what a run needs where containers find it, the data apart from the rest, and away from where it was."""
    for place in (folder, rows):
        place.mkdir(exist_ok=True)
    shutil.copytree(config.parent / "model", folder / "model")
    for file in config.parent.glob("*.t[xs][tv]"):
        shutil.move(file, rows)
    config.parent.rename(config.parent.with_name(f"{config.parent.name}-gone"))


def summary(cluster: Cluster, outputs: Outputs) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((cluster.path(outputs["evaluation"]) / "summary.json").read_text())
    return found


def same_as_local(pushed: Path, record: dict[str, Any], evaluations: dict[str, dict[str, Any]]) -> None:
    """Weights, card and metrics, to the last bit."""
    ours, theirs = read_card(pushed), read_card(Path(record["pushed"]))
    assert ours["weights_sha256"] == theirs["weights_sha256"]
    assert {**ours, "run": 0, "base_model": 0} == {**theirs, "run": 0, "base_model": 0}
    for split, found in evaluations.items():
        assert found["metrics"] == record["evaluations"][split]["metrics"], split


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    return Cluster(tmp_path_factory.mktemp("cluster"))


@pytest.fixture(scope="module")
def first(folder: Path) -> dict[str, Any]:
    """What the tests hand on: the spec of the run, its data and the outputs of its tasks."""
    return {"rows": folder / "rows", "mounted": folder / "mounted"}


@pytest.mark.slow
def test_a_classifier_is_pushed_that_is_the_local_run_s_to_the_last_bit(
    folder: Path, cluster: Cluster, first: dict[str, Any], local: Local, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "first").mkdir()
    config = write_toy_run(folder / "first", training=LEARNS, gate=GATE, kubeflow=settings(first["mounted"]))
    status, record = local(config)
    assert status == 0
    first["spec"] = read(exported(config, folder / "first-spec"))
    # The next run: another seed, and a gate that nothing passes.
    gate = {"min": {"accuracy": 0.7}, "max": {"loss": 0.0}}
    config = write_toy_run(
        folder / "first", keep_data=True, training=LEARNS | {"seed": 2}, gate=gate, kubeflow=settings(first["mounted"])
    )
    first["refused spec"] = read(exported(config, folder / "refused-spec"))
    first["refused"] = local(config)
    moved(config, first["mounted"], first["rows"])

    first["outputs"] = cluster.run(first["spec"], {"data_path": str(first["rows"]), "run_name": "monday"})

    assert sorted(first["outputs"]) == NODES
    serving = first["mounted"] / "toy" / "serving" / "toy"
    (version,) = versions(serving)
    capfd.readouterr()
    assert pipeline_runner.main(["versions", "--root", str(first["mounted"]), "--name", "toy", "--json"]) == 0
    (listed,) = json.loads(capfd.readouterr().out)
    assert (listed["number"], listed["state"], listed["run"]) == (version, "in production", "monday")
    evaluations = {
        split: summary(cluster, first["outputs"][task])
        for split, task in (("dev", "evaluator"), ("test", "evaluator-test"))
    }
    same_as_local(serving / str(version), record, evaluations)
    pushed = first["outputs"]["pusher"]["pushed_model"]
    assert pushed.metadata["pushed_destination"] == str(serving / str(version))
    assert pushed.uri.startswith("minio://mlpipeline/bert/")


@pytest.mark.slow
def test_the_next_run_finds_the_first_in_production_and_a_refused_gate_pushes_nothing(
    cluster: Cluster, first: dict[str, Any]
) -> None:
    serving = first["mounted"] / "toy" / "serving" / "toy"
    before = versions(serving)
    done = {name: made for name, made in first["outputs"].items() if name not in ("trainer", "baseline", "evaluator")}
    del done["pusher"]
    outputs = cluster.run(first["refused spec"], {"data_path": str(first["rows"])}, done)
    found = summary(cluster, outputs["evaluator"])
    assert found["blessed"] is False
    assert found["baseline_version"] == str(before[0])
    assert set(found["metrics"]) == {"candidate", "baseline"}
    status, record = first["refused"]
    assert status == 3
    assert found["metrics"] == record["evaluations"]["dev"]["metrics"]
    assert found["reasons"] == record["evaluations"]["dev"]["reasons"]
    assert versions(serving) == before
    assert outputs["pusher"]["pushed_model"].metadata["pushed"] == 0


@pytest.mark.slow
def test_a_spec_with_a_wrong_parameter_fails(cluster: Cluster, first: dict[str, Any]) -> None:
    given = {"data_path": str(first["rows"])}
    spec = type(first["spec"])()
    spec.CopyFrom(first["spec"])
    parameters = spec.root.dag.tasks["tsv-example-gen"].inputs.parameters
    data = json.loads(parameters["data"].runtime_value.constant.string_value)
    parameters["data"].runtime_value.constant.string_value = json.dumps({**data, "label": 3})
    with pytest.raises(TaskError) as caught:
        cluster.run(spec, given)
    assert (caught.value.task, caught.value.status) == ("tsv-example-gen", 2)
    assert caught.value.why.splitlines()[-1] == (
        f"error: {first['rows']}/train.txt: train holds no label, at least 2 are needed. Add rows of another class, or "
        "correct data.label."
    )
    assert "Traceback" not in caught.value.why

    parameters["data"].component_input_parameter = "data_pat"
    with pytest.raises(TaskError, match="tsv-example-gen: no parameter data_pat"):
        cluster.run(spec, given)
    with pytest.raises(TaskError, match="root: no parameter data_pat"):
        cluster.run(first["spec"], {"data_pat": "/"})


@pytest.mark.slow
def test_a_tagger_is_pushed_that_is_the_local_run_s_to_the_last_bit(
    folder: Path, cluster: Cluster, local: Local
) -> None:
    (folder / "tagging").mkdir()
    config = write_run(folder / "tagging", "tagging")
    mounted = folder / "mounted-tagging"
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings(mounted).items()]
    config.write_text(config.read_text() + "\n".join(["", "[kubeflow]", *lines, ""]))
    status, record = local(config)
    assert status == 0
    spec = read(exported(config, folder / "tagging-spec"))
    # The data where the parameter's default has it.
    moved(config, mounted, mounted)
    outputs = cluster.run(spec, {})
    serving = mounted / "toy" / "serving" / "toy"
    (version,) = versions(serving)
    assert "run" not in read_card(serving / str(version))
    same_as_local(serving / str(version), record, {"dev": summary(cluster, outputs["evaluator"])})
