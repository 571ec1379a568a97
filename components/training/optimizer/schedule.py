"""The learning rate of each step."""

from __future__ import annotations

import math

import numpy as np


def warm_up_linear(peak: float, steps: int, warmup: float) -> np.ndarray:
    """Rises linearly to the peak over the warm-up, then falls linearly to 0 (Devlin et al. 2019, appendix A.2).

    Args:
        peak: the highest learning rate.
        steps: of the whole training.
        warmup: share of them that is warm-up.

    Returns:
        float64[steps], the learning rate of each step.
    """
    warm = math.ceil(steps * warmup)
    step = np.arange(steps, dtype=np.float64)
    return peak * np.minimum((step + 1) / max(1, warm), (steps - step) / max(1, steps - warm))
