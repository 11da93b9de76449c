"""Data sets: their shapes, where their files come from, and that no wrong byte ever passes.

The IDX files here are tiny and made up, so the known digests are replaced by theirs; the only network is
a server on the loopback device.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import struct
import sys
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from rcspike.datasets import Dataset, Split, idx, load


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def made_up_files() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    contents = {
        "train-images-idx3-ubyte": rng.integers(0, 256, (6, 4, 3)),
        "train-labels-idx1-ubyte": np.array([0, 1, 2, 3, 0, 1]),
        "t10k-images-idx3-ubyte": rng.integers(0, 256, (2, 4, 3)),
        "t10k-labels-idx1-ubyte": np.array([2, 1]),
    }
    return {file: idx_bytes(array.astype(np.uint8)) for file, array in contents.items()}


FILES = made_up_files()
SHAPES = dict(zip(FILES, [(6, 4, 3), (6,), (2, 4, 3), (2,)], strict=True))
IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = FILES


def with_other_bytes(raw: bytes) -> bytes:
    return raw[:-1] + bytes([raw[-1] ^ 1])


def put(folder: Path, files: dict[str, bytes], *, zipped: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for file, raw in files.items():
        if zipped:
            (folder / f"{file}.gz").write_bytes(gzip.compress(raw))
        else:
            (folder / file).write_bytes(raw)
    return folder


@dataclass
class Places:
    """Folders the data sets are looked for in, all of them empty at first."""

    directory: Path
    env: Path
    cache: Path
    system: Path


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """Cuts every test off from the machine's own data, from the network and from the real digests."""
    pooch = pytest.importorskip("pooch")
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.setattr(idx, "SYSTEM_FOLDER", tmp_path / "system")
    monkeypatch.setattr(idx, "MIRRORS", {"mnist": (), "fashion-mnist": ()})
    digests = {file: hashlib.sha256(raw).hexdigest() for file, raw in FILES.items()}
    monkeypatch.setattr(idx, "SHA256", {"mnist": digests, "fashion-mnist": digests})
    monkeypatch.setattr(idx, "SHAPES", SHAPES)
    monkeypatch.setenv("RCSPIKE_DATA", str(tmp_path / "env"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return Places(
        directory=tmp_path / "directory",
        env=tmp_path / "env" / "mnist",
        cache=tmp_path / "cache" / "rcspike" / "mnist",
        system=tmp_path / "system" / "mnist",
    )


def assert_is_made_up_set(data: Dataset) -> None:
    for split, images, labels in (
        (data.train, FILES[IMAGES], FILES[LABELS]),
        (data.test, FILES[TEST_IMAGES], FILES[TEST_LABELS]),
    ):
        assert split.images.dtype == np.uint8
        assert split.images.tobytes() == images[16:]
        assert split.labels.tolist() == list(labels[8:])
    assert data.train.images.shape == (6, 4, 3)
    assert data.n_classes == 4


# --- Split and Dataset -----------------------------------------------------------------------------


def split_of(n: int, *, labels: list[int] | None = None) -> Split:
    return Split(np.zeros((n, 2, 2), np.uint8), np.array(labels if labels is not None else [0] * n))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_times_are_one_minus_the_intensity_and_black_never_spikes(dtype: type[Any]) -> None:
    levels = np.arange(256).reshape(4, 8, 8)
    images = levels.astype(np.uint8) if dtype is np.uint8 else (levels / 255).astype(dtype)
    times = Split(images, np.zeros(4, int)).times
    expected = 1 - levels.reshape(4, 64) / 255
    expected[levels.reshape(4, 64) == 0] = np.inf
    assert times.dtype == np.float32
    # Two roundings to float32 of numbers up to 1: the intensity and the difference.
    np.testing.assert_allclose(times, expected, rtol=0, atol=2 * float(np.finfo(np.float32).eps))


def test_times_are_computed_once() -> None:
    split = split_of(2)
    assert split.times is split.times


@pytest.mark.parametrize(("pixel", "label"), [(np.float32, np.int64), (np.float64, np.int32)])
def test_arrays_are_read_only_copies(pixel: type[Any], label: type[Any]) -> None:
    images, labels = np.zeros((2, 3, 3), pixel), np.array([0, 1], label)
    split = Split(images, labels)
    images[0, 0, 0], labels[0] = 1, 1
    assert split.images[0, 0, 0] == 0 and split.labels[0] == 0
    assert split.images.dtype == np.float32 and split.labels.dtype == np.int64
    for array in (split.images, split.labels, split.times):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((2, 4), np.uint8), [0, 1], r"images must have shape \(n, height, width\).*got \(2, 4\)"),
        (np.zeros((0, 4, 4), np.uint8), [], r"got \(0, 4, 4\)"),
        (np.zeros((2, 4, 4), np.int64), [0, 1], "images must be uint8 .* or floating point .* got int64"),
        (np.full((2, 1, 1), 1.5), [0, 1], r"pixel 1.5 at \(0, 0, 0\) is outside \[0, 1\]"),
        (np.full((2, 1, 1), np.nan), [0, 1], "pixel nan"),
        (np.full((2, 1, 1), -0.25), [0, 1], "pixel -0.25"),
        (np.zeros((2, 4, 4), np.uint8), [0, 1, 2], r"labels must have shape \(2,\), one for each image, got \(3,\)"),
        (np.zeros((2, 4, 4), np.uint8), [0.0, 1.0], "labels must be integers, got float64"),
        (np.zeros((3, 4, 4), np.uint8), [0, 1, -3], "label -3 at position 2 is negative"),
        (np.zeros((1, 4, 4), np.uint8), np.array([2**63], np.uint64), "label 9223372036854775808 is none of a class"),
    ],
)
def test_unusable_arrays_are_refused_by_name_and_value(images: NDArray[Any], labels: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Split(images, np.array(labels))


def test_classes_are_counted_over_both_splits() -> None:
    assert Dataset("own", train=split_of(2, labels=[0, 1]), test=split_of(1, labels=[4])).n_classes == 5


def test_images_of_two_sizes_make_no_data_set() -> None:
    with pytest.raises(ValueError, match=r"training images, \(2, 2\), got \(3, 2\)"):
        Dataset("own", train=split_of(2), test=Split(np.zeros((1, 3, 2)), np.array([0])))


# --- digits and names ------------------------------------------------------------------------------


def test_digits_is_split_once_and_for_all_and_in_proportion() -> None:
    pytest.importorskip("sklearn")
    data = load("digits")
    assert data.train.images.shape == (1437, 8, 8) and data.test.images.shape == (360, 8, 8)
    assert data.train.times.shape == (1437, 64) and data.n_classes == 10
    for split in (data.train, data.test):
        assert split.images.dtype == np.float32
        assert split.images.min() == 0 and split.images.max() == 1
    counts = np.stack([np.bincount(split.labels) for split in (data.train, data.test)])
    # A stratified share is exact up to the rounding to whole images.
    assert np.all(np.abs(counts[1] - counts.sum(axis=0) * 360 / 1797) < 1)
    np.testing.assert_array_equal(load("digits").test.images, data.test.images)
    # Pinned, so that a scikit-learn that splits differently is noticed.
    assert data.test.labels[:16].tolist() == [7, 6, 3, 7, 7, 3, 2, 8, 9, 3, 2, 6, 6, 4, 5, 8]


def test_digits_without_scikit_learn_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"pip install 'rcspike\[data\]'"):
        load("digits")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'emnist': known are digits, mnist, fashion-mnist"):
        load("emnist")


