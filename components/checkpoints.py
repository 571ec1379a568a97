"""Hugging Face BERT checkpoints: found, checked without TensorFlow, and read into the encoder.

Weights are read from safetensors only: neither a pickle nor code that comes with a model is ever run.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors

from components.errors import InputError

if TYPE_CHECKING:
    from components.bert import Encoder

SUPPORTED_ACTIVATIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "relu")
CONFIG, WEIGHTS, INDEX, VOCABULARY = "config.json", "model.safetensors", "model.safetensors.index.json", "vocab.txt"
FETCHED = (CONFIG, VOCABULARY, "tokenizer_config.json", "tokenizer.json", WEIGHTS, INDEX, "model-*-of-*.safetensors")
GIVE_A_DIRECTORY = "Give a directory with config.json, model.safetensors and vocab.txt, or hf://organisation/name"
OLD_NAMES = {".LayerNorm.gamma": ".LayerNorm.weight", ".LayerNorm.beta": ".LayerNorm.bias"}
POOLER = ("pooler.dense.weight", "pooler.dense.bias")

_Rule = tuple[str, Callable[[Any], bool]]
_COUNT: _Rule = ("an integer of at least 1", lambda value: type(value) is int and value >= 1)
_RATE: _Rule = ("a number from 0 to below 1", lambda value: type(value) in (int, float) and 0 <= value < 1)
_SMALL: _Rule = ("a number above 0 and below 1", lambda value: type(value) in (int, float) and 0 < value < 1)


def _key(default: object, rule: _Rule) -> Any:
    return dataclasses.field(default=default, metadata={"rule": rule})


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class BertConfig:
    """The shape of a BERT encoder, by the names and with the defaults of Hugging Face's config.json.

    Raises:
        ValueError: a value breaks its rule; the message names the key, the rule and the value.
    """

    vocab_size: int = _key(30522, _COUNT)
    """Rows of the word embedding; at least the number of tokens in vocab.txt."""
    hidden_size: int = _key(768, _COUNT)
    """Width of every hidden state; a multiple of `num_attention_heads`."""
    num_hidden_layers: int = _key(12, _COUNT)
    """Number of transformer layers."""
    num_attention_heads: int = _key(12, _COUNT)
    """Attention heads in each layer."""
    intermediate_size: int = _key(3072, _COUNT)
    """Width of the feed-forward part's inner layer."""
    hidden_act: str = _key("gelu", (f"one of {', '.join(SUPPORTED_ACTIVATIONS)}", SUPPORTED_ACTIVATIONS.__contains__))
    """The feed-forward part's activation: `gelu` by erf, `gelu_new` and `gelu_pytorch_tanh` by tanh, `relu`."""
    max_position_embeddings: int = _key(512, _COUNT)
    """The longest input, in tokens."""
    type_vocab_size: int = _key(2, _COUNT)
    """Number of different segment ids."""
    layer_norm_eps: float = _key(1e-12, _SMALL)
    """Added to the variance in each layer normalisation."""
    hidden_dropout_prob: float = _key(0.1, _RATE)
    """Dropout rate of the embeddings and of each sublayer's output, in training."""
    attention_probs_dropout_prob: float = _key(0.1, _RATE)
    """Dropout rate of the attention weights, in training."""
    pad_token_id: int = _key(0, ("an integer of at least 0", lambda value: type(value) is int and value >= 0))
    """Token id that fills a batch up; its positions are False in the padding mask."""
    initializer_range: float = _key(0.02, _SMALL)
    """Standard deviation of weights that no checkpoint provides."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            expected, holds = field.metadata["rule"]
            value = getattr(self, field.name)
            if isinstance(value, (dict, list)) or not holds(value):
                raise ValueError(f"{field.name} must be {expected}, got {value!r}")
        if self.hidden_size % self.num_attention_heads:
            heads = self.num_attention_heads
            raise ValueError(f"hidden_size must be a multiple of num_attention_heads ({heads}), got {self.hidden_size}")
        if self.pad_token_id >= self.vocab_size:
            raise ValueError(f"pad_token_id must be below vocab_size ({self.vocab_size}), got {self.pad_token_id}")


def resolve(base_model: str, cache: Path | None = None) -> Path:
    """Turns a model's address into a directory.

    Args:
        base_model: a local directory, returned as it is; or `hf://organisation/name`, with `@revision` if wished, of
            which config, tokenizer files and safetensors are fetched from the Hugging Face hub.
        cache: where fetched models are kept; None is huggingface_hub's own place. A model that is there already is
            used when the hub cannot be reached.

    Raises:
        InputError: an address of another form; the hub or the model cannot be reached.
    """
    if "://" not in base_model:
        return Path(base_model)
    address = re.fullmatch(r"hf://(?P<name>[\w.-]+(?:/[\w.-]+)?)(?:@(?P<revision>\S+))?", base_model)
    if not address:
        remedy = "Write hf://organisation/name or hf://organisation/name@revision, or give a local directory."
        raise InputError(base_model, "not a model's address", remedy)
    import huggingface_hub  # slow to import, and not needed for a local directory
    from huggingface_hub import errors

    def fetch(local_files_only: bool) -> Path:
        return Path(
            huggingface_hub.snapshot_download(
                address["name"],
                revision=address["revision"],
                cache_dir=cache,
                allow_patterns=list(FETCHED),
                local_files_only=local_files_only,
            )
        )

    elsewhere = "or download the model on another machine and give its directory."
    try:
        return fetch(local_files_only=False)
    except errors.HFValidationError as error:
        raise InputError(base_model, f"not a model's address ({error})", f"Correct it, {elsewhere}") from None
    except errors.GatedRepoError:
        remedy = f"Accept its terms on the hub and log in with `hf auth login`, {elsewhere}"
        raise InputError(base_model, "the model is gated and this account has no access", remedy) from None
    except errors.RepositoryNotFoundError:
        remedy = f"Check the name; for a private model log in with `hf auth login`, {elsewhere}"
        raise InputError(base_model, "the hub has no such model, or it is private", remedy) from None
    except errors.RevisionNotFoundError:
        problem = f"the model has no revision {address['revision']!r}"
        raise InputError(base_model, problem, f"Name a branch, tag or commit of it, {elsewhere}") from None
    except (errors.HTTPError, OSError) as error:
        try:
            return fetch(local_files_only=True)
        except OSError:
            reason = " ".join(str(error).split())[:200]
        problem = f"the hub cannot be reached and the model is not in the cache ({type(error).__name__}: {reason})"
        raise InputError(base_model, problem, f"Try again with a connection, {elsewhere}") from None


def read_config(directory: Path) -> BertConfig:
    """Reads and checks config.json.

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
    """Checks that the weights and the vocabulary are there and fit `config`, reading only the weights' headers.

    Returns:
        Whether the checkpoint has a pooler; one without is complete, and its pooler is initialised anew.

    Raises:
        InputError: a file is missing or damaged, a tensor is missing or of another shape, the vocabulary is too large.
    """
    place = directory / VOCABULARY
    try:
        tokens = len(place.read_bytes().splitlines())
    except OSError as error:
        remedy = "Add the model's vocab.txt, one token a line; the pipeline builds its tokenizer from it."
        raise InputError(str(place), f"cannot be read ({error.strerror})", remedy) from None
    if not 1 <= tokens <= config.vocab_size:
        problem = f"expected 1 to {config.vocab_size} tokens (config.json's vocab_size), got {tokens}"
        raise InputError(str(place), problem, "Take vocab.txt and config.json from the same model.")

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


def load_weights(encoder: Encoder, directory: Path) -> bool:
    """Assigns a checkpoint's weights to the encoder; each kernel is its PyTorch weight, transposed.

    Returns:
        Whether the pooler was loaded too; if the checkpoint has none, it keeps its initial values.

    Raises:
        InputError: as `check_weights`, which is asked first.
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
