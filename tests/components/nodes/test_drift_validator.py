import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tfx.types import standard_artifacts

from components import tasks
from components.common.errors import InputError
from components.drift import profile
from components.nodes.drift_validator import Driver, Executor
from components.rows import row_counts
from components.rows.files import fingerprint
from components.settings.data import Data
from components.settings.drift import Drift
from components.settings.serialization import dump
from components.tasks.classification import Classification
from tests.conftest import LABELS, Trained, artifact


def test_the_rows_of_the_examples_span_are_looked_at_and_not_those_of_one_that_came_since(
    tiny_trained: Trained, tmp_path: Path
) -> None:
    given, properties = deliver(tmp_path, tiny_trained, {1: "a\tgood\n", 2: "", 3: "b\tbad\n"})
    with pytest.raises(InputError, match=r"span-2/train\.txt: no row of the newest data is in train"):
        Executor().Do(*given, properties)


def test_rows_that_are_not_those_of_the_examples_any_more_are_refused(tiny_trained: Trained, tmp_path: Path) -> None:
    given, properties = deliver(tmp_path, tiny_trained, {2: "a good\tgood\na bad\tbad\n"})
    properties["limits"] = dump(Drift(on_drift="warn"))
    Executor().Do(*given, properties)
    train = tmp_path / "span-2" / "train.txt"
    train.write_text("another\tgood\n")
    with pytest.raises(InputError) as caught:
        Executor().Do(*given, properties)
    said = "changed since the run began. Run again once the files are complete; of a scheduled run, clear all tasks."
    assert str(caught.value) == f"{train}: {said}"


def test_the_shares_that_are_written_are_those_of_the_model_and_of_the_rows(
    tiny_trained: Trained, tmp_path: Path
) -> None:
    rows = "a good\tgood\na bad\tbad\na b a b a b a b a b\tbad\na\tmixed\n"
    given, properties = deliver(tmp_path, tiny_trained, {2: rows})
    Executor().Do(*given, {**properties, "limits": dump(Drift(on_drift="warn"))})
    written = json.loads((tmp_path / "anomalies" / "drift.json").read_text())
    spreads = {one["name"]: {name: shares for name, *shares in one["spread"]} for one in written["measures"]}
    assert {name: now for name, (_, now) in spreads["label"].items()} == {"good": 0.25, "bad": 0.5, "mixed": 0.25}
    # [CLS] and [SEP] are among the tokens.
    assert spreads["text_length"]["up to 8"][1] == 0.75
    assert spreads["text_length"]["9 to 16"][1] == 0.25
    learned = profile.read(tiny_trained.saved_model)
    for name, feature, named in (
        ("label", "label", lambda value: value),
        ("text_length", "text_length", lambda value: profile.range_names("tokens")[int(value)]),
    ):
        buckets = profile.feature_statistics(learned, feature).string_stats.rank_histogram.buckets
        count = sum(bucket.sample_count for bucket in buckets)
        before = {name: share for name, (share, _) in spreads[name].items() if share}
        assert before == {named(bucket.label): bucket.sample_count / count for bucket in buckets}
    for spread in spreads.values():
        assert [sum(column) for column in zip(*spread.values(), strict=True)] == pytest.approx([1, 1])


