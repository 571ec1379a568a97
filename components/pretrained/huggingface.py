"""Hugging Face BERT checkpoints: checked without TensorFlow, and read into the encoder.

Weights are read from safetensors only: neither a pickle nor code that comes with a model is ever run.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors

from components.common.errors import InputError
from components.model.config import BertConfig
from components.pretrained.file_names import CONFIG, INDEX, WEIGHTS

if TYPE_CHECKING:
    from components.model.bert import Encoder

GIVE_A_DIRECTORY = (
    "Give a directory with config.json, model.safetensors and the tokenizer's files, or hf://organisation/name"
)

OLD_NAMES = {".LayerNorm.gamma": ".LayerNorm.weight", ".LayerNorm.beta": ".LayerNorm.bias"}
"""What the first checkpoints call a tensor -> what it is called now."""

POOLER = ("pooler.dense.weight", "pooler.dense.bias")
"""Tensors that a checkpoint may lack."""


def read_config(directory: Path) -> BertConfig:
    """Reads and checks config.json; keys that the encoder has no use for are ignored.

    Raises:
        InputError: there is no such file, or it describes something else than a BERT encoder.
    """
    if not directory.is_dir():
        raise InputError(str(directory), "there is no such directory", f"{GIVE_A_DIRECTORY}.")
    place = directory / CONFIG
    document = _read_object(place, f"{GIVE_A_DIRECTORY}.")
    kind = document.get("model_type")
    if kind != "bert":
        problem = f'model_type must be "bert", got {kind!r} with architectures {document.get("architectures")!r}'
        remedy = "Only BERT encoders are supported (bert-base-uncased, MiniLM, TinyBERT ...); choose one of these."
        raise InputError(str(place), problem, remedy)
    for name, wanted in {
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "add_cross_attention": False,
    }.items():
        if document.get(name, wanted) != wanted:
            problem = f"{name} must be {json.dumps(wanted)}, got {document[name]!r}"
            raise InputError(str(place), problem, "Choose a model that is a plain BERT encoder.")
    known = {field.name for field in dataclasses.fields(BertConfig)}
    try:
        return BertConfig(**{name: value for name, value in document.items() if name in known})
    except ValueError as error:
        raise InputError(str(place), str(error), "Correct it, or choose another model.") from None


def check_weights(directory: Path, config: BertConfig) -> bool:
    """Checks that the weights are there and fit `config`, reading only their headers.

    Returns:
        Whether the checkpoint has a pooler; one without is complete, and its pooler is initialised anew.

    Raises:
        InputError: a file is missing or damaged, a tensor is missing or of another shape.
    """
    tensors = _Tensors(directory)
    expected = _shapes(config)
    has_pooler = any(name in tensors.files for name in POOLER)
    missing = [name for name in expected if name not in tensors.files and (has_pooler or name not in POOLER)]
    if missing:
        raise InputError(
            str(directory / WEIGHTS),
            f"{len(missing)} of {len(expected)} tensors are missing: {_first(missing)}",
            "Take weights and config.json from the same BERT model, saved with the encoder's own names.",
        )
    wrong = [
        f"{name} expected {list(shape)}, got {list(got)}"
        for name, shape in expected.items()
        if (got := tensors.shapes.get(name, shape)) != shape
    ]
    if wrong:
        problem = f"{len(wrong)} tensors have another shape than config.json says: {_first(wrong)}"
        raise InputError(str(directory / WEIGHTS), problem, "Take weights and config.json from the same model.")
    return has_pooler


def has_trained_pooler(directory: Path) -> bool:
    """Whether a checkpoint has a pooler whose bias is not zero throughout.

    BERT's pre-training begins with zeros there and never returns to them; a library that wrote a model without training
    its pooler leaves them.

    Raises:
        InputError: a file is missing or damaged.
    """
    tensors, bias = _Tensors(directory), POOLER[1]
    return bias in tensors.files and bool(tensors.read(bias).any())


def load_weights(encoder: Encoder, directory: Path) -> bool:
    """Assigns a checkpoint's weights to the encoder; each kernel is its PyTorch weight, transposed.

    Returns:
        Whether the pooler was loaded too; if the checkpoint has none, it keeps its initial values.

    Raises:
        InputError: as `check_weights`, which is called first.
    """
    has_pooler = check_weights(directory, encoder.config)
    read = _Tensors(directory).read

    def dense(layer: Any, *names: str) -> None:
        layer.kernel.assign(np.concatenate([read(f"{name}.weight").T for name in names], axis=1))
        layer.bias.assign(np.concatenate([read(f"{name}.bias") for name in names]))

    def norm(layer: Any, name: str) -> None:
        layer.gamma.assign(read(f"{name}.weight"))
        layer.beta.assign(read(f"{name}.bias"))

    embeddings = encoder.embeddings
    embeddings.word.embeddings.assign(read("embeddings.word_embeddings.weight"))
    embeddings.position.embeddings.assign(read("embeddings.position_embeddings.weight"))
    embeddings.segment.embeddings.assign(read("embeddings.token_type_embeddings.weight"))
    norm(embeddings.norm, "embeddings.LayerNorm")
    for index, block in enumerate(encoder.blocks):
        prefix = f"encoder.layer.{index}"
        dense(block.attention.qkv, *(f"{prefix}.attention.self.{part}" for part in ("query", "key", "value")))
        dense(block.attention.output_dense, f"{prefix}.attention.output.dense")
        norm(block.attention_norm, f"{prefix}.attention.output.LayerNorm")
        dense(block.inner, f"{prefix}.intermediate.dense")
        dense(block.outer, f"{prefix}.output.dense")
        norm(block.output_norm, f"{prefix}.output.LayerNorm")
    if has_pooler:
        dense(encoder.pooler, "pooler.dense")
    return has_pooler


def _shapes(config: BertConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor of a checkpoint by its name, with its shape: dense weights are [outputs, inputs], as in PyTorch."""
    hidden, inner = config.hidden_size, config.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (config.vocab_size, hidden),
        "embeddings.position_embeddings.weight": (config.max_position_embeddings, hidden),
        "embeddings.token_type_embeddings.weight": (config.type_vocab_size, hidden),
        "embeddings.LayerNorm.weight": (hidden,),
        "embeddings.LayerNorm.bias": (hidden,),
    }
    for index in range(config.num_hidden_layers):
        prefix = f"encoder.layer.{index}"
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            shapes |= {
                f"{prefix}.attention.{name}.weight": (hidden, hidden),
                f"{prefix}.attention.{name}.bias": (hidden,),
            }
        shapes |= {
            f"{prefix}.intermediate.dense.weight": (inner, hidden),
            f"{prefix}.intermediate.dense.bias": (inner,),
        }
        shapes |= {f"{prefix}.output.dense.weight": (hidden, inner), f"{prefix}.output.dense.bias": (hidden,)}
        for name in ("attention.output", "output"):
            shapes |= {f"{prefix}.{name}.LayerNorm.{part}": (hidden,) for part in ("weight", "bias")}
    return shapes | dict(zip(POOLER, [(hidden, hidden), (hidden,)], strict=True))


