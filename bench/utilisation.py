"""Useful FLOP/s of training steps over the peak of the fp32 matrix product, measured by turns in one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

_SIZE = 2048
"""Of the square matrices of the peak."""

_PRODUCTS = 10
"""Pairs of them a round."""


@dataclass(frozen=True, kw_only=True)
class ByTurns:
    """Seconds of products and steps."""

    peak: float
    """FLOP/s of the fastest pair of products."""
    seconds: Mapping[str, list[float]]
    """Step -> of each round but the first, which has the tracing of its graph in it."""

    def share(self, step: str, flop: float) -> float:
        """Of the peak, by the median of a step's seconds."""
        return flop / median(self.seconds[step]) / self.peak


def by_turns(steps: Mapping[str, Callable[[], Any]], rounds: int) -> ByTurns:
    """Runs matrix products and every step, once a round and so often after the first round.

    Args:
        steps: name -> a training step, its loss.
        rounds: that count.
    """
    import tensorflow as tf

    factors = [tf.random.normal((_SIZE, _SIZE)) for _ in range(4)]
    # Two products at a time, as the two halves of a batch run; a number of each, so that nothing is copied.
    products = tf.function(lambda a, b, c, d: (tf.reduce_max(a @ b), tf.reduce_max(c @ d)))
    of_products: list[float] = []
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds + 1):
        for _ in range(_PRODUCTS):
            started = time.perf_counter()
            [product.numpy() for product in products(*factors)]
            of_products.append(time.perf_counter() - started)
        for name, step in steps.items():
            started = time.perf_counter()
            float(step())
            if number:
                seconds[name].append(time.perf_counter() - started)
    return ByTurns(peak=2 * 2 * _SIZE**3 / min(of_products), seconds=seconds)


def layer_flop(config: Any, length: float) -> float:
    """Useful FLOP of a training step for one token in one layer, forward and backward.

    A layer's matrices: 4 of attention, 2 of the feed-forward part; 6 FLOP a weight and token (Kaplan et al. 2020, 2.1).
    Attention: 2 products of 2 x length x hidden FLOP a token, three times with the gradients.

    Args:
        config: the encoder's.
        length: tokens of a row.
    """
    weights = 4 * config.hidden_size**2 + 2 * config.hidden_size * config.intermediate_size
    return float(6 * weights + 12 * length * config.hidden_size)
