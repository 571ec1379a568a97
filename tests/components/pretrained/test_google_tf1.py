"""Google's original form is read as Hugging Face's form of the same weights, and nothing else is taken for it."""

import json
import math
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file

from components.common.errors import InputError
from components.pretrained import base_model, content, encoder_weights, head_weights, pooling
from components.pretrained.google_tf1 import Checkpoint
from components.pretrained.tensor_bundle import Bundle
from components.tokenization.tokenizer_files import read_tokenizer
from tests.checkout import ROOT
from tests.google_form import google_tensors, write_bundle, write_google_checkpoint
from tests.toys import VOCABULARY, toy_tensors, write_toy_checkpoint

IDS = np.array([[2, 57, 58, 4, 60, 3], [2, 58, 61, 3, 0, 0]], np.int32)

MASK = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]], np.int32)

SEGMENTS = np.array([[0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 0, 0]], np.int32)

WORDS = "bert/embeddings/word_embeddings"


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return write_toy_checkpoint(tmp_path / "toy", heads_of_pretraining=True)


@pytest.fixture
def google(tmp_path: Path, toy: Path) -> Path:
    return write_google_checkpoint(tmp_path / "google", toy)


def change(directory: Path, by: Callable[[dict[str, np.ndarray]], object], **options: int) -> None:
    """Of the checkpoint's tensors."""
    bundle = Bundle(directory / "bert_model.ckpt")
    tensors = {name: bundle.read(name) for name in bundle.names}
    by(tensors)
    write_bundle(directory / "bert_model.ckpt", tensors, **options)


def error(model: Path) -> str:
    with pytest.raises(InputError) as caught:
        encoder_weights.check_weights(model, base_model.read_config(model))
    return str(caught.value)


def outputs(model: Path) -> dict[str, np.ndarray]:
    """Of encoder and heads, for IDS."""
    from components.model.bert import build_encoder
    from components.model.pretraining_heads import MaskedLanguageModel, NextSentence

    config = base_model.read_config(model)
    encoder = build_encoder(config)
    encoder_weights.load_weights(encoder, model)
    masked, following = MaskedLanguageModel(config), NextSentence(config)
    head_weights.load_masked_language_model(masked, model, config)
    head_weights.load_next_sentence(following, model, config)
    encoded = encoder(IDS, MASK, SEGMENTS)
    logits = masked(encoded["sequence_output"][0], encoder.embeddings.word_rows)
    found = encoded | {"masked": logits, "next": following(encoded["pooled_output"])}
    return {name: value.numpy() for name, value in found.items()}


def test_encoder_and_heads_give_what_hugging_faces_form_of_the_same_weights_does(toy: Path, google: Path) -> None:
    of_toy = outputs(toy)
    for model in (google, google / "bert_model.ckpt"):
        for name, value in outputs(model).items():
            np.testing.assert_allclose(value, of_toy[name], rtol=0, atol=1e-5, err_msg=name)
            assert np.std(value) > 0.1, name


def test_the_heads_are_as_written_out_in_numpy(google: Path, toy: Path) -> None:
    weights = {name: value.astype(float) for name, value in load_file(toy / "model.safetensors").items()}
    found = outputs(google)
    rows = found["sequence_output"][0] @ weights["cls.predictions.transform.dense.weight"].T
    rows += weights["cls.predictions.transform.dense.bias"]
    rows *= 0.5 * (1 + np.vectorize(math.erf)(rows / math.sqrt(2)))
    rows -= rows.mean(-1, keepdims=True)
    rows /= np.sqrt((rows**2).mean(-1, keepdims=True) + 1e-12)
    rows = rows * weights["cls.predictions.transform.LayerNorm.weight"]
    rows += weights["cls.predictions.transform.LayerNorm.bias"]
    logits = rows @ weights["embeddings.word_embeddings.weight"].T + weights["cls.predictions.bias"]
    np.testing.assert_allclose(found["masked"], logits, rtol=0, atol=1e-5)
    following = found["pooled_output"] @ weights["cls.seq_relationship.weight"].T + weights["cls.seq_relationship.bias"]
    np.testing.assert_allclose(found["next"], following, rtol=0, atol=1e-5)


def test_heads_and_encoder_share_no_initial_values() -> None:
    from components.model.bert import build_encoder
    from components.model.config import BertConfig
    from components.model.pretraining_heads import MaskedLanguageModel, NextSentence

    config = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    encoder, masked, following = (
        build_encoder(config, seed=3),
        MaskedLanguageModel(config, seed=3),
        NextSentence(config),
    )
    kernels = [
        masked.transform.kernel,
        following.dense.kernel,
        encoder.pooler.kernel,
        encoder.embeddings.word.embeddings,
    ]
    assert len({float(kernel.numpy().reshape(-1)[0]) for kernel in kernels}) == 4
    assert all(0.01 < kernel.numpy().std() < 0.03 for kernel in kernels)


