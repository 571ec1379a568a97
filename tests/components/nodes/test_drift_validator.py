from pathlib import Path

import pytest
from tfx.types import standard_artifacts

from components.common.errors import InputError
from components.nodes.drift_validator import Executor
from components.settings.data import Data
from components.settings.drift import Drift
from components.settings.serialization import dump
from tests.conftest import Trained, artifact


def test_the_rows_of_the_examples_span_are_looked_at_and_not_those_of_one_that_came_since(
    tiny_trained: Trained, tmp_path: Path
) -> None:
    for span, rows in ((1, "a\tgood\n"), (2, ""), (3, "b\tbad\n")):
        (tmp_path / f"span-{span}").mkdir()
        for split in ("train", "dev"):
            (tmp_path / f"span-{span}" / f"{split}.txt").write_text(rows)
    data = Data(train=("span-{SPAN}/train.txt",), dev=("span-{SPAN}/dev.txt",), header=False, text=(1,), label=2)
    examples = artifact(standard_artifacts.Examples, tmp_path / "examples")
    examples.span = 2
    tiny_trained.model.set_string_custom_property("pushed_version", "1")
    found = artifact(standard_artifacts.ExampleAnomalies, tmp_path / "anomalies")
    properties = {"data": dump(data), "data_path": str(tmp_path), "limits": dump(Drift())}
    with pytest.raises(InputError, match=r"span-2/train\.txt: no row of the newest data is in train"):
        Executor().Do({"examples": [examples], "predecessor": [tiny_trained.model]}, {"anomalies": [found]}, properties)
