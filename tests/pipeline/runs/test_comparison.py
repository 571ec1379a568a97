import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from pipeline.runs import comparison
from pipeline.runs.manifest import DataFile, Manifest


def manifest(**changes: Any) -> Manifest:
    made = Manifest(
        name="toy",
        run="20260102-030405",
        started="",
        config={"training": {"seed": 1, "init_from": "pushed"}, "model": {"base": "/here/model"}},
        checkout="",
        data=[DataFile("train", f"/here/span-{span}/train.tsv", f"{span}" * 64, 10) for span in (1, 2)],
        base_model={"vocab.txt": "aa"},
        code={"sha256": "aa", "commit": "a" * 40},
        lock=None,
        libraries={"numpy": "1"},
        machine={"cpu": "one"},
        result={"machine": {"cpu": "one"}, "initial_weights": None},
    )
    return dataclasses.replace(made, **changes)


def differences(**changes: Any) -> list[tuple[str, str]]:
    return list(comparison.input_differences(manifest(), manifest(**changes)))


def test_where_the_files_lie_is_no_difference() -> None:
    data = [dataclasses.replace(file, path=file.path.replace("here", "there")) for file in manifest().data]
    assert differences(data=data, config={"training": {"seed": 1}, "model": {"base": "/there/model"}}) == []


@pytest.mark.parametrize("changed", [0, 1])
def test_a_changed_file_is_told_though_another_one_has_its_name(changed: int) -> None:
    data = manifest().data
    data[changed] = dataclasses.replace(data[changed], sha256="f" * 64, bytes=12)
    ((kind, what),) = differences(data=data)
    assert kind == "data"
    assert what.startswith(f"/here/span-{changed + 1}/train.tsv: 10 bytes ")
    assert what.endswith("12 ffffffffffff now")


def test_a_file_too_few_is_told() -> None:
    assert differences(data=manifest().data[:1]) == [("data", "train file 2 is in one of the runs only")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"base_model": {"vocab.txt": "bb"}}, ("base model", 'vocab.txt: "aa" before, "bb" now')),
        ({"schema": "cc"}, ("schema", 'sha256: none before, "cc" now')),
        ({"libraries": {"numpy": "2"}}, ("library", 'numpy: "1" before, "2" now')),
        ({"machine": {"cpu": "two"}}, ("machine", 'cpu: "one" before, "two" now')),
        ({"code": {"sha256": "bb", "commit": "b" * 40, "modified": True}}, ("code", f"commit {'a' * 12} before, ")),
        ({"config": {"training": {"seed": 2}}}, ("config", "training.seed: 1 before, 2 now")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_the_result_follows_from_is_compared(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    ((kind, what),) = differences(**changes)
    assert kind == expected[0]
    assert what.startswith(expected[1])


def test_the_machine_is_the_one_that_trained_not_the_one_that_found_it_in_cache() -> None:
    cached = manifest(machine={"cpu": "two"}, result={"machine": {"cpu": "one"}, "initial_weights": None})
    assert list(comparison.input_differences(cached, manifest())) == []
    assert [kind for kind, _ in comparison.input_differences(cached, manifest(machine={"cpu": "two"}))] == ["machine"]


def save(directory: Path, values: list[list[float]]) -> str:
    checkpoint = tf.train.Checkpoint(kernel=tf.Variable(np.array(values, np.float32)))
    (directory / "variables").mkdir(parents=True)
    checkpoint.write(str(directory / "variables" / "variables"))
    return str(directory)


def test_weights_differ_by_a_number_or_in_their_shapes(tmp_path: Path) -> None:
    one, near = save(tmp_path / "one", [[1, 2]]), save(tmp_path / "near", [[1, 2.25]])
    wide = save(tmp_path / "wide", [[1, 2, 3]])
    assert comparison.weight_difference(one, near) == "differ by up to 0.25, in kernel"
    assert comparison.weight_difference(one, wide) == "of other shapes, as kernel"
    assert "is gone" in comparison.weight_difference(str(tmp_path / "none"), wide)
