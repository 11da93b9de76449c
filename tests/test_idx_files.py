"""IDX files: where they are looked for, their format, and that no wrong byte ever passes."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from idx_files import (
    FILES,
    IMAGES,
    LABELS,
    TEST_LABELS,
    Places,
    assert_is_made_up_set,
    idx_bytes,
    peak_of,
    put,
    with_other_bytes,
)
from numpy.typing import NDArray

from rcspike.datasets.idx import decode_idx


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("place", ["directory", "directory/mnist", "env", "cache", "system"])
def test_files_are_found_in_every_place_plain_or_gzipped(places: Places, place: str, zipped: bool) -> None:
    folder, _, inner = place.partition("/")
    put(getattr(places, folder) / inner, FILES, zipped=zipped)
    assert_is_made_up_set(places.load(directory=places.directory if folder == "directory" else None))


@pytest.mark.parametrize("given", [True, False])
def test_the_earlier_place_wins(places: Places, given: bool) -> None:
    directory = places.directory if given else None
    order = [places.directory / "mnist", places.directory] if given else [places.env, places.cache, places.system]
    # A wrong file is an error that names it, so it shows which place was read.
    for folder in order:
        put(folder, {IMAGES: with_other_bytes(FILES[IMAGES])})
    for folder in order:
        with pytest.raises(ValueError) as caught:
            places.load(directory=directory)
        assert str(folder / IMAGES) in str(caught.value)
        (folder / IMAGES).unlink()


def test_a_file_missing_in_one_place_comes_from_the_next(places: Places) -> None:
    put(places.env, {file: raw for file, raw in FILES.items() if file != TEST_LABELS})
    put(places.system, FILES, zipped=True)
    assert_is_made_up_set(places.load())


def test_a_wrong_file_is_an_error_though_a_right_one_comes_later(places: Places) -> None:
    wrong = with_other_bytes(FILES[LABELS])
    put(places.env, FILES | {LABELS: wrong})
    put(places.system, FILES)
    with pytest.raises(ValueError) as caught:
        places.load()
    message = str(caught.value)
    for part in (str(places.env / LABELS), "replace it or delete it"):
        assert part in message
    for raw in (wrong, FILES[LABELS]):
        assert hashlib.sha256(raw).hexdigest() in message


def test_the_error_for_nothing_found_names_every_place_and_the_way_out(places: Places) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        places.load()
    message = str(caught.value)
    for folder in (places.env, places.cache, places.system):
        assert str(folder) in message
    assert message.startswith("mnist not found")
    assert "a folder that RCSPIKE_DATA names" in message


def test_without_pooch_files_on_disk_still_load(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(FileNotFoundError, match=r"pip install 'rcspike\[data\]'"):
        places.load()
    put(places.env, FILES)
    assert_is_made_up_set(places.load())


def decode(data: bytes, *, shape: tuple[int, ...] = (2, 2, 2)) -> NDArray[np.uint8]:
    """Without the help of the digest: whatever the data are, they have the expected one."""
    try:
        raw = gzip.decompress(data)
    except (EOFError, OSError, zlib.error):
        raw = data
    return decode_idx(data, shape=shape, sha256=hashlib.sha256(raw).hexdigest())


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
def test_malformed_files_are_rejected(data: bytes, message: str) -> None:
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
        places.load(directory=places.directory)  # does the imports
    assert peak_of(places.load) < n // 10