# --- files on disk ---------------------------------------------------------------------------------


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("place", ["directory", "directory/mnist", "env", "cache", "system"])
def test_files_are_found_in_every_place_plain_or_gzipped(places: Places, place: str, zipped: bool) -> None:
    folder, _, inner = place.partition("/")
    put(getattr(places, folder) / inner, FILES, zipped=zipped)
    assert_is_made_up_set(load("mnist", directory=places.directory if folder == "directory" else None))


@pytest.mark.parametrize("given", [True, False])
def test_the_earlier_place_wins(places: Places, given: bool) -> None:
    directory = places.directory if given else None
    order = [places.directory / "mnist", places.directory] if given else [places.env, places.cache, places.system]
    # A wrong file is an error that names it, so it shows which place was read.
    for folder in order:
        put(folder, {IMAGES: with_other_bytes(FILES[IMAGES])})
    for folder in order:
        with pytest.raises(ValueError) as caught:
            load("mnist", directory=directory)
        assert str(folder / IMAGES) in str(caught.value)
        (folder / IMAGES).unlink()


def test_one_directory_may_hold_both_sets(places: Places) -> None:
    put(places.directory, {IMAGES: b"the files of the other set"})
    put(places.directory / "mnist", FILES)
    assert_is_made_up_set(load("mnist", directory=str(places.directory)))


