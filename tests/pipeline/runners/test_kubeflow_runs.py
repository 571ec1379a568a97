"""Whole pipelines that `export --runner kubeflow` wrote, container by container, beside the local run.

Three tasks have their local runs here; those that answer by texts go on: as steps, made again, pruned.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import pipeline_runner
from components.export import saved_weights
from components.export.card import read_card
from components.rows import row_counts
from components.serving.versions import versions
from pipeline.runs import manifest, record
from pipeline.runs.record import RunRecord
from tests.commands import python
from tests.google_form import as_google
from tests.kfp_harness import Cluster, Outputs, TaskError, read
from tests.pipeline.conftest import GATE, LEARNS, Command, FirstRun, states
from tests.pipeline.runners.test_kubeflow_spec import NODES, exported, settings
from tests.pipeline.runners.test_scheduled import export, latest, nodes, step
from tests.task_runs import ANSWERS, check_pushed, check_refused, check_suspects, predicted, write_run
from tests.toys import write_toy_corpus, write_toy_pretraining, write_toy_run

pytestmark = pytest.mark.slow

Local = Callable[[Path, Path], tuple[int, dict[str, Any]]]


@pytest.fixture
def local(capfd: pytest.CaptureFixture[str]) -> Local:
    """Runs a config on this machine: exit status and record."""

    def run(config: Path, root: Path) -> tuple[int, dict[str, Any]]:
        capfd.readouterr()
        status = pipeline_runner.main(["run", "--config", str(config), "--root", str(root), "--json"])
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


def test_a_classifier_is_pushed_that_is_the_local_run_s_to_the_last_bit(
    folder: Path,
    cluster: Cluster,
    first: dict[str, Any],
    first_run: FirstRun,
    local: Local,
    capfd: pytest.CaptureFixture[str],
) -> None:
    kubeflow = settings(first["mounted"])
    forms = {"formats": ["hf"]}
    config = write_toy_run(first_run.folder, keep_data=True, training=LEARNS, gate=GATE, kubeflow=kubeflow, push=forms)
    first["spec"] = read(exported(config, folder / "first-spec"))
    # The next run: another seed, and a gate that nothing passes.
    claims = {"no_worse": {"accuracy": 0.5}, "anchor": "best", "anchor_no_worse": {"accuracy": 0.5}}
    gate = {"min": {"accuracy": 0.7}, "max": {"loss": 0.0}, **claims}
    training = LEARNS | {"seed": 2}
    tables: dict[str, Any] = {"training": training, "calibration": {"enabled": True}, "gate": gate}
    config = write_toy_run(first_run.folder, keep_data=True, kubeflow=kubeflow, **tables)
    first["refused spec"] = read(exported(config, folder / "refused-spec"))
    first["refused"] = local(config, first_run.root)
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
    same_as_local(serving / str(version), first_run.record, evaluations)
    form = read_card(serving.with_name("toy-hf") / str(version))["exported"]
    assert (form["form"], form["parity"]["real_texts"]) == ("hf", 16)
    pushed = first["outputs"]["pusher"]["pushed_model"]
    assert pushed.metadata["pushed_destination"] == str(serving / str(version))
    assert pushed.uri.startswith("minio://mlpipeline/bert/")


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
    assert found["anchor"]["baseline_version"] == str(before[0])
    calibrated = cluster.path(outputs["calibration"]["model"])
    assert json.loads((calibrated / "calibration.json").read_text()) == record["calibration"]
    assert found["cross_fitted"] == ["loss"]
    ours, theirs = ([{**line, "text": ""} for line in of["verdict"]] for of in (found, record["evaluations"]["dev"]))
    assert ours == theirs
    assert [line["rule"] for line in ours if line["result"] == "pass"] == [
        "min accuracy",
        "no_worse accuracy",
        "anchor_no_worse accuracy",
    ]
    assert versions(serving) == before
    assert outputs["pusher"]["pushed_model"].metadata["pushed"] == 0


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


def test_the_gate_gets_the_rows_that_it_gets_in_a_local_run(
    cluster: Cluster, first: dict[str, Any], tmp_path: Path
) -> None:
    config = write_toy_run(tmp_path, data={"held_back": 0.5}, kubeflow=settings(first["mounted"]))
    spec = read(exported(config, tmp_path / "spec"))
    assert '"gate"' in str(spec.root.dag.tasks["evaluator"].inputs.parameters["split"])
    others: dict[str, Outputs] = {name: {} for name in spec.root.dag.tasks if name != "tsv-example-gen"}
    outputs = cluster.run(spec, {"data_path": str(tmp_path)}, others)
    rows = row_counts.row_counts(cluster.path(outputs["tsv-example-gen"]["examples"]))
    # As tests/pipeline/runners/test_calibrated_runs.py has them.
    assert {split: sum(count for (of, _), count in rows.items() if of == split) for split in ("dev", "gate")} == {
        "dev": 7,
        "gate": 9,
    }


class TaskRun(NamedTuple):
    """A task's run on this machine."""

    task: str
    config: Path
    root: Path
    spec: Any
    """Of Kubeflow's run."""
    mounted: Path
    """What the spec takes for the folder of the config."""
    record: dict[str, Any]