@pytest.mark.parametrize("shards", [1, 3])
def test_tensorflow_reads_what_the_tests_write_and_is_read(tmp_path: Path, shards: int) -> None:
    import tensorflow as tf

    tensors = google_tensors(toy_tensors(20, 8, 2, 0, heads_of_pretraining=True), 2)
    tensors |= {"global_step": np.array(7, np.int64), "half": np.ones((3, 2), np.float16) / 3}
    write_bundle(tmp_path / "ours", tensors, shards=shards, block=200)
    reader = tf.train.load_checkpoint(str(tmp_path / "ours"))
    assert reader.get_variable_to_shape_map().keys() == tensors.keys()
    for name, value in tensors.items():
        np.testing.assert_array_equal(reader.get_tensor(name), value)
    # Enough of them for several blocks.
    tensors |= {f"{'long/' * 60}{number}/adam_m": np.full(2, number, np.float32) for number in range(5000)}
    names = [name for name in tensors if tensors[name].dtype != np.int64]
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "theirs"),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tensors[name] for name in names],
    )
    bundle = Bundle(tmp_path / "theirs")
    assert bundle.names == sorted(names)
    for name in names[:60]:
        np.testing.assert_array_equal(bundle.read(name), tensors[name])


def test_the_original_s_saver_and_its_optimizer_s_variables_are_read(tmp_path: Path, google: Path) -> None:
    """By graph and session, as run_pretraining.py wrote it."""
    import tensorflow as tf

    before = Bundle(google / "bert_model.ckpt")
    values = {name: before.read(name) for name in before.names}
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, value in values.items():
            tf.compat.v1.get_variable(name, initializer=value)
            tf.compat.v1.get_variable(f"{name}/adam_m", initializer=np.zeros_like(value))
        tf.compat.v1.train.get_or_create_global_step()
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, str(google / "model.ckpt"), global_step=20)
    prefix = google / "model.ckpt-20"
    assert encoder_weights.check_weights(prefix, base_model.read_config(prefix))
    read = Checkpoint(prefix)
    for name, value in load_file(tmp_path / "toy" / "model.safetensors").items():
        np.testing.assert_array_equal(read.read(name), value, err_msg=name)


def test_a_checkpoint_has_every_name_of_the_original(google: Path) -> None:
    names = Bundle(google / "bert_model.ckpt").names
    assert len(names) == 2 * 16 + 7 + 7
    read = Checkpoint(google)
    of_toy = toy_tensors(len(VOCABULARY), 8, 2, 0, heads_of_pretraining=True)
    assert sorted(map(read.called, of_toy)) == names


def test_it_is_checked_without_tensorflow(google: Path) -> None:
    code = (
        "import sys, pathlib; from components.pretrained import base_model, encoder_weights, head_weights; "
        "d = pathlib.Path(sys.argv[1]); c = base_model.read_config(d); print(encoder_weights.check_weights(d, c)); "
        "head_weights.check_masked_language_model(d, c); print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(google)]
    ran = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True)
    assert ran.stdout.split("\n")[:2] == ["True", "set()"]


def test_a_checkpoint_without_pooler_and_heads_is_complete(google: Path) -> None:
    change(google, lambda tensors: [tensors.pop(name) for name in list(tensors) if "pooler" in name or "cls/" in name])
    assert not encoder_weights.check_weights(google, base_model.read_config(google))
    assert not head_weights.has_masked_language_model(google)
    assert not head_weights.has_next_sentence(google)
    assert not pooling.read(google).trained_pooler


def test_pooling_goes_by_the_pooler_s_bias(google: Path) -> None:
    assert pooling.read(google).trained_pooler
    change(google, lambda tensors: tensors["bert/pooler/dense/bias"].fill(0))
    assert not pooling.read(google).trained_pooler


def test_the_config_has_google_s_defaults(google: Path) -> None:
    path = google / "bert_config.json"
    path.write_text('{"vocab_size": 66}')
    config = base_model.read_config(google)
    assert (config.hidden_size, config.type_vocab_size, config.layer_norm_eps, config.hidden_act) == (
        *(768, 16, 1e-12),
        "gelu",
    )


