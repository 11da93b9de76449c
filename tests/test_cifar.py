"""CIFAR-10 from files made in its format; the data themselves are not needed."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rcspike import Circuit, Network, train
from rcspike.datasets import cifar
from rcspike.datasets.named_datasets import load_cifar

SMALL = replace(cifar.CIFAR_10, records=4, system_folder=Path("nowhere"))
NAMES = (*SMALL.train, *SMALL.test)


def record(label: int, red: int, green: int, blue: int) -> bytes:
    """An image of one colour, but for its last pixel of the first row, which is white."""
    planes = [bytearray([value]) * 1024 for value in (red, green, blue)]
    for plane in planes:
        plane[31] = 255
    return bytes([label]) + b"".join(map(bytes, planes))


def contents() -> dict[str, bytes]:
    return {
        name: b"".join(record((3 * i + k) % 10, 10 * i, 20 + k, 200) for k in range(4)) for i, name in enumerate(NAMES)
    }


def archive_of(folder: Path, files: dict[str, bytes]) -> cifar.Source:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return replace(SMALL, known_hash=f"md5:{hashlib.md5(path.read_bytes()).hexdigest()}")


def write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("where", [".", "cifar-10", "cifar-10-batches-bin", "cifar-10/cifar-10-batches-bin"])
def test_files_give_images_in_colour_and_classes(tmp_path: Path, where: str) -> None:
    write(tmp_path / where, contents())
    data = load_cifar(SMALL, directory=tmp_path)
    assert data.train.images.shape == (20, 32, 32, 3) and data.test.images.shape == (4, 32, 32, 3)
    assert data.train.labels[:6].tolist() == [0, 1, 2, 3, 3, 4]
    assert data.train.images[5, 7, 3].tolist() == [10, 21, 200]  # the second image of the second file
    assert data.train.images[5, 0, 31].tolist() == [255, 255, 255]
    assert data.classes is not None and data.classes[6] == "frog"
    network = Network.create("conv2-pool-10", Circuit(v_syn=3.0), input_shape=(32, 32, 3), seed=0)
    assert train(network, data, epochs=1, seed=0, batch_size=4, mirror=0.5, max_shift=2).epochs[0].loss > 0


def test_the_archive_is_read_without_being_unpacked(tmp_path: Path) -> None:
    source = archive_of(tmp_path / "cifar-10", contents())
    data = load_cifar(source, directory=tmp_path)
    write(tmp_path / "plain", contents())
    other = load_cifar(SMALL, directory=tmp_path / "plain")
    np.testing.assert_array_equal(data.train.images, other.train.images)
    np.testing.assert_array_equal(data.test.labels, other.test.labels)
    assert [path.name for path in (tmp_path / "cifar-10").iterdir()] == ["cifar-10-binary.tar.gz"]


def test_another_archive_is_an_error_that_names_both_digests(tmp_path: Path) -> None:
    archive_of(tmp_path, contents())
    with pytest.raises(
        ValueError, match=r"not CIFAR-10's archive: its md5 is \w{32}, expected c32a1d4ab5d03f1284b67883e8"
    ):
        load_cifar(SMALL, directory=tmp_path)


def test_damaged_and_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"cifar-10 not found in .*put cifar-10-binary.tar.gz or its folder"):
        load_cifar(SMALL, directory=tmp_path)
    write(tmp_path, contents())
    (tmp_path / "data_batch_3.bin").write_bytes(bytes(7))
    with pytest.raises(ValueError, match=r"data_batch_3.bin has 7 bytes, expected 12292: 4 images"):
        load_cifar(SMALL, directory=tmp_path)
    write(tmp_path, {"data_batch_3.bin": 4 * record(11, 0, 0, 0)})
    with pytest.raises(ValueError, match=r"data_batch_3.bin has class 11, expected 0 to 9"):
        load_cifar(SMALL, directory=tmp_path)
    (tmp_path / "data_batch_3.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"data_batch_3.bin is missing"):
        load_cifar(SMALL, directory=tmp_path)


def test_without_a_folder_the_usual_ones_are_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RCSPIKE_DATA", str(tmp_path))
    write(tmp_path / "cifar-10", contents())
    assert len(load_cifar(SMALL).test.labels) == 4
