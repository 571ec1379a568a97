"""A checkpoint small enough to reason about: the files of a Hugging Face BERT directory, with random weights."""

import json
import random
import string
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["the", "film", "is", "good", "bad", "not", "##ing", "!", "."]
VOCABULARY = [*SPECIAL, *string.ascii_lowercase, *("##" + letter for letter in string.ascii_lowercase), *WORDS]
MAX_POSITIONS = 32
INNER_FACTOR = 4
HEADED_RUN = """\
name = "toy"

[data]
train = "train.tsv"
dev = "dev.tsv"
labels = ["bad", "good"]

[model]
base = "toy"
max_length = 16

[training]
epochs = 1

[gate]
min = { accuracy = 0.5 }
"""
"""A run over headed `train.tsv` and `dev.tsv` and the checkpoint in `toy`."""


def toy_tensors(
    vocab_size: int, hidden: int, layers: int, seed: int, heads_of_pretraining: bool = False
) -> dict[str, np.ndarray]:
    """Float32 weights by Hugging Face's names; dense weights are [outputs, inputs]. Nothing is zero or one."""
    random = np.random.default_rng(seed)
    tensors: dict[str, np.ndarray] = {}

    def put(name: str, *shape: int, mean: float = 0.0) -> None:
        tensors[name] = random.normal(mean, 0.3, shape).astype(np.float32)

    def dense(name: str, inputs: int, outputs: int) -> None:
        put(f"{name}.weight", outputs, inputs)
        put(f"{name}.bias", outputs)

    def norm(name: str) -> None:
        put(f"{name}.weight", hidden, mean=1.0)
        put(f"{name}.bias", hidden)

    put("embeddings.word_embeddings.weight", vocab_size, hidden)
    put("embeddings.position_embeddings.weight", MAX_POSITIONS, hidden)
    put("embeddings.token_type_embeddings.weight", 2, hidden)
    norm("embeddings.LayerNorm")
    for index in range(layers):
        layer = f"encoder.layer.{index}"
        for part in ("query", "key", "value"):
            dense(f"{layer}.attention.self.{part}", hidden, hidden)
        dense(f"{layer}.attention.output.dense", hidden, hidden)
        norm(f"{layer}.attention.output.LayerNorm")
        dense(f"{layer}.intermediate.dense", hidden, INNER_FACTOR * hidden)
        dense(f"{layer}.output.dense", INNER_FACTOR * hidden, hidden)
        norm(f"{layer}.output.LayerNorm")
    dense("pooler.dense", hidden, hidden)
    if heads_of_pretraining:
        put("cls.predictions.bias", vocab_size)
        dense("cls.predictions.transform.dense", hidden, hidden)
        norm("cls.predictions.transform.LayerNorm")
        dense("cls.seq_relationship", hidden, 2)
    return tensors