def test_the_tokenizer_is_google_s(google: Path) -> None:
    for model in (google, google / "bert_model.ckpt"):
        tokenizer = read_tokenizer(model)
        assert tokenizer.vocabulary == tuple(VOCABULARY)
        assert (tokenizer.settings.lower_case, tokenizer.settings.longest_word) == (True, 200)
    (google / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nThe\n")
    assert not read_tokenizer(google).settings.lower_case
    (google / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    assert read_tokenizer(google).settings.lower_case
    # A copy of it under Hugging Face's name is Hugging Face's tokenizer.
    (google / "bert_config.json").rename(google / "config.json")
    assert read_tokenizer(google).settings.longest_word == 100


def test_hashes_are_of_the_files_that_are_read(google: Path, tmp_path: Path) -> None:
    names = {"bert_config.json", "vocab.txt", "bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001"}
    assert content.hashes(google).keys() == content.hashes(google / "bert_model.ckpt").keys() == names
    write_google_checkpoint(google, tmp_path / "toy", "model.ckpt-7")
    # The one of Google's name is meant.
    assert content.hashes(google).keys() == names
    assert "model.ckpt-7.index" in content.hashes(google / "model.ckpt-7")


@pytest.mark.parametrize("name", ["bert_config.json", "bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001"])
def test_a_file_that_changes_in_a_run_is_named(google: Path, name: str) -> None:
    for model in (google, google / "bert_model.ckpt"):
        known = content.hashes(model)
        content.check(model, known)
        kept = (google / name).read_bytes()
        for spoiled in (kept + b" ", None):
            (google / name).unlink()
            if spoiled is not None:
                (google / name).write_bytes(spoiled)
            with pytest.raises(InputError) as caught:
                content.check(model, known)
            assert str(caught.value).startswith(f"{google / name}: changed since the run began.")
        (google / name).write_bytes(kept)


def test_a_directory_with_safetensors_is_hugging_faces_whatever_else_is_in_it(toy: Path, tmp_path: Path) -> None:
    write_google_checkpoint(toy, toy)
    assert base_model.tensors(toy).place == str(toy / "model.safetensors")
    assert base_model.tensors(toy / "bert_model.ckpt").place == str(toy / "bert_model.ckpt.index")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_floating_point_types_are_read_as_float32(google: Path, dtype: str) -> None:
    bundle = Bundle(google / "bert_model.ckpt")
    words = bundle.read(WORDS).astype(getattr(ml_dtypes, dtype, dtype))
    change(google, lambda tensors: tensors.update({WORDS: words}))
    assert encoder_weights.check_weights(google, base_model.read_config(google))
    read = Checkpoint(google).read("embeddings.word_embeddings.weight")
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, words.astype(np.float32))


@pytest.mark.parametrize("member", ["uncased/bert_config.json", "x"])
@pytest.mark.parametrize(("kind", "unpack"), [("zip", "unzip"), ("tar", "tar -xf")])
def test_an_archive_is_refused_with_the_way_to_unpack_it(tmp_path: Path, kind: str, unpack: str, member: str) -> None:
    path = tmp_path / f"uncased.{kind}"
    (tmp_path / "x").write_text("{}")
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(tmp_path / "x", member)
    else:
        with tarfile.open(path, "w:gz") as packed:
            packed.add(tmp_path / "x", member)
    assert error(path) == (
        f"{path}: a {kind} archive, which is not read as it is. Unpack it, as with `{unpack} uncased.{kind}`, and give "
        "the directory that comes of it."
    )


def test_of_several_checkpoints_one_has_to_be_named(google: Path, tmp_path: Path) -> None:
    for name in ("model.ckpt-10", "model.ckpt-20"):
        write_google_checkpoint(google, tmp_path / "toy", name)
    (google / "bert_model.ckpt.index").unlink()
    assert error(google) == (
        f"{google}: 2 checkpoints in it: model.ckpt-10, model.ckpt-20. Say which, by its path: {google}/model.ckpt-20."
    )
    assert encoder_weights.check_weights(google / "model.ckpt-10", base_model.read_config(google / "model.ckpt-10"))


def test_every_byte_of_the_weights_is_under_a_checksum(google: Path) -> None:
    path = google / "bert_model.ckpt.data-00000-of-00001"
    whole = bytearray(path.read_bytes())
    # A mantissa's lowest bit: nothing else would tell.
    whole[4] ^= 1
    path.write_bytes(whole)
    assert "have another checksum than the index says. The file is cut short or damaged" in error(google)


def test_no_index_of_any_bytes_ends_otherwise_than_in_a_message(google: Path) -> None:
    path = google / "bert_model.ckpt.index"
    whole, random = path.read_bytes(), np.random.default_rng(0)
    for _ in range(300):
        spoiled = bytearray(whole)
        for _ in range(random.integers(1, 4)):
            spoiled[random.integers(len(spoiled))] = random.integers(256)
        path.write_bytes(spoiled[: random.integers(1, len(spoiled))] if random.random() < 0.3 else spoiled)
        if spoiled != whole:
            assert str(path) in error(google)


def test_albert_and_electra_are_told_by_their_config(google: Path) -> None:
    path = google / "bert_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"embedding_size": 4}))
    assert "embedding_size must be hidden_size, got 4. ALBERT and ELECTRA are not supported" in error(google)
