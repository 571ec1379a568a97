import math
import tomllib
from pathlib import Path

import pytest

from bench.common import as_toml, ratio, settings_of
from bench.train import BATCH, epochs_of

CONFIGS = sorted((Path(__file__).parents[1] / "pipeline" / "configs").glob("*.toml"))


@pytest.mark.parametrize(("steps", "rows"), [(50, 8501), (10, 8501), (38, 4955), (1, 33), (1, 1)])
def test_the_peer_rounds_its_epochs_to_the_steps_it_is_credited_with(steps: int, rows: int) -> None:
    told = float(f"{epochs_of(steps, rows):.5f}")
    assert math.ceil(told * math.ceil(rows / BATCH)) == steps


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_a_config_survives_being_written_again(config: Path) -> None:
    settings = settings_of(config)
    assert tomllib.loads(as_toml(settings)) == settings


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    assert ratio([{"rate": 2}, {"rate": 9}, {"rate": 8}], [{"rate": 2}, {"rate": 1}, {"rate": 2}], "rate") == 4
