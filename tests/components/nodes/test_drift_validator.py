from pathlib import Path
from typing import Any

import pytest
from tfx.types import standard_artifacts

from components import tasks
from components.common.errors import InputError
from components.nodes.drift_validator import Executor
from components.rows import row_counts
from components.rows.files import fingerprint
from components.settings.data import Data
from components.settings.drift import Drift
from components.settings.serialization import dump
from components.tasks.classification import Classification
from tests.conftest import Trained, artifact


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