class _Tensors:
    """The tensors of a checkpoint directory, whole or in shards, by their present names without the prefix `bert.`."""

    def __init__(self, directory: Path) -> None:
        self.files: dict[str, tuple[Path, str]] = {}
        """The file of each tensor and its name in there."""
        self.shapes: dict[str, tuple[int, ...]] = {}
        for path in _weight_files(directory):
            try:
                with safetensors.safe_open(path, framework="np") as file:
                    stored = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            except (safetensors.SafetensorError, OSError) as error:
                remedy = "The file is cut short or damaged: copy or download it again."
                raise InputError(str(path), f"cannot be read as safetensors ({error})", remedy) from None
            for name, shape in stored.items():
                present = name.removeprefix("bert.")
                for old, new in OLD_NAMES.items():
                    present = present.replace(old, new)
                self.files[present], self.shapes[present] = (path, name), shape

    def read(self, name: str) -> np.ndarray:
        path, stored = self.files[name]
        with safetensors.safe_open(path, framework="np") as file:
            return file.get_tensor(stored).astype(np.float32)


def _weight_files(directory: Path) -> list[Path]:
    if (directory / WEIGHTS).is_file():
        return [directory / WEIGHTS]
    index = directory / INDEX
    if index.is_file():
        shards = _read_object(index, "Copy or download it again.").get("weight_map")
        names = sorted(set(map(str, shards.values()))) if isinstance(shards, dict) else []
        # A name with a folder in it could lead out of the directory.
        if not names or any(name != Path(name).name or not name.endswith(".safetensors") for name in names):
            problem = (
                f"weight_map must map tensors to .safetensors files beside it, got {_first(names) or repr(shards)}"
            )
            raise InputError(str(index), problem, "Copy or download the model again.")
        return [directory / name for name in names]
    if (directory / "pytorch_model.bin").exists():
        problem = "there is no such file, and pytorch_model.bin is refused because unpickling it can run any code"
        remedy = (
            "Where you trust the file, convert it with transformers and PyTorch: "
            "AutoModel.from_pretrained(DIRECTORY).save_pretrained(DIRECTORY, safe_serialization=True)."
        )
        raise InputError(str(directory / WEIGHTS), problem, remedy)
    raise InputError(str(directory / WEIGHTS), "there is no such file", f"{GIVE_A_DIRECTORY}.")


def _read_object(place: Path, remedy: str) -> dict[str, Any]:
    try:
        document = json.loads(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(str(place), f"cannot be read ({error.strerror})", remedy) from None
    except (ValueError, RecursionError) as error:
        raise InputError(str(place), f"is not JSON ({error})", "Copy or download it again.") from None
    if not isinstance(document, dict):
        raise InputError(
            str(place), f"must hold a JSON object, got {type(document).__name__}", "Copy or download it again."
        )
    return document


def _first(names: list[str], count: int = 3) -> str:
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")
