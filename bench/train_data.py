"""What a training is measured on: rows of a data set with the config of a run over them, and base models."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

from bench.common import as_toml
from components.common.checkout import ROOT
from components.pretrained.file_names import CONFIG

DEV_ROWS = 64

SAMPLE_BASE = ROOT / "data" / "minilm"

MAX_LENGTH, BATCH = 128, 32


def random_base(folder: Path) -> Path:
    """Writes a BERT of the size that Google called base, of random values, with the sample weights' vocabulary."""
    import numpy as np
    from safetensors.numpy import load_file, save_file

    folder.mkdir()
    for file in SAMPLE_BASE.iterdir():
        if file.is_file() and file.suffix in (".json", ".txt"):
            shutil.copy(file, folder)
    config = json.loads((SAMPLE_BASE / "config.json").read_text(encoding="utf-8"))
    was, width = config["hidden_size"], 768
    config |= {"hidden_size": width, "num_hidden_layers": 12, "intermediate_size": 4 * width, "num_attention_heads": 12}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    draws, tensors = np.random.default_rng(0), {}
    for name, tensor in load_file(SAMPLE_BASE / "model.safetensors").items():
        shape = [size * width // was if size % was == 0 else size for size in tensor.shape]
        is_norm = "LayerNorm" in name
        made = np.full(shape, float(name.endswith("weight"))) if is_norm else draws.normal(0, 0.02, shape)
        tensors[name] = made.astype(np.float32) if tensor.dtype == np.float32 else tensor
        for layer in range(6, 12) if ".layer.0." in name else ():
            tensors[name.replace(".layer.0.", f".layer.{layer}.")] = tensors[name]
    save_file(tensors, folder / "model.safetensors")
    return folder


def one_layer(folder: Path) -> Path:
    """The sample weights, of which a model takes the first layer."""
    folder.mkdir()
    for file in SAMPLE_BASE.iterdir():
        if file.name != CONFIG:
            (folder / file.name).symlink_to(file.resolve())
    config = json.loads((SAMPLE_BASE / CONFIG).read_text(encoding="utf-8"))
    (folder / CONFIG).write_text(json.dumps(config | {"num_hidden_layers": 1}), encoding="utf-8")
    return folder


def write_rows(
    folder: Path,
    settings: dict[str, Any],
    rows: int | None,
    times: int = 1,
    dev_times: int = 1,
    base: Path = SAMPLE_BASE,
) -> Path:
    """Writes train.tsv, dev.tsv and run.toml over some rows of a data set, drawn at random; or over all, repeated."""
    folder.mkdir(parents=True)
    data = settings["data"]
    columns = [data.get("text", "text"), data.get("label", "label")]
    for split, count, repeated in (("train", rows, times), ("dev", DEV_ROWS, dev_times)):
        source = (ROOT / "pipeline" / "configs" / data[split]).resolve()
        header, *lines = source.read_text(encoding="utf-8").splitlines()
        indices = [header.split("\t").index(column) for column in columns]
        chosen = (lines if count is None else random.Random(1).sample(lines, count)) * repeated  # noqa: S311
        with (folder / f"{split}.tsv").open("w", encoding="utf-8") as file:
            file.write("text\tlabel\n")
            for line in chosen:
                fields = line.split("\t")
                file.write("\t".join(fields[place] for place in indices) + "\n")
    training = settings.get("training", {})
    run = {
        "name": "bench",
        "data": {"train": "train.tsv", "dev": "dev.tsv", "labels": "from train"},
        "model": {"base": str(base), "max_length": MAX_LENGTH, "pooling": "cls"},
        "training": {"learning_rate": training["learning_rate"], "batch_size": BATCH},
        "gate": {"min": {"accuracy": 0.01}},
    }
    (folder / "run.toml").write_text(as_toml(run))
    return folder
