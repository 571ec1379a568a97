import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file

from components.model.bert import Encoder, build_encoder
from components.model.config import BertConfig
from components.pretrained.encoder_weights import check_weights, load_weights
from components.pretrained.huggingface import read_config
from tests.checkout import ROOT
from tests.fixtures import make_bert_outputs
from tests.toys import write_toy_checkpoint

MORE_OUTPUTS = ROOT.parent / "shared" / "reference" / "bert_outputs.npz"

MINILM = ROOT / "data" / "minilm"

IDS = np.array([[2, 57, 58, 59, 60, 3], [2, 58, 61, 3, 0, 0]], np.int32)

MASK = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]], np.int32)

SEGMENTS = np.array([[0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 0, 0]], np.int32)


def load(directory: Path, **options: Any) -> Encoder:
    encoder = build_encoder(read_config(directory), **options)
    load_weights(encoder, directory)
    return encoder


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_checkpoint(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def encoder(toy: Path) -> Encoder:
    return load(toy)


def numpy_bert(
    weights: dict[str, np.ndarray], heads: int, layers: int, ids: list[int], segments: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """One unpadded text through BERT in float64, one attention head after the other."""

    def dense(rows: np.ndarray, name: str) -> np.ndarray:
        return rows @ weights[f"{name}.weight"].astype(float).T + weights[f"{name}.bias"]

    def norm(rows: np.ndarray, name: str) -> np.ndarray:
        rows = rows - rows.mean(-1, keepdims=True)
        rows = rows / np.sqrt((rows**2).mean(-1, keepdims=True) + 1e-12)
        return rows * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    tables = [weights[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type")]
    rows = tables[0][ids].astype(float) + tables[1][: len(ids)] + tables[2][segments]
    rows = norm(rows, "embeddings.LayerNorm")
    for index in range(layers):
        layer = f"encoder.layer.{index}"
        query, key, value = (dense(rows, f"{layer}.attention.self.{part}") for part in ("query", "key", "value"))
        width = rows.shape[1] // heads
        mixed = []
        for head in range(heads):
            columns = slice(head * width, (head + 1) * width)
            scores = np.exp(query[:, columns] @ key[:, columns].T / math.sqrt(width))
            mixed.append(scores / scores.sum(-1, keepdims=True) @ value[:, columns])
        attended = dense(np.concatenate(mixed, -1), f"{layer}.attention.output.dense")
        rows = norm(rows + attended, f"{layer}.attention.output.LayerNorm")
        inner = dense(rows, f"{layer}.intermediate.dense")
        inner = inner * 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        rows = norm(rows + dense(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    return rows, np.tanh(dense(rows[:1], "pooler.dense"))[0]


def test_a_padded_batch_equals_bert_written_out_in_numpy_text_by_text(toy: Path, encoder: Encoder) -> None:
    weights = load_file(toy / "model.safetensors")
    outputs = encoder(IDS, MASK, SEGMENTS)
    for row, length in enumerate([6, 4]):
        ids, segments = IDS[row, :length].tolist(), SEGMENTS[row, :length].tolist()
        sequence, pooled = numpy_bert(weights, 2, 2, ids, segments)
        np.testing.assert_allclose(outputs["sequence_output"][row, :length], sequence, atol=2e-5)
        np.testing.assert_allclose(outputs["pooled_output"][row], pooled, atol=2e-5)


@pytest.mark.parametrize("activation", make_bert_outputs.ACTIVATIONS)
def test_outputs_equal_pytorch_on_toy_weights(tmp_path: Path, activation: str) -> None:
    stored = np.load(make_bert_outputs.OUTPUTS)
    reference = {name: stored[name] for name in ("token_ids", "padding_mask", "segment_ids")}
    reference |= {name: stored[f"{activation}/{name}"] for name in ("sequence_output", "pooled_output")}
    assert_equals_pytorch(load(make_bert_outputs.checkpoint(tmp_path, activation)), reference, 5e-6)


@pytest.mark.skipif(not MORE_OUTPUTS.is_file(), reason=f"an extra: no {MORE_OUTPUTS.name} beside the checkout")
@pytest.mark.skipif(not (MINILM / "model.safetensors").is_file(), reason="data/minilm is not fetched")
def test_outputs_equal_pytorch_on_real_weights() -> None:
    assert_equals_pytorch(load(MINILM), np.load(MORE_OUTPUTS), 1e-5)


def assert_equals_pytorch(encoder: Encoder, reference: Mapping[str, np.ndarray], tolerance: float) -> None:
    outputs = encoder(reference["token_ids"], reference["padding_mask"], reference["segment_ids"])
    difference = np.abs(outputs["sequence_output"] - reference["sequence_output"])
    assert difference[reference["padding_mask"] == 1].max() < tolerance
    assert np.abs(outputs["pooled_output"] - reference["pooled_output"]).max() < tolerance


@pytest.mark.parametrize("layers", [1, 2])
def test_the_pooled_output_alone_and_its_gradients_are_those_of_the_full_pass(tmp_path: Path, layers: int) -> None:
    encoder = load(write_toy_checkpoint(tmp_path, layers=layers))
    variables = [variable.value for variable in encoder.trainable_variables]
    weights = np.random.default_rng(0).normal(size=(2, 8)).astype(np.float32)
    outputs, gradients = [], []
    for pooled_only in (False, True):
        with tf.GradientTape() as tape:
            outputs.append(encoder(IDS, MASK, SEGMENTS, pooled_only=pooled_only))
            loss = tf.reduce_sum(outputs[-1]["pooled_output"] * weights)
        gradients.append([tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)])
    assert list(outputs[1]) == ["pooled_output"]
    np.testing.assert_allclose(outputs[1]["pooled_output"], outputs[0]["pooled_output"], atol=1e-6)
    for got, wanted in zip(gradients[1], gradients[0], strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_without_layers_above_the_pooled_output_is_that_of_the_first_token(encoder: Encoder) -> None:
    hidden = tf.constant(np.random.default_rng(0).normal(size=(2, 3, 8)), tf.float32)
    mask = np.array([[1, 1, 1], [1, 0, 0]])
    kernel, bias = encoder.pooler.kernel.numpy(), encoder.pooler.bias.numpy()
    expected = np.tanh(hidden.numpy()[:, 0] @ kernel + bias)
    for pooled_only in (True, False):
        found = encoder.upper(hidden, mask, first=2, pooled_only=pooled_only)
        np.testing.assert_allclose(found["pooled_output"], expected, atol=1e-6)
    np.testing.assert_array_equal(found["sequence_output"], hidden)


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_the_first_layers_and_then_the_others_are_the_full_pass(encoder: Encoder, layers: int) -> None:
    whole = encoder(IDS, MASK, SEGMENTS)
    found = encoder.upper(encoder.lower(IDS, MASK, layers, SEGMENTS), MASK, layers)
    for name, value in whole.items():
        np.testing.assert_allclose(found[name], value, atol=1e-6)


def test_what_stands_in_the_padding_changes_nothing(encoder: Encoder) -> None:
    other = np.where(MASK == 1, IDS, 7)
    first, second = encoder(IDS, MASK), encoder(other, MASK.astype(bool))
    np.testing.assert_array_equal(first["sequence_output"][MASK == 1], second["sequence_output"][MASK == 1])
    np.testing.assert_array_equal(first["pooled_output"], second["pooled_output"])
    assert np.abs(first["pooled_output"] - encoder(other)["pooled_output"])[1].max() > 1e-3


def test_a_row_of_padding_alone_stays_finite(encoder: Encoder) -> None:
    outputs = encoder(IDS, np.zeros_like(MASK))
    assert np.isfinite(outputs["sequence_output"]).all()


def test_no_mask_means_no_padding_and_no_segments_mean_segment_0(encoder: Encoder) -> None:
    given = encoder(IDS, np.ones_like(IDS), np.zeros_like(IDS))
    for name, value in encoder(IDS).items():
        np.testing.assert_allclose(value, given[name], atol=1e-6)


def test_batch_and_length_may_be_unknown_when_traced(encoder: Encoder) -> None:
    spec = tf.TensorSpec([None, None], tf.int32)
    traced = tf.function(encoder, input_signature=[spec, spec])
    for batch, length in ((2, 6), (1, 4)):
        ids, mask = IDS[:batch, :length], MASK[:batch, :length]
        outputs = traced(ids, mask)
        assert outputs["sequence_output"].shape == (batch, length, 8)
        assert outputs["pooled_output"].shape == (batch, 8)
        np.testing.assert_allclose(outputs["sequence_output"], encoder(ids, mask)["sequence_output"], atol=1e-6)
    (shape,) = {
        tuple(out.shape) for out in traced.get_concrete_function().structured_outputs.values() if out.shape.rank == 3
    }
    assert shape == (None, None, 8)


def test_a_saved_model_gives_the_same_outputs(encoder: Encoder, tmp_path: Path) -> None:
    module = tf.Module()
    module.encoder = encoder
    specs = [tf.TensorSpec([None, None], tf.int32, name) for name in ("token_ids", "padding_mask")]
    serve = tf.function(encoder, input_signature=specs)
    tf.saved_model.save(module, tmp_path, signatures=serve)
    outputs = tf.saved_model.load(tmp_path).signatures["serving_default"](
        token_ids=tf.constant(IDS), padding_mask=tf.constant(MASK)
    )
    np.testing.assert_allclose(outputs["pooled_output"], encoder(IDS, MASK)["pooled_output"], atol=1e-6)


def test_dropout_is_active_only_in_training(encoder: Encoder) -> None:
    first, second = (encoder(IDS, MASK)["sequence_output"].numpy() for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert np.abs(encoder(IDS, MASK, training=True)["sequence_output"] - first)[MASK == 1].max() > 1e-2


def test_the_seed_repeats_initial_values_and_dropout(toy: Path) -> None:
    config = read_config(toy)
    first, again, other = (
        [build(IDS, MASK, training=True)["sequence_output"].numpy()[MASK == 1] for _ in range(2)]
        for build in (build_encoder(config, seed=seed) for seed in (1, 1, 2))
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first[0] - first[1]).max() > 1e-3
    assert np.abs(first[0] - other[0]).max() > 1e-3


def test_no_two_layers_start_alike(toy: Path) -> None:
    kernels = [w.numpy().tobytes() for w in build_encoder(read_config(toy)).trainable_weights if len(w.shape) == 2]
    assert len(kernels) == len(set(kernels)) == 12


@pytest.mark.parametrize("rates", [{"hidden_dropout": 0.0}, {"attention_dropout": 0.0}])
def test_each_dropout_rate_can_be_overridden(toy: Path, rates: dict[str, float]) -> None:
    both_off = load(toy, hidden_dropout=0.0, attention_dropout=0.0)
    expected = both_off(IDS, MASK)["sequence_output"].numpy()[MASK == 1]
    got = both_off(IDS, MASK, training=True)["sequence_output"].numpy()[MASK == 1]
    np.testing.assert_allclose(got, expected, atol=1e-5)
    one_off = load(toy, **rates)
    assert np.abs(one_off(IDS, MASK, training=True)["sequence_output"].numpy()[MASK == 1] - expected).max() > 1e-2


def test_a_dropout_rate_out_of_range_is_refused(toy: Path) -> None:
    with pytest.raises(ValueError, match=r"hidden_dropout_prob must be .*, got 1\.5"):
        build_encoder(read_config(toy), hidden_dropout=1.5)


def test_variables_have_stable_readable_paths(toy: Path) -> None:
    layer = [
        "attention/qkv/kernel",
        "attention/qkv/bias",
        "attention/output/kernel",
        "attention/output/bias",
        "attention_norm/gamma",
        "attention_norm/beta",
        "inner/kernel",
        "inner/bias",
        "outer/kernel",
        "outer/bias",
        "output_norm/gamma",
        "output_norm/beta",
    ]
    expected = {f"bert/layer_{index}/{name}" for index in range(2) for name in layer}
    expected |= {f"bert/embeddings/{name}/embeddings" for name in ("word", "position", "segment")}
    expected |= {"bert/embeddings/norm/gamma", "bert/embeddings/norm/beta", "bert/pooler/kernel", "bert/pooler/bias"}
    for _ in range(2):
        encoder = build_encoder(read_config(toy))
        assert {weight.path for weight in encoder.trainable_variables} == expected
        assert [variable.path for variable in encoder.non_trainable_variables] == ["bert_dropout/seed_generator_state"]


def test_embeddings_and_first_layers_can_be_frozen(toy: Path) -> None:
    encoder = load(toy)
    encoder.embeddings.trainable = False
    encoder.blocks[0].trainable = False
    paths = [weight.path for weight in encoder.trainable_variables]
    assert len(paths) == 14
    assert all(path.startswith(("bert/layer_1/", "bert/pooler/")) for path in paths)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(encoder(IDS, MASK, training=True)["pooled_output"])
    gradients = tape.gradient(loss, [weight.value for weight in encoder.trainable_variables])
    assert all(np.abs(gradient).max() > 0 for gradient in gradients)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_keeps_variables_in_float32(toy: Path, policy: str) -> None:
    expected = load(toy)(IDS, MASK)["pooled_output"]
    keras.config.set_dtype_policy(policy)
    try:
        encoder = load(toy)
        outputs = encoder(IDS, MASK, SEGMENTS, training=False)
    finally:
        keras.config.set_dtype_policy("float32")
    assert {weight.dtype for weight in encoder.trainable_variables} == {"float32"}
    assert outputs["sequence_output"].dtype == policy.removeprefix("mixed_")
    pooled = tf.cast(encoder(IDS, MASK)["pooled_output"], tf.float32)
    assert 0 < np.abs(pooled - expected).max() < 0.1


@pytest.mark.parametrize(("name", "value"), [("relu", 0.0), ("gelu", -0.158655), ("gelu_new", -0.158808)])
def test_the_activation_is_the_checkpoints(name: str, value: float) -> None:
    config = BertConfig(
        vocab_size=4, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4, hidden_act=name
    )
    assert build_encoder(config).blocks[0].activation(tf.constant([[-1.0]])).numpy() == pytest.approx(value, abs=1e-6)


def test_the_toy_checkpoint_is_complete(toy: Path) -> None:
    assert check_weights(toy, read_config(toy))
