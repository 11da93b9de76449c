"""Downloads of IDX files: which mirror is asked, and that a broken one leaves nothing behind.

The only network is a server on the loopback device.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from idx_files import (
    FILES,
    IMAGES,
    TEST_LABELS,
    Places,
    assert_is_made_up_set,
    peak_of,
    put,
    with_other_bytes,
)


@dataclass
class Answer:
    """The server's answer for a path: the body, and the length it claims (None: says none)."""

    body: bytes
    length: int | None
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False


def whole(raw: bytes) -> Answer:
    body = gzip.compress(raw)
    return Answer(body, len(body))


def cut_by_the_connection(raw: bytes) -> Answer:
    body = gzip.compress(raw)
    return Answer(body[: len(body) // 2], len(body))


def cut_on_the_server(raw: bytes) -> Answer:
    body = gzip.compress(raw)[:-5]
    return Answer(body, len(body))


def cut_with_no_length(raw: bytes) -> Answer:
    return Answer(gzip.compress(raw)[:-5], None)


def tampered(raw: bytes) -> Answer:
    # Stored, not deflated, so that the forgery has the length of the original.
    body = gzip.compress(with_other_bytes(raw), compresslevel=0)
    assert len(body) == len(gzip.compress(raw, compresslevel=0))
    return Answer(body, len(body))


def a_web_page(raw: bytes) -> Answer:
    return Answer(b"<html>moved</html>", 18)


def never_finished(raw: bytes) -> Answer:
    body = gzip.compress(raw)
    return Answer(body[:10], len(body), hangs=True)


@dataclass
class Server:
    url: str
    answers: dict[str, Answer]
    requests: list[str]

    def serve(self, mirror: str, answer: Callable[[bytes], Answer], *files: str) -> str:
        for file in files or FILES:
            self.answers[f"/{mirror}/{file}.gz"] = answer(FILES[file])
        return f"{self.url}/{mirror}/"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    answers: dict[str, Answer] = {}
    requests: list[str] = []
    finished = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            answer = answers.get(self.path)
            if answer is None:
                self.send_error(404)
                return
            self.send_response(200)
            if answer.length is not None:
                self.send_header("Content-Length", str(answer.length))
            for header_name, value in answer.headers.items():
                self.send_header(header_name, value)
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # who is sent too much hangs up
                self.wfile.write(answer.body)
            if answer.hangs:
                self.wfile.flush()
                finished.wait(5)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Server(f"http://127.0.0.1:{http.server_port}", answers, requests)
        finished.set()
        http.shutdown()
        thread.join()


def everything_under(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def a_bomb(raw: bytes) -> Answer:
    body = gzip.compress(raw + bytes(20 * 2**20))
    return Answer(body, len(body))


def endless(raw: bytes) -> Answer:
    return Answer(gzip.compress(raw) + bytes(20 * 2**20), None)


BAD_ANSWERS = [
    cut_by_the_connection,
    cut_on_the_server,
    cut_with_no_length,
    tampered,
    a_web_page,
    never_finished,
    a_bomb,
    endless,
]


def test_a_download_fills_the_cache_and_happens_once(server: Server, places: Places) -> None:
    mirrors = [server.serve("good", whole)]
    assert_is_made_up_set(places.load(*mirrors))
    assert everything_under(places.cache) == sorted(f"{file}.gz" for file in FILES)
    assert len(server.requests) == 4
    assert_is_made_up_set(places.load(*mirrors))
    assert len(server.requests) == 4


@pytest.mark.parametrize("bad", BAD_ANSWERS)
def test_a_bad_download_raises_and_leaves_nothing_behind_and_the_next_mirror_is_asked(
    server: Server, places: Places, bad: Callable[[bytes], Answer]
) -> None:
    server.serve("bad", whole)
    url = server.serve("bad", bad, IMAGES)
    with pytest.raises(FileNotFoundError, match="mnist not found, and its download failed") as caught:
        places.load(url)
    assert f"{url}{IMAGES}.gz" in str(caught.value)
    assert bad is not never_finished or "timed out" in str(caught.value)
    assert everything_under(places.cache.parent.parent) == []
    server.requests.clear()
    assert_is_made_up_set(places.load(url, server.serve("second", whole)))
    assert server.requests[0] == f"/bad/{IMAGES}.gz"
    assert everything_under(places.cache) == sorted(f"{file}.gz" for file in FILES)


def test_the_error_has_a_line_for_each_mirror_with_the_reason_in_a_few_words(server: Server, places: Places) -> None:
    with socket.socket() as unused:  # bound, and nobody listens
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}/mnist/"
        empty = f"{server.url}/empty/"
        with pytest.raises(FileNotFoundError) as caught:
            places.load(closed, empty, server.serve("forged", tampered))
    tried = [line for line in str(caught.value).splitlines() if "http:" in line]
    assert [line.removeprefix("  tried: ") for line in tried[:2]] == [
        f"{closed}{IMAGES}.gz: {os.strerror(errno.ECONNREFUSED)}",
        f"{empty}{IMAGES}.gz: 404 Client Error: Not Found",
    ]
    assert "expected " + hashlib.sha256(FILES[IMAGES]).hexdigest() in str(caught.value)


@pytest.mark.parametrize("bad", [a_bomb, endless])
def test_a_server_that_sends_too_much_is_not_heard_out(
    server: Server, places: Places, bad: Callable[[bytes], Answer]
) -> None:
    mirrors = [server.serve("mirror", cut_on_the_server)]
    with pytest.raises(FileNotFoundError):
        places.load(*mirrors)  # does the imports
    mirrors = [server.serve("mirror", bad)]
    assert peak_of(lambda: places.load(*mirrors)) < 2 * 2**20


def test_an_interrupted_download_resumes_where_it_stopped(server: Server, places: Places) -> None:
    server.serve("mirror", whole)
    mirrors = [server.serve("mirror", cut_by_the_connection, TEST_LABELS)]
    with pytest.raises(FileNotFoundError):
        places.load(*mirrors)
    proven = [file for file in FILES if file != TEST_LABELS]
    assert everything_under(places.cache) == sorted(f"{file}.gz" for file in proven)
    server.requests.clear()
    server.serve("mirror", whole, TEST_LABELS)
    assert_is_made_up_set(places.load(*mirrors))
    assert server.requests == [f"/mirror/{TEST_LABELS}.gz"]


def test_a_server_may_unzip_on_the_way(server: Server, places: Places) -> None:
    def labelled_as_encoding(raw: bytes) -> Answer:
        answer = whole(raw)
        return Answer(answer.body, answer.length, headers={"Content-Encoding": "gzip"})

    mirrors = [server.serve("mirror", labelled_as_encoding)]
    assert_is_made_up_set(places.load(*mirrors))
    assert everything_under(places.cache) == sorted(FILES)
    assert_is_made_up_set(places.load(*mirrors))


def test_a_failing_disk_leaves_no_part_of_a_file(
    server: Server, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError("no space left on device")

    mirrors = [server.serve("mirror", whole)]
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(FileNotFoundError, match="no space left"):
        places.load(*mirrors)
    assert everything_under(places.cache) == []


def test_a_given_directory_is_the_only_place(server: Server, places: Places) -> None:
    mirrors = [server.serve("mirror", whole)]
    put(places.directory, {file: raw for file, raw in FILES.items() if file != TEST_LABELS})
    for folder in (places.env, places.cache, places.system):
        put(folder, FILES)
    with pytest.raises(FileNotFoundError) as caught:
        places.load(*mirrors, directory=places.directory)
    message = str(caught.value)
    for part in (
        str(places.directory / "mnist"),
        f"or {places.directory} ({TEST_LABELS} is missing)",
        "give no folder",
    ):
        assert part in message
    assert str(places.env) not in message
    assert server.requests == []
    put(places.directory / "mnist", {TEST_LABELS: FILES[TEST_LABELS]})
    assert_is_made_up_set(places.load(*mirrors, directory=places.directory))
