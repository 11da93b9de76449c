"""Model files: the same network comes back, and a damaged or foreign file is an error."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from networks import DTYPES, spread_network
from safetensors import safe_open
from safetensors.numpy import save_file
from strategies import Array, circuits

from rcspike import Circuit, DeviceNetwork, DevicePairs, Network

# tmp_path is shared by the examples of a test, each of which writes the file again.
shares_a_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def same_bits(one: Array, other: Array) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def header_of(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Arrays and metadata without the CRC-32, which would notice every change."""
    with safe_open(path, framework="numpy") as file:
        metadata = {name: text for name, text in file.metadata().items() if name != "crc32"}
        return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    Network([np.ones((3, 2)), np.ones((2, 4))], Circuit(v_syn=2.0, ramp=0.3)).save(path)
    return path


@shares_a_folder
@given(data=st.data(), circuit=circuits, sizes=st.lists(st.integers(1, 4), min_size=2, max_size=4))
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_model_comes_back_from_its_file_bit_for_bit(
    tmp_path: Path, dtype: type[np.floating], data: st.DataObject, circuit: Circuit, sizes: list[int]
) -> None:
    # Weights near the end of the type's range are rejected, as their sums would leave it.
    finite = st.floats(-1.0, 1.0, width=8 * dtype().itemsize).map(lambda x: x * 1e30)  # type: ignore[arg-type]
    network = Network([data.draw(arrays(dtype, shape, elements=finite)) for shape in pairwise(sizes)], circuit)
    network.save(tmp_path / "model")
    twin = Network.load(tmp_path / "model")
    assert twin.sizes == network.sizes
    assert all(same_bits(*pair) for pair in zip(twin.weights, network.weights, strict=True))
    assert twin.circuit == circuit
    assert twin.circuit.v_syn == circuit.v_syn


def test_a_path_may_be_text_and_a_file_is_replaced(saved: Path) -> None:
    spread_network().save(str(saved))
    assert Network.load(str(saved)).sizes == (13, 20, 17, 5)
    assert os.listdir(saved.parent) == [saved.name]


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
def test_a_model_that_the_disk_has_no_space_for_leaves_the_old_one_and_is_named(saved: Path) -> None:
    import resource

    before, limits = saved.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) - 1, limits[1]))  # stands for a full disk
    try:
        with pytest.raises(OSError, match=f"File too large.*{saved.name}"):
            spread_network().save(saved)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == [saved.name]


def test_no_file_is_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no model at .*missing"):
        Network.load(tmp_path / "missing")


def test_a_file_cut_anywhere_is_rejected(saved: Path) -> None:
    whole = saved.read_bytes()
    for length in range(len(whole)):
        saved.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=f"{saved.name} is not"):
            Network.load(saved)


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 100, b"\xff" * 100, b"PK\x03\x04" + b"x" * 500])
def test_a_file_of_something_else_is_rejected(saved: Path, content: bytes) -> None:
    saved.write_bytes(content)
    with pytest.raises(ValueError, match=f"{saved.name} is not"):
        Network.load(saved)


def test_safetensors_of_something_else_are_rejected(saved: Path) -> None:
    save_file({"weights.0": np.ones((2, 2))}, saved)
    with pytest.raises(ValueError, match="is not an rcspike model but a safetensors file of something else"):
        Network.load(saved)
    save_file({"weights.0": np.ones((2, 2))}, saved, metadata={"format": "rcspike-checkpoint"})
    with pytest.raises(ValueError, match="is not an rcspike model but rcspike-checkpoint"):
        Network.load(saved)


@pytest.mark.parametrize("dtype", ["BF16", "F8_E4M3"])
def test_a_model_in_a_precision_that_numpy_has_not_is_rejected(saved: Path, dtype: str) -> None:
    _, metadata = header_of(saved)
    tensor = {"dtype": dtype, "shape": [1, 8], "data_offsets": [0, 16 if dtype == "BF16" else 8]}
    header = json.dumps({"__metadata__": metadata, "weights.0": tensor}).encode()
    saved.write_bytes(len(header).to_bytes(8, "little") + header + bytes(tensor["data_offsets"][1]))
    with pytest.raises(ValueError, match=f"{saved.name} is not a whole rcspike model"):
        Network.load(saved)


def test_something_that_is_not_a_circuit_is_rejected_by_name_and_type() -> None:
    circuit: Any = None
    for make in (
        lambda: Network([np.ones((2, 2))], circuit),
        lambda: Network.create([2, 2], circuit, seed=0),
        lambda: DeviceNetwork([DevicePairs.of_weights(np.ones((2, 2)))], circuit),
    ):
        with pytest.raises(TypeError, match=r"circuit.*got NoneType"):
            make()


CIRCUIT = {"v_syn": "1.0", "e_plus": "1.0", "e_minus": "-1.0", "diode_drop": "0.0", "ramp": "0.0"}


@pytest.mark.parametrize(
    "header",
    [
        {"sizes": [3, 2], "circuit": CIRCUIT},
        {"sizes": [3, 2, 4, 1], "circuit": CIRCUIT},
        {"sizes": [3, 2, 5], "circuit": CIRCUIT},
        {"sizes": [2, 2, 4], "circuit": CIRCUIT},
        {"sizes": [3, 5, 4], "circuit": CIRCUIT},
        {"sizes": [], "circuit": CIRCUIT},
        {"sizes": None, "circuit": CIRCUIT},
        {"sizes": {"0": 3, "1": 2, "2": 4}, "circuit": CIRCUIT},
        {"sizes": [3, 2, 4]},
        {"sizes": [3, 2, 4], "circuit": []},
        {"sizes": [3, 2, 4], "circuit": None},
        {"sizes": [3, 2, 4], "circuit": CIRCUIT | {"v_syn": "high"}},
        {"sizes": [3, 2, 4], "circuit": CIRCUIT | {"v_syn": "-1.0"}},
        {"sizes": [3, 2, 4], "circuit": CIRCUIT | {"v_syn": None}},
        {"sizes": [3, 2, 4], "circuit": CIRCUIT | {"colour": "1.0"}},
        {"sizes": [3, 2, 4], "circuit": {"e_plus": "1.0", "e_minus": "-1.0"}},
        {},
        [],
        3,
    ],
)
def test_a_header_that_lies_or_lacks_something_is_rejected(saved: Path, header: Any) -> None:
    tensors, metadata = header_of(saved)
    for change in ({"header": json.dumps(header)}, {"header": "{"}, {"format_version": "one"}, {"format_version": ""}):
        save_file(tensors, saved, metadata=metadata | change)
        with pytest.raises(ValueError, match=saved.name):
            Network.load(saved)


@pytest.mark.parametrize(
    "change",
    [
        {"weights.1": np.full((2, 4), np.nan)},
        {"weights.0": np.full((3, 2), -np.inf)},
        {"weights.1": np.ones((2, 4), np.int64)},
        {"weights.1": np.ones((2, 4), np.float32)},
        {"weights.1": np.ones(4)},
        {"weights.2": np.ones((4, 4))},
    ],
    ids=["nan", "infinite", "integer", "of two dtypes", "of one axis", "a layer too many"],
)
def test_weights_that_are_not_as_the_header_says_are_rejected(saved: Path, change: dict[str, Array]) -> None:
    tensors, metadata = header_of(saved)
    save_file(tensors | change, saved, metadata=metadata)
    with pytest.raises(ValueError, match=saved.name):
        Network.load(saved)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        spread_network().save(tmp_path / "nowhere" / "model.safetensors")
