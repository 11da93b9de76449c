"""Arrays that come in: of NumPy's own class, of a dtype that the engine reads, and spike times that can be some."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["FLOATS", "Float64Array", "FloatArray", "check_array", "check_times", "check_unmasked", "plain_array"]

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
Float64Array: TypeAlias = npt.NDArray[np.float64]
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def check_unmasked(name: str, values: Any) -> None:
    """Raise a ValueError if any value is masked: the numbers behind a mask would count."""
    if type(values) is np.ndarray:  # nothing else is imported for the usual case
        return
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        n = np.count_nonzero(np.ma.getmaskarray(values))
        raise ValueError(f"{name} must have no mask, got {n} masked values; use .filled(...), or leave them out")


def plain_array(name: str, array: Any) -> npt.NDArray[Any]:
    """As an array of NumPy's own class, which multiplies element by element; errors as in `check_unmasked`."""
    check_unmasked(name, array)
    return np.asarray(array)


def check_array(name: str, array: Any, ndim: int, dtype: np.dtype[Any] | None = None) -> FloatArray:
    """Return the array as `plain_array` does; raise an error if the engine cannot read it.

    The engine requires an array of its dtype and number of dimensions, in row-major order.
    """
    if not isinstance(array, np.ndarray):
        hint = ": pass its times" if name == "times" and hasattr(type(array), "times") else ""
        raise TypeError(f"{name} must be a numpy array, got {type(array).__name__}{hint}")
    plain = plain_array(name, array)
    wanted = FLOATS if dtype is None else (dtype,)
    if plain.dtype not in wanted:
        raise TypeError(f"{name} must be {' or '.join(map(str, wanted))}, got {plain.dtype}; convert with .astype")
    if plain.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} dimension{'s' * (ndim > 1)}, got shape {plain.shape}")
    if not plain.flags.aligned:
        raise ValueError(f"{name} does not lie on a multiple of its numbers' size in memory; use {name}.copy()")
    if not plain.flags.c_contiguous:
        raise ValueError(f"{name} must be C-contiguous, got strides {plain.strides}; use np.ascontiguousarray({name})")
    return plain


def check_times(times: Any, ndim: int = 2, *, latest: float = 1.0) -> FloatArray:
    """As `check_array`, for spike times in T; also raises an error for pixels that have not been encoded.

    Those are integers, or whole numbers of which more than two are later than `latest`, the time in T from which on the
    neurons do not listen. Times have fractions, but for 0, 1, and one or two numbers that stand for no spike.
    """
    if isinstance(times, np.ndarray) and times.dtype.kind in "iub":
        raise TypeError(f"times must be floats, in T, got {times.dtype}; make times of images with rcspike.encode")
    plain = check_array("times", times, ndim)
    # Nearly always the first sample has some.
    if not _has_fractions(plain[:1]) and not _has_fractions(plain):
        above = np.unique(plain[(plain > latest) & (plain < np.inf)])
        if len(above) > 2:
            raise ValueError(
                f"times must be in T, from 0 to 1 or inf for no spike, got only whole numbers, up to {above[-1]:g}, "
                "as pixels are; make times of images with rcspike.encode"
            )
    return plain


def _has_fractions(times: FloatArray) -> bool:
    return bool((times != np.floor(times)).any())  # infinity is its own floor; the engine rejects nan