def write_toy_checkpoint(
    directory: Path,
    vocabulary: list[str] | None = None,
    *,
    hidden: int = 8,
    layers: int = 2,
    heads: int = 2,
    seed: int = 0,
    heads_of_pretraining: bool = False,
) -> Path:
    """Writes config.json, model.safetensors, vocab.txt and tokenizer_config.json; uncased, at most 32 tokens.

    Args:
        directory: made if it is not there.
        vocabulary: the tokens in the order of their ids; None: `VOCABULARY`.
        hidden: width of the hidden states, a multiple of `heads`.
        layers: number of transformer layers.
        heads: attention heads a layer.
        seed: of the weights.
        heads_of_pretraining: whether it has those for masked tokens and the next sentence too.

    Returns:
        The directory.
    """
    vocabulary = VOCABULARY if vocabulary is None else vocabulary
    directory.mkdir(parents=True, exist_ok=True)
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": len(vocabulary),
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": INNER_FACTOR * hidden,
        "max_position_embeddings": MAX_POSITIONS,
        "type_vocab_size": 2,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "layer_norm_eps": 1e-12,
        "pad_token_id": vocabulary.index("[PAD]"),
    }
    tokenizer = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": MAX_POSITIONS}
    (directory / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    (directory / "tokenizer_config.json").write_text(json.dumps(tokenizer, indent=2), encoding="utf-8")
    (directory / "vocab.txt").write_text("".join(f"{token}\n" for token in vocabulary), encoding="utf-8")
    tensors = toy_tensors(len(vocabulary), hidden, layers, seed, heads_of_pretraining)
    save_file(tensors, directory / "model.safetensors", {"format": "pt"})
    return directory


_GOOD = ["the film is good", "good film !", "good good", "the film is not bad", "a good one", "so good ."]
_BAD = ["the film is bad", "bad film !", "bad bad", "the film is not good", "a bad one", "so bad ."]


def toy_rows(count: int) -> list[tuple[str, str]]:
    """(text, label) rows, half of them good and half bad, all different."""
    letters = string.ascii_lowercase
    rows = []
    for index in range(count):
        texts, label = (_GOOD, "good") if index % 2 else (_BAD, "bad")
        words = f"{letters[index % 26]} {letters[index // 26 % 26]}"
        rows.append((f"{texts[index // 2 % len(texts)]} {words}", label))
    return rows


def write_toy_run(
    folder: Path, *, without_test: bool = False, keep_data: bool = False, **tables: Mapping[str, object]
) -> Path:
    """Writes a toy checkpoint, toy TSV files in the three-file form and the TOML of a run over them.

    Args:
        folder: where `model/`, `train.txt`, `dev.txt`, `test.txt` and `run.toml` go.
        without_test: leaves test out.
        keep_data: leaves model and TSV files as they are and writes the TOML alone.
        tables: keys to add to a table of the TOML, or to replace in it.

    Returns:
        The TOML's path.
    """
    sizes = {"train": 64, "dev": 16} | ({} if without_test else {"test": 16})
    rows = iter(toy_rows(sum(sizes.values())))
    if not keep_data:
        write_toy_checkpoint(folder / "model")
    for split, size in () if keep_data else sizes.items():
        lines = [f"{text}\t{label}\n" for text, label in (next(rows) for _ in range(size))]
        (folder / f"{split}.txt").write_text("".join(lines), encoding="utf-8")
    config: dict[str, Mapping[str, object]] = {
        "data": {**{split: f"{split}.txt" for split in sizes}, "header": False, "text": 1, "label": 2},
        "model": {"base": "model", "max_length": 16},
        "training": {"batch_size": 8, "epochs": 2, "learning_rate": 0.01, "dropout": 0.0},
        "gate": {"min": {"accuracy": 0.01}},
        # The first is of no use on rows like these; the second, a process of its own, takes longer than all the rest.
        "calibration": {"enabled": False},
        "serving": {"validate": False},
    }
    for name, table in tables.items():
        config[name] = {**config.get(name, {}), **table}
    lines = ['name = "toy"']
    for name, table in config.items():
        lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
    path = folder / "run.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _toml(value: object) -> str:
    """A value as TOML, which shares its strings, numbers and lists with JSON."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)


def toy_documents(count: int, seed: int = 0) -> list[str]:
    """Documents of sentences of made-up words, no two of them equal."""
    draws = random.Random(seed)  # noqa: S311
    syllables = ["ba", "ko", "ri", "ten", "sul", "mo", "ga", "li"]
    words = ["".join(draws.choices(syllables, k=draws.randrange(1, 4))) for _ in range(200)]
    found = []
    for number in range(count):
        sentences = [" ".join(draws.choices(words, k=6)).capitalize() for _ in range(draws.randrange(2, 5))]
        found.append(f"{'. '.join(sentences)} {number}.")
    return found


def write_toy_corpus(folder: Path, **tables: Mapping[str, object]) -> Path:
    """Writes toy documents in two files, a toy checkpoint to compare with and the TOML of a run that learns of them.

    Args:
        folder: where `a.txt`, `b.txt`, `model/` and `run.toml` go; files that are there stay.
        tables: keys to add to a table of the TOML, or to replace in it.

    Returns:
        The TOML's path.
    """
    _write_documents(folder)
    own: dict[str, Mapping[str, object]] = {
        "vocabulary": {"size": 120, "reference": "model"},
        "gate": {"max": {"unknown_share": 0.2}},
    }
    return _write_corpus_run(folder / "run.toml", "vocabulary", own, tables)


def write_toy_pretraining(folder: Path, name: str = "pretraining.toml", **tables: Mapping[str, object]) -> Path:
    """The same of a run that pre-trains a new model of a few steps, with the toy checkpoint's tokenizer.

    Args:
        folder: as `write_toy_corpus`.
        name: of the TOML.
        tables: likewise.

    Returns:
        The TOML's path.
    """
    _write_documents(folder)
    own: dict[str, Mapping[str, object]] = {
        "model": {"vocabulary": "model", "max_length": 32, "layers": 1, "hidden": 16, "heads": 2},
        "training": {"steps": 6, "batch_size": 16, "evaluations_per_epoch": 4, "learning_rate": 0.01},
        "gate": {"max": {"mlm_loss": 20.0}},
    }
    if "base" in tables.get("model", {}):
        own["model"] = {"max_length": 32}
    return _write_corpus_run(folder / name, "pretraining", own, tables)


def _write_documents(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    documents = toy_documents(200)
    for name, some in (("a.txt", documents[:120]), ("b.txt", documents[120:])):
        if not (folder / name).exists():
            (folder / name).write_text("\n\n".join(some) + "\n", encoding="utf-8")
    if not (folder / "model").exists():
        write_toy_checkpoint(folder / "model")


def _write_corpus_run(
    path: Path, kind: str, own: Mapping[str, Mapping[str, object]], tables: Mapping[str, Mapping[str, object]]
) -> Path:
    config = {"corpus": {"files": "?.txt", "split": {"train": 80, "dev": 20}}, **own}
    lines = [f'name = "{"toy" if kind == "vocabulary" else "toy-bert"}"', f'kind = "{kind}"']
    for name in dict.fromkeys([*config, *tables]):
        table = {**config.get(name, {}), **tables.get(name, {})}
        lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
