import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from components.common.errors import InputError
from components.common.json_files import shown
from components.model.config import BertConfig
from components.pretrained import tensors
from components.pretrained.encoder_weights import check_weights, load_weights
from components.pretrained.huggingface import SafeTensors, read_config
from tests.checkout import ROOT
from tests.toys import VOCABULARY, toy_tensors, write_toy_checkpoint


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


def weights_error_or_none(directory: Path) -> str | None:
    try:
        check_weights(directory, read_config(directory))
    except InputError as error:
        return str(error)
    return None


def change_words(directory: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Of the toy's word embeddings."""
    set_tensors(directory, lambda tensors: tensors | {WORDS: change(tensors[WORDS])})


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
        "import sys, pathlib; from components.pretrained import base_model, encoder_weights, hub; "
        "d = pathlib.Path(sys.argv[1]); "
        "encoder_weights.check_weights(hub.resolve(str(d)), base_model.read_config(d)); "
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
    assert config_error(tmp_path).startswith(f"{tmp_path}/config.json: there is no such file. Give")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", ":1: expected JSON: Expecting property name"),
        (b"\xff\xfe", ":1: expected UTF-8, got the byte 0xff"),
        (b"[1]", ": expected a JSON object, got list"),
        (b'{"a": ' + b"9" * 5000 + b"}", ": expected JSON: Exceeds the limit (4300 digits)"),
        (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", ": expected JSON, this is nested too deeply"),
        (b"[" * 100_000, ": expected JSON, this is nested too deeply"),
        (b'{"a": "\\ud800"}', ": expected Unicode text, got half of a surrogate pair"),
    ],
)
def test_a_config_that_is_no_json_object_is_refused(checkpoint: Path, content: bytes, problem: str) -> None:
    (checkpoint / "config.json").write_bytes(content)
    assert config_error(checkpoint).startswith(f"{checkpoint}/config.json{problem}")


@pytest.mark.parametrize("architecture", ["BertModel", "BertForMaskedLM", "BertForPreTraining"])
def test_without_a_model_type_the_architectures_say_that_it_is_a_bert(checkpoint: Path, architecture: str) -> None:
    with_type = read_config(checkpoint)
    set_config(checkpoint, model_type=None, architectures=[architecture])
    assert read_config(checkpoint) == with_type


@pytest.mark.parametrize(
    ("values", "got"),
    [
        (
            {"model_type": None, "architectures": None},
            'None with architectures None. Where it is a BERT, add "model_type": "bert". Only',
        ),
        (
            {"model_type": None, "architectures": ["RobertaModel"]},
            "None with architectures ['RobertaModel']. Only BERT",
        ),
        (
            {"model_type": None, "architectures": ["BertModel", "GPT2Model"]},
            "None with architectures ['BertModel', 'GPT",
        ),
        ({"model_type": None, "architectures": ["BertGenerationEncoder"]}, "None with architectures ['BertGeneration"),
        ({"model_type": "roberta", "architectures": ["BertModel"]}, "'roberta' with architectures ['BertModel']. Only"),
    ],
)
def test_what_is_not_said_to_be_a_bert_is_refused(checkpoint: Path, values: dict[str, object], got: str) -> None:
    set_config(checkpoint, **values)
    assert f'config.json: model_type must be "bert", got {got}' in config_error(checkpoint)


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
        ({"hidden_size": "8"}, "hidden_size must be an integer from 1 to 100,000, got '8'"),
        ({"hidden_size": True}, "hidden_size must be an integer from 1 to 100,000, got True"),
        ({"num_hidden_layers": 0}, "num_hidden_layers must be an integer from 1 to 1,000, got 0"),
        ({"num_hidden_layers": None}, "num_hidden_layers must be an integer from 1 to 1,000, got None"),
        ({"num_hidden_layers": 10**6}, "num_hidden_layers must be an integer from 1 to 1,000, got 1000000"),
        (
            {"vocab_size": 10**4000},
            "vocab_size must be an integer from 1 to 10,000,000, got 100000000000000000...0000000000000000000",
        ),
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


