"""A pushed model as sentence-transformers loads it: a transformer, its pooling, and what follows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.numpy import save_file

from components.common.errors import InputError
from components.export.formats import huggingface, tokenizer
from components.export.formats.pushed import Pushed
from components.pretrained.file_names import CONFIG, MODULES, POOLING, WEIGHTS

DENSE, _NORMALIZE = "2_Dense", "2_Normalize"
"""Folders of what follows the pooling."""

_IDENTITY = "torch.nn.modules.linear.Identity"


def check(model: Pushed) -> None:
    """Refuses what sentence-transformers' modules do not do.

    Raises:
        InputError: with the reason, and the way out.
    """
    task, settings = model.task, model.settings
    problem = remedy = ""
    if settings.long_texts != "truncate":
        problem, remedy = 'is of long_texts = "window", and sentence-transformers sees one window of a text', "onnx"
    elif task.per_token:
        problem, remedy = f"is of the task {task.name}, which has no vector of a text", "hf"
    elif len(task.texts) > 1 and not task.bi_encoder:
        problem, remedy = (
            f"is of the task {task.name}, which reads two texts together",
            "onnx" if model.takes_mean else "hf",
        )
    elif task.head_units is not None and not model.takes_mean:
        problem, remedy = 'is of pooling = "cls" with BERT\'s pooler, which is no module of sentence-transformers', "hf"
    if problem:
        raise InputError(
            str(model.path), f"{problem}: it cannot go out as sentence-transformers", f"Export it as {remedy}"
        )


def write(model: Pushed, directory: Path) -> None:
    """Writes the modules: of a bi-encoder the vectors, of another task the logits, or the number, by a dense layer.

    Raises:
        InputError: as `check`, or as `tokenizer.write`.
    """
    check(model)
    tokenizer.write(model, directory)
    huggingface.save(huggingface.encoder_tensors(model), directory)
    hidden = model.config.hidden_size
    more = {} if model.task.bi_encoder else huggingface.of_labels(model)
    huggingface.config(model, huggingface.ENCODER, directory, **more)
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
