"""The content of HDF5 files against h5py, and files that are damaged or hostile, which end as errors within limits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rcspike.network import read_nir, read_nir_events, write_nir_events
from rcspike.network.hdf5 import read_hdf5

h5py = pytest.importorskip("h5py")
pytest.importorskip("nir")

posix = pytest.mark.skipif(sys.platform == "win32", reason="it needs a shell, or the limits of POSIX")


def assert_same(ours: Any, theirs: Any) -> None:
    assert np.shape(ours) == np.shape(theirs)
    assert np.asarray(ours).dtype == np.asarray(theirs).dtype
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("options", [{}, {"libver": "latest"}, {"userblock_size": 512}])
def test_groups_attributes_and_arrays_are_those_that_h5py_reads(options: dict[str, Any], tmp_path: Path) -> None:
    arrays: dict[str, Any] = {
        kind: np.arange(15).reshape(3, 5).astype(kind)
        for kind in ["f2", "f4", ">f8", "i1", ">i2", "i8", "u8", "c16", "?"]
    }
    filters: list[dict[str, Any]] = [
        {"compression": "gzip"},
        {"compression": "lzf"},
        {"fletcher32": True, "shuffle": True},
    ]
    with h5py.File(tmp_path / "a.h5", "w", **options) as file:
        for name, array in arrays.items():
            file[f"numbers/{name}"] = array
        for i, option in enumerate(filters):
            file.create_dataset(f"numbers/deep/er/{i}", data=np.arange(60.0).reshape(20, 3), **option)
        file["file"], file["ä"], file["none"] = 2.5, "ä", np.zeros((0, 2))
        file["texts"] = np.array([["a", ""], ["b" * 9000, "ä"]], object)
        file.attrs["type"], file["numbers"].attrs["a/b"] = "ä", np.ones(3)
        file["numbers/f4"].attrs["of an array"], file["neither"] = 1, np.zeros(2, [("x", "f4")])
        file.create_group("empty")
    root, attributes = read_hdf5(tmp_path / "a.h5")
    assert root.keys() == {"numbers", "file", "ä", "none", "texts"}
    assert root["numbers"].keys() == {*arrays, "deep"}
    for name, array in arrays.items():
        assert_same(root["numbers"][name], array)
    for i in range(len(filters)):
        assert_same(root["numbers"]["deep"]["er"][str(i)], np.arange(60.0).reshape(20, 3))
    assert (root["file"], root["ä"], root["none"].shape) == (2.5, "ä", (0, 2))
    assert root["texts"].tolist() == [["a", ""], ["b" * 9000, "ä"]]
    assert attributes.keys() == {"//type", "/numbers//a/b"}
    assert attributes["//type"] == "ä"
    assert_same(attributes["/numbers//a/b"], np.ones(3))


def circle(file: Any) -> None:
    file["a/b"] = 1
    file["a/a"] = file["a"]


def soft_circle(file: Any) -> None:
    file["a"] = h5py.SoftLink("/b")
    file["b"] = h5py.SoftLink("/a")


def shared(file: Any) -> None:
    """An array of 256 MB that is written in no byte, under eight names."""
    file.create_dataset("0", (2**25,), "f8", chunks=True)
    for i in range(1, 8):
        file[str(i)] = file["0"]


def texts(file: Any) -> None:
    """All take the memory of the longest one."""
    file["x"] = np.array(["a" * 200_000] + ["b"] * 5000, object)


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource("b.h5", "x", (3,))
    file.create_virtual_dataset("x", layout)


HOSTILE: list[tuple[Callable[[Any], object], str]] = [
    (circle, "'/a/a/' is a second name of a group, or lies in itself"),
    (soft_circle, "'/a' is a link to another name or file"),
    (lambda file: file.update({"x": h5py.ExternalLink("b.h5", "/x")}), "'/x' is a link to another name or file"),
    (virtual, "'/x' has its content in other files"),
    (lambda file: file.create_dataset("x", (9,), "u1", external=[("/etc/hostname", 0, 9)]), "content in other files"),
    (lambda file: file.create_dataset("x", (2**39, 2**20), "f8", chunks=(1, 1)), "more than .* bytes of memory"),
    (lambda file: file.create_dataset("x", (2**27,), "f8", chunks=True), "more than .* bytes of memory"),
    (shared, "more than .* bytes of memory"),
    pytest.param(texts, "more than .* bytes of memory", marks=posix),
]


@pytest.mark.parametrize(("write", "message"), HOSTILE)
def test_a_hostile_file_is_an_error_that_says_what_it_does(
    write: Callable[[Any], object], message: str, tmp_path: Path
) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write(file)
    with pytest.raises(ValueError, match=message):
        read_hdf5(tmp_path / "a.h5")


@pytest.mark.parametrize("length", [100, -1])
def test_a_file_that_is_cut_off_is_named(length: int, tmp_path: Path) -> None:
    write_nir_events(tmp_path / "spikes.nir", {"input": np.array([[0.5, np.inf]])})
    os.truncate(tmp_path / "spikes.nir", length % (tmp_path / "spikes.nir").stat().st_size)
    with pytest.raises(ValueError, match=r"spikes\.nir is not a NIRData file of spike times: .+"):
        read_nir_events(tmp_path / "spikes.nir")


def test_a_path_is_neither_an_option_nor_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("h5py.py").write_text("raise SystemExit('a module of the working directory')")
    for name in ("-c", "$(touch made) ä;touch made"):
        write_nir_events(name, {"input": np.array([[0.5, np.inf]])})
        assert read_nir_events(name)["input"].tolist() == [[0.5, np.inf]]
    assert not Path("made").exists()


@posix
@pytest.mark.parametrize(
    ("script", "message"),
    [("kill -SEGV $$", "crashes on it .SIGSEGV."), ("exit 3", "ends on it with code 3"), ("kill -XCPU $$", "CPU time")],
)
def test_a_process_that_does_not_come_to_its_end_is_an_error_of_one_line(
    script: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nulimit -c 0\n{script}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    (tmp_path / "one.nir").write_bytes(b"")
    with pytest.raises(
        ValueError, match=rf"one\.nir is not a NIR graph of an RC-Spike network: h5py .*{message}"
    ) as error:
        read_nir(tmp_path / "one.nir")
    assert "\n" not in str(error.value)


@posix
@pytest.mark.process
def test_an_interrupt_ends_both_processes(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\ntrap '' INT\necho $$ > {tmp_path}/started\nexec sleep 100\n")
    python.chmod(0o755)
    (tmp_path / "one.nir").write_bytes(b"")
    code = (  # a program that was started in the background ignores interrupts
        "import signal, sys; from rcspike.network import read_nir; sys.executable = sys.argv[1]; "
        "signal.signal(signal.SIGINT, signal.default_int_handler); read_nir(sys.argv[2])"
    )
    command = [sys.executable, "-c", code, str(python), str(tmp_path / "one.nir")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, cwd=tmp_path) as parent:
        while not ((tmp_path / "started").exists() and (child := (tmp_path / "started").read_text())):
            assert parent.poll() is None
            time.sleep(0.05)
        parent.send_signal(signal.SIGINT)
        assert parent.communicate()[1].endswith(b"KeyboardInterrupt\n")
    with pytest.raises(ProcessLookupError):
        os.kill(int(child), 0)


@posix
@pytest.mark.long
def test_a_heap_in_which_the_hdf5_library_walks_for_ever_takes_a_limited_time(tmp_path: Path) -> None:
    write_nir_events(tmp_path / "spikes.nir", {"input": np.array([[0.5, np.inf]])})
    content = bytearray((tmp_path / "spikes.nir").read_bytes())
    at = content.index(b"GCOL") + 16  # its first object: a number, references, and 8 bytes of length
    while content[at : at + 2] != b"\0\0":  # up to the free space
        at += 16 + -(-int.from_bytes(content[at + 8 : at + 16], "little") // 8) * 8
    content[at + 8 : at + 16] = bytes(8)
    (tmp_path / "spikes.nir").write_bytes(content)
    with pytest.raises(ValueError, match=r"spikes\.nir is not a NIRData file .*within 1 s of CPU time"):
        read_nir_events(tmp_path / "spikes.nir")
