"""A hub on the loopback in place of Hugging Face's: as much of it as fetching a model asks for."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import constants

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class StandInHub:
    """Answers for every model's name and every revision with the files of one directory.

    Its attributes are what it answers; a test changes them to have it lie.
    """

    def __init__(self, directory: Path) -> None:
        self.files = {path.name: path.read_bytes() for path in directory.iterdir()}
        self.commit = COMMIT
        self.commit_header: str | None = None
        """None: `commit`."""
        self.sha256 = {
            name: hashlib.sha256(content).hexdigest()
            for name, content in self.files.items()
            if name.endswith(".safetensors")
        }
        """Of the files in LFS, as they are listed."""
        self.etags: dict[str, str] = {}
        """Other ones than the hash of the content."""
        self.garbage: bytes | None = None
        """In place of every answer about the model."""
        self.status: int | None = None
        """Of every answer, with which all is refused; None: nothing is."""
        self.refusal = "Invalid credentials in Authorization header"
        """What is said then."""
        self.asked: list[str] = []
        """The paths of the requests."""

    def etag(self, name: str) -> str:
        """As in the header of a file."""
        return self.etags.get(name) or self.sha256.get(name) or hashlib.sha1(self.files[name]).hexdigest()  # noqa: S324

    def tree(self) -> list[dict[str, Any]]:
        """The listing of the files."""
        return [
            {"type": "file", "path": name, "size": len(content), "oid": "a" * 40}
            | (
                {"lfs": {"oid": self.sha256[name], "size": len(content), "pointerSize": 1}}
                if name in self.sha256
                else {}
            )
            for name, content in self.files.items()
        ]


@contextmanager
def stand_in_hub(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInHub]:
    """A hub that serves the files of a directory, at which `huggingface_hub` asks meanwhile."""
    hub = StandInHub(directory)

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.wfile.write(self.answer())

        def answer(self) -> bytes:
            path = unquote(urlsplit(self.path).path)
            hub.asked.append(path)
            name = path.partition("/resolve/")[2].partition("/")[2]
            headers, content = {"Content-Type": "application/json"}, b""
            if hub.garbage is not None and path.startswith("/api/models/"):
                content = hub.garbage
            elif "/tree/" in path:
                content = json.dumps(hub.tree()).encode()
            elif path.startswith("/api/models/"):
                content = json.dumps({"id": "a/b", "sha": hub.commit, "siblings": []}).encode()
            elif name in hub.files:
                content = hub.files[name]
                headers = {"ETag": f'"{hub.etag(name)}"', "X-Repo-Commit": hub.commit_header or hub.commit}
            if hub.status is not None:
                content, headers = b"", {"X-Error-Message": hub.refusal}
            self.send_response(hub.status or (200 if content else 404))
            for header, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(header, value)
            self.end_headers()
            return content

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setattr(constants, "ENDPOINT", endpoint)
        template = f"{endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        try:
            yield hub
        finally:
            server.shutdown()
