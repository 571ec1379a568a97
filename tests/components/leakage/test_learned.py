from pathlib import Path

import numpy as np
import pytest

from components.leakage import learned


def model(folder: Path) -> Path:
    (folder / "assets.extra").mkdir(parents=True)
    return folder


def texts(folder: Path, *hashes: int) -> Path:
    """What Transform leaves beside its graph."""
    folder.mkdir()
    (folder / "learned_texts.u64").write_bytes(np.array(hashes, "<u8").tobytes())
    return folder


def test_a_model_that_went_on_from_another_knows_the_texts_of_both(tmp_path: Path) -> None:
    first, second = model(tmp_path / "1"), model(tmp_path / "2")
    learned.write(first, texts(tmp_path / "old", 3, 2**63), None)
    learned.write(second, texts(tmp_path / "new", 1, 3), first)
    found = learned.read(second)
    assert found is not None
    assert found.tolist() == [1, 3, 2**63]
    assert (second / "assets.extra" / "learned_texts.u64").stat().st_size == 3 * 8


@pytest.mark.parametrize("given", ["model", "start"])
def test_what_is_not_known_of_the_start_is_not_known_of_the_model(tmp_path: Path, given: str) -> None:
    of_old, of_new = model(tmp_path / "1"), model(tmp_path / "2")
    assert learned.read(of_old) is None
    learned.write(of_new, texts(tmp_path / "new", 1), of_old if given == "start" else None)
    assert (learned.read(of_new) is None) == (given == "start")
