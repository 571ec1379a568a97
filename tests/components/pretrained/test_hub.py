import hashlib
import os
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import _tree_cache, constants, errors
from huggingface_hub.utils import validate_repo_id

from components.common.errors import InputError
from components.pretrained.hub import resolve
from tests.conftest import fuzz_cases
from tests.stand_in_hub import COMMIT, StandInHub, stand_in_hub
from tests.toys import write_toy_checkpoint
from tests.watched_files import unchanged_around


def test_a_local_directory_is_returned_as_it_is() -> None:
    assert resolve("data/minilm") == Path("data/minilm")


NO_NAMES = [
    *[
        "https://huggingface.co/a/b",
        "gs://bucket",
        "hf://",
        "hf://a/b/c",
        "hf://a/b@",
        "hf://a//b",
        "hf:///a",
        "hf://../a",
    ],
    *["hf://a/..", "hf://a--b", "hf://a/b..c", "hf://.a/b", "hf://a/b-", "hf://a/b.git", "hf://ä/b", "hf://a/b\n"],
    f"hf://{'a' * 97}/b",
]


@pytest.mark.parametrize("address", NO_NAMES)
def test_a_name_outside_the_hubs_grammar_is_refused_before_the_library_is_called(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = use(monkeypatch, Hub())
    with pytest.raises(InputError, match=r"not a model's address\. Write hf://organisation/name or"):
        resolve(address)
    assert hub.calls == []


def test_no_address_of_any_pieces_leads_out_of_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    hub, rng = use(monkeypatch, Hub()), random.Random(0)  # noqa: S311
    pieces = [
        "a",
        "B_1",
        "..",
        ".",
        "/",
        "/",
        "-",
        "--",
        "@",
        "main",
        "refs",
        ".git",
        ".lock",
        "\0",
        "\n",
        " ",
        "\\",
        "~",
        "é",
    ]
    taken = set()
    for _ in range(fuzz_cases(1000)):
        address = "hf://a" + "".join(rng.choice(pieces) for _ in range(rng.randint(1, 9)))
        try:
            resolve(address)
        except InputError:
            continue
        taken.add(address)
        name, revision = hub.calls[-1]["repo_id"], hub.calls[-1]["revision"] or "main"
        validate_repo_id(name)
        assert os.path.normpath(f"/refs/{revision}") == f"/refs/{revision}"
    assert len(taken) > 10


NO_REVISIONS = [
    *["../../../../x", "/etc/x", "a/../x", "a//b", "a/", ".", "..", "a/.b", "-a", "a.lock", "a.", "a b", "a\0", "a\n"],
    *["a\\b", "~a", "a@{1}", "x" * 201, "ä"],
]


@pytest.mark.parametrize("revision", NO_REVISIONS)
def test_a_revision_that_could_lead_elsewhere_is_refused_before_the_library_is_called(
    revision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = use(monkeypatch, Hub())
    with pytest.raises(InputError) as caught:
        resolve(f"hf://a/b@{revision}")
    assert caught.value.problem.startswith(f"{revision!r} is no revision: a commit, tag or branch of letters, digits")
    assert hub.calls == []


@pytest.mark.parametrize("revision", ["main", "v1.0", "refs/pr/12", "feature/new_head", COMMIT, COMMIT[:7], "1.0+cpu"])
def test_commits_tags_branches_and_pull_requests_are_revisions(revision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = use(monkeypatch, Hub())
    resolve(f"hf://a/b@{revision}")
    assert hub.calls[0]["revision"] == revision


SNAPSHOT = f"/cache/models--org--name/snapshots/{COMMIT}"


class Hub:
    """In place of `snapshot_download`: notes each call, and fails with `online` or `offline` where it is given."""

    def __init__(self, online: Exception | None = None, offline: Exception | None = None) -> None:
        self.failures = {False: online, True: offline}
        self.calls: list[dict[str, Any]] = []

    def __call__(self, repo_id: str, **kwargs: Any) -> str:
        self.calls.append({"repo_id": repo_id, **kwargs})
        if failure := self.failures[kwargs["local_files_only"]]:
            raise failure
        return SNAPSHOT


def use(monkeypatch: pytest.MonkeyPatch, hub: Hub) -> Hub:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub)
    return hub


def http_error(kind: type[errors.HfHubHTTPError]) -> errors.HfHubHTTPError:
    request = httpx2.Request("GET", "https://huggingface.co/api/models/org/name")
    return kind("refused", response=httpx2.Response(403, request=request))


def test_only_the_files_needed_are_fetched_at_the_revision(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub = use(monkeypatch, Hub())
    assert resolve("hf://org/na.me@v1.0", tmp_path) == Path(SNAPSHOT)
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
                "model-[0-9][0-9][0-9][0-9][0-9]-of-[0-9][0-9][0-9][0-9][0-9].safetensors",
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
    assert resolve("hf://name") == Path(SNAPSHOT)
    assert [call["local_files_only"] for call in hub.calls] == [False, True]
    assert hub.calls[1]["revision"] is None


def test_offline_without_a_cached_model_names_the_cause_and_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Hub(online=httpx2.ConnectError("no\nroute"), offline=errors.LocalEntryNotFoundError("empty")))
    with pytest.raises(InputError) as caught:
        resolve("hf://org/name")
    assert str(caught.value) == (
        "hf://org/name: the hub cannot be reached (ConnectError: no route), and the model is not in the cache. "
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


@pytest.mark.parametrize(
    ("status", "problem", "remedy"),
    [
        (
            401,
            "the hub has no such model, or shows it to its readers alone (HTTP 401: ",
            "Check the name; for a private or gated model give a token",
        ),
        (
            401,
            "the hub does not take this token (HTTP 401: ",
            "Make a new one with `hf auth login`, or correct HF_TOKEN",
        ),
        (403, "this account, or its token, may not read the model (HTTP 403: ", "Ask for access on the model's page"),
        (404, "the hub has no such model, revision or file (HTTP 404: ", "Check the name and the revision, or"),
        (410, "the hub refuses (HTTP 410: ", "Do as its answer says, or"),
        (
            429,
            "the hub takes no more requests from here for now (HTTP 429: ",
            "Wait some minutes and try again; with a",
        ),
        (500, "the hub has failed (HTTP 500: ", "Try again later, or"),
    ],
)
def test_each_refusal_of_the_hub_has_its_own_words_and_the_hubs_whole(
    hub: StandInHub, cache: Path, monkeypatch: pytest.MonkeyPatch, status: int, problem: str, remedy: str
) -> None:
    hub.status, hub.refusal = status, f"{'why ' * 100}not"
    if "token (" in problem:
        hub.refusal = "Invalid credentials in Authorization header"
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with pytest.raises(InputError) as caught:
        resolve("hf://org/name", cache)
    assert caught.value.problem.startswith(problem)
    assert caught.value.problem.endswith("), and the model is not in the cache")
    assert hub.refusal in caught.value.problem
    assert caught.value.remedy.startswith(remedy)
    assert caught.value.remedy.endswith("or download the model on another machine and give its directory.")


def test_a_hub_that_refuses_is_not_needed_for_a_model_in_the_cache(hub: StandInHub, cache: Path) -> None:
    fetched = resolve("hf://org/name", cache)
    hub.status = 403
    assert resolve("hf://org/name", cache) == fetched


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """With folders of its own around it."""
    path = tmp_path / "around" / "cache"
    path.mkdir(parents=True)
    return path


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInHub]:
    with stand_in_hub(write_toy_checkpoint(tmp_path / "served"), monkeypatch) as served:
        yield served


def test_a_model_is_fetched_and_taken_from_the_cache_when_the_hub_is_gone(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = write_toy_checkpoint(tmp_path / "served")
    with unchanged_around(cache), stand_in_hub(served, monkeypatch):
        fetched = resolve("hf://org/name", cache)
    assert {path.name: path.read_bytes() for path in fetched.iterdir()} == {
        path.name: path.read_bytes() for path in served.iterdir()
    }
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert resolve("hf://org/name", cache) == fetched


def lie(hub: StandInHub, how: str) -> None:
    out = "../../../canary/file"
    match how:
        case "commit":
            hub.commit = out
        case "commit of a file":
            hub.commit_header = out
        case "etag":
            hub.etags["config.json"] = out
        case "absolute etag":
            hub.etags["config.json"] = "/tmp/no/such/place"  # noqa: S108
        case "sha256":
            hub.sha256["model.safetensors"] = out
        case "garbage":
            hub.garbage = b"[1, "
        case "another kind":
            hub.garbage = b'{"sha": null, "siblings": 3}'


LIES = ["commit", "commit of a file", "etag", "absolute etag", "sha256", "garbage", "another kind"]


@pytest.mark.parametrize("how", LIES)
def test_a_hub_that_answers_with_paths_or_nonsense_is_refused_and_writes_nothing_elsewhere(
    how: str, hub: StandInHub, cache: Path
) -> None:
    lie(hub, how)
    with unchanged_around(cache), pytest.raises(InputError) as caught:
        resolve("hf://org/name", cache)
    assert "This is no answer of Hugging Face's hub: look at HF_ENDPOINT" in str(caught.value)


@pytest.mark.parametrize(
    "name", ["../../../canary/file.safetensors", "/absolute.safetensors", "model-/../../../canary/x-of-1.safetensors"]
)
def test_files_in_other_folders_are_not_fetched(name: str, hub: StandInHub, cache: Path) -> None:
    hub.files[name] = b"not theirs"
    with unchanged_around(cache):
        fetched = resolve("hf://org/name", cache)
    assert sorted(path.name for path in fetched.iterdir()) == [
        *["config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"]
    ]
    assert not [path for path in hub.asked if "canary" in path]


def test_weights_of_another_sha256_than_the_hub_lists_are_refused_also_from_the_cache(
    hub: StandInHub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = hub.files["model.safetensors"]
    wrong = right[:-1] + bytes([right[-1] ^ 1])
    hub.files["model.safetensors"] = wrong
    listed, got = (hashlib.sha256(content).hexdigest() for content in (right, wrong))
    for offline in (False, True):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
        with pytest.raises(InputError) as caught:
            resolve("hf://org/name", cache)
        assert caught.value.problem == f"its sha256 is {got}, the hub lists {listed} for org/name"
        assert caught.value.remedy.startswith(f"It was damaged or exchanged: delete {cache}/models--org--name/blobs/")


def test_without_a_list_the_name_in_the_cache_is_the_sha256(
    hub: StandInHub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = resolve("hf://org/name", cache)
    shutil.rmtree(cache / "models--org--name" / "trees")
    monkeypatch.setattr(_tree_cache, "_IN_MEMORY_TREE_CACHE", {})
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    resolve("hf://org/name", cache)
    with (fetched / "model.safetensors").resolve().open("ab") as file:
        file.write(b"more")
    with pytest.raises(InputError, match="its sha256 is"):
        resolve("hf://org/name", cache)


def test_a_link_out_of_the_cache_is_refused(hub: StandInHub, cache: Path) -> None:
    fetched = resolve("hf://org/name", cache)
    (fetched / "vocab.txt").unlink()
    (fetched / "vocab.txt").symlink_to("/etc/hostname")
    with pytest.raises(InputError, match=r"is a link to /etc/hostname, out of the cache\. Delete the link"):
        resolve("hf://org/name", cache)
