"""A user's own arrays and files as data sets: what is read, how it is split and scaled, and what is rejected."""

from __future__ import annotations

import gzip
import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from idx_files import idx_bytes
from PIL import Image

from rcspike.datasets import Dataset, Inputs, Scaling, check_path, data_digests, data_name, is_table, load

RNG = np.random.default_rng(17)
X = RNG.normal(50, 10, (60, 3)).round(3)
Y = np.array(["low", "high", "mid"] * 20)


def write_csv(path: Path, x: npt.NDArray[Any], y: Any, header: str = "", *, delimiter: str = ",") -> Path:
    lines = [header] if header else []
    lines += [delimiter.join([*map(repr, map(float, row)), str(label)]) for row, label in zip(x, y, strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def pictures(folder: Path, n: int = 10, *, mode: str = "L", size: tuple[int, int] = (5, 4)) -> Path:
    """A folder for each of two classes, whose images have other mean intensities."""
    for number, name in enumerate(("dark", "light")):
        (folder / name).mkdir(parents=True)
        for i in range(n):
            shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], 3)
            pixels = RNG.integers(0, 128, shape) + 120 * number
            Image.fromarray(pixels.astype(np.uint8), mode).save(folder / name / f"{i:02d}.png")
    return folder


# Scaling


@pytest.mark.parametrize(
    ("name", "expected"),
    [("range", [0, 0.25, 1]), ("quantile", [0, 0.5, 1])],
)
def test_a_scaling_takes_the_training_samples_to_zero_and_one(name: Any, expected: list[float]) -> None:
    scaling = Scaling.fit(np.array([[0.0], [1.0], [4.0]]), name)
    np.testing.assert_allclose(scaling.apply(np.array([[0.0], [1.0], [4.0]]))[:, 0], expected, atol=1e-6)
    np.testing.assert_array_equal(scaling.apply(np.array([[-9.0], [99.0]]))[:, 0], [0, 1])


def test_a_standard_scaling_has_the_mean_in_the_middle() -> None:
    x = np.array([[1.0], [2.0], [3.0]])
    values = Scaling.fit(x, "standard").apply(np.array([[2.0], [2.0 + x.std()]]))
    np.testing.assert_allclose(values[:, 0], [0.5, 0.5 + 1 / 5], atol=1e-6)


@pytest.mark.parametrize("name", ["range", "standard", "quantile"])
def test_features_beyond_doubles_are_named(name: Any) -> None:
    x = np.array([[1.0, -1.7e308], [2.0, 1.7e308], [3.0, 0.0]])
    with pytest.raises(ValueError, match=r"feature 1 has values up to 1.7e\+308"):
        Scaling.fit(x, name)


def test_quantiles_of_values_that_repeat_are_their_middle() -> None:
    x = np.repeat([1.0, 2.0, 3.0], 20)[:, None]
    values = Scaling.fit(x, "quantile").apply(np.array([[1.0], [2.0], [3.0]]))[:, 0]
    # Sixty samples have sixty knots; those of the second value are the 20th to 39th of 59 steps.
    np.testing.assert_allclose(values, [0, (20 + 39) / 2 / 59, 1], atol=1e-6)


def test_complements_and_the_constant_input_come_last_and_a_constant_feature_is_silent() -> None:
    x = np.array([[0.0, 7.0], [10.0, 7.0]])
    scaling = Scaling.fit(x, "range", complement=True, always_on=True)
    assert (scaling.n_features, scaling.n_inputs) == (2, 5)
    np.testing.assert_array_equal(scaling.apply(x), [[0, 0, 1, 0, 1], [1, 0, 0, 0, 1]])


def test_a_scaling_is_the_same_after_its_header_has_been_read() -> None:
    scaling = Scaling.fit(X, "quantile", complement=True)
    again = Scaling.from_header(scaling.header())
    np.testing.assert_array_equal(again.apply(X), scaling.apply(X))