def test_a_file_missing_in_one_place_comes_from_the_next(places: Places) -> None:
    put(places.env, {file: raw for file, raw in FILES.items() if file != TEST_LABELS})
    put(places.system, FILES, zipped=True)
    assert_is_made_up_set(load("mnist"))


def test_a_given_directory_is_the_only_place(server: Server, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    use_mirrors(monkeypatch, server.serve("mirror", whole))
    put(places.directory, {file: raw for file, raw in FILES.items() if file != TEST_LABELS})
    for folder in (places.env, places.cache, places.system):
        put(folder, FILES)
    with pytest.raises(FileNotFoundError) as caught:
        load("mnist", directory=places.directory)
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
    assert_is_made_up_set(load("mnist", directory=places.directory))


def test_a_wrong_file_is_an_error_though_a_right_one_comes_later(places: Places) -> None:
    wrong = with_other_bytes(FILES[LABELS])
    put(places.env, FILES | {LABELS: wrong})
    put(places.system, FILES)
    with pytest.raises(ValueError) as caught:
        load("mnist")
    message = str(caught.value)
    for part in (str(places.env / LABELS), "replace it or delete it"):
        assert part in message
    for raw in (wrong, FILES[LABELS]):
        assert hashlib.sha256(raw).hexdigest() in message


def test_the_error_for_nothing_found_names_every_place_and_the_way_out(places: Places) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        load("mnist")
    message = str(caught.value)
    for folder in (places.env, places.cache, places.system):
        assert str(folder) in message
    assert message.startswith("mnist not found in") and "set RCSPIKE_DATA" in message


def test_without_pooch_files_on_disk_still_load(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(FileNotFoundError, match=r"pip install 'rcspike\[data\]'"):
        load("mnist")
    put(places.env, FILES)
    assert_is_made_up_set(load("mnist"))


# --- the IDX format --------------------------------------------------------------------------------


def decode(data: bytes, *, shape: tuple[int, ...] = (2, 2, 2)) -> NDArray[np.uint8]:
    """Without the help of the digest: whatever the data are, they have the expected one."""
    try:
        raw = gzip.decompress(data)
    except (EOFError, OSError, zlib.error):
        raw = data
    return idx.decode_idx(data, shape=shape, sha256=hashlib.sha256(raw).hexdigest())


def packed(raw: bytes) -> bytes:
    return gzip.compress(raw, mtime=0)  # the same bytes, and so the same name of a test, at any time


def header(*shape: int, magic: bytes = b"\0\0\x08\x03") -> bytes:
    return magic + struct.pack(f">{len(shape)}I", *shape)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "begins with nothing, expected 00000803"),
        (b"<html>not found</html>", "begins with 3c68746d"),
        (header(1, 1, 1, magic=b"\0\0\x0d\x03") + bytes(4), "begins with 00000d03"),  # floats
        (FILES[LABELS], "begins with 00000801, expected 00000803"),
        (header(2, 2), "ends inside its IDX header: 12 bytes, expected at least 16"),
        (header(0, 2, 2), r"shape \(0, 2, 2\), expected \(2, 2, 2\)"),
        (header(2, 2, 2) + bytes(7), "takes 24 bytes, got 23"),
        (header(2, 2, 2) + bytes(9), "takes 24 bytes, there are more"),
        (header(2, 2, 2) + bytes(10**6), "longer than 1048 bytes"),
        (packed(header(2, 2, 2) + bytes(9)), "takes 24 bytes, there are more"),
        (header(0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF) + bytes(8), "4294967295"),
        (packed(header(2, 2, 2) + bytes(8))[:-9] + bytes(9), "incorrect data check"),  # checksum and length
        (b"\x1f\x8b" + bytes(30), "damaged gzip file of 32 bytes"),
        (packed(header(2, 2, 2) + bytes(8)) + packed(b"") * 2, "40 bytes follow its gzip stream"),
    ],
)
def test_malformed_files_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode(data)


