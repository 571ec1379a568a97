"""A pushed model as sentence-transformers loads it: a transformer, its pooling, and what follows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.numpy import save_file

from components.export.formats import huggingface, tokenizer
from components.export.formats.pushed import Pushed
from components.pretrained.file_names import CONFIG, MODULES, POOLING, WEIGHTS

DENSE, _NORMALIZE = "2_Dense", "2_Normalize"
"""Folders of what follows the pooling."""

_IDENTITY = "torch.nn.modules.linear.Identity"


def write(model: Pushed, directory: Path) -> None:
    """Writes the modules: of a bi-encoder the vectors, of another task the logits, or the number, by a dense layer.

    Raises:
        InputError: as `tokenizer.write`.
    """
    tokenizer.write(model, directory)
    hidden = model.config.hidden_size
    huggingface.write_encoder(model, directory, **({} if model.task.bi_encoder else huggingface.of_labels(model)))
    _json(
        directory / "sentence_bert_config.json", {"max_seq_length": model.settings.most_tokens, "do_lower_case": False}
    )
    modes = {"cls_token": not model.takes_mean, "mean_tokens": model.takes_mean, "max_tokens": False}
    modes |= {"mean_sqrt_len_tokens": False, "weightedmean_tokens": False, "lasttoken": False}
    described = {f"pooling_mode_{name}": value for name, value in modes.items()}
    _json(directory / POOLING, {"word_embedding_dimension": hidden, **described, "include_prompt": True})
    modules = [("", "Transformer"), (POOLING.partition("/")[0], "Pooling")]
    if model.task.bi_encoder:
        modules.append((_NORMALIZE, "Normalize"))
        (directory / _NORMALIZE).mkdir()
    else:
        modules.append((DENSE, "Dense"))
        weight, bias = model.head
        shape = {"in_features": hidden, "out_features": len(bias), "bias": True, "activation_function": _IDENTITY}
        _json(directory / DENSE / CONFIG, shape)
        save_file({"linear.weight": weight, "linear.bias": bias}, directory / DENSE / WEIGHTS)
    listed = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{name}"}
        for number, (path, name) in enumerate(modules)
    ]
    _json(directory / MODULES, listed)
    similarity = {"similarity_fn_name": "cosine"} if model.task.bi_encoder else {}
    _json(directory / "config_sentence_transformers.json", {"prompts": {}, "default_prompt_name": None, **similarity})


def _json(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
