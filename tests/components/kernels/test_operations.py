"""The ops against their definitions in float64, and dropout's masks against the generator as it is published."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.common.cpu import cpu_features
from components.common.errors import InputError
from components.kernels import library, operations
from components.kernels.build import LEVELS, build
from components.kernels.operations import Norm
from tests.checkout import ROOT

pytestmark = pytest.mark.skipif(not LEVELS["x86-64-v3"] <= cpu_features(), reason="this CPU has no AVX2")

WIDTHS = pytest.mark.parametrize("width", [1, 7, 16, 40, 384])

NO_SEED = tf.zeros([2], tf.int32)


def draws(seed: int, *shapes: tuple[int, ...]) -> list[tf.Tensor]:
    generator = np.random.default_rng(seed)
    return [tf.constant(generator.normal(size=shape), tf.float32) for shape in shapes]


def values_and_gradients(function: Callable[..., tf.Tensor], inputs: list[tf.Tensor]) -> list[np.ndarray]:
    """What a function gives, and the gradients of its sum with weights, by each input."""
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        result = function(*inputs)
        weights = tf.cos(tf.range(tf.size(result), dtype=tf.float32))
        total = tf.reduce_sum(tf.cast(result, tf.float64) * tf.reshape(tf.cast(weights, tf.float64), tf.shape(result)))
    return [
        tf.cast(tensor, tf.float64).numpy()
        for tensor in (result, *tape.gradient(total, inputs, unconnected_gradients="zero"))
    ]


def assert_same(
    ours: Callable[..., tf.Tensor], definition: Callable[..., tf.Tensor], inputs: list[tf.Tensor], close: float = 2e-6
) -> None:
    """Within a share of the largest value, in whatever precision the definition's inputs come."""
    got = values_and_gradients(ours, inputs)
    wanted = values_and_gradients(definition, [tf.cast(tensor, tf.float64) for tensor in inputs])
    for found, right in zip(got, wanted, strict=True):
        np.testing.assert_allclose(found, right, rtol=0, atol=close * max(1.0, np.abs(right).max(initial=0)))


