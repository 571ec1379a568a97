"""AdamW in both forms against its formula in float64."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.training.optimizer.adamw import AdamW, bias_corrected
from components.training.optimizer.cpu_adamw import CpuAdamW


class State(NamedTuple):
    """A variable in float64."""

    value: np.ndarray
    mean: np.ndarray
    square: np.ndarray


def started(value: np.ndarray) -> State:
    return State(value.astype(float), np.zeros(value.shape), np.zeros(value.shape))


def formula(state: State, gradient: np.ndarray, step: int, rate: float, decay: float) -> State:
    """The state after a step counted from 1 (Loshchilov & Hutter 2019, algorithm 2)."""
    mean, square = 0.9 * state.mean + 0.1 * gradient, 0.999 * state.square + 0.001 * gradient**2
    update = (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return State(state.value - rate * (update + decay * state.value), mean, square)


def variable(value: np.ndarray, name: str) -> keras.Variable:
    return keras.Variable(value.astype(np.float32), name=name)


def optimizer_of(form: type[AdamW], variables: list[keras.Variable], rates: np.ndarray, **settings: Any) -> AdamW:
    table = {"table": None} if form is CpuAdamW else {}
    return form(variables, rates, **{"factors": {}, "weight_decay": 0.0, "clip_norm": 1e9, **table, **settings})


FORMS = pytest.mark.parametrize("form", [AdamW, CpuAdamW], ids=["plain", "cpu"])


@FORMS
def test_adamw_equals_its_formula_with_decay_on_matrices_and_a_rate_for_each_layer(form: type[AdamW]) -> None:
    start = {"kernel": np.array([[1.0, -2.0], [0.5, 4.0]]), "bias": np.array([1.0, -1.0])}
    variables = [variable(value, name) for name, value in start.items()]
    rates = np.array([0.05, 0.1, 0.1])
    optimizer = optimizer_of(form, variables, rates, factors={"kernel": 0.5}, weight_decay=0.1)
    kernel, bias = map(started, start.values())
    draws = np.random.default_rng(0)
    for step, rate in enumerate(rates, 1):
        gradients = [draws.normal(size=value.shape) for value in start.values()]
        optimizer.apply([tf.constant(gradient, tf.float32) for gradient in gradients])
        kernel = formula(kernel, gradients[0], step, 0.5 * rate, decay=0.1)
        bias = formula(bias, gradients[1], step, rate, decay=0.0)
        np.testing.assert_allclose(variables[0].numpy(), kernel.value, rtol=2e-5)
        np.testing.assert_allclose(variables[1].numpy(), bias.value, rtol=2e-5)


@FORMS
def test_what_begins_later_is_left_alone_until_then_and_corrected_by_the_steps_since(form: type[AdamW]) -> None:
    early, late = (variable(np.array([1.0]), name) for name in ("early", "late"))
    rates = np.full(4, 0.1)
    optimizer = optimizer_of(form, [early, late], rates, starts={"late": 2})
    first, second = started(np.array([1.0])), started(np.array([1.0]))
    for step in range(1, 5):
        optimizer.apply([tf.constant([0.5]), tf.constant([-0.25]) if step > 2 else None])
        first = formula(first, np.array([0.5]), step, 0.1, 0.0)
        if step > 2:
            second = formula(second, np.array([-0.25]), step - 2, 0.1, 0.0)
        np.testing.assert_allclose([early.numpy(), late.numpy()], [first.value, second.value], rtol=1e-5)
    assert int(optimizer.step) == 4


@FORMS
@pytest.mark.parametrize(("clip_norm", "norm"), [(10.0, 5.0), (1.0, 1.0)])
def test_the_gradient_of_all_variables_together_is_scaled_down_to_the_norm_that_is_set(
    form: type[AdamW], clip_norm: float, norm: float
) -> None:
    variables = [variable(np.zeros((1, 1)), "kernel"), variable(np.zeros(1), "bias")]
    optimizer = optimizer_of(form, variables, np.ones(1), clip_norm=clip_norm)
    optimizer.apply([tf.constant([[4.0]]), tf.constant([3.0])])
    _, of_kernel, _, of_bias, _ = (float(np.sum(value)) for value in optimizer.state)
    assert of_kernel == pytest.approx(0.1 * norm * 4 / 5, rel=1e-5)
    assert of_bias == pytest.approx(0.1 * norm * 3 / 5, rel=1e-5)


def test_the_rate_is_corrected_for_the_bias_of_moments_that_began_at_zero() -> None:
    first, second = np.sqrt(1 - 0.999) / (1 - 0.9), np.sqrt(1 - 0.999**2) / (1 - 0.9**2)
    np.testing.assert_allclose(bias_corrected(np.array([2.0, 3.0]), 0), [2 * first, 3 * second])
    np.testing.assert_allclose(bias_corrected(np.array([2.0, 3.0, 4.0]), 1), [0, 3 * first, 4 * second])