@pytest.mark.parametrize(
    ("knots", "message"),
    [([[1.0, 2.0]], "at least 2 knots"), ([[1.0], [0.5]], "must not decrease"), ([[1.0], [np.inf]], "finite")],
)
def test_knots_that_are_none_are_rejected(knots: list[list[float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scaling(np.array(knots))


# Arrays


def test_arrays_are_split_by_class_with_a_seed_and_scaled_by_the_training_samples() -> None:
    data = Dataset.from_arrays(X, Y, test_fraction=0.25, seed=3, scaling="range", complement=False)
    assert data.classes == ("high", "low", "mid")
    assert [np.bincount(split.labels).tolist() for split in (data.train, data.test)] == [[15] * 3, [5] * 3]
    assert data.train.images.shape == (45, 4) and data.train.is_table
    assert data.train.images[:, :3].min() == 0 and data.train.images[:, :3].max() == 1
    assert (data.train.images[:, 3] == 1).all()
    again, other = (Dataset.from_arrays(X, Y, test_fraction=0.25, seed=seed) for seed in (3, 4))
    np.testing.assert_array_equal(again.test.labels, data.test.labels)
    assert (other.test.images[:, 0] != again.test.images[:, 0]).any()


def test_a_given_test_split_does_not_change_the_scaling() -> None:
    data = Dataset.from_arrays(X, Y, test=(10 * X[:9], Y[:9]))
    np.testing.assert_array_equal(data.train.images, Dataset.from_arrays(X, Y, test=(X[:9], Y[:9])).train.images)
    assert (data.test.images[:, :3] == 1).all()


@pytest.mark.parametrize("labels", [[1, 2, 10] * 20, [1.0, 2.0, 10.0] * 20])
def test_labels_of_numbers_are_sorted_as_numbers(labels: list[float]) -> None:
    data = Dataset.from_arrays(X, labels)
    assert data.classes == ("1", "2", "10") and data.n_classes == 3


def test_images_keep_their_intensities_and_colours_are_inputs_next_to_each_other() -> None:
    images = RNG.integers(0, 256, (12, 4, 5, 3))
    data = Dataset.from_arrays(images, np.arange(12) % 2, test_fraction=0.5)
    assert data.train.images.dtype == np.uint8 and data.train.images.shape == (6, 4, 5, 3)
    assert data.train.times.shape == (6, 60)
    kept = data.train.images[0]
    np.testing.assert_allclose(data.train.times[0, :3], np.where(kept[0, 0] > 0, 1 - kept[0, 0] / 255, np.inf), 1e-6)


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        (X, Y[:9], {}, "a label for each sample, got 60 samples and 9 labels"),
        (X, ["one"] * 60, {}, "at least 2 classes, got 1: one"),
        (X, np.linspace(0, 1, 60), {}, "label 0.016.* at position 1 is not a class"),
        (X, np.arange(2000), {}, "2,000 different labels"),
        (np.where(X[4, 1] == X, np.nan, X), Y, {"test_fraction": 0.01}, "no test sample|feature 1 of a sample is nan"),
        (np.where(X > 60, np.nan, X), Y, {}, "is nan: fill or remove missing values"),
        (X.astype(str), Y, {}, "must .* hold numbers"),
        (X, Y, {"test_fraction": 1.0}, "above 0 and below 1, got 1"),
        (X, Y, {"test_fraction": 0.001}, "leaves no test sample of 60"),
        (X, Y, {"scaling": "log"}, "scaling.*got 'log'"),
        (X, Y, {"test": (X, ["other"] * 60)}, "label 'other' is not one of the classes high, low, mid"),
        (X, Y, {"test": (X[:, :2], Y)}, r"must have shape \(n_samples, 3\), got \(60, 2\)"),
        (X[:, :, None], Y, {"scaling": "range"}, "images keep their intensities"),
        (X[:, :, None], Y, {}, r"pixel .* is outside \[0, 1\]"),
        (X[:, :, None].astype(int) * 10, Y, {}, "images of integers must be from 0 to 255"),
    ],
)
def test_arrays_that_are_not_a_data_set_are_rejected(x: Any, y: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Dataset.from_arrays(x, y, **options)


# Files


def test_an_archive_has_a_split_of_its_own_or_is_split(tmp_path: Path) -> None:
    np.savez(tmp_path / "four.npz", x_train=X[:40], y_train=Y[:40], x_test=X[40:], y_test=Y[40:], other=np.ones(3))
    np.savez_compressed(tmp_path / "two.npz", x=X, y=Y)
    four, two = (load(str(tmp_path / name)) for name in ("four.npz", "two.npz"))
    assert (len(four.train.labels), len(four.test.labels)) == (40, 20)
    assert (len(two.train.labels), len(two.test.labels)) == (48, 12)
    np.testing.assert_array_equal(two.train.images, Dataset.from_arrays(X, Y).train.images)
    np.savez(tmp_path / "fortran.npz", x=np.asfortranarray(X), y=Y)
    np.testing.assert_array_equal(load(str(tmp_path / "fortran.npz")).train.images, two.train.images)


@pytest.mark.parametrize("header", ["", "a,b,c,kind", "a,b,c,7"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_has_its_classes_in_the_last_column(tmp_path: Path, header: str, delimiter: str) -> None:
    file = write_csv(tmp_path / "own.csv", X, Y, header.replace(",", delimiter), delimiter=delimiter)
    data = load(str(file))
    np.testing.assert_array_equal(data.train.images, Dataset.from_arrays(X, Y).train.images)
    assert data.columns == (("a", "b", "c") if header else ())
    assert (data.name, data.classes) == ("own", ("high", "low", "mid"))


def test_a_column_of_classes_is_found_by_its_name_or_given(tmp_path: Path) -> None:
    rows = [",".join(map(str, [label, *row])) for row, label in zip(X, Y, strict=True)]
    (tmp_path / "named.csv").write_text("\n".join(["Label,a,b,c", *rows]))
    (tmp_path / "bare.csv").write_text("\n".join(rows))
    (tmp_path / "numbers.csv").write_text("\n".join(["5,0,1,2", *rows]))
    expected = Dataset.from_arrays(X, Y, seed=2, test_fraction=0.5, scaling="standard", complement=False)
    for spec in ("named.csv", "named.csv,label=Label", "bare.csv,label=0"):
        data = load(f"{tmp_path / spec},seed=2,test=0.5,scaling=standard,complement=no")
        np.testing.assert_array_equal(data.test.images, expected.test.images)


def test_a_folder_of_images_has_a_folder_for_each_class(tmp_path: Path) -> None:
    data = load(str(pictures(tmp_path / "grey")))
    assert data.classes == ("dark", "light") and data.train.images.shape == (16, 4, 5)
    coloured = load(str(pictures(tmp_path / "coloured", mode="RGB")))
    assert coloured.train.images.shape == (16, 4, 5, 3)
    for part, n in (("train", 6), ("test", 3)):
        pictures(tmp_path / "both" / part, n)
    both = load(str(tmp_path / "both"))
    assert (len(both.train.labels), len(both.test.labels)) == (12, 6)


def test_images_of_other_modes_are_read_as_grey_levels_or_colours(tmp_path: Path) -> None:
    pixels = np.array([[0, 255], [128, 64]], np.uint8)
    for mode in ("1", "P", "RGBA", "I;16"):
        folder = tmp_path / mode.replace(";", "")
        for name in ("a", "b"):
            (folder / name).mkdir(parents=True)
            for i in range(2):
                image = Image.fromarray(pixels.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(pixels)
                (image if mode == "I;16" else image.convert(mode)).save(folder / name / f"{i}.png")
        data = load(f"{folder},test=0.5")
        assert data.train.images.shape[1:] == ((2, 2) if mode in ("1", "I;16") else (2, 2, 3))
        if mode in ("I;16", "RGBA"):
            np.testing.assert_array_equal(data.train.images[0].reshape(4, -1)[:, 0], pixels.ravel())


def test_idx_files_may_have_any_name(tmp_path: Path) -> None:
    images, labels = RNG.integers(0, 256, (30, 4, 3)), np.arange(30) % 3
    for folder, names in {"two": ("a.idx", "b.idx"), "four": ("train-x", "train-y", "t10k-x", "t10k-y.gz")}.items():
        (tmp_path / folder).mkdir()
        arrays = (images, labels) if folder == "two" else (images[:20], labels[:20], images[20:], labels[20:])
        for name, array in zip(names, arrays, strict=True):
            raw = idx_bytes(array.astype(np.uint8))
            (tmp_path / folder / name).write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
    assert len(load(str(tmp_path / "two")).train.labels) == 24
    four = load(str(tmp_path / "four"))
    np.testing.assert_array_equal(four.test.images, images[20:])
    np.testing.assert_array_equal(four.test.labels, labels[20:])
    (tmp_path / "two" / "c.idx").write_bytes(idx_bytes(images.astype(np.uint8)))
    with pytest.raises(ValueError, match="2 IDX files of images and 1 of labels"):
        load(str(tmp_path / "two"))


def zip_of(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npz", b"PK", "a.npz is not a .npz file of plain arrays"),
        ("a.npz", zip_of(x=np.array([{}]), y=Y), "must hold numbers, bools or strings, not objects"),
        ("a.npz", zip_of(x=X), "must have the arrays x_train, .* it has x: .*x=NAME,y=NAME"),
        ("a.csv", b"", "a.csv is empty"),
        ("a.csv", b"a,b\n", "has a header, but not a single row"),
        ("a.csv", b"1\n2\n", "has 1 column"),
        ("a.csv", b"1,2,x\n1,2\n", "a.csv, line 2: 2 cells, but the first row has 3"),
        ("a.csv", b"a,b,c\n1,red,x\n", "(?s)'b' has words.*'red' in line 2.*label=b.*write .*a.csv,onehot=b$"),
        ("a.csv", b"1,2,x\n1,,y\n", "(?s)'1' lacks 1 value .*line 2.*write .*a.csv,missing=median$"),
        ("a.csv", b"1,2,x\n1,nan,y\n", "'1' lacks 1 value .*line 2"),
        ("a.csv", b"a,a,c\n1,2,x\n", "two columns called 'a'"),
        ("a.csv", b"1,2,0.5\n1,2,1\n", "has the label '0.5'"),
        ("a.csv", b"1,2,\n1,2,x\n", "a.csv, line 1: no class in column '2'"),
        ("a.csv", b"1,2,\xff\n", "a.csv is not UTF-8 text"),
        ("a.csv", b"1,2," + b"x" * 200 + b"\n1,2,y\n", "a label of 200 characters"),
        ("a.dat", b"1,2,x\n", "a.dat must be one of the kinds that are read"),
    ],
)
def test_a_file_that_is_not_a_data_set_is_rejected(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load(str(tmp_path / name))


def test_folders_without_two_classes_or_with_broken_images_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has 0 folders of images"):
        load(str(tmp_path))
    pictures(tmp_path)
    (tmp_path / "dark" / "99.png").write_bytes((tmp_path / "dark" / "00.png").read_bytes()[:60])
    with pytest.raises(ValueError, match=r"99\.png is not a whole image"):
        load(str(tmp_path))
    Image.new("L", (6, 4)).save(tmp_path / "dark" / "99.png")
    with pytest.raises(ValueError, match=r"99\.png has 4 x 6 pixels, but .*00\.png has 4 x 5"):
        load(str(tmp_path))


def test_paths_and_options_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "own.csv", X, Y)
    for option, message in (
        ("colour=red", "has the option 'colour'"),
        ("test=half", "test must be a fraction, got 'half'"),
        ("seed=-1", "seed must be a whole number from 0, got '-1'"),
        ("scaling=log", "scaling must be one of range, standard, quantile, got 'log'"),
        ("complement=maybe", "complement must be yes or no"),
        ("label=kind", "has no column 'kind' for the label: it has columns 0 to 3"),
    ):
        with pytest.raises(ValueError, match=message):
            load(f"{file},{option}")
    with pytest.raises(ValueError, match=r"unknown data set 'fashion-mnits': .*did you mean 'fashion-mnist'\?"):
        load("fashion-mnits")
    with pytest.raises(ValueError, match=r"unknown data set 'missing.csv'"):
        check_path("missing.csv")


# What identifies data, and new samples


def test_the_digest_follows_the_content_and_the_name_the_file(tmp_path: Path) -> None:
    file, folder = write_csv(tmp_path / "my data!.csv", X, Y), pictures(tmp_path / "pictures")
    for path, change in ((file, file), (folder, folder / "dark" / "00.png")):
        before = data_digests(str(path))
        assert before == data_digests(f"{path},seed=3")
        change.write_bytes(change.read_bytes() + b"\n")
        assert data_digests(str(path)) != before
    assert data_name(f"{file},seed=3") == "my-data"
    assert (data_name("mnist"), data_digests("mnist")) == ("mnist", {})
    assert is_table(str(file)) and not is_table(str(folder)) and not is_table("digits")


def test_new_samples_are_scaled_as_the_training_samples_were(tmp_path: Path) -> None:
    data = load(str(write_csv(tmp_path / "own.csv", X, Y, "a,b,c,kind")))
    Inputs.of(data).save(tmp_path / "inputs.json")
    inputs = Inputs.load(tmp_path / "inputs.json")
    assert inputs.classes == data.classes and inputs.columns == ("a", "b", "c")
    assert data.scaling is not None
    (tmp_path / "new.csv").write_text("c,unused,b,a\n3,x,2,1\n60,x,50,40\n".replace("x", "0"))
    names, times = inputs.read(tmp_path / "new.csv")
    x = data.scaling.apply(np.array([[1.0, 2.0, 3.0], [40.0, 50.0, 60.0]]))
    assert names == ["0", "1"]
    np.testing.assert_allclose(times, np.where(x > 0, 1 - x, np.inf), atol=1e-6)
    np.savez(tmp_path / "new.npz", x=X)
    assert inputs.read(tmp_path / "new.npz")[1].shape == (60, 7)
    with pytest.raises(ValueError, match=r"bad.csv has no column 'b'"):
        (tmp_path / "bad.csv").write_text("a,c\n1,2\n")
        inputs.read(tmp_path / "bad.csv")
    with pytest.raises(ValueError, match=r"must have shape .n_samples, 3., got .2, 2."):
        np.savez(tmp_path / "bad.npz", x=X[:2, :2])
        inputs.read(tmp_path / "bad.npz")


def test_new_images_are_read_from_folders_files_and_archives(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "pictures")
    data = load(str(folder))
    inputs = Inputs.of(data)
    names, times = inputs.read(folder)
    assert names[0] == "dark/00.png" and times.shape == (20, 20)
    one, first = inputs.read(folder / "dark" / "00.png")
    assert one == ["00.png"]
    np.testing.assert_array_equal(first, times[:1])
    np.savez(tmp_path / "new.npz", x=data.test.images)
    np.testing.assert_array_equal(inputs.read(tmp_path / "new.npz")[1], data.test.times)
    (tmp_path / "new.idx").write_bytes(idx_bytes(data.test.images))
    np.testing.assert_array_equal(inputs.read(tmp_path / "new.idx")[1], data.test.times)
    with pytest.raises(ValueError, match=r"new.npz: the samples have shape \(2, 3\), but .* trained on \(4, 5\)"):
        np.savez(tmp_path / "new.npz", x=np.zeros((1, 2, 3), np.uint8))
        inputs.read(tmp_path / "new.npz")


def test_samples_of_another_kind_than_those_of_the_training_are_named(tmp_path: Path) -> None:
    of_images = Inputs.of(Dataset.from_arrays(np.zeros((8, 3, 3)), [0, 1] * 4, name="spots"))
    of_rows = Inputs.of(Dataset.from_arrays(np.arange(16.0).reshape(8, 2), [0, 1] * 4, name="rows"))
    np.savez(tmp_path / "rows.npz", x=np.zeros((2, 2)))
    np.savez(tmp_path / "images.npz", x=np.zeros((2, 3, 3)))
    (tmp_path / "rows.csv").write_text("1,2\n")
    with pytest.raises(ValueError, match=r"rows.npz: the network takes images of 3 x 3"):
        of_images.read(tmp_path / "rows.npz")
    with pytest.raises(ValueError, match=r"rows.csv: the network takes images of 3 x 3"):
        of_images.read(tmp_path / "rows.csv")
    with pytest.raises(ValueError, match=r"images.npz: the network takes rows of 2 features"):
        of_rows.read(tmp_path / "images.npz")
    with pytest.raises(FileNotFoundError, match=r"there is no file .*missing.csv"):
        of_rows.read(tmp_path / "missing.csv")


def list_searches(call: Callable[[], object]) -> int:
    """How often a call searches a list from its beginning."""
    names: list[str] = []
    sys.setprofile(
        lambda _, event, what: (
            names.append(what.__name__) if event == "c_call" and isinstance(what.__self__, list) else None
        )
    )
    try:
        call()
    finally:
        sys.setprofile(None)
    return names.count("count") + names.count("index")


def test_names_of_columns_are_not_searched_one_by_one(tmp_path: Path) -> None:
    names = [f"c{i}" for i in range(400)]
    x = np.arange(4.0 * 400).reshape(4, 400)
    write_csv(tmp_path / "twice.csv", x, "abab", ",".join([*names[:-1], names[-2], "class"]))

    def rejected() -> None:
        with pytest.raises(ValueError, match="two columns called 'c398'"):
            load(str(tmp_path / "twice.csv"))

    assert list_searches(rejected) < 20
    file = write_csv(tmp_path / "good.csv", x, "abab", ",".join([*names, "class"]))
    inputs = Inputs.of(load(f"{file},test=0.5"))
    assert list_searches(lambda: inputs.read(file)) < 20


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_an_archive_of_another_compression_is_named_also_if_it_is_damaged(method: int, tmp_path: Path) -> None:
    stream, file = io.BytesIO(), tmp_path / "own.npz"
    np.save(stream, X)
    with zipfile.ZipFile(file, "w", method) as archive:
        for name in ("x.npy", "y.npy"):
            archive.writestr(name, stream.getvalue())
    whole = file.read_bytes()
    for content in (whole, whole[:60] + bytes(100) + whole[160:]):
        file.write_bytes(content)
        for read in (load, is_table):
            with pytest.raises(ValueError, match=r"own\.npz.*compressed in another way"):
                read(str(file))
