"""What a model hub answers, held to its own grammar before huggingface_hub makes paths of it, and to its own hashes.

`huggingface_hub` joins the commit of an answer and the ETag of a file to the path of its cache as they come.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.common import atomic_files
from components.common.errors import InputError

if TYPE_CHECKING:
    import httpx2

_COMMIT = re.compile(r"[0-9a-f]{40}")

_SHA256 = re.compile(r"[0-9a-f]{64}")

_ETAG = re.compile(r'(W/)?"?\w[\w.-]*"?', re.ASCII)
"""Of a file: its hash for git or LFS on the hub, on a mirror perhaps another word."""

ANOTHER_HUB = "This is no answer of Hugging Face's hub: look at HF_ENDPOINT and at your proxy"


_REFUSALS = {
    401: (
        "the hub does not take this token",
        "Make a new one with `hf auth login`, or correct HF_TOKEN; a public model needs none",
    ),
    403: (
        "this account, or its token, may not read the model",
        "Ask for access on the model's page, and give the token the right to read gated models",
    ),
    404: ("the hub has no such model, revision or file", "Check the name and the revision"),
    429: (
        "the hub takes no more requests from here for now",
        "Wait some minutes and try again; with a token (`hf auth login`, or HF_TOKEN) it takes more",
    ),
}
"""HTTP status -> what it means, and what to do."""

_OF_CREDENTIALS = "Invalid credentials in Authorization header"
"""What the hub says, with 401, of a token that it does not know."""

_NOT_SHOWN = (
    "the hub has no such model, or shows it to its readers alone",
    "Check the name; for a private or gated model give a token with `hf auth login` or HF_TOKEN",
)
"""Of any other 401: so it answers whoever has no token and asks for a name that is mistyped."""


def refusal(error: BaseException | None) -> tuple[str, str] | None:
    """What the hub answered in place of a model, whole, and what to do; None: it did not answer with a failure.

    Args:
        error: of huggingface_hub, which hides the answer behind others.
    """
    while error is not None:
        status = getattr(getattr(error, "response", None), "status_code", 0)
        if status >= 400:
            of_hub = ("the hub has failed", "Try again later")
            known = _REFUSALS.get(status, of_hub if status >= 500 else ("the hub refuses", "Do as its answer says"))
            if status == 401 and _OF_CREDENTIALS not in str(error):
                known = _NOT_SHOWN
            return f"{known[0]} (HTTP {status}: {' '.join(str(error).split())})", known[1]
        error = error.__cause__ or error.__context__
    return None


@cache
def guard() -> None:
    """Has every answer checked that huggingface_hub gets in this process; see `check_answer`."""
    import huggingface_hub

    usual = huggingface_hub.get_session()

    def client() -> httpx2.Client:
        hooks = {**usual.event_hooks, "response": [check_answer]}
        return type(usual)(event_hooks=hooks, follow_redirects=True, timeout=None)

    huggingface_hub.set_client_factory(client)


def check_answer(response: httpx2.Response) -> None:
    """Refuses an answer with a commit or a hash that is none: each becomes part of a path.

    Raises:
        InputError: there is one.
    """
    place = str(response.request.url)
    if response.request.method == "HEAD":
        headers = response.headers
        if (commit := headers.get("x-repo-commit")) is not None:
            # Without, as in a redirection, the library takes nothing from it.
            _hold(place, "x-repo-commit", commit, _COMMIT)
            _hold(place, "etag", headers.get("x-linked-etag") or headers.get("etag"), _ETAG)
            _hold(place, "x-xet-hash", headers.get("x-xet-hash"), _SHA256)
    elif "/api/models/" in response.request.url.path and response.is_success:
        response.read()
        document = response.json()
        for each in document if isinstance(document, list) else [document]:
            if isinstance(each, dict):
                _hold(place, "sha", each.get("sha"), _COMMIT)
                lfs = each.get("lfs")
                _hold(place, "lfs.oid", lfs.get("oid") if isinstance(lfs, dict) else lfs, _SHA256)


def _hold(place: str, name: str, value: Any, form: re.Pattern[str]) -> None:
    if value is not None and not (isinstance(value, str) and form.fullmatch(value)):
        raise InputError(place, f"expected {name} as {form.pattern}, got {str(value)[:100]!r}", ANOTHER_HUB)


def check_fetched(directory: Path, name: str, kept_in: Path | None) -> None:
    """Holds what was fetched, now or earlier, against the sha256 that the hub lists of files in LFS, as weights are.

    Without the list, which older versions of the library do not keep, against the name that the cache has for a file:
    of one in LFS it is the sha256.

    Args:
        directory: as huggingface_hub has it in its cache, named for the commit.
        name: the model's.
        kept_in: `cache` of `hub.resolve`.

    Raises:
        InputError: a file has another content, or is a link that leads out of the cache.
    """
    import huggingface_hub
    from huggingface_hub import constants, errors

    within = Path(kept_in or constants.HF_HUB_CACHE).expanduser().resolve()
    if not _COMMIT.fullmatch(directory.name):
        problem = f"the cache has the model at {directory}, expected a directory named for a commit"
        raise InputError(str(within), problem, f"Delete what the cache has of {name}")
    try:
        listed = huggingface_hub.get_cached_repo_tree(name, revision=directory.name, cache_dir=within)
    except errors.CachedRepoTreeNotFoundError:
        listed = []
    hashes = {file.path: file.lfs.sha256 for file in listed if file.lfs is not None}
    for path in sorted(directory.rglob("*")):
        blob = path.resolve()
        if not blob.is_relative_to(within):
            problem = f"is a link to {blob}, out of the cache"
            raise InputError(str(path), problem, "Delete the link, and look who made it")
        in_cache = blob.name if _SHA256.fullmatch(blob.name) else None
        expected = hashes.get(path.relative_to(directory).as_posix()) or in_cache
        if expected and blob.is_file() and (found := atomic_files.sha256(blob)) != expected:
            problem = f"its sha256 is {found}, the hub lists {expected} for {name}"
            remedy = f"It was damaged or exchanged: delete {blob} to have it fetched anew, or take another model"
            raise InputError(str(path), problem, remedy)
