"""From intensities to spike times."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from rcspike import Circuit, encode
from rcspike.functional import charge

intensities = st.floats(0, 1)


def test_every_8_bit_value_spikes_at_one_minus_its_fraction_of_255() -> None:
    times = encode(np.arange(256, dtype=np.uint8).reshape(1, 256))[0]
    assert times.dtype == np.float32
    assert times[0] == np.inf
    assert times[255] == 0
    # value/255 is rounded once and so is the difference from 1: eps/4 (both below 1) each at most, of single precision.
    for value in range(1, 256):
        assert abs(Fraction(float(times[value])) - (1 - Fraction(value, 255))) <= 2.0**-24


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(data=st.data())
def test_times_are_one_minus_the_intensity_in_its_own_precision(dtype: type[np.floating], data: st.DataObject) -> None:
    width = 8 * dtype().itemsize
    x = data.draw(arrays(dtype, (2, 3), elements=st.floats(0, 1, width=width)))  # type: ignore[arg-type]
    times = encode(x)
    assert times.dtype == dtype
    np.testing.assert_array_equal(times, np.where(x > 0, 1 - x, np.inf).astype(dtype))


@given(arrays(np.float64, array_shapes(min_dims=2, max_dims=4, max_side=4), elements=intensities))
def test_everything_but_the_first_axis_is_flattened_in_order(images: NDArray[Any]) -> None:
    times = encode(images)
    assert times.shape == (len(images), images[0].size)
    np.testing.assert_array_equal(times, encode(np.ascontiguousarray(images.reshape(len(images), -1))))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize(
    "laid_out",
    [np.asfortranarray, lambda x: x[:, ::2], lambda x: x[::-1], lambda x: x.T],
    ids=["Fortran", "strided", "reversed", "transposed"],
)
def test_any_memory_layout_gives_times_that_a_layer_takes(laid_out: Any, dtype: npt.DTypeLike) -> None:
    images = laid_out((np.arange(24) % 2).reshape(4, 6).astype(dtype))
    times = encode(images)
    np.testing.assert_array_equal(times, encode(np.ascontiguousarray(images)))
    charge(times, np.ones((images.shape[1], 1), times.dtype), Circuit())


@pytest.mark.parametrize("shape", [(0, 8, 8), (0, 5), (3, 0)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_no_images_or_no_pixels_give_no_times(dtype: npt.DTypeLike, shape: tuple[int, ...]) -> None:
    times = encode(np.zeros(shape, dtype))
    assert times.shape == (shape[0], int(np.prod(shape[1:])))
    assert times.dtype == (np.float64 if dtype == np.float64 else np.float32)


def test_the_images_stay_as_they_are() -> None:
    images = np.array([[0.0, 0.5]])
    encode(images)[:] = 7
    np.testing.assert_array_equal(images, [[0.0, 0.5]])


@pytest.mark.parametrize("value", [-0.001, 1.001, np.nan, np.inf, -np.inf])
def test_an_intensity_outside_0_to_1_is_rejected_and_named(value: float) -> None:
    with pytest.raises(ValueError, match=rf"intensities.*got {value}"):
        encode(np.array([[0.5, value]]))


@pytest.mark.parametrize("dtype", [np.int64, np.uint16, np.float16, np.complex128, np.bool_, object])
def test_another_dtype_is_rejected_and_named(dtype: npt.DTypeLike) -> None:
    with pytest.raises(TypeError, match=f"images.*got {np.dtype(dtype)}"):
        encode(np.zeros((1, 2), dtype))


def test_an_image_without_a_batch_axis_is_rejected_with_its_shape() -> None:
    with pytest.raises(ValueError, match=r"images.*got \(4,\)"):
        encode(np.zeros(4))


def test_a_list_is_rejected_by_name() -> None:
    with pytest.raises(TypeError, match=r"images.*got list"):
        encode([[0.5]])  # type: ignore[arg-type]
