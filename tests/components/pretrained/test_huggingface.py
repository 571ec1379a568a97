import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from components.common.errors import InputError
from components.model.config import BertConfig
from components.pretrained.huggingface import check_weights, load_weights, read_config
from tests.checkout import ROOT
from tests.toys import VOCABULARY, write_toy_checkpoint


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write_toy_checkpoint(tmp_path / "toy")


def set_config(directory: Path, **changes: object) -> None:
    path = directory / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def set_tensors(directory: Path, change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> None:
    path = directory / "model.safetensors"
    save_file(change(load_file(path)), path)


def config_error(directory: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_config(directory)
    return str(caught.value)


def weights_error(directory: Path) -> str:
    config = read_config(directory)
    with pytest.raises(InputError) as caught:
        check_weights(directory, config)
    return str(caught.value)


def weights_of(directory: Path) -> dict[str, np.ndarray]:
    from components.model.bert import build_encoder

    encoder = build_encoder(read_config(directory))
    load_weights(encoder, directory)
    return {weight.path: weight.numpy() for weight in encoder.trainable_weights}


def test_config_reads_every_key_and_defaults_to_hugging_faces(checkpoint: Path) -> None:
    config = read_config(checkpoint)
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (8, 2, 2)
    assert (config.vocab_size, config.max_position_embeddings) == (len(VOCABULARY), 32)
    (checkpoint / "config.json").write_text('{"model_type": "bert"}')
    assert read_config(checkpoint) == BertConfig(
        vocab_size=30522,
        hidden_size=768,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=3072,
        hidden_act="gelu",
        max_position_embeddings=512,
        type_vocab_size=2,
        layer_norm_eps=1e-12,
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1,
        pad_token_id=0,
        initializer_range=0.02,
    )


def test_checks_do_not_load_tensorflow(checkpoint: Path) -> None:
    code = (
        "import sys, pathlib; from components.pretrained import hub, huggingface as c; d = pathlib.Path(sys.argv[1]);"
        "c.check_weights(hub.resolve(str(d)), c.read_config(d)); "
        "print({'tensorflow', 'keras', 'huggingface_hub'} & set(sys.modules))"
    )
    root = ROOT
    command = [sys.executable, "-c", code, str(checkpoint)]
    ran = subprocess.run(command, cwd=root, env=os.environ, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def test_a_missing_directory_is_named_with_the_remedy(tmp_path: Path) -> None:
    assert config_error(tmp_path / "no") == (
        f"{tmp_path}/no: there is no such directory. "
        "Give a directory with config.json, model.safetensors and the tokenizer's files, or hf://organisation/name."
    )


def test_a_missing_config_is_named(tmp_path: Path) -> None:
    assert config_error(tmp_path).startswith(
        f"{tmp_path}/config.json: cannot be read (No such file or directory). Give"
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "is not JSON (Expecting property name"),
        (b"\xff\xfe", "is not JSON ('utf-8' codec can't decode"),
        (b"[1]", "must hold a JSON object, got list"),
    ],
)
def test_a_config_that_is_no_json_object_is_refused(checkpoint: Path, content: bytes, problem: str) -> None:
    (checkpoint / "config.json").write_bytes(content)
    assert config_error(checkpoint).startswith(f"{checkpoint}/config.json: {problem}")


def test_another_kind_of_model_is_named_with_what_is_supported(checkpoint: Path) -> None:
    set_config(checkpoint, model_type="roberta", architectures=["RobertaModel"])
    assert config_error(checkpoint) == (
        f"{checkpoint}/config.json: model_type must be \"bert\", got 'roberta' with architectures ['RobertaModel']. "
        "Only BERT encoders are supported (bert-base-uncased, MiniLM, TinyBERT ...); choose one of these."
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"hidden_act": "silu"}, "hidden_act must be one of gelu, gelu_new, gelu_pytorch_tanh, relu, got 'silu'"),
        ({"hidden_act": ["gelu"]}, "hidden_act must be one of gelu, gelu_new, gelu_pytorch_tanh, relu, got ['gelu']"),
        (
            {"position_embedding_type": "relative_key"},
            "position_embedding_type must be \"absolute\", got 'relative_key'",
        ),
        ({"is_decoder": True}, "is_decoder must be false, got True"),
        ({"add_cross_attention": True}, "add_cross_attention must be false, got True"),
        ({"hidden_size": "8"}, "hidden_size must be an integer of at least 1, got '8'"),
        ({"hidden_size": True}, "hidden_size must be an integer of at least 1, got True"),
        ({"num_hidden_layers": 0}, "num_hidden_layers must be an integer of at least 1, got 0"),
        ({"num_hidden_layers": None}, "num_hidden_layers must be an integer of at least 1, got None"),
        ({"layer_norm_eps": 0}, "layer_norm_eps must be a number above 0 and below 1, got 0"),
        ({"hidden_dropout_prob": 1.0}, "hidden_dropout_prob must be a number from 0 to below 1, got 1.0"),
        ({"initializer_range": float("nan")}, "initializer_range must be a number above 0 and below 1, got nan"),
        ({"pad_token_id": -1}, "pad_token_id must be an integer of at least 0, got -1"),
        ({"pad_token_id": 66}, "pad_token_id must be below vocab_size (66), got 66"),
        ({"num_attention_heads": 3}, "hidden_size must be a multiple of num_attention_heads (3), got 8"),
    ],
)
def test_a_value_that_breaks_its_rule_is_refused(checkpoint: Path, changes: dict[str, Any], problem: str) -> None:
    set_config(checkpoint, **changes)
    assert config_error(checkpoint).startswith(f"{checkpoint}/config.json: {problem}. C")


