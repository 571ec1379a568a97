"""`push.precision` in a whole run: the model that is tried, measured and pushed is the rounded one."""

from pathlib import Path

import numpy as np
import pytest

from components.export import saved_weights
from components.export.card import read_card
from tests.pipeline.conftest import FirstRun, Run, states

pytestmark = pytest.mark.slow


def test_a_model_of_16_bits_is_proved_measured_and_pushed(run_again: Run, first_run: FirstRun) -> None:
    status, found = run_again(push={"precision": "bfloat16"}, serving={"validate": True})
    assert (status, found["state"], states(found)["Trainer"]) == (0, "pushed", "done")
    (note,) = (node["note"] for node in found["nodes"] if node["id"] == "ServingValidator")
    assert "rows answered as they should be" in note
    version = Path(found["pushed"])
    assert read_card(version)["stored"] == "bfloat16"
    saved_weights.check(version)
    before = saved_weights.values(Path(first_run.record["pushed"]))
    for path, value in saved_weights.values(version).items():
        np.testing.assert_allclose(value, before[path], rtol=2.0**-8, atol=1e-7)
    size, full = (
        sum(file.stat().st_size for file in (place / "variables").iterdir())
        for place in (version, Path(first_run.record["pushed"]))
    )
    assert size < full
