"""Work that stays in this process, on more than one of its cores."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

RUNNER = "--runner=FnApiRunner"
"""Beam's argument for its runner in this process, as `[beam]` gives it with `preset = "local"`."""

_THREADS = 2

_In = TypeVar("_In")

_Out = TypeVar("_Out")


def stays_here(executor: Any) -> bool:
    """Whether an executor's rows stay in this process: then they can go through it without Beam.

    Beam's steps hand each row on by itself, and building and translating a pipeline of them takes seconds. What a node
    makes is the same; its Beam pipeline is the plain form, and what every other runner gets.

    Args:
        executor: of a Beam component, with the arguments that its pipeline would get.
    """
    arguments: Sequence[str] = executor._beam_pipeline_args
    return RUNNER in arguments and executor._make_beam_pipeline_fn is None


def ordered(function: Callable[[_In], _Out], items: Iterable[_In]) -> Iterator[_Out]:
    """`map` over two threads, in order, no more than four items ahead: for functions that let go of Python's lock."""
    with ThreadPoolExecutor(_THREADS) as pool:
        waiting = deque[Any]()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * _THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
