from pathlib import Path
from typing import Any

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import errors

from components.common.errors import InputError
from components.pretrained.hub import resolve


def test_a_local_directory_is_returned_as_it_is() -> None:
    assert resolve("data/minilm") == Path("data/minilm")


@pytest.mark.parametrize("address", ["https://huggingface.co/a/b", "hf://", "hf://a/b/c", "hf://a/b@", "gs://bucket"])
def test_another_form_of_address_is_refused(address: str) -> None:
    with pytest.raises(InputError, match=r"not a model's address\. Write hf://organisation/name or"):
        resolve(address)


class Hub:
    """In place of `snapshot_download`: notes each call, and fails with `online` or `offline` where it is given."""

    def __init__(self, online: Exception | None = None, offline: Exception | None = None) -> None:
        self.failures = {False: online, True: offline}
        self.calls: list[dict[str, Any]] = []

    def __call__(self, repo_id: str, **kwargs: Any) -> str:
        self.calls.append({"repo_id": repo_id, **kwargs})
        if failure := self.failures[kwargs["local_files_only"]]:
            raise failure
        return "/cache/snapshot"


def use(monkeypatch: pytest.MonkeyPatch, hub: Hub) -> Hub:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub)
    return hub


def http_error(kind: type[errors.HfHubHTTPError]) -> errors.HfHubHTTPError:
    request = httpx2.Request("GET", "https://huggingface.co/api/models/org/name")
    return kind("refused", response=httpx2.Response(403, request=request))


def test_only_the_files_needed_are_fetched_at_the_revision(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub = use(monkeypatch, Hub())
    assert resolve("hf://org/na.me@v1.0", tmp_path) == Path("/cache/snapshot")
    assert hub.calls == [
        {
            "repo_id": "org/na.me",
            "revision": "v1.0",
            "cache_dir": tmp_path,
            "allow_patterns": [
                "config.json",
                "vocab.txt",
                "tokenizer_config.json",
                "tokenizer.json",
                "added_tokens.json",
                "special_tokens_map.json",
                "model.safetensors",
                "model.safetensors.index.json",
                "model-*-of-*.safetensors",
                "modules.json",
                "1_Pooling/config.json",
            ],
            "local_files_only": False,
        }
    ]


OFFLINE = [
    errors.OfflineModeIsEnabled("offline mode"),
    errors.LocalEntryNotFoundError("no route"),
    httpx2.ConnectTimeout("timed out"),
    httpx2.ProxyError("proxy"),
    http_error(errors.HfHubHTTPError),
]


@pytest.mark.parametrize("failure", OFFLINE, ids=lambda failure: type(failure).__name__)
def test_offline_the_cached_model_is_used(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    hub = use(monkeypatch, Hub(online=failure))
    assert resolve("hf://name") == Path("/cache/snapshot")
    assert [call["local_files_only"] for call in hub.calls] == [False, True]
    assert hub.calls[1]["revision"] is None


def test_offline_without_a_cached_model_names_the_cause_and_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Hub(online=httpx2.ConnectError("no\nroute"), offline=errors.LocalEntryNotFoundError("empty")))
    with pytest.raises(InputError) as caught:
        resolve("hf://org/name")
    assert str(caught.value) == (
        "hf://org/name: the hub cannot be reached and the model is not in the cache (ConnectError: no route). "
        "Try again with a connection, or download the model on another machine and give its directory."
    )
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("failure", "problem"),
    [
        (http_error(errors.GatedRepoError), "the model is gated and this account has no access. Accept its terms"),
        (http_error(errors.RepositoryNotFoundError), "the hub has no such model, or it is private. Check the name"),
        (http_error(errors.RevisionNotFoundError), "the model has no revision 'v9'. Name a branch"),
        (errors.HFValidationError("bad"), "not a model's address (bad). Correct it"),
    ],
)
def test_what_the_hub_refuses_is_not_looked_for_in_the_cache(
    monkeypatch: pytest.MonkeyPatch, failure: Exception, problem: str
) -> None:
    hub = use(monkeypatch, Hub(online=failure))
    with pytest.raises(InputError) as caught:
        resolve("hf://org/name@v9")
    assert str(caught.value).startswith(f"hf://org/name@v9: {problem}")
    assert str(caught.value).endswith("or download the model on another machine and give its directory.")
    assert len(hub.calls) == 1