@pytest.mark.parametrize(
    ("task", "unlike", "measured"),
    [
        ({"name": "multilabel", "labels": LABELS, "threshold": 0.5}, "is a model for the task multilabel", False),
        ({"name": "classification", "labels": ["no", "yes"]}, "knows other classes (no, yes)", True),
        ({"name": "classification", "labels": LABELS}, None, True),
    ],
)
def test_that_another_task_or_other_classes_are_in_production_is_said(
    tiny_trained: Trained, tmp_path: Path, task: dict[str, Any], unlike: str | None, measured: bool
) -> None:
    for split in ("train", "dev"):
        (tmp_path / f"{split}.txt").write_text("the a b good !\tgood\n")
    examples = artifact(standard_artifacts.Examples, tmp_path / "examples")
    tasks.write(examples.uri, Classification(tuple(LABELS)))
    train = tmp_path / "train.txt"
    row_counts.write(Path(examples.uri), [{"file": str(train), "rows": [], "bad": 0}], {str(train): fingerprint(train)})
    production = artifact(standard_artifacts.Model, tmp_path / "model")
    extra = shutil.copytree(tiny_trained.saved_model / "assets.extra", tmp_path / "model/Format-Serving/assets.extra")
    described = json.loads((extra / "model.json").read_text())
    (extra / "model.json").write_text(json.dumps({**described, "task": task}))
    production.set_string_custom_property("pushed_version", "7")
    data = Data(train=("train.txt",), dev=("dev.txt",), header=False, text=(1,), label=2)
    properties = {"data": dump(data), "data_path": str(tmp_path), "limits": dump(Drift(on_drift="warn"))}
    found = artifact(standard_artifacts.ExampleAnomalies, tmp_path / "anomalies")
    inputs = {"examples": [examples], "predecessor": [production]}
    Executor().Do(inputs, {"anomalies": [found]}, properties)
    written = json.loads((tmp_path / "anomalies" / "drift.json").read_text())
    assert (written["version"], written.get("unlike"), bool(written["measures"])) == ("7", unlike, measured)
    if unlike and measured:
        properties["limits"] = dump(Drift())
        with pytest.raises(InputError, match=r"drifted from what version 7, which knows other classes \(no, yes\),"):
            Executor().Do(inputs, {"anomalies": [found]}, properties)


def test_the_newest_files_are_known_by_their_bytes(tmp_path: Path) -> None:
    examples = artifact(standard_artifacts.Examples, tmp_path / "examples")
    examples.span = 2
    keys = []
    for place, of_span in (("a", 2), ("b", 2), ("c", 1)):
        for split in ("train", "dev"):
            for span in (1, 2):
                (tmp_path / place).mkdir(exist_ok=True)
                (tmp_path / place / f"{split}-{span}.txt").write_text("new" if span == of_span else "old")
        data = Data(train=("train-{SPAN}.txt",), dev=("dev-{SPAN}.txt",), header=False, text=(1,), label=2)
        properties = {"data": dump(data), "data_path": str(tmp_path / place)}
        found = Driver(None).run(SimpleNamespace(input_dict={"examples": [examples]}, exec_properties=properties))
        keys.append(found.exec_properties["input_files"].string_value)
    assert keys[0] == keys[1] != keys[2]


def deliver(folder: Path, trained: Trained, spans: dict[int, str]) -> tuple[tuple[Any, Any], dict[str, str]]:
    """Rows of spans, the artifacts of a run over span 2, and the node's properties."""
    for span, rows in spans.items():
        (folder / f"span-{span}").mkdir()
        for split in ("train", "dev"):
            (folder / f"span-{span}" / f"{split}.txt").write_text(rows)
    data = Data(train=("span-{SPAN}/train.txt",), dev=("span-{SPAN}/dev.txt",), header=False, text=(1,), label=2)
    examples = artifact(standard_artifacts.Examples, folder / "examples")
    examples.span = 2
    train = folder / "span-2" / "train.txt"
    row_counts.write(Path(examples.uri), [{"file": str(train), "rows": [], "bad": 0}], {str(train): fingerprint(train)})
    tasks.write(Path(examples.uri), Classification(("bad", "good", "mixed")))
    trained.model.set_string_custom_property("pushed_version", "1")
    found = artifact(standard_artifacts.ExampleAnomalies, folder / "anomalies")
    properties = {"data": dump(data), "data_path": str(folder), "limits": dump(Drift())}
    return ({"examples": [examples], "predecessor": [trained.model]}, {"anomalies": [found]}), properties