def gelu(rows: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    return tf.nn.gelu(rows @ kernel + bias, approximate=False)


def normalised(rows: tf.Tensor, bias: tf.Tensor, residual: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tf.Tensor:
    summed = rows + bias + residual
    mean, variance = tf.nn.moments(summed, [-1], keepdims=True)
    return (summed - mean) / tf.sqrt(variance + 1e-3) * gamma + beta


def in_heads(rows: tf.Tensor, heads: int) -> tf.Tensor:
    return tf.transpose(tf.reshape(rows, (rows.shape[0], heads, -1)), (1, 0, 2))


def attention(query: tf.Tensor, rest: tf.Tensor, starts: np.ndarray, heads: int) -> tf.Tensor:
    """One sequence after the other; `query` as long as `rest`, or of one row a sequence."""
    mixed = []
    for number, (begin, end) in enumerate(itertools.pairwise(starts)):
        asked = query[number : number + 1] if query.shape[0] != rest.shape[0] else query[begin:end]
        key, value = (in_heads(part, heads) for part in tf.split(rest[begin:end], 2, axis=1))
        scores = tf.matmul(in_heads(asked, heads), key, transpose_b=True) / np.sqrt(key.shape[-1])
        out = tf.matmul(tf.nn.softmax(scores), value)
        mixed.append(tf.reshape(tf.transpose(out, (1, 0, 2)), (asked.shape[0], -1)))
    return tf.concat(mixed, axis=0)


@WIDTHS
def test_gelu_of_a_dense_layer(width: int) -> None:
    inputs = draws(0, (37, 24), (24, width), (width,))
    assert_same(operations.dense_gelu, gelu, [4 * inputs[0], *inputs[1:]])


def test_gelu_far_from_zero_is_the_identity_or_nothing() -> None:
    rows = tf.constant([[-1e30, -200.0, -12.0, -5.0, 0.0, 5.0, 12.0, 200.0, 1e30]])
    got = operations.dense_gelu(rows, tf.eye(9), tf.zeros(9)).numpy()
    np.testing.assert_allclose(got, tf.nn.gelu(tf.cast(rows, tf.float64), approximate=False), rtol=1e-6, atol=1e-30)


@WIDTHS
def test_norm_of_a_dense_layer_with_a_residual(width: int) -> None:
    inputs = draws(1, (37, 24), (24, width), (width,), (37, width), (width,), (width,))

    def ours(*given: tf.Tensor) -> tf.Tensor:
        return operations.dense_norm(*given, seed=NO_SEED, norm=Norm(1e-3))

    def definition(rows: tf.Tensor, kernel: tf.Tensor, *others: tf.Tensor) -> tf.Tensor:
        return normalised(rows @ kernel, *others)

    assert_same(ours, definition, inputs, 1e-5)


@WIDTHS
def test_norm_of_a_sum(width: int) -> None:
    inputs = draws(2, (5, width), (width,), (5, width), (width,), (width,))
    assert_same(lambda *given: operations.sum_norm(*given, seed=NO_SEED, norm=Norm(1e-3)), normalised, inputs, 1e-5)


@pytest.mark.parametrize(("heads", "width"), [(12, 32), (2, 10), (1, 1), (3, 64)])
def test_attention_within_sequences_that_lie_end_to_end(heads: int, width: int) -> None:
    starts = np.cumsum([0, 3, 1, 70, 16, 130], dtype=np.int32)
    hidden = heads * width
    inputs = draws(3, (starts[-1], 20), (20, 3 * hidden), (3 * hidden,))

    def ours(rows: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        return operations.self_attention(rows, kernel, bias, tf.constant(starts), NO_SEED, heads=heads, rate=0.0)

    def definition(rows: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        query, rest = tf.split(rows @ kernel + bias, [hidden, 2 * hidden], axis=1)
        return attention(query, rest, starts, heads)

    assert_same(ours, definition, inputs, 1e-5)


@pytest.mark.parametrize(("heads", "width"), [(12, 32), (2, 10)])
def test_attention_of_the_first_rows_alone(heads: int, width: int) -> None:
    starts, hidden = np.cumsum([0, 3, 1, 70, 16], dtype=np.int32), heads * width
    inputs = draws(4, (4, 20), (starts[-1], 20), (20, hidden), (hidden,), (20, 2 * hidden), (2 * hidden,))

    def ours(first: tf.Tensor, rows: tf.Tensor, *others: tf.Tensor) -> tf.Tensor:
        of_query, of_rest = others[:2], others[2:]
        settings: dict[str, Any] = {"heads": heads, "rate": 0.0}
        return operations.first_attention(first, rows, of_query, of_rest, tf.constant(starts), NO_SEED, **settings)

    def definition(first: tf.Tensor, rows: tf.Tensor, *others: tf.Tensor) -> tf.Tensor:
        return attention(first @ others[0] + others[1], rows @ others[2] + others[3], starts, heads)

    assert_same(ours, definition, inputs, 1e-5)


def test_a_sequence_does_not_see_its_neighbours() -> None:
    rows, kernel, bias = draws(5, (9, 8), (8, 24), (24,))
    both, second = (
        operations.self_attention(part, kernel, bias, tf.constant(starts), NO_SEED, heads=2, rate=0.0)
        for part, starts in ((rows, [0, 4, 9]), (rows[4:], [0, 5]))
    )
    np.testing.assert_array_equal(both[4:], second)


def test_in_bfloat16_only_what_is_stored_is_rounded() -> None:
    """The share of the largest value by which bfloat16 is off: 8 bits for each value that is stored in it."""
    rows, kernel, bias, gamma = draws(6, (40, 32), (32, 32), (32,), (32,))
    halves = [tf.cast(tensor, tf.bfloat16) for tensor in (rows, 0.2 * kernel)]
    exact = [tf.cast(tensor, tf.float32) for tensor in halves]
    starts = tf.constant([0, 10, 40])
    functions: list[Callable[..., tf.Tensor]] = [
        lambda rows, kernel: operations.dense_gelu(rows, kernel, bias),
        lambda rows, kernel: operations.dense_norm(
            rows, kernel, bias, rows, gamma, bias, seed=NO_SEED, norm=Norm(1e-12)
        ),
        lambda rows, kernel: operations.self_attention(
            rows, tf.concat([kernel] * 3, axis=1), tf.tile(bias, [3]), starts, NO_SEED, heads=2, rate=0.0
        ),
        lambda rows, kernel: operations.sum_norm(rows, bias, rows, gamma, bias, seed=NO_SEED, norm=Norm(1e-12)),
        lambda rows, kernel: operations.first_attention(
            rows[:2],
            rows,
            (kernel, bias),
            (tf.concat([kernel] * 2, axis=1), tf.tile(bias, [2])),
            starts,
            NO_SEED,
            heads=2,
            rate=0.0,
        ),
    ]
    for function in functions:
        pairs = zip(values_and_gradients(function, halves), values_and_gradients(function, exact), strict=True)
        assert function(*halves).dtype == tf.bfloat16
        for got, wanted in pairs:
            np.testing.assert_allclose(got, wanted, rtol=0, atol=0.03 * np.abs(wanted).max())


def philox(seed: tuple[int, int], stream: int, row: int, count: int) -> np.ndarray:
    """uint16[count]: the bits that decide on the elements of a row, by the generator's paper (see `vectors.h`)."""
    calls, low, key = np.arange(16 * -(-count // 128), dtype=np.uint64), np.uint64(0xFFFFFFFF), list(seed)
    c0, c1, c2, c3 = calls, np.full_like(calls, row), np.full_like(calls, stream), np.zeros_like(calls)
    for _ in range(7):
        first, second = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1 = (second >> np.uint64(32)) ^ c1 ^ np.uint64(key[0]), second & low
        c2, c3 = (first >> np.uint64(32)) ^ c3 ^ np.uint64(key[1]), first & low
        key = [(key[0] + 0x9E3779B9) % 2**32, (key[1] + 0xBB67AE85) % 2**32]
    # Each vector of 16 calls gives four vectors of words; the lower halves of one go before its upper ones.
    words = np.stack([c0, c1, c2, c3]).reshape(4, -1, 16).transpose(1, 0, 2)
    return np.stack([words & np.uint64(0xFFFF), words >> np.uint64(16)], axis=2).reshape(-1)[:count].astype(np.uint16)


def test_masks_are_those_of_the_published_generator() -> None:
    width, seed, dropped = 200, (5, 2**31 - 1), round(0.1 * 2**16)
    rows, kernel = tf.ones((3, 1)), tf.ones((1, width))
    norm = Norm(1e-12, rate=0.1, rate_after=0.1)
    values = operations.dense_norm(
        rows,
        kernel,
        tf.zeros(width),
        tf.zeros((3, width)),
        tf.ones(width),
        9 * tf.ones(width),
        seed=list(seed),
        norm=norm,
    ).numpy()
    for row, of_row in enumerate(values):
        before, after = (philox(seed, stream, row, width) >= dropped for stream in (0, 1))
        kept = before * (2**16 / (2**16 - dropped))
        wanted = ((kept - kept.mean()) / kept.std() + 9) * after * (2**16 / (2**16 - dropped))
        np.testing.assert_allclose(of_row, wanted, rtol=1e-5)


def test_dropout_of_attention_drops_its_share_and_keeps_the_mean() -> None:
    rows, kernel = tf.ones((130, 1)), tf.constant([[0.0] * 16 + [1.0] * 8])
    settings: dict[str, Any] = {"heads": 2, "rate": 0.25}
    mixed = operations.self_attention(rows, kernel, tf.zeros(24), tf.constant([0, 130]), [3, 4], **settings)
    # Each of 130 equal weights is kept or not, and scaled.
    shares = mixed.numpy()[:, [0, 4]]
    assert shares.mean() == pytest.approx(1, abs=0.02)
    counts = np.round(shares * 0.75 * 130)
    np.testing.assert_allclose(counts / 0.75 / 130, shares, rtol=1e-5)
    assert counts.std() == pytest.approx(np.sqrt(130 * 0.75 * 0.25), rel=0.15)


@pytest.mark.parametrize("single", [False, True])
def test_gradients_with_dropout_are_those_of_the_same_masks(single: bool) -> None:
    rows, kernel, bias, upstream = draws(8, (20, 8), (8, 24), (24,), (2 if single else 20, 8))
    starts, seed = tf.constant([0, 6, 20]), tf.constant([3, 4])
    settings: dict[str, Any] = {"heads": 2, "rate": 0.4}

    def total(rows: tf.Tensor) -> tf.Tensor:
        if single:
            of_query, of_rest = ((kernel[:, part], bias[part]) for part in (slice(8), slice(8, None)))
            first = tf.gather(rows, [0, 6])
            mixed = operations.first_attention(first, rows, of_query, of_rest, starts, seed, **settings)
        else:
            mixed = operations.self_attention(rows, kernel, bias, starts, seed, **settings)
        return tf.reduce_sum(mixed * upstream)

    with tf.GradientTape() as tape:
        tape.watch(rows)
        value = total(rows)
    (step,) = draws(9, (20, 8))
    slope = tf.reduce_sum(tape.gradient(value, rows) * step)
    numeric = (total(rows + 1e-2 * step) - total(rows - 1e-2 * step)) / 2e-2
    np.testing.assert_allclose(slope, numeric, rtol=5e-3, atol=5e-3)


def test_another_seed_gives_other_masks_and_the_same_one_the_same() -> None:
    def mask(seed: list[int]) -> np.ndarray:
        inputs = [*draws(7, (8, 64), (64,), (8, 64)), tf.ones(64), tf.zeros(64)]
        return operations.sum_norm(*inputs, seed=seed, norm=Norm(1e-12, rate_after=0.5)).numpy() == 0

    np.testing.assert_array_equal(mask([1, 2]), mask([1, 2]))
    assert 0.4 < np.mean(mask([1, 2]) != mask([1, 3])) < 0.6
    assert 0.4 < np.mean(mask([1, 2]) != mask([2, 2])) < 0.6


@pytest.mark.parametrize(
    ("starts", "said"),
    [
        ([0, 5, 3, 8], "a sequence of no rows"),
        ([0, 3, 3, 8], "a sequence of no rows"),
        ([], "starts that are no vector"),
        ([0, 4], "do not hold each row once"),
        ([1, 8], "do not hold each row once"),
        ([0, 9], "do not hold each row once"),
    ],
)
def test_sequences_that_are_none_are_refused(starts: list[int], said: str) -> None:
    rows, kernel, bias = draws(10, (8, 4), (4, 12), (12,))
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        operations.self_attention(rows, kernel, bias, tf.constant(starts, tf.int32), NO_SEED, heads=2, rate=0.0)


def test_inputs_of_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="another shape"):
        library.ops().bert_gelu(x=tf.ones((2, 3)), bias=tf.ones(4))
    with pytest.raises(tf.errors.InvalidArgumentError, match="no matrix"):
        library.ops().bert_gelu(x=tf.ones(3), bias=tf.ones(3))
    with pytest.raises(tf.errors.InvalidArgumentError, match="do not fit"):
        given = {"query": tf.ones((4, 9)), "rest": tf.ones((4, 9)), "query_bias": tf.ones(9), "bias": tf.ones(9)}
        library.ops().bert_attention(**given, starts=[0, 4], seed=[0, 0], heads=2, rate=0.0)


def test_of_no_rows_there_is_nothing() -> None:
    rows, kernel, bias = draws(11, (0, 4), (4, 12), (12,))
    mixed = operations.self_attention(rows, kernel, bias, tf.constant([0]), NO_SEED, heads=2, rate=0.1)
    assert mixed.shape == (0, 4)
    assert operations.dense_gelu(rows, kernel, bias).shape == (0, 12)


COMPUTE = """
import ctypes, hashlib, pathlib, sys
import numpy as np, tensorflow as tf
from components.kernels import library, operations
library.built = lambda: pathlib.Path(sys.argv[1])
draw = np.random.default_rng(0)
rows, kernel, bias, gamma = (tf.constant(draw.normal(size=s), tf.float32) for s in ((70, 40), (40, 120), (120,), (40,)))
digest = hashlib.sha256()
for dtype in (tf.float32, tf.bfloat16):
    # Products of matrices are TensorFlow's: of one column they are exact.
    ops = library.ops()
    x = tf.cast(rows, dtype)
    wide = tf.cast(tf.tile(rows, [1, 3]), dtype)
    settings = {"rate": 0.1, "rate_after": 0.2, "epsilon": 1e-12, "seed": [1, 2]}
    found = [*ops.bert_gelu(x=x, bias=gamma), *ops.bert_gelu_gradient(dy=x, slope=x)]
    norm = ops.bert_norm(x=x, bias=gamma, residual=x, gamma=gamma, beta=gamma, **settings)
    found += [*norm, *ops.bert_norm_gradient(dy=x, normal=norm[1], scales=norm[2], gamma=gamma, **settings)]
    given = {"query": wide, "rest": wide, "query_bias": bias, "bias": bias, "starts": [0, 3, 70], "seed": [3, 4]}
    mixed = ops.bert_attention(**given, heads=4, rate=0.1)
    found += [*mixed, *ops.bert_attention_gradient(**given, upstream=x, sums=mixed[1], heads=4, rate=0.1)]
    for tensor in found:
        digest.update(tf.cast(tensor, tf.float32).numpy().tobytes())
print(digest.hexdigest())
"""


@pytest.mark.skipif(not all(more <= cpu_features() for more in LEVELS.values()), reason="this CPU has no AVX-512")
def test_both_levels_give_the_same_bits() -> None:
    results = {
        subprocess.run(
            [sys.executable, "-c", COMPUTE, str(library.library(level))], check=True, capture_output=True, text=True
        ).stdout
        for level in LEVELS
    }
    assert len(results) == 1


def test_a_build_gives_the_same_bytes_again(tmp_path: Path) -> None:
    build(tmp_path)
    for level in LEVELS:
        assert library.library(level, tmp_path).read_bytes() == library.library(level).read_bytes()
    assert len(list(tmp_path.iterdir())) == len(LEVELS)


def test_without_a_library_it_is_said_what_builds_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "built", lambda: None)
    library.ops.cache_clear()
    with pytest.raises(InputError, match="make setup"):
        library.ops()


def test_the_compiler_that_makes_the_bits_is_the_same_in_a_checkout_and_in_a_wheel() -> None:
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    (pinned,) = (name for name in built if name.startswith("ziglang=="))
    assert f"{pinned} \\" in (ROOT / "requirements.lock").read_text().splitlines()