def byte_arrays() -> st.SearchStrategy[NDArray[np.uint8]]:
    return arrays(np.uint8, array_shapes(min_dims=1, max_dims=3, max_side=5))


@given(array=byte_arrays(), zipped=st.booleans(), data=st.data())
def test_a_file_cut_at_any_byte_never_passes(array: NDArray[np.uint8], zipped: bool, data: st.DataObject) -> None:
    whole_file = gzip.compress(idx_bytes(array)) if zipped else idx_bytes(array)
    cut = data.draw(st.integers(0, len(whole_file) - 1))
    with pytest.raises(ValueError):
        decode(whole_file[:cut], shape=array.shape)


@given(array=byte_arrays(), zipped=st.booleans())
def test_every_array_of_bytes_survives_the_round_trip(array: NDArray[np.uint8], zipped: bool) -> None:
    whole_file = gzip.compress(idx_bytes(array)) if zipped else idx_bytes(array)
    np.testing.assert_array_equal(decode(whole_file, shape=array.shape), array)


def test_a_damaged_file_on_disk_is_named(places: Places) -> None:
    put(places.env, FILES)
    (places.env / IMAGES).unlink()
    (places.env / f"{IMAGES}.gz").write_bytes(gzip.compress(FILES[IMAGES])[:-20])
    with pytest.raises(ValueError, match="truncated gzip") as caught:
        load("mnist")
    assert str(places.env / f"{IMAGES}.gz") in str(caught.value)


def peak_of(function: Callable[[], object]) -> int:
    """Most bytes that Python held at a time during a call that ends with a ValueError or FileNotFoundError."""
    tracemalloc.start()
    try:
        with pytest.raises((ValueError, FileNotFoundError)):
            function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("surplus", ["in the gzip stream", "behind the gzip stream", "in a plain file"])
def test_a_file_that_holds_too_much_is_not_read_to_its_end(places: Places, surplus: str) -> None:
    n = 20 * 2**20  # far above what the files of the test, or pooch and its imports, take
    put(places.env, FILES)
    if surplus == "in a plain file":
        os.truncate(places.env / IMAGES, n)
    else:
        (places.env / IMAGES).unlink()
        within = surplus == "in the gzip stream"
        packed = gzip.compress(FILES[IMAGES] + bytes(n)) if within else gzip.compress(FILES[IMAGES]) + bytes(n)
        (places.env / f"{IMAGES}.gz").write_bytes(packed)
    with pytest.raises(FileNotFoundError):
        load("fashion-mnist")  # imports what it takes
    assert peak_of(lambda: load("mnist")) < n // 10


# --- the download ----------------------------------------------------------------------------------


@dataclass
class Answer:
    """What the server sends for a path: the body, and the length it claims (None: says none)."""

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

    # An answer that hangs is cut off here; all others come within the same instant on loopback.
    monkeypatch.setattr(idx, "TIMEOUT_SECONDS", 0.5)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Server(f"http://127.0.0.1:{http.server_port}", answers, requests)
        finished.set()
        http.shutdown()
        thread.join()


def use_mirrors(monkeypatch: pytest.MonkeyPatch, *mirrors: str) -> None:
    monkeypatch.setattr(idx, "MIRRORS", {"mnist": mirrors})


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


