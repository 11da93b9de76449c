"""Folders of images, one folder for each class; Pillow is imported where it is used."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rcspike._common.extras import missing_extra
from rcspike._common.readers import open_file

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".ppm")
_FORMATS = ("PNG", "JPEG", "BMP", "PPM")
_MAX_PIXELS = 2**22  # of one image,
_MAX_RESIZED = 2**26  # of one that is made smaller, as photographs are: 64 million,
_MAX_BYTES = 2**32  # and of all together

Size = tuple[int, int]  # height and width in pixels


def image_files(folder: Path) -> list[Path]:
    """Images directly in a folder, sorted by name; hidden files do not count."""
    return sorted(f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES and not f.name.startswith("."))


def class_folders(folder: Path) -> list[Path]:
    """Folders with images in them, sorted by name."""
    return sorted(f for f in folder.iterdir() if f.is_dir() and not f.name.startswith(".") and image_files(f))


def read_classes(
    folder: Path, *, colours: bool | None = None, size: Size | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
    """Images (n, height, width) of all folders, and for each the name of its folder, (n,).

    Images with colours are (n, height, width, 3). Options and errors as in `read_images`; a ValueError also if there
    are not at least two folders of images.
    """
    folders = class_folders(folder)
    if len(folders) < 2:
        raise ValueError(
            f"{folder} has {len(folders)} folders of images ({', '.join(SUFFIXES)}): it needs one for each class"
        )
    files = [(file, one.name) for one in folders for file in image_files(one)]
    images = read_images([file for file, _ in files], colours=colours, size=size)
    return images, np.array([name for _, name in files])


def read_images(files: list[Path], *, colours: bool | None = None, size: Size | None = None) -> NDArray[np.uint8]:
    """Images of one size as grey levels, or as red, green and blue; by default with colours if any of them has colours.

    With a `size`, images are scaled to it, whatever their proportions.

    An ImportError if Pillow is missing. A ValueError if a file is not an image, has more than 4 million pixels (with a
    `size` 64 million) or another size than the first, or all together have more than 4 GiB.
    """
    images = [read_image(file, size) for file in files[:1]]
    shape = images[0].shape[:2]
    if 3 * int(np.prod(shape)) * len(files) > _MAX_BYTES:
        raise ValueError(f"{len(files)} images of {shape[0]} x {shape[1]} pixels are more than {_MAX_BYTES} bytes")
    for file in files[1:]:
        image = read_image(file, size)
        if image.shape[:2] != shape:
            height, width = image.shape[:2]
            raise ValueError(
                f"{file} has {height} x {width} pixels, but {files[0]} has {shape[0]} x {shape[1]}: add an option "
                "after the path of the folder that scales all images to one size, such as resize=32x32"
            )
        images.append(image)
    if colours is None:
        colours = any(image.ndim == 3 for image in images)
    return np.stack([_with_channels(image) if colours else _grey(image) for image in images])


def read_image(file: str | os.PathLike[str], size: Size | None = None) -> NDArray[np.uint8]:
    """Pixels of an image, (height, width) if it has grey levels and (height, width, 3) if it has colours.

    Transparency is left out, 16 bits are reduced to 8, and a photograph is turned as its camera says (EXIF). With a
    `size`, it is scaled to that. Errors as in `read_images`.
    """
    try:
        pillow: Any = importlib.import_module("PIL.Image")
        operations: Any = importlib.import_module("PIL.ImageOps")
    except ImportError as error:
        raise missing_extra("folders of images need Pillow", "cli") from error
    with open_file(file) as stream:
        try:
            with pillow.open(stream, formats=_FORMATS) as image:
                width, height = image.size
                limit = _MAX_PIXELS if size is None else _MAX_RESIZED
                if width * height > limit or width * height == 0:
                    cure = "" if size else "; larger ones with an option such as resize=32x32"
                    raise ValueError(f"{height} x {width} pixels, from 1 to {limit} are read{cure}")
                pixels = _pixels(operations.exif_transpose(image))
                if size is None:
                    return pixels
                # The mean of the pixels that become one: nothing that is thinner than a pixel is lost or repeated.
                return np.array(pillow.fromarray(pixels).resize(size[::-1], pillow.Resampling.BOX))
        except MemoryError:
            raise
        # Pillow's decoders raise errors of many kinds for damaged files: SyntaxError, struct.error, KeyError, ...
        except Exception as error:
            raise ValueError(f"{file} is not a whole image that can be read: {error}") from error


def _pixels(image: Any) -> NDArray[np.uint8]:
    if image.mode.startswith(("I", "F")):
        deep = np.asarray(image)
        if image.mode == "F" or deep.min() < 0 or deep.max() > 65535:
            raise ValueError(f"its pixels are {image.mode}, not 8 or 16 bits")
        return (deep >> 8).astype(np.uint8)
    return np.array(image.convert("L" if image.mode in ("1", "L", "LA") else "RGB"))


def _with_channels(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else image


def _grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luminance of ITU-R BT.601, as Pillow's own conversion."""
    if image.ndim == 2:
        return image
    return np.asarray((image @ np.array([299, 587, 114]) + 500) // 1000, dtype=np.uint8)
