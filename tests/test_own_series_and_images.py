"""Series, archives with other names of arrays, and images of many sizes or with their channels first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from rcspike.datasets import Dataset, Inputs, is_table, load

RNG = np.random.default_rng(6)
SERIES = RNG.normal(size=(12, 2, 10)).round(3)
LABELS = np.array(["up", "down", "flat"] * 4)


def series_file(path: Path, series: Any, labels: Any, header: str = "@classLabel true up down flat") -> Path:
    """A .ts file as aeon writes it: channels separated by colons, and the class last."""

    def line(channels: Any, label: str) -> str:
        values = (",".join("?" if np.isnan(v) else repr(float(v)) for v in channel) for channel in channels)
        return ":".join([*values, *([label] if "true" in header else [])])

    head = ["# two channels", "@problemName own", "@timeStamps false", "@missing true", header, "@data"]
    path.write_text("\n".join([*head, *map(line, series, labels)]) + "\n")
    return path


# Series


def test_a_ts_file_is_the_table_of_its_channels_one_after_the_other(tmp_path: Path) -> None:
    data = load(str(series_file(tmp_path / "own.ts", SERIES, LABELS)))
    expected = Dataset.from_arrays(SERIES.reshape(12, 20), LABELS)
    np.testing.assert_array_equal(data.train.images, expected.train.images)
    assert (data.classes, is_table(str(tmp_path / "own.ts"))) == (("down", "flat", "up"), True)
    unlabelled = series_file(tmp_path / "new.ts", SERIES[:2], LABELS, "@classLabel false")
    names, times = Inputs.of(data).read(unlabelled)
    assert names == ["0", "1"]
    assert data.scaling is not None
    x = data.scaling.apply(SERIES[:2].reshape(2, 20))
    np.testing.assert_allclose(times, np.where(x > 0, 1 - x, np.inf), atol=1e-6)


def test_a_folder_of_two_ts_files_is_a_split(tmp_path: Path) -> None:
    series_file(tmp_path / "Own_TRAIN.ts", SERIES[:9], LABELS[:9])
    series_file(tmp_path / "Own_TEST.ts", SERIES[9:], LABELS[9:])
    data = load(str(tmp_path))
    expected = Dataset.from_arrays(SERIES[:9].reshape(9, 20), LABELS[:9], test=(SERIES[9:].reshape(3, 20), LABELS[9:]))
    np.testing.assert_array_equal(data.test.images, expected.test.images)
    assert is_table(str(tmp_path)) and data.reading["test"] is None


def test_windows_of_a_series_are_samples_of_its_class_on_one_side_of_the_split(tmp_path: Path) -> None:
    lengths = RNG.integers(8, 16, 12)
    series = [np.full((1, n), float(i)) for i, n in enumerate(lengths)]  # each value says which series it is of
    file = series_file(tmp_path / "own.ts", series, LABELS)
    data = load(f"{file},window=4,test=0.5,scaling=range,complement=no")
    assert data.scaling is not None
    low, high = data.scaling.knots[:, 0]  # beyond which all values are the same
    sides = [
        {round(low + (high - low) * float(v), 3) for v in s.images[:, 0] if 0 < v < 1} for s in (data.train, data.test)
    ]
    assert not sides[0] & sides[1]
    assert len(data.train.labels) + len(data.test.labels) == sum(n // 4 for n in lengths)
    for split in (data.train, data.test):
        assert split.images.shape[1] == 5
    names, times = Inputs.of(data).read(file)
    assert names == [f"{i}:{start}" for i, n in enumerate(lengths) for start in range(0, n - 3, 4)]
    assert len(times) == len(names)
    with pytest.raises(ValueError, match=r"own\.ts: series \d+ has \d+ samples, but .* are needed: .*window=64"):
        load(str(file))
    with pytest.raises(ValueError, match=r"series 0 has .* samples, but 99 are needed: give a shorter window"):
        load(f"{file},window=99")


@pytest.mark.parametrize("channels", [1, 2])
def test_series_in_an_archive_are_cut_by_a_window(tmp_path: Path, channels: int) -> None:
    x = SERIES[:, :channels] if channels > 1 else SERIES[:, 0]
    np.savez(tmp_path / "own.npz", signals=x, kind=LABELS)
    source = f"{tmp_path / 'own.npz'},x=signals,y=kind,window=5,test=0.25"
    data = load(source)
    assert is_table(source)
    assert data.train.images.shape == (18, 2 * 5 * channels + 1) and data.test.images.shape[0] == 6
    names, times = Inputs.of(data).read(tmp_path / "own.npz")
    assert names[:3] == ["0:0", "0:5", "1:0"] and times.shape == (24, 10 * channels + 1)


def test_missing_values_of_series_are_filled(tmp_path: Path) -> None:
    series = SERIES.copy()
    series[::5, 0, 3] = np.nan
    file = series_file(tmp_path / "own.ts", series, LABELS)
    with pytest.raises(ValueError, match=r"is nan: fill or remove missing values first, or .*missing=median"):
        load(f"{file},test=0.34")
    data = load(f"{file},missing=mean,test=0.34")
    assert np.isfinite(data.train.images).all() and np.isfinite(data.test.images).all()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("@timeStamps false", "@timeStamps true", "line 3: series with time stamps"),
        ("@classLabel true up down flat", "@targetLabel true", "line 5: the targets are numbers"),
        ("@classLabel true up down flat", "@classLabel false", "has no classes|could not convert|is not a number"),
        ("@data", "@end", "line 7: .* before @data"),
        ("0.0,0.0,0.0:", "0.0,0.0,0.0,0.0:", "line 7: channels of the lengths"),
        ("0.0,0.0,0.0:0", "0.0,zero,0.0:0", "line 7: could not convert"),
        ("0.0,0.0,0.0:0", "0.0,inf,0.0:0", "line 7: a value is infinite"),
        ("0.0,0.0,0.0:up\n", "0.0,0.0,0.0:\n", "line 7: the series has no class"),
        ("0.0,0.0,0.0:down", "0.0,0.0,0.0:1.0,1.0,1.0:down", "line 8: 3 channels, but the first series has 2"),
    ],
)
def test_a_ts_file_that_is_none_is_named_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = series_file(tmp_path / "own.ts", np.zeros((12, 2, 3)), LABELS)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=rf"own\.ts.*({message})"):
        load(str(file))


# Archives


def test_arrays_of_other_names_are_listed_and_chosen(tmp_path: Path) -> None:
    file = tmp_path / "own.npz"
    x = SERIES.reshape(12, 20)
    np.savez(file, spectra=x, substance=LABELS, note=np.ones(2))
    with pytest.raises(ValueError, match=r"it has spectra, substance, note: .*own.npz,x=NAME,y=NAME"):
        load(str(file))
    data = load(f"{file},x=spectra,y=substance")
    np.testing.assert_array_equal(data.train.images, Dataset.from_arrays(x, LABELS).train.images)
    assert Inputs.of(data).read(file)[1].shape == (12, 41)
    with pytest.raises(ValueError, match=r"must have the arrays .* or spectra and y; it has"):
        load(f"{file},x=spectra")
    np.savez(tmp_path / "new.npz", others=x)
    with pytest.raises(ValueError, match="classify as the array spectra, it has others"):
        Inputs.of(data).read(tmp_path / "new.npz")
    assert Inputs.of(data).read(f"{tmp_path / 'new.npz'},x=others")[1].shape == (12, 41)


# Images


def photographs(folder: Path, sizes: Any, *, suffix: str = ".jpg", mode: str = "RGB") -> Path:
    """Plain images of two classes, red and blue."""
    for name, colour in (("blue", (20, 30, 200)), ("red", (200, 30, 20))):
        (folder / name).mkdir(parents=True)
        for i, size in enumerate(sizes):
            image = Image.new("RGB", size, colour)
            image.convert(mode).save(folder / name / f"{i}{suffix}", **({"quality": 95} if suffix == ".jpg" else {}))
    return folder


def test_images_of_many_sizes_are_scaled_to_one_in_training_and_prediction(tmp_path: Path) -> None:
    folder = photographs(tmp_path / "photos", [(30, 20), (17, 41), (8, 8), (200, 100)])
    with pytest.raises(ValueError, match=r"but .*0.jpg has 20 x 30: add an option .* such as resize=32x32"):
        load(str(folder))
    data = load(f"{folder},resize=4x6,test=0.25")
    assert data.train.images.shape == (6, 4, 6, 3)
    red = data.train.images[data.train.labels == data.classes.index("red")]
    np.testing.assert_allclose(red.reshape(-1, 3).mean(axis=0), (200, 30, 20), atol=6)
    Inputs.of(data).save(tmp_path / "inputs.json")
    inputs = Inputs.load(tmp_path / "inputs.json")
    assert inputs.options == {"resize": "4x6"}
    names, times = inputs.read(folder)
    known = {row.tobytes() for split in (data.train, data.test) for row in split.times}
    assert len(names) == 8 and {row.tobytes() for row in times} == known


def test_a_smaller_image_has_the_means_of_the_pixels_that_become_one(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 256, (8, 12)).astype(np.uint8)
    for name in "ab":
        (tmp_path / name).mkdir()
        for i in range(2):
            Image.fromarray(pixels).save(tmp_path / name / f"{i}.png")
    small = load(f"{tmp_path},resize=4x3,test=0.5").train.images[0]
    np.testing.assert_allclose(small, pixels.reshape(4, 2, 3, 4).mean(axis=(1, 3)), atol=1)  # rounded after each axis


def test_grey_levels_are_made_of_colours(tmp_path: Path) -> None:
    folder = photographs(tmp_path / "photos", [(6, 4)] * 4, suffix=".png")
    data = load(f"{folder},grey=yes,test=0.25")
    assert data.train.images.shape == (6, 4, 6)
    levels = {
        data.classes[label]: image[0, 0] for label, image in zip(data.train.labels, data.train.images, strict=True)
    }
    luminance = {
        name: 0.299 * r + 0.587 * g + 0.114 * b
        for name, (r, g, b) in {"red": (200, 30, 20), "blue": (20, 30, 200)}.items()
    }
    assert levels == pytest.approx(luminance, abs=0.51)
    assert Inputs.of(data).read(folder)[1].shape == (8, 24)


def test_a_photograph_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    folder = photographs(tmp_path / "photos", [(30, 20)] * 2)
    turned = Image.Exif()
    turned[0x0112] = 6  # of EXIF 2.3: the top of the scene is on the right
    Image.new("RGB", (20, 30)).save(folder / "red" / "2.jpg", exif=turned)
    assert load(f"{folder},test=0.4").train.images.shape[1:] == (20, 30, 3)


def test_larger_photographs_are_read_if_they_are_made_smaller(tmp_path: Path) -> None:
    folder = photographs(tmp_path / "photos", [(2100, 2000)] * 2)
    with pytest.raises(ValueError, match="from 1 to 4194304 are read; larger ones with an option such as resize=32x32"):
        load(str(folder))
    assert load(f"{folder},resize=2x2,test=0.5").train.images.shape == (2, 2, 2, 3)


def channels_first(n: int = 12) -> npt.NDArray[np.uint8]:
    return RNG.integers(0, 256, (n, 3, 5, 6)).astype(np.uint8)


def test_channels_before_the_pixels_are_noticed_and_moved_by_name(tmp_path: Path) -> None:
    x, y = channels_first(), [0, 1] * 6
    with pytest.raises(ValueError, match=r"shape \(12, 3, 5, 6\) seem to have their 3 channels before.*channels=first"):
        Dataset.from_arrays(x, y)
    expected = Dataset.from_arrays(x.transpose(0, 2, 3, 1), y)
    np.testing.assert_array_equal(Dataset.from_arrays(x, y, channels="first").train.images, expected.train.images)
    np.savez(tmp_path / "own.npz", x=x, y=y)
    data = load(f"{tmp_path / 'own.npz'},channels=first")
    np.testing.assert_array_equal(data.test.images, expected.test.images)
    np.savez(tmp_path / "new.npz", x=x[:2])
    assert Inputs.of(data).read(tmp_path / "new.npz")[1].shape == (2, 90)
    assert load(f"{tmp_path / 'own.npz'},channels=last").train.images.shape[1:] == (3, 5, 6)
    with pytest.raises(ValueError, match="channels=first is for images with 4 axes"):
        Dataset.from_arrays(x[..., 0], y, channels="first")


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_integers_far_below_their_full_scale_are_warned_of(dtype: Any) -> None:
    images = RNG.integers(0, 17, (12, 4, 5)).astype(dtype)
    images[0, 0, 0] = images[1, 0, 0] = 16
    with pytest.warns(UserWarning, match=r"the largest of all pixels is 16.*\(at 0.94 T or later\).*x / 16"):
        Dataset.from_arrays(images, [0, 1] * 6)
    Dataset.from_arrays(images / 16, [0, 1] * 6)
    Dataset.from_arrays(images * 15, [0, 1] * 6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("resize=0x4", "resize must be height x width in pixels, as 32x32, got '0x4'"),
        ("resize=32", "resize must be .* got '32'"),
        ("grey=maybe", "grey must be yes or no"),
        (
            "onehot=hue",
            "is a folder of images, for which there is no option onehot: there can be resize, grey, test, seed",
        ),
        ("resise=4x4", "has the option 'resise'.*did you mean 'resize'"),
        ("window=0", "window must be a number of samples from 1"),
    ],
)
def test_options_that_do_not_fit_are_named_before_any_image_is_read(tmp_path: Path, options: str, message: str) -> None:
    (tmp_path / "red").mkdir()
    with pytest.raises(ValueError, match=message):
        load(f"{tmp_path},{options}")
