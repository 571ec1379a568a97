"""A base model's address to its directory: a path, or `hf://organisation/name`, fetched."""

from __future__ import annotations

import re
from pathlib import Path

from components.common.errors import InputError
from components.pretrained.file_names import CONFIG, INDEX, MODULES, POOLING, WEIGHTS
from components.tokenization.tokenizer_files import TOKENIZER_FILES

FETCHED = (CONFIG, *TOKENIZER_FILES, WEIGHTS, INDEX, "model-*-of-*.safetensors", MODULES, POOLING)
"""Patterns of the files that are fetched: no pickles, no code."""


def resolve(base_model: str, cache: Path | None = None) -> Path:
    """Turns a model's address into a directory.

    Args:
        base_model: a local directory, returned as it is; or `hf://organisation/name`, with `@revision` if wished, of
            which config, tokenizer files and safetensors are fetched from the Hugging Face hub.
        cache: where fetched models are kept; None is huggingface_hub's own place. A model that is there already is
            used when the hub cannot be reached.

    Returns:
        The directory.

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
