"""Versions whose tables and kernels are stored in 16 bits: what is in the files, and what they answer."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.common.errors import InputError
from components.export import saved_weights, served_ops
from components.export.card import read_card
from components.export.formats import parity
from components.export.formats.pushed import Pushed
from components.training.fine_tuning import with_weights
from components.training.float32_pass import Float32Pass
from tests.components.export.conftest import Made


@pytest.mark.parametrize(("stored", "bits"), [("float16", 11), ("bfloat16", 8)])
def test_the_larger_weights_are_rounded_and_the_answers_are_theirs(version: Made, stored: str, bits: int) -> None:
    full, half = version("classification"), version("classification", stored=stored)
    reader, keys = saved_weights._variables(half)
    kinds = {path: reader.get_tensor(key).dtype for path, key in keys.items() if path.startswith(("bert/", "class"))}
    assert {kinds[path].name for path in kinds if path.endswith(("kernel", "embeddings")) and "class" not in path} == {
        stored
    }
    # What is small, and the last layer, which is all that a fine-tuning of the head changes.
    assert {kinds[path].name for path in kinds if path.endswith(("bias", "gamma", "beta")) or "class" in path} == {
        "float32"
    }
    ours, theirs = saved_weights.values(half), saved_weights.values(full)
    for path, value in theirs.items():
        np.testing.assert_allclose(ours[path], value, rtol=2.0**-bits, atol=1e-7)
    assert not np.array_equal(ours["bert/layer_0/inner/kernel"], theirs["bert/layer_0/inner/kernel"])
    saved_weights.check(half)
    served_ops.check(half)

    reference = parity.Reference(Pushed.read(half))
    expected = Float32Pass(half, half.parents[1] / "base")
    for ids in reference.token_ids([("the film is good",), ("bad " * 20,)]):
        (served,), (measured,) = reference.predictions(ids[np.newaxis]), expected.predictions([ids])
        np.testing.assert_allclose(served, measured, atol=1e-6)


def test_a_weight_that_float16_has_no_number_for_is_told() -> None:
    def model(dtype: str, value: float) -> SimpleNamespace:
        return SimpleNamespace(variables=[keras.Variable(tf.constant([value]), dtype=dtype, name="kernel")])

    with pytest.raises(InputError, match=r"weights beyond 65,504, .* \(kernel\)\. Give \"bfloat16\""):
        with_weights(model("float32", 70_000), model("float16", 0))  # type: ignore[arg-type]
    (kept,) = with_weights(model("float32", 70_000), model("bfloat16", 0)).variables  # type: ignore[arg-type]
    assert abs(float(kept.numpy()[0]) / 70_000 - 1) < 2.0**-8


def test_the_hash_of_the_weights_is_of_their_values(version: Made) -> None:
    half = version("classification", stored="float16")
    assert saved_weights.weights_sha256(half) == read_card(half)["weights_sha256"]
    assert read_card(half)["weights_sha256"] != read_card(version("classification"))["weights_sha256"]