TEXT_TASKS = ["answering", "generation"]
"""Those that answer by texts, whose models are of other forms than a classifier's."""


@pytest.fixture(scope="module", params=[*TEXT_TASKS, "tagging"])
def task_run(request: pytest.FixtureRequest, folder: Path) -> TaskRun:
    task = request.param
    place, root, mounted = folder / task, folder / f"root-{task}", folder / f"mounted-{task}"
    place.mkdir()
    config = write_run(place, task)
    if task == "tagging":
        as_google(place / "model")
    # A process as a client has it, which takes longer than all the rest, is tried there with the tagger alone.
    tables = {"kubeflow": settings(mounted), "serving": {"validate": task == "tagging"}}
    spec = read(exported(write_run(place, task, tables), folder / f"{task}-spec"))
    write_run(place, task)
    assert pipeline_runner.main(["run", "--config", str(config), "--root", str(root)]) == 0
    (record,) = root.glob("toy/runs/*/run.json")
    return TaskRun(task, config, root, spec, mounted, json.loads(record.read_text()))


def test_a_good_model_is_pushed_on_this_machine_and_a_bad_one_refused(
    task_run: TaskRun, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    check_pushed(task_run.task, task_run.record, tmp_path, capfd)
    check_refused(task_run.task, task_run.config.parent, task_run.root, capfd)


@pytest.fixture(scope="module")
def second(task_run: TaskRun) -> RunRecord:
    """A run that goes on from the first one's model, as steps of a scheduler; its training is killed and resumed."""
    place = task_run.config.parent
    # Of the very same rows a model would not go on.
    header, *rows = (place / "train.tsv").read_text().splitlines(keepends=True)
    (place / "fewer.tsv").write_text("".join([header, *rows[:120]]))
    tables: dict[str, dict[str, Any]] = {
        "data": {"train": "fewer.tsv", "held_back": 0.5},
        "push": {"precision": "bfloat16"},
        "serving": {"validate": False},
    }
    training = {"init_from": "pushed", "epochs": 2, "learning_rate": 0.001, "checkpoint_steps": 8}
    dag = export(write_run(place, task_run.task, tables, **training), task_run.root)
    assert step("begin-run", dag, "killed") == 0
    for node in nodes(dag):
        if node == "Trainer":
            words = ("run-node", node, "--dag", dag, "--run-id", "killed")
            done = python().run("-m", "tests.killed_run", 2, *words)
            assert done.returncode == -9, done.stderr
        assert step("run-node", dag, "killed", node) == 0
    assert step("end-run", dag, "killed") == 0
    return record.read(latest(task_run.root))


@pytest.mark.parametrize("task_run", TEXT_TASKS, indirect=True)
def test_what_steps_of_which_one_was_killed_push_goes_on_from_the_first_version_in_16_bits(
    task_run: TaskRun, second: RunRecord, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert (second.state, second.scheduled_as, second.training["resumed"]) == ("pushed", "killed", [16])
    version = Path(str(second.pushed))
    first, card = read_card(Path(task_run.record["pushed"])), read_card(version)
    assert card["initial_weights"] == first["weights_sha256"] != card["weights_sha256"]
    assert card["stored"] == "bfloat16"
    saved_weights.check(version)
    # The gate looks at rows that chose nothing.
    gated = second.evaluations["dev"]
    assert (gated["split"], second.rows["dev"] + second.rows["gate"]) == ("gate", 40)
    assert gated["metrics"]["candidate"][""]["example_count"] == second.rows["gate"] > 0
    asked, is_right = ANSWERS[task_run.task]
    assert is_right(predicted(str(version), capfd, *asked))
    assert pipeline_runner.main(["show", second.id, "--root", str(task_run.root), "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == second.document()
    check_suspects(task_run.task, task_run.record, task_run.config.parent, capfd)


@pytest.mark.parametrize("task_run", TEXT_TASKS, indirect=True)
def test_it_is_made_again_by_one_process_that_nothing_kills_with_the_same_bits(
    task_run: TaskRun, second: RunRecord, tmp_path: Path, command: Command
) -> None:
    words = ("--root", task_run.root, "--into", tmp_path, "--json")
    status, compared, err = command("reproduce", second.id, *words)
    assert (status, compared["result"], compared["differences"]) == (0, [], []), err
    again = record.read(Path(compared["reproduction"]))
    assert {node.state for node in again.nodes} == {"done"}
    assert (again.training["resumed"], again.evaluations["dev"]["split"]) == ([], "gate")
    ours, theirs = (manifest.read(Path(one.directory)).result for one in (again, second))
    assert {**ours, "model": 0} == {**theirs, "model": 0}
    cards = [read_card(Path(str(one.pushed))) for one in (again, second)]
    assert [{**card, "run": 0} for card in cards] == [{**cards[0], "run": 0}] * 2


@pytest.mark.parametrize("task_run", TEXT_TASKS, indirect=True)
def test_pruning_leaves_what_both_versions_stand_on(task_run: TaskRun, second: RunRecord, command: Command) -> None:
    words = ("--root", task_run.root, "--json")
    status, pruned, _ = command("prune", "--keep", 1, "--versions", 1, *words)
    assert (status, pruned["removed_versions"]) == (0, [])
    assert pruned["kept_runs"] == [task_run.record["id"], second.id]
    # The refused run's.
    assert any("/Trainer/model/" in path for path in pruned["removed"])
    status, again, err = command("run", "--config", task_run.config, *words)
    assert (status, set(states(again).values()), again["pushed"]) == (0, {"cached"}, second.pushed), err
    assert (again["rows"], again["evaluations"]) == (second.rows, second.evaluations)


def test_a_model_is_pushed_that_is_the_local_run_s_to_the_last_bit(
    task_run: TaskRun, cluster: Cluster, capfd: pytest.CaptureFixture[str]
) -> None:
    # The data where the parameter's default has it.
    moved(task_run.config, task_run.mounted, task_run.mounted)
    outputs = cluster.run(task_run.spec, {})
    serving = task_run.mounted / "toy" / "serving" / "toy"
    (version,) = versions(serving)
    assert "run" not in read_card(serving / str(version))
    same_as_local(serving / str(version), task_run.record, {"dev": summary(cluster, outputs["evaluator"])})
    asked, _ = ANSWERS[task_run.task]
    ours, theirs = (predicted(str(one), capfd, *asked) for one in (serving / str(version), task_run.record["pushed"]))
    assert ours == theirs


@pytest.mark.parametrize(
    ("write", "files", "evaluator"),
    [
        (write_toy_corpus, ("vocab.txt", "tokenizer_config.json"), "vocabulary-evaluator"),
        (write_toy_pretraining, ("model.safetensors", "config.json", "vocab.txt"), "pretraining-evaluator"),
    ],
    ids=["vocabulary", "pretraining"],
)
def test_what_learns_of_documents_pushes_what_the_local_run_does_to_the_last_byte(
    write: Callable[..., Path], files: tuple[str, ...], evaluator: str, cluster: Cluster, local: Local, tmp_path: Path
) -> None:
    mounted, documents = tmp_path / "mounted", tmp_path / "documents"
    config = write(tmp_path / "corpus", kubeflow=settings(mounted))
    status, record = local(config, tmp_path / "root")
    assert status == 0
    spec = read(exported(config, tmp_path / "spec"))
    for place in (mounted, documents):
        place.mkdir(exist_ok=True)
    shutil.copytree(config.parent / "model", mounted / "model")
    for file in config.parent.glob("?.txt"):
        shutil.move(file, documents)
    config.parent.rename(config.parent.with_name("gone"))

    outputs = cluster.run(spec, {"data_path": str(documents), "run_name": "monday"})

    serving = mounted / record["name"] / "serving" / record["name"]
    (version,) = versions(serving)
    ours, theirs = serving / str(version), Path(record["pushed"])
    for name in files:
        assert (ours / name).read_bytes() == (theirs / name).read_bytes()
    assert {**read_card(ours), "run": 0} == {**read_card(theirs), "run": 0}
    found = summary(cluster, outputs[evaluator])
    assert found == record["evaluations"]["dev"]
