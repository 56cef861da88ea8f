"""Blobs of a storage account through its own SDK, against a stand-in on loopback that knows the few calls we make.

AZURITE_BLOB_URL and AZURITE_BLOB_KEY, both set, run the same tests against an Azurite or an account of yours.
"""

import os
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest
from azure.storage.blob import ContainerClient

from shared.adapters.blob import BlobConflict, BlobMissing, BlobUnavailable
from shared.adapters.blob_azure import AzureBlobs

KEY = "a2V5LW9mLXRoZS10ZXN0cw=="
ACCOUNT = "devstoreaccount1"


@dataclass
class Store:
    """What was put, by its path; blocks wait until they are committed."""

    url: str = ""
    held: dict[str, bytes] = field(default_factory=dict)
    blocks: dict[tuple[str, str], bytes] = field(default_factory=dict)
    failing: bool = False

    def put(self, path: str, query: dict[str, list[str]], headers: Any, body: bytes) -> int:
        if query.get("comp") == ["block"]:
            self.blocks[path, query["blockid"][0]] = body
            return 201
        if headers.get("If-None-Match") == "*" and path in self.held:
            return 409
        if query.get("comp") == ["blocklist"]:
            names = [part.split("<")[0] for part in body.decode().split("<Latest>")[1:]]
            body = b"".join(self.blocks[path, name] for name in names)
        self.held[path] = body
        return 201


def handler_of(store: Store) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path, query = self._asked()
            status = 403 if store.failing else store.put(path, query, self.headers, body)
            code = {409: "BlobAlreadyExists", 403: "AuthorizationFailure"}.get(status, "")
            self._answer(status, b"", {"x-ms-error-code": code} if code else {})

        def do_GET(self) -> None:
            path, query = self._asked()
            if store.failing:
                self._answer(403, b"", {"x-ms-error-code": "AuthorizationFailure"})
            elif query.get("comp") == ["list"]:
                self._list(path, query.get("prefix", [""])[0])
            elif path not in store.held:
                self._answer(404, b"", {"x-ms-error-code": "BlobNotFound"})
            else:
                self._read(store.held[path])

        def _read(self, body: bytes) -> None:
            asked = self.headers.get("x-ms-range")
            if asked is None:
                self._answer(200, body, {"x-ms-blob-type": "BlockBlob"})
                return
            first, _, last = asked.removeprefix("bytes=").partition("-")
            if not body:
                self._answer(416, b"", {"x-ms-error-code": "InvalidRange"})
                return
            part = body[int(first) : int(last) + 1 if last else len(body)]
            end = int(first) + len(part) - 1
            self._answer(
                206,
                part,
                {"Content-Range": f"bytes {first}-{end}/{len(body)}", "x-ms-blob-type": "BlockBlob"},
            )

        def _list(self, container: str, prefix: str) -> None:
            names = [path.removeprefix(f"{container}/") for path in store.held]
            blobs = "".join(
                f"<Blob><Name>{escape(name)}</Name><Properties/></Blob>"
                for name in names
                if name.startswith(prefix)
            )
            body = f'<?xml version="1.0"?><EnumerationResults><Blobs>{blobs}</Blobs><NextMarker/></EnumerationResults>'
            self._answer(200, body.encode(), {"Content-Type": "application/xml"})

        def _asked(self) -> tuple[str, dict[str, list[str]]]:
            address = urlsplit(self.path)
            return unquote(address.path), parse_qs(address.query)

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            common = {"ETag": '"1"', "Last-Modified": "Mon, 23 Nov 2026 12:00:00 GMT", "x-ms-request-id": "1"}
            for name, value in {**common, **headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: Any) -> None:
            pass

    return Handler


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(made))
    made.url = f"http://127.0.0.1:{server.server_port}/{ACCOUNT}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def blobs(store: Store) -> AzureBlobs:
    """The stand-in, or what the environment names."""
    url, key = os.environ.get("AZURITE_BLOB_URL"), os.environ.get("AZURITE_BLOB_KEY")
    if not url or not key:
        return AzureBlobs(store.url, "audit", {"account_name": ACCOUNT, "account_key": KEY})
    credential = {
        "account_name": urlsplit(url).path.strip("/") or url.split("//")[1].split(".")[0],
        "account_key": key,
    }
    container = f"test-{uuid.uuid4().hex}"
    ContainerClient(url, container, credential=credential).create_container()
    return AzureBlobs(url, container, credential)


def test_a_blob_is_written_once(blobs: AzureBlobs) -> None:
    for _ in range(2):
        blobs.put_once("a/b-1.jsonl", [b"one", b"two"])
    with pytest.raises(BlobConflict):
        blobs.put_once("a/b-1.jsonl", [b"onetw0"])
    with pytest.raises(BlobConflict):
        blobs.put_once("a/b-1.jsonl", [b"onetwo", b"more"])
    with blobs.open("a/b-1.jsonl") as file:
        assert file.read() == b"onetwo"


def test_a_large_blob_goes_in_blocks_and_comes_back_whole(blobs: AzureBlobs) -> None:
    parts = [bytes([number]) * 1_000_000 for number in range(70)]
    blobs.put_once("large", parts)
    with blobs.open("large") as file:
        assert file.read() == b"".join(parts)
        file.seek(1_000_000)
        assert file.read(2) == b"\1\1"
    with pytest.raises(BlobConflict):
        blobs.put_once("large", [*parts[:-1], b"x"])


def test_an_empty_blob_is_a_blob(blobs: AzureBlobs) -> None:
    for _ in range(2):
        blobs.put_once("empty", [])
    with blobs.open("empty") as file:
        assert file.read() == b""


def test_names_are_sorted_and_begin_as_asked(blobs: AzureBlobs) -> None:
    for name in ("b/2", "a/1", "b/1"):
        blobs.put_once(name, [b"x"])
    assert blobs.names("b/") == ["b/1", "b/2"]
    assert blobs.names("") == ["a/1", "b/1", "b/2"]


def test_what_is_not_there_is_missing(blobs: AzureBlobs) -> None:
    with pytest.raises(BlobMissing):
        blobs.open("nothing")


@pytest.mark.parametrize("name", ["../a", "", "/a", "a//b", "a b"])
def test_a_name_is_checked(blobs: AzureBlobs, name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        blobs.put_once(name, [])


def test_a_store_that_refuses_is_unavailable(store: Store) -> None:
    store.failing = True
    refused = AzureBlobs(store.url, "audit", {"account_name": ACCOUNT, "account_key": KEY})
    with pytest.raises(BlobUnavailable):
        refused.put_once("a", [b"x"])
    with pytest.raises(BlobUnavailable):
        refused.open("a")
    with pytest.raises(BlobUnavailable):
        refused.names("")
