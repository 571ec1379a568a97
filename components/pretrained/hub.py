"""A base model's address to its directory: a path, or `hf://organisation/name`, fetched."""

from __future__ import annotations

import re
from pathlib import Path

from components.common.errors import InputError
from components.pretrained import hub_answers
from components.pretrained.file_names import CONFIG, INDEX, MODULES, POOLING, WEIGHTS
from components.tokenization.tokenizer_files import TOKENIZER_FILES

_SHARDS = f"model-{'[0-9]' * 5}-of-{'[0-9]' * 5}.safetensors"

FETCHED = (CONFIG, *TOKENIZER_FILES, WEIGHTS, INDEX, _SHARDS, MODULES, POOLING)
"""Patterns of the files that are fetched: no pickles, no code, and no folder but that of `POOLING`."""

_PART = r"[A-Za-z0-9_]([\w.-]{0,94}[A-Za-z0-9_])?"

_NAME = re.compile(rf"(?!.*(--|\.\.|\.git$)){_PART}(/{_PART})?", re.ASCII)
"""As `huggingface_hub.utils.validate_repo_id` has it."""

_REVISION = re.compile(r"(?!.*(\.\.|(\.|\.lock)(/|$)))(?=.{1,200}$)\w[\w.+-]*(/\w[\w.+-]*)*", re.ASCII)
"""What `git check-ref-format` allows, of plain characters: the hub library makes a path of it, unchecked."""

_ELSEWHERE = "or download the model on another machine and give its directory."


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
        InputError: an address of another form; the hub cannot be reached, refuses or answers what it should not; a file
            is not the one that it lists.
    """
    if "://" not in base_model:
        return Path(base_model)
    name, revision = _parsed(base_model)
    directory = _fetched(base_model, name, revision, cache)
    hub_answers.check_fetched(directory, name, cache)
    return directory


def _parsed(base_model: str) -> tuple[str, str | None]:
    """Name and revision."""
    scheme, _, address = base_model.partition("://")
    name, has_revision, revision = address.partition("@")
    if scheme != "hf" or not _NAME.fullmatch(name) or (has_revision and not revision):
        remedy = (
            "Write hf://organisation/name or hf://organisation/name@revision, each name of at most 96 letters, digits, "
            "`_`, `-` and `.`, without `--`, `..` and `.git`; or give a local directory."
        )
        raise InputError(base_model, "not a model's address", remedy)
    if has_revision and not _REVISION.fullmatch(revision):
        problem = (
            f"{revision!r} is no revision: a commit, tag or branch of letters, digits, `_`, `-`, `+` and `.`, also "
            "several names with `/` between them, without `..`"
        )
        raise InputError(base_model, problem, "Correct it, or name the commit by its 40 hexadecimal digits.")
    return name, revision or None


def _fetched(base_model: str, name: str, revision: str | None, cache: Path | None) -> Path:
    import huggingface_hub  # slow to import, and not needed for a local directory
    from huggingface_hub import errors

    def fetch(local_files_only: bool) -> Path:
        return Path(
            huggingface_hub.snapshot_download(
                name,
                revision=revision,
                cache_dir=cache,
                allow_patterns=list(FETCHED),
                local_files_only=local_files_only,
            )
        )

    hub_answers.guard()
    try:
        return fetch(local_files_only=False)
    except errors.HFValidationError as error:
        raise InputError(base_model, f"not a model's address ({error})", f"Correct it, {_ELSEWHERE}") from None
    except errors.GatedRepoError:
        remedy = f"Accept its terms on the hub and log in with `hf auth login`, {_ELSEWHERE}"
        raise InputError(base_model, "the model is gated and this account has no access", remedy) from None
    except errors.RepositoryNotFoundError:
        remedy = f"Check the name; for a private model log in with `hf auth login`, {_ELSEWHERE}"
        raise InputError(base_model, "the hub has no such model, or it is private", remedy) from None
    except errors.RevisionNotFoundError:
        problem = f"the model has no revision {revision!r}"
        raise InputError(base_model, problem, f"Name a branch, tag or commit of it, {_ELSEWHERE}") from None
    except (errors.HTTPError, OSError) as error:
        try:
            return fetch(local_files_only=True)
        except OSError:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        unreached = f"the hub cannot be reached ({reason})", "Try again with a connection"
        problem, remedy = hub_answers.refusal(error) or unreached
        raise InputError(
            base_model, f"{problem}, and the model is not in the cache", f"{remedy}, {_ELSEWHERE}"
        ) from None
    except (ValueError, LookupError, TypeError, AssertionError) as error:
        problem = f"the hub's answer is not understood ({type(error).__name__}: {' '.join(str(error).split())})"
        raise InputError(base_model, problem, f"{hub_answers.ANOTHER_HUB}, {_ELSEWHERE}") from None