def test_a_complete_checkpoint_has_a_pooler(checkpoint: Path) -> None:
    assert check_weights(checkpoint, read_config(checkpoint)) is True


def test_a_checkpoint_without_pooler_is_complete(checkpoint: Path) -> None:
    from components.model.bert import build_encoder

    set_tensors(checkpoint, lambda tensors: {k: v for k, v in tensors.items() if not k.startswith("pooler.")})
    config = read_config(checkpoint)
    assert check_weights(checkpoint, config) is False
    encoder = build_encoder(config)
    initial = encoder.pooler.kernel.numpy()
    assert load_weights(encoder, checkpoint) is False
    np.testing.assert_array_equal(encoder.pooler.kernel.numpy(), initial)
    assert 0 < np.std(initial) < 0.04


def test_half_a_pooler_is_a_missing_tensor(checkpoint: Path) -> None:
    set_tensors(checkpoint, lambda tensors: {k: v for k, v in tensors.items() if k != "pooler.dense.bias"})
    assert "1 of 39 tensors are missing: pooler.dense.bias." in weights_error(checkpoint)


def test_missing_tensors_are_counted_and_the_first_named(checkpoint: Path) -> None:
    set_tensors(checkpoint, lambda tensors: {k: v for k, v in tensors.items() if "LayerNorm" not in k})
    assert weights_error(checkpoint) == (
        f"{checkpoint}/model.safetensors: 10 of 39 tensors are missing: embeddings.LayerNorm.weight, "
        "embeddings.LayerNorm.bias, encoder.layer.0.attention.output.LayerNorm.weight and 7 more. "
        "Take weights and config.json from the same BERT model, saved with the encoder's own names."
    )


def test_a_tensor_of_another_shape_is_named_with_both_shapes(checkpoint: Path) -> None:
    set_config(checkpoint, max_position_embeddings=16)
    assert weights_error(checkpoint) == (
        f"{checkpoint}/model.safetensors: 1 tensors have another shape than config.json says: "
        "embeddings.position_embeddings.weight expected [16, 8], got [32, 8]. "
        "Take weights and config.json from the same model."
    )


@pytest.mark.parametrize("size", [0, 5, 200, -1])
def test_a_damaged_file_is_refused(checkpoint: Path, size: int) -> None:
    path = checkpoint / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    assert weights_error(checkpoint).startswith(f"{path}: cannot be read as safetensors (")


def test_a_missing_weights_file_is_named(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").unlink()
    assert weights_error(checkpoint).startswith(
        f"{checkpoint}/model.safetensors: there is no such file. Give a directory"
    )


def test_pickled_weights_are_refused_with_the_way_to_convert_them(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").rename(checkpoint / "pytorch_model.bin")
    assert weights_error(checkpoint) == (
        f"{checkpoint}/model.safetensors: there is no such file, and pytorch_model.bin is refused because unpickling "
        "it can run any code. Where you trust the file, convert it with transformers and PyTorch: "
        "AutoModel.from_pretrained(DIRECTORY).save_pretrained(DIRECTORY, safe_serialization=True)."
    )


def test_the_prefix_bert_and_old_names_and_float16_are_read(checkpoint: Path) -> None:
    expected = weights_of(checkpoint)

    def rename(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        old = {
            f"bert.{name}".replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                "LayerNorm.bias", "LayerNorm.beta"
            ): value
            for name, value in tensors.items()
        }
        return {name: value.astype(np.float16) for name, value in old.items()} | {"cls.bias": np.zeros(3, np.float32)}

    set_tensors(checkpoint, rename)
    for path, value in weights_of(checkpoint).items():
        np.testing.assert_array_equal(value, expected[path].astype(np.float16), err_msg=path)


def shard(directory: Path) -> None:
    tensors = load_file(directory / "model.safetensors")
    names = sorted(tensors)
    halves = {"model-00001-of-00002.safetensors": names[:20], "model-00002-of-00002.safetensors": names[20:]}
    for file, part in halves.items():
        save_file({name: tensors[name] for name in part}, directory / file)
    index = {"weight_map": {name: file for file, part in halves.items() for name in part}}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))
    (directory / "model.safetensors").unlink()


def test_shards_hold_the_same_weights(checkpoint: Path) -> None:
    expected = weights_of(checkpoint)
    shard(checkpoint)
    got = weights_of(checkpoint)
    assert got.keys() == expected.keys()
    for path, value in got.items():
        np.testing.assert_array_equal(value, expected[path], err_msg=path)


def test_a_missing_shard_is_named(checkpoint: Path) -> None:
    shard(checkpoint)
    (checkpoint / "model-00002-of-00002.safetensors").unlink()
    assert weights_error(checkpoint).startswith(f"{checkpoint}/model-00002-of-00002.safetensors: cannot be read")


@pytest.mark.parametrize(
    "file", ["../other.safetensors", "/etc/x.safetensors", "a/b.safetensors", "..", "pytorch.bin", 3]
)
def test_an_index_leads_only_to_safetensors_beside_it(checkpoint: Path, file: object) -> None:
    shard(checkpoint)
    path = checkpoint / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": {"a": file}}))
    assert weights_error(checkpoint) == (
        f"{path}: weight_map must map tensors to .safetensors files beside it, got {file}. "
        "Copy or download the model again."
    )