def test_a_blank_encoder_is_the_random_one_once_it_is_filled(checkpoint: Path) -> None:
    from components.model.bert import build_encoder

    set_tensors(checkpoint, lambda tensors: {k: v for k, v in tensors.items() if not k.startswith("pooler.")})
    config = read_config(checkpoint)
    random, blank = (build_encoder(config, seed=3, blank=blank) for blank in (False, True))
    assert not blank.blocks[1].inner.kernel.numpy().any()
    for encoder in (random, blank):
        load_weights(encoder, checkpoint)
    for one, other in zip(random.variables, blank.variables, strict=True):
        assert one.path == other.path
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert blank.pooler.kernel.numpy().any()


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


@pytest.mark.parametrize("prefix", ["module.", "model.", "0.auto_model.", "_orig_mod.bert.", "module.model.bert."])
def test_what_the_encoder_was_wrapped_in_when_it_was_saved_is_no_part_of_a_name(checkpoint: Path, prefix: str) -> None:
    tensors = load_file(checkpoint / "model.safetensors")
    set_tensors(checkpoint, lambda stored: {f"{prefix}{name}": value for name, value in stored.items()})
    assert check_weights(checkpoint, read_config(checkpoint))
    read = SafeTensors(checkpoint)
    assert {name: read.read(name).tolist() for name in tensors} == {n: v.tolist() for n, v in tensors.items()}


def test_another_prefix_is_named_with_the_way_to_take_it_away(checkpoint: Path) -> None:
    set_tensors(checkpoint, lambda tensors: {f"text.tower.{name}": value for name, value in tensors.items()})
    message = weights_error(checkpoint)
    assert "and 34 more; the file has them behind 'text.tower.'. Take the prefix away: with `load_file` and" in message
    assert message.endswith("name each tensor name.removeprefix('text.tower.').")


def test_of_two_encoders_none_is_taken(checkpoint: Path) -> None:
    set_tensors(checkpoint, lambda stored: {f"{side}.{k}": v for k, v in stored.items() for side in ("query", "text")})
    message = weights_error(checkpoint)
    assert "the file has them behind 'query.' and 'text.'. Nothing says which of its encoders is meant: save" in message


WORDS, NORM = "embeddings.word_embeddings.weight", "embeddings.LayerNorm.weight"


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64"])
def test_floating_point_types_are_read_as_float32(checkpoint: Path, dtype: str) -> None:
    set_tensors(checkpoint, lambda tensors: {name: value.astype(dtype) for name, value in tensors.items()})
    assert weights_error_or_none(checkpoint) is None
    read = SafeTensors(checkpoint).read(WORDS)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, load_file(checkpoint / "model.safetensors")[WORDS].astype(np.float32))


def test_bfloat16_is_the_upper_half_of_float32(checkpoint: Path) -> None:
    change_words(checkpoint, lambda words: words.astype("bfloat16"))
    words = toy_tensors(len(VOCABULARY), 8, 2, 0)[WORDS]
    # Rounded to even: 0x8000 is half a unit of what is kept.
    bits = words.view(np.uint32)
    kept = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    np.testing.assert_array_equal(SafeTensors(checkpoint).read(WORDS), kept.view(np.float32))


@pytest.mark.parametrize(
    ("dtype", "called"),
    [
        *[("int8", "I8"), ("uint8", "U8"), ("int16", "I16"), ("int32", "I32"), ("int64", "I64"), ("bool", "BOOL")],
        *[("float8_e4m3fn", "F8_E4M3"), ("float8_e5m2", "F8_E5M2")],
    ],
)
def test_tensors_of_another_type_are_refused_by_its_name(checkpoint: Path, dtype: str, called: str) -> None:
    change_words(checkpoint, lambda words: words.astype(getattr(ml_dtypes, dtype, dtype)))
    assert weights_error(checkpoint) == (
        f"{checkpoint}/model.safetensors: expected weights of the type F64 or F32 or F16 or BF16, got {called} in "
        f"'{WORDS}'. Quantised weights are not supported: take the model's weights as floating-point numbers."
    )


