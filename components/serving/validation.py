"""Whether a model may be served: tried by a client, held against what it should answer, measured."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.common.errors import InputError
from components.export import saved_weights, signature_names
from components.export.card import read_card
from components.export.card_task import row_tokens
from components.serving.clean_process import Client, ClientError, Measured
from components.serving.client import Call
from components.serving.replay import MOST_DIFFERENCE, Found, Replay, Row, replay_of
from components.settings.serving import Serving
from components.tasks import Task

SERVING_FILE = "serving.json"
"""Within the blessing: what `validate` gives."""

_TIMED = 20
"""Requests that are timed; some come once as well as later ones do."""

_TRIES = 3
"""Of what is over a limit: a machine may be slow for a moment."""

Predict = Callable[..., np.ndarray]
"""Predictions of the exported weights, as `training.float32_pass.Float32Pass` gives them."""


def validate(
    model: Path,
    task: Task,
    rows: Sequence[Row],
    weights: Callable[[], Predict],
    settings: Serving,
    client: Client,
    scratch: Path,
) -> dict[str, Any]:
    """Tries a model.

    Args:
        model: a SavedModel.
        task: its.
        rows: of dev, at least one.
        weights: gives what predicts by the exported weights; called once these are known to be what the card says.
        settings: limits.
        client: in whose process the model is tried.
        scratch: directory for temporary files.

    Returns:
        `blessed`, and `reasons`: why not. `rows`: how many were sent; `ids`: of how many a client's token ids could be
        told; `difference`: the largest between an answer and what it should be. As far as it came: `load_seconds`,
        `latency_ms`, `peak_mb`.
    """
    summary: dict[str, Any] = {"blessed": False, "reasons": [], "rows": len(rows)}
    try:
        saved_weights.check(model)
        replay, batches = replay_of(task), list(_batches(rows, row_tokens(task, read_card(model))))
        asked = [replay.calls([rows[place] for place in batch]) for batch in batches]
        evenly = np.linspace(0, len(rows) - 1, min(len(rows), _TIMED)).astype(int)
        timed = [replay.request(rows[place]) for place in evenly]
        # Before the client is asked: its process still imports, and nothing runs beside what is measured.
        expected = _expected(weights, [[rows[place].token_ids for place in batch] for batch in batches])
        answers = client.ask(model, [call for calls in asked for call in calls], timed)
        measured = answers.measured
        if settings.limits and _over(measured, settings):
            measured = _median([measured, *(_measured(model, timed, scratch) for _ in range(_TRIES - 1))])
        if isinstance(expected, InputError):
            raise expected
    except ClientError as error:
        return summary | {"reasons": [str(error)]}
    except InputError as error:
        return summary | {"reasons": [error.problem]}
    outputs, found, (predict, predicted) = iter(answers.outputs), dict[int, Found](), expected
    for batch, calls, alone in zip(batches, asked, predicted, strict=True):
        of_batch, got = [rows[place] for place in batch], [next(outputs) for _ in calls]
        found |= zip(batch, _found(replay, of_batch, got, alone, predict), strict=True)
    reasons = [*_skew([found[place] for place in range(len(rows))]), *_over(measured, settings)]
    return {
        **summary,
        "blessed": not reasons,
        "reasons": reasons,
        "ids": sum(one.same_ids is not None for one in found.values()),
        # As JSON has it, where it is infinite.
        "difference": min(1e9, max(one.difference for one in found.values())),
        "load_seconds": measured.load_seconds,
        "latency_ms": 1e3 * measured.latency_seconds,
        "peak_mb": measured.peak_bytes / 1e6,
    }


def _found(
    replay: Replay, rows: Sequence[Row], outputs: Sequence[dict[str, np.ndarray]], alone: np.ndarray, predict: Predict
) -> Iterator[Found]:
    """As `Replay.found`; `alone` is predicted of the rows as long as nobody knows what a client got."""
    texts = replay.other_texts(outputs, alone)
    return replay.found(rows, outputs, alone if texts is None else predict([row.token_ids for row in rows], texts))


def _expected(
    weights: Callable[[], Predict], batches: Sequence[Sequence[np.ndarray]]
) -> tuple[Predict, list[np.ndarray]] | InputError:
    """What predicts, and the predictions of each batch; or why there are none: what a client says of the model goes
    before it."""
    try:
        predict = weights()
        return predict, [predict(batch) for batch in batches]
    except InputError as error:
        return error


def _batches(rows: Sequence[Row], tokens: Callable[[int], int]) -> Iterator[list[int]]:
    """Places of rows of similar length, as many as make a pass of the encoder; `tokens` is what a row counts for."""
    order = sorted(range(len(rows)), key=lambda place: -len(rows[place].token_ids))
    while order:
        size = max(1, signature_names.TOKENS_AT_A_TIME // tokens(len(rows[order[0]].token_ids)))
        yield order[:size]
        order = order[size:]


def _skew(found: Sequence[Found]) -> Iterator[str]:
    told = [place for place, one in enumerate(found) if one.same_ids is not None]
    if other := [place for place in told if not found[place].same_ids]:
        yield (
            f"{len(other):,} of {len(told):,} rows get other token ids from it than from Transform, the first of them "
            f"row {other[0] + 1} of those sent"
        )
    if apart := [place for place, one in enumerate(found) if one.difference > MOST_DIFFERENCE]:
        worst = max(apart, key=lambda place: found[place].difference)
        by = found[worst].difference
        how = f"by up to {by:.2g}, in row {worst + 1} of those sent" if np.isfinite(by) else "with something else"
        yield (
            f"{len(apart):,} of {len(found):,} rows are answered otherwise than its weights have it, {how}; "
            f"allowed: {MOST_DIFFERENCE:g}"
        )


def _over(measured: Measured, settings: Serving) -> list[str]:
    """What is over its limit, in words."""
    limited = (
        ("loading and a first answer take", measured.load_seconds, settings.max_load_seconds, "s"),
        ("a request of one row takes", 1e3 * measured.latency_seconds, settings.max_latency_ms, "ms"),
        ("the process has", measured.peak_bytes / 1e6, settings.max_memory_mb, "MB of memory"),
    )
    return [
        f"{what} {value:.3g} {unit}, allowed: {limit:g}"
        for what, value, limit, unit in limited
        if limit is not None and value > limit
    ]


def _measured(model: Path, timed: Sequence[Call], scratch: Path) -> Measured:
    with Client(scratch) as client:
        return client.ask(model, [], timed).measured


def _median(tries: Sequence[Measured]) -> Measured:
    of_each = zip(*map(dataclasses.astuple, tries), strict=True)
    return Measured(*map(statistics.median, of_each))