def test_a_download_fills_the_cache_and_happens_once(
    server: Server, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_mirrors(monkeypatch, server.serve("good", whole))
    assert_is_made_up_set(load("mnist"))
    assert everything_under(places.cache) == sorted(f"{file}.gz" for file in FILES)
    assert len(server.requests) == 4
    assert_is_made_up_set(load("mnist"))
    assert len(server.requests) == 4


@pytest.mark.parametrize("bad", BAD_ANSWERS)
def test_a_bad_download_raises_and_leaves_nothing_behind(
    server: Server, places: Places, monkeypatch: pytest.MonkeyPatch, bad: Callable[[bytes], Answer]
) -> None:
    server.serve("bad", whole)
    url = server.serve("bad", bad, IMAGES)
    use_mirrors(monkeypatch, url)
    with pytest.raises(FileNotFoundError, match="the download failed") as caught:
        load("mnist")
    assert f"{url}{IMAGES}.gz" in str(caught.value)
    assert everything_under(places.cache.parent.parent) == []


@pytest.mark.parametrize("bad", BAD_ANSWERS)
def test_the_second_mirror_is_asked_when_the_first_fails(
    server: Server, places: Places, monkeypatch: pytest.MonkeyPatch, bad: Callable[[bytes], Answer]
) -> None:
    first = server.serve("first", bad, TEST_IMAGES)
    use_mirrors(monkeypatch, first, server.serve("second", whole))
    assert_is_made_up_set(load("mnist"))
    assert f"/first/{TEST_IMAGES}.gz" in server.requests
    assert everything_under(places.cache) == sorted(f"{file}.gz" for file in FILES)


@pytest.mark.parametrize("bad", [a_bomb, endless])
def test_a_server_that_sends_too_much_is_not_heard_out(
    server: Server, monkeypatch: pytest.MonkeyPatch, bad: Callable[[bytes], Answer]
) -> None:
    use_mirrors(monkeypatch, server.serve("mirror", cut_on_the_server))
    with pytest.raises(FileNotFoundError):
        load("mnist")  # imports what it takes
    use_mirrors(monkeypatch, server.serve("mirror", bad))
    assert peak_of(lambda: load("mnist")) < 2 * 2**20


def test_every_mirror_is_asked_over_https(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert all(url.startswith("https://") and url.endswith("/") for urls in idx.MIRRORS.values() for url in urls)


def test_a_server_that_falls_silent_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    use_mirrors(monkeypatch, server.serve("mirror", never_finished))
    with pytest.raises(FileNotFoundError, match="timed out"):
        load("mnist")


def test_a_mirror_that_is_not_there_is_passed_over(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    # Port 0 is never listened on.
    use_mirrors(monkeypatch, "http://127.0.0.1:0/", server.serve("second", whole))
    assert_is_made_up_set(load("mnist"))


def test_the_error_gives_the_reason_of_every_mirror(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    use_mirrors(monkeypatch, server.serve("first", tampered), f"{server.url}/second/")
    with pytest.raises(FileNotFoundError) as caught:
        load("mnist")
    message = str(caught.value)
    assert "expected " + hashlib.sha256(FILES[IMAGES]).hexdigest() in message
    assert "404" in message


def test_an_interrupted_download_goes_on_where_it_stopped(
    server: Server, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.serve("mirror", whole)
    use_mirrors(monkeypatch, server.serve("mirror", cut_by_the_connection, TEST_LABELS))
    with pytest.raises(FileNotFoundError):
        load("mnist")
    proven = [file for file in FILES if file != TEST_LABELS]
    assert everything_under(places.cache) == sorted(f"{file}.gz" for file in proven)
    server.requests.clear()
    server.serve("mirror", whole, TEST_LABELS)
    assert_is_made_up_set(load("mnist"))
    assert server.requests == [f"/mirror/{TEST_LABELS}.gz"]


def test_a_server_may_unzip_on_the_way(server: Server, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    def labelled_as_encoding(raw: bytes) -> Answer:
        answer = whole(raw)
        return Answer(answer.body, answer.length, headers={"Content-Encoding": "gzip"})

    use_mirrors(monkeypatch, server.serve("mirror", labelled_as_encoding))
    assert_is_made_up_set(load("mnist"))
    assert everything_under(places.cache) == sorted(FILES)
    assert_is_made_up_set(load("mnist"))


def test_a_failing_disk_leaves_no_part_of_a_file(
    server: Server, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError("no space left on device")

    use_mirrors(monkeypatch, server.serve("mirror", whole))
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(FileNotFoundError, match="no space left"):
        load("mnist")
    assert everything_under(places.cache) == []


# --- the real thing --------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "mean"), [("mnist", 0.1307), ("fashion-mnist", 0.2860)])
def test_the_real_files_are_what_they_always_were(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, name: str, mean: float
) -> None:
    monkeypatch.undo()  # back to the real digests and folders
    if not request.config.getoption("--no-skips"):  # in CI they are downloaded if need be
        monkeypatch.setattr(idx, "MIRRORS", {name: ()})
    try:
        data = load(name)
    except FileNotFoundError as error:
        pytest.skip(str(error))
    assert data.train.images.shape == (60000, 28, 28) and data.test.images.shape == (10000, 28, 28)
    assert data.n_classes == 10
    # The mean pixel these sets are everywhere normalised with, to the four digits it is quoted with.
    assert data.train.images.mean() / 255 == pytest.approx(mean, abs=5e-5)
