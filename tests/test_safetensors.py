"""Model and checkpoint files: the same bytes from the same content, damage noticed, and the rules of docs/files.md."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_files import crc32
from safetensors import safe_open
from safetensors.numpy import save_file
from small_runs import made_up

from rcspike import Circuit, Network
from rcspike.training import Epoch, History, Settings, checkpoint

CIRCUIT = {"v_syn": "2.0", "e_plus": "2.0", "e_minus": "-2.0", "diode_drop": "0.1", "ramp": "0.0"}
WEIGHTS = [np.array([[0.5, -0.25], [1.0, 0.125]], np.float32), np.array([[0.75], [-1.0]], np.float32)]
EPOCH = Epoch(1, 1e-3, 0.5, 0.8, math.nan, 0.75, (0.25,), (0.125,), 1.5)
RUN = checkpoint.Identity(
    Settings(epochs=2, batch_size=8, learning_rate=1e-3, decay="cosine", temperature=0.07, noise=0.01, seed=1),
    Circuit(v_syn=2.0, diode_drop=0.1),
    Network(WEIGHTS, Circuit()).parameters,
    made_up(side=1),
)


def network() -> Network:
    return Network(WEIGHTS, Circuit(v_syn=2.0, diode_drop=0.1))


def save_model(path: Path) -> None:
    network().save(path)


def save_checkpoint(path: Path) -> None:
    squares = [w * w for w in WEIGHTS]
    checkpoint.save(path, RUN, RUN.parameters, (squares, squares[:]), History([EPOCH]))


def model_content(path: Path) -> str:
    read = Network.load(path)
    return repr((read.circuit, [(w.dtype, w.shape, w.tobytes()) for w in read.weights]))


def checkpoint_content(path: Path) -> str:
    read = checkpoint.load(path, RUN)
    arrays = [array for arrays in (read.parameters, *read.moments) for array in arrays.values()]
    return repr(([dataclasses.astuple(e) for e in read.history], [(w.dtype, w.shape, w.tobytes()) for w in arrays]))


KINDS = {"model": (save_model, model_content), "checkpoint": (save_checkpoint, checkpoint_content)}


def plain_model(path: Path, header: Any = None, **metadata: str) -> None:
    """Written by safetensors, without a CRC-32."""
    text = header if isinstance(header, str) else json.dumps(header or {"sizes": [2, 2, 1], "circuit": CIRCUIT})
    standard = {"format": "rcspike-model", "format_version": "1", "header": text}
    save_file({f"weights.{layer}": w for layer, w in enumerate(WEIGHTS)}, path, metadata=standard | metadata)


@pytest.mark.parametrize("kind", KINDS)
def test_no_flipped_byte_gives_another_content(tmp_path: Path, kind: str) -> None:
    save, content = KINDS[kind]
    save(tmp_path / "file")
    whole, expected = (tmp_path / "file").read_bytes(), content(tmp_path / "file")
    harmless = 0
    for at, byte in enumerate(whole):
        for flip in (0x01, 0x20, 0x80):
            (tmp_path / "file").write_bytes(whole[:at] + bytes([byte ^ flip]) + whole[at + 1 :])
            try:
                assert content(tmp_path / "file") == expected, f"byte {at}, flipped by {flip:#x}"
            except ValueError as error:
                assert "file is " in str(error) or "file has format" in str(error)
            else:
                harmless += 1
    assert harmless < 20, "a space of the padding may become another kind of white space, and hardly more"


@settings(max_examples=300)
@given(data=st.data())
@pytest.mark.parametrize("kind", KINDS)
def test_no_damage_gives_another_content(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    save, content = KINDS[kind]
    path = tmp_path_factory.mktemp("damage") / "file"
    save(path)
    whole, expected = path.read_bytes(), content(path)
    at = data.draw(st.integers(0, len(whole)))
    cut = data.draw(st.integers(0, 20))
    path.write_bytes(whole[:at] + data.draw(st.binary(max_size=20)) + whole[at + cut :])
    try:
        assert content(path) == expected
    except ValueError as error:
        assert str(path) in str(error)


def test_the_same_network_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    code = "import sys; from rcspike import *; Network.create([5, 4, 3], Circuit(), seed=1).save(sys.argv[1])"
    for number in range(4):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / str(number))], check=True, timeout=120, cwd=tmp_path)
    assert len({file.read_bytes() for file in tmp_path.iterdir()}) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_other_programs_read_the_files(tmp_path: Path, kind: str) -> None:
    KINDS[kind][0](tmp_path / "file")
    with safe_open(tmp_path / "file", framework="numpy") as file:
        np.testing.assert_array_equal(file.get_tensor("weights.1"), WEIGHTS[1])
        assert file.metadata()["format"] == f"rcspike-{kind}"
    content = (tmp_path / "file").read_bytes()
    assert int.from_bytes(content[:8], "little") % 8 == 0, "the arrays should be aligned"


def test_the_crc32_is_that_of_the_documentation(tmp_path: Path) -> None:
    save_model(tmp_path / "file")
    with safe_open(tmp_path / "file", framework="numpy") as file:
        metadata = file.metadata()
    stored = metadata.pop("crc32")
    tensors = [(f"weights.{layer}", "F32", w.shape, w.tobytes()) for layer, w in enumerate(WEIGHTS)]
    assert stored == crc32(list(metadata.items()), tensors)


def test_a_file_written_again_by_another_program_is_still_read(tmp_path: Path) -> None:
    save_model(tmp_path / "file")
    with safe_open(tmp_path / "file", framework="numpy") as file:
        arrays, metadata = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    save_file(arrays, tmp_path / "again", metadata=metadata)
    assert model_content(tmp_path / "again") == model_content(tmp_path / "file")
    save_file(arrays | {"weights.0": arrays["weights.0"][:, ::-1].copy()}, tmp_path / "again", metadata=metadata)
    with pytest.raises(ValueError, match=r"again is not a whole rcspike model: .* damaged"):
        Network.load(tmp_path / "again")


def test_a_file_without_a_crc32_is_read(tmp_path: Path) -> None:
    plain_model(tmp_path / "plain")
    save_model(tmp_path / "checked")
    assert model_content(tmp_path / "plain") == model_content(tmp_path / "checked")


@pytest.mark.parametrize("version", ["-1", "0", "2", "01", "1_0", " 1", "1 ", "1.0", "", "\u0661", "x"])
def test_only_1_is_a_version(tmp_path: Path, version: str) -> None:
    plain_model(tmp_path / "file", format_version=version)
    with pytest.raises(ValueError, match=f"format_version.*got {re.escape(repr(version))}"):
        Network.load(tmp_path / "file")


@pytest.mark.parametrize(
    "number",
    ["1_0", " 1", "1 ", "+1", "1.", ".5", "01", "0x1", "1e400", "-1e400", "nan", "infinity", "Inf", "\u0661", "", "1e"],
)
def test_numbers_of_a_circuit_are_written_as_json_writes_them(tmp_path: Path, number: str) -> None:
    plain_model(tmp_path / "file", {"sizes": [2, 2, 1], "circuit": CIRCUIT | {"e_plus": number}})
    with pytest.raises(ValueError, match="e_plus is not a number: "):
        Network.load(tmp_path / "file")


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ('{"sizes": [2, 2, 1], "sizes": [2, 2, 1], "circuit": ' + json.dumps(CIRCUIT) + "}", "has a name twice"),
        ({"sizes": [2.0, 2, 1], "circuit": CIRCUIT}, "sizes in its header is not a list of sizes"),
        ({"sizes": [2, 2, True], "circuit": CIRCUIT}, "sizes in its header is not a list of sizes"),
        ({"sizes": [2, 2, 1], "circuit": CIRCUIT, "x": 1}, "header in its header has a part that is not known here"),
        ({"sizes": [2, 2, 1], "circuit": CIRCUIT | {"x": "1"}}, "circuit in its header has a part that is not known"),
        ({"sizes": [2, 2, 1], "circuit": CIRCUIT | {"ramp": 0}}, "ramp in its header is not text"),
        ({"sizes": [2, 2, 1], "circuit": {"e_plus": "1.0"}}, "its header has no v_syn"),
        ({"circuit": CIRCUIT}, "its header has no sizes"),
        ("[" * 100_000, "nested too deeply"),
        ('{"sizes": ' + "9" * 10_000 + "}", "file is not a whole rcspike model"),
    ],
)
def test_a_header_has_its_parts_once_and_no_other(tmp_path: Path, header: Any, words: str) -> None:
    plain_model(tmp_path / "file", header)
    with pytest.raises(ValueError, match=words):
        Network.load(tmp_path / "file")


def test_metadata_have_no_other_part(tmp_path: Path) -> None:
    plain_model(tmp_path / "file", author="x")
    with pytest.raises(ValueError, match="__metadata__ in its header has a part that is not known here"):
        Network.load(tmp_path / "file")


def with_header(path: Path, header: bytes, content: bytes = b"") -> Path:
    path.write_bytes(len(header).to_bytes(8, "little") + header + content)
    return path


def test_a_header_has_a_limit(tmp_path: Path) -> None:
    save_model(tmp_path / "file")
    whole = (tmp_path / "file").read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header, content = whole[8 : 8 + length], whole[8 + length :]
    assert model_content(with_header(tmp_path / "at", header.ljust(1 << 20), content)) == model_content(
        tmp_path / "file"
    )
    with pytest.raises(ValueError, match="beyond is not a whole rcspike model: its header has 1048577 bytes"):
        Network.load(with_header(tmp_path / "beyond", header.ljust((1 << 20) + 1), content))
    with pytest.raises(ValueError, match="its header has 16777217 bytes, the limit is 16777216"):
        checkpoint.load(with_header(tmp_path / "beyond", b"{}".ljust((1 << 24) + 1)))


def test_a_network_whose_file_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "deep"
    deep = Network([np.ones((1, 1), np.float32)] * 10_000, Circuit())
    deep.save(path)
    assert Network.load(path).sizes == deep.sizes
    deeper = Network([np.ones((1, 1), np.float32)] * 20_000, Circuit())
    with pytest.raises(ValueError, match=r"deep would have a header of [0-9]+ bytes, the limit is 1048576"):
        deeper.save(path)
    assert Network.load(path).sizes == deep.sizes


@pytest.mark.parametrize("header", [b"\n{}", b"[]", b"", b"{", b"{}{}", b"\xff{}", b'{"a":1}', b'{"__metadata__":[]}'])
def test_bytes_that_are_not_a_header_are_rejected(tmp_path: Path, header: bytes) -> None:
    with pytest.raises(ValueError, match="file is not "):
        Network.load(with_header(tmp_path / "file", header))
