import json
from pathlib import Path
from typing import Any

import pytest

from components.common.errors import InputError
from pipeline.runners.kubeflow_entrypoint import as_declared, local_path, run, staged


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARTIFACT_LOCAL_PATH", str(tmp_path))
    return tmp_path


def one(uri: str, **more: object) -> Any:
    return {"artifacts": [{"name": "7", "uri": uri, **more}]}


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("gs://bucket/a/b", "/gcs/bucket/a/b"),
        ("s3://bucket/a/b", "/s3/bucket/a/b"),
        ("minio://bucket/a/b", "/minio/bucket/a/b"),
        ("/mnt/bert/serving", "/mnt/bert/serving"),
    ],
)
def test_an_artifact_is_where_the_launcher_stages_it(uri: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARTIFACT_LOCAL_PATH")
    assert local_path(uri) == path


def test_inputs_that_hold_nothing_are_none_and_the_directories_of_outputs_are_made(root: Path) -> None:
    (root / "s3" / "b" / "model" / "1").mkdir(parents=True)
    (root / "s3" / "b" / "model" / "1" / "saved_model.pb").touch()
    (root / "s3" / "b" / "empty" / "Format-Serving").mkdir(parents=True)
    told: dict[str, Any] = {
        "inputs": {
            "artifacts": {"model": one("s3://b/model"), "baseline": one("s3://b/empty"), "gone": one("s3://b/gone")},
            "parameterValues": {"directory": "s3://b/stays"},
        },
        "outputs": {"artifacts": {"evaluation": one("s3://b/evaluation")}, "outputFile": "/elsewhere/file"},
    }
    found = staged(told)
    assert found["inputs"]["artifacts"]["model"]["artifacts"] == [{"name": "7", "uri": f"{root}/s3/b/model"}]
    assert [found["inputs"]["artifacts"][key]["artifacts"] for key in ("baseline", "gone")] == [[], []]
    assert found["inputs"]["parameterValues"] == {"directory": "s3://b/stays"}
    assert found["outputs"]["artifacts"]["evaluation"]["artifacts"][0]["uri"] == f"{root}/s3/b/evaluation"
    assert found["outputs"]["outputFile"] == "/elsewhere/file"
    assert (root / "s3" / "b" / "evaluation").is_dir()
    assert told["outputs"]["artifacts"]["evaluation"]["artifacts"][0]["uri"] == "s3://b/evaluation"


def test_what_was_made_is_told_by_uri_again_also_where_a_property_names_an_input(root: Path) -> None:
    told = {
        "inputs": {"artifacts": {"model": one("gs://b/model")}},
        "outputs": {"artifacts": {"blessing": one("gs://b/blessing"), "pushed_model": one("gs://b/pushed")}},
    }
    made = {
        "artifacts": {
            "blessing": one(f"{root}/gcs/b/blessing", metadata={"current_model": f"{root}/gcs/b/model", "blessed": 1}),
            "pushed_model": one("/mnt/serving/1", metadata={"pushed_destination": "/mnt/serving/1"}),
        },
        "parameterValues": {},
    }
    assert as_declared(made, told) == {
        "artifacts": {
            "blessing": one("gs://b/blessing", metadata={"current_model": "gs://b/model", "blessed": 1}),
            "pushed_model": one("gs://b/pushed", metadata={"pushed_destination": "/mnt/serving/1"}),
        },
        "parameterValues": {},
    }


def test_another_base_model_than_at_the_export_ends_the_container(root: Path) -> None:
    (root / "vocab.txt").write_text("[PAD]\n")
    properties = {"base_model": str(root), "base_model_sha256": json.dumps({"vocab.txt": "0" * 64})}
    told = {"inputs": {"parameterValues": properties}, "outputs": {"outputFile": str(root / "out.json")}}
    arguments = ["--executor_class_path", "components.no_such.Executor", "--json_serialized_invocation_args"]
    with pytest.raises(InputError) as caught:
        run([*arguments, json.dumps(told)])
    assert str(caught.value) == (
        f"{root / 'vocab.txt'}: changed since the run began. Run again once the files are complete; "
        "of a scheduled run, clear all tasks; on Kubeflow, export it again."
    )


def test_an_executor_s_error_is_the_container_s(root: Path) -> None:
    told = {"outputs": {"outputFile": str(root / "out.json")}}
    arguments = ["--executor_class_path", "components.no_such.Executor", "--json_serialized_invocation_args"]
    with pytest.raises(ImportError, match=r"Could not import components\.no_such\.Executor"):
        run([*arguments, json.dumps(told)])