def test_a_tensor_that_is_not_used_may_be_of_any_type(checkpoint: Path) -> None:
    position_ids = np.arange(32, dtype=np.int64)[None]
    set_tensors(checkpoint, lambda tensors: tensors | {"bert.embeddings.position_ids": position_ids})
    assert weights_error_or_none(checkpoint) is None


@pytest.mark.parametrize(
    ("dtype", "value", "got"),
    [
        *[
            ("float32", np.nan, "nan"),
            ("float16", np.inf, "inf"),
            ("bfloat16", -np.inf, "-inf"),
            ("float32", 1e38, "1e+38"),
        ],
        *[("float64", 1e39, "inf"), ("float64", np.nan, "nan"), ("float32", -1e7, "-1e+07")],
    ],
)
def test_one_weight_that_is_not_finite_is_named_by_its_row(
    checkpoint: Path, dtype: str, value: float, got: str
) -> None:
    def spoil(words: np.ndarray) -> np.ndarray:
        words = words.astype(dtype)
        words[7, 3] = words[9, 0] = value
        return words

    change_words(checkpoint, spoil)
    assert weights_error(checkpoint) == (
        f"{checkpoint}/model.safetensors: expected weights up to 1,000,000 in size, got {got} in row 7 of '{WORDS}'. "
        "It is damaged, or its training diverged: download it again, or take another model."
    )


def test_the_row_is_right_where_a_tensor_is_read_in_parts(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensors, "_AT_A_TIME", 32)

    def spoil(words: np.ndarray) -> np.ndarray:
        words[len(VOCABULARY) - 1, 7] = np.nan
        return words

    change_words(checkpoint, spoil)
    assert f"got nan in row {len(VOCABULARY) - 1} of" in weights_error(checkpoint)


def test_loading_refuses_what_checking_does(checkpoint: Path) -> None:
    change_words(checkpoint, lambda words: words * np.float32(np.nan))
    with pytest.raises(InputError, match="got nan in row 0 of"):
        weights_of(checkpoint)


@pytest.mark.parametrize(
    ("name", "other"), [(WORDS, f"bert.{WORDS}"), (NORM, "embeddings.LayerNorm.gamma"), (NORM, f"model.{NORM}")]
)
def test_a_tensor_of_two_names_is_refused_with_both(checkpoint: Path, name: str, other: str) -> None:
    set_tensors(checkpoint, lambda tensors: tensors | {other: tensors[name]})
    message = weights_error(checkpoint)
    assert f"{name} stands twice, as " in message
    assert f"{name!r} in model.safetensors" in message
    assert f"{other!r} in model.safetensors" in message


def test_a_tensor_in_two_shards_is_refused_with_both(checkpoint: Path) -> None:
    shard(checkpoint)
    second = checkpoint / "model-00002-of-00002.safetensors"
    save_file(load_file(second) | {WORDS: np.zeros((len(VOCABULARY), 8), np.float32)}, second)
    first = f"{WORDS!r} in model-00001-of-00002.safetensors"
    assert f"{WORDS} stands twice, as {first} and {WORDS!r} in model-00002-of-00002.safetensors" in weights_error(
        checkpoint
    )


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
    "file",
    [
        "../other.safetensors",
        "/x.safetensors",
        "a/b.safetensors",
        "..",
        "pytorch.bin",
        3,
        "a\0.safetensors",
        "é.safetensors",
    ],
)
def test_an_index_leads_only_to_safetensors_beside_it(checkpoint: Path, file: object) -> None:
    shard(checkpoint)
    path = checkpoint / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": {"a": file}}))
    assert weights_error(checkpoint) == (
        f"{path}: weight_map must map tensors to .safetensors files beside it, got {shown(str(file))}. "
        "Copy or download the model again."
    )
