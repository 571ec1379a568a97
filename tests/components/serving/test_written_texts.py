"""Texts that a client gets beside those of the weights: which others are right, too."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from components.serving import validation
from components.serving.replay import Row
from components.settings.serving import Serving
from components.tasks.generation.task import Generation, encoded

ROW = Row(("a source",), np.array([2, 7, 3]))


def predictions(text: str, score: float) -> np.ndarray:
    return encoded([text], before=lambda _: (0.0, 0.0, 0.0, score))


@pytest.mark.parametrize(
    ("text", "score", "led", "difference"),
    [
        # What the weights write.
        ("the film", -0.5, None, 0.0),
        # What they write when they are led by it, though it has another score than what they write alone.
        ("a movie", -0.8, ("a movie", -0.8), 0.0),
        ("a movie", -0.8, ("a movie", -0.7), 0.1),
        # What they do not write, with their score or another one.
        ("a movie", -0.5, ("the film", -0.5), 1e9),
        ("a movie", -0.8, ("the film", -0.5), 1e9),
    ],
)
def test_a_text_is_right_that_the_weights_write_or_would_but_for_rounding(
    text: str, score: float, led: Any, difference: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = []

    def predict(rows: Sequence[np.ndarray], led_by: Sequence[str] | None = None) -> np.ndarray:
        asked.append(led_by)
        return predictions(*(led if led_by is not None else ("the film", -0.5)))

    monkeypatch.setattr(validation.saved_weights, "check", lambda model: None)
    monkeypatch.setattr(validation, "read_card", lambda model: {})
    monkeypatch.setattr(validation, "row_tokens", lambda task, card: lambda tokens: tokens)
    tokens = {"token_ids": ROW.token_ids[np.newaxis], "lengths": np.array([3])}
    answers = {"text": np.array([text.encode()]), "score": np.array([score])}
    measured = SimpleNamespace(load_seconds=1.0, latency_seconds=0.1, peak_bytes=1)
    client: Any = SimpleNamespace(ask=lambda *_: SimpleNamespace(outputs=[tokens, answers], measured=measured))
    found = validation.validate(tmp_path, Generation(), [ROW], lambda: predict, Serving(), client, tmp_path)
    assert asked == [None] if led is None else [None, [text]]
    assert found["difference"] == pytest.approx(difference, abs=1e-9)
    assert found["blessed"] is (difference < 1e-5)
