from collections.abc import Iterator
from pathlib import Path

import pytest
import tensorflow as tf

from components.training.dataset import Rows
from tests.toys import write_toy_checkpoint
from tests.trainings import write_rows


@pytest.fixture(scope="module")
def shallow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with one layer: half the time to trace."""
    return write_toy_checkpoint(tmp_path_factory.mktemp("shallow"), layers=1)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """Of two classes that a word tells apart."""
    return write_rows(tmp_path_factory.mktemp("rows"))


@pytest.fixture
def eagerly() -> Iterator[None]:
    """For a few steps tracing costs more than it saves."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
