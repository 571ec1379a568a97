import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from components.pretrained import pooling
from components.pretrained.pooling import PoolingFacts
from tests.toys import write_toy_checkpoint


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_toy_checkpoint(tmp_path / "base")


def with_pooler_bias(base: Path, bias: float | None) -> Path:
    """The same checkpoint with another bias of the pooler; None: without the pooler."""
    tensors = load_file(base / "model.safetensors")
    name = next(name for name in tensors if name.endswith("pooler.dense.bias"))
    if bias is None:
        del tensors[name], tensors[name.replace("bias", "weight")]
    else:
        tensors[name] = tensors[name] * 0 + bias
    save_file(tensors, base / "model.safetensors", {"format": "pt"})
    return base


def test_a_pooler_was_trained_if_its_bias_is_not_zero(base: Path) -> None:
    assert pooling.read(base) == PoolingFacts(trained_pooler=True)
    assert pooling.read(with_pooler_bias(base, 0.1)).trained_pooler
    assert not pooling.read(with_pooler_bias(base, 0.0)).trained_pooler
    assert not pooling.read(with_pooler_bias(base, None)).trained_pooler


@pytest.mark.parametrize(
    ("config", "stated"),
    [
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, "mean"),
        ({"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}, "cls"),
        ({"pooling_mode_max_tokens": True}, None),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}, None),
        ({"word_embedding_dimension": 384}, None),
        ([], None),
    ],
)
def test_sentence_transformers_files_say_how_states_are_pooled(base: Path, config: Any, stated: str | None) -> None:
    (base / "1_Pooling").mkdir()
    (base / "1_Pooling" / "config.json").write_text(json.dumps(config))
    assert pooling.read(base).stated is None, "without modules.json these are no files of theirs"
    (base / "modules.json").write_text("[]")
    assert pooling.read(base).stated == stated


@pytest.mark.parametrize("content", [None, "{", "[" * 100_000])
def test_a_damaged_hint_is_none(base: Path, content: str | None) -> None:
    (base / "modules.json").write_text("[]")
    if content is not None:
        (base / "1_Pooling").mkdir()
        (base / "1_Pooling" / "config.json").write_text(content)
    assert pooling.read(base).stated is None
