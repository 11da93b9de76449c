"""Invalid input is an error before anything is computed, with its name, its value and the way out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from strategies import Array

from rcspike import Circuit
from rcspike.functional import (
    charge,
    charge_affine,
    charge_affine_vjp,
    charge_rectified,
    charge_vjp,
    charge_wired,
    fire,
    fire_vjp,
    schedule,
    supply_charge,
    supply_charge_vjp,
    trace,
)

BATCH, N_IN, N_OUT = 3, 4, 2
DEVICES = ["g_plus", "rail_plus", "g_minus", "rail_minus"]
# Arrays that have to fit the first two of a call, their number of inputs and their precision.
OTHERS = [*DEVICES[1:], "conductance", "drive0", "conductance0", "grad_v", "grad_times", "grad_q_plus", "grad_q_minus"]
GOOD: dict[str, Any] = {
    "times": np.full((BATCH, N_IN), 0.5),
    "weights": np.ones((N_IN, N_OUT)),
    "drive": np.ones((N_IN, N_OUT)),
    "conductance": np.ones((N_IN, N_OUT)),
    "drive0": np.ones(N_OUT),
    "conductance0": np.ones(N_OUT),
    "g_plus": np.ones((N_IN, N_OUT)),
    "rail_plus": np.ones((N_IN, N_OUT)),
    "g_minus": np.ones((N_IN, N_OUT)),
    "rail_minus": -np.ones((N_IN, N_OUT)),
    "grad_v": np.ones((BATCH, N_OUT)),
    "grad_times": np.ones((BATCH, N_OUT)),
    "grad_q_plus": np.ones((BATCH, N_OUT)),
    "grad_q_minus": np.ones((BATCH, N_OUT)),
    "v": np.full((BATCH, N_OUT), 0.5),
    "at": np.array([0.0, 0.5]),
    "circuit": Circuit(),
}


def wired(times: Array, drive: Array, conductance: Array, **options: Any) -> Array:
    """One wire for each neuron."""
    return charge_wired(times, [(drive, conductance)], 0.1, **options)


ARGUMENTS: dict[Callable[..., Any], list[str]] = {
    charge: ["times", "weights", "circuit"],
    charge_vjp: ["times", "weights", "circuit", "grad_v"],
    charge_affine: ["times", "drive", "conductance", "drive0", "conductance0"],
    charge_affine_vjp: ["times", "drive", "conductance", "grad_v", "drive0", "conductance0"],
    charge_rectified: ["times", *DEVICES, "drive0", "conductance0"],
    wired: ["times", "drive", "conductance", "drive0", "conductance0"],
    supply_charge: ["times", "weights", "circuit"],
    supply_charge_vjp: ["times", "weights", "circuit", "grad_q_plus", "grad_q_minus"],
    trace: ["times", "weights", "circuit", "at"],
    fire: ["v", "circuit"],
    fire_vjp: ["v", "circuit", "grad_times"],
    schedule: ["times"],
}


def call(function: Callable[..., Any], **changes: Any) -> Any:
    return function(**{name: GOOD[name] for name in ARGUMENTS[function]} | changes)


def with_value(name: str, value: float) -> Array:
    """The good array with one bad number at its end."""
    array: Array = GOOD[name].copy()
    array[(-1,) * array.ndim] = value
    return array


def each(names: list[str] | None = None) -> pytest.MarkDecorator:
    """One case for each array of each function."""
    cases = [
        pytest.param(function, name, id=f"{function.__name__}-{name}")
        for function, arguments in ARGUMENTS.items()
        for name in arguments
        if isinstance(GOOD[name], np.ndarray) and (names is None or name in names)
    ]
    return pytest.mark.parametrize(("function", "name"), cases)


@each()
@pytest.mark.parametrize(
    "dtype",
    # Long doubles are doubles on some machines, and big-endian ones on others.
    [
        dtype
        for dtype in (np.int64, np.int8, np.bool_, np.float16, np.longdouble, np.complex128, object, ">f8")
        if np.dtype(dtype) != np.dtype(np.float64)
    ],
)
def test_another_dtype_is_rejected_by_name(function: Callable[..., Any], name: str, dtype: npt.DTypeLike) -> None:
    got = re.escape(str(np.dtype(dtype)))
    expected = rf"^{name} must be .*float64.*, got {got}; convert with .astype"
    if name == "times" and np.dtype(dtype).kind in "iub":  # pixels, more likely
        expected = rf"^times must be floats, in T, got {got}; .* rcspike\.encode"
    with pytest.raises(TypeError, match=expected):
        call(function, **{name: GOOD[name].astype(dtype)})


@each(OTHERS)
def test_two_precisions_in_one_call_are_rejected_by_name(function: Callable[..., Any], name: str) -> None:
    with pytest.raises(TypeError, match=rf"^{name}.*got float32"):
        call(function, **{name: GOOD[name].astype(np.float32)})


@each()
@pytest.mark.parametrize(
    "convert", [np.ndarray.tolist, lambda a: tuple(a), lambda a: 0.5, str], ids=["list", "tuple", "float", "str"]
)
def test_something_that_is_not_an_array_is_rejected_by_name_and_type(
    function: Callable[..., Any], name: str, convert: Callable[[Array], Any]
) -> None:
    wrong = convert(GOOD[name])
    with pytest.raises(TypeError, match=rf"^{name}.*got {type(wrong).__name__}"):
        call(function, **{name: wrong})


@each()
def test_an_axis_too_few_or_too_many_is_rejected_with_the_shape(function: Callable[..., Any], name: str) -> None:
    good = GOOD[name]
    for wrong in (good[0:1][0], good[np.newaxis]):
        wrong = np.asarray(wrong)
        with pytest.raises(ValueError, match=rf"^{name}.*got shape {re.escape(str(wrong.shape))}"):
            call(function, **{name: wrong})


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "transposed": lambda array: array.T.copy().T,  # in Fortran's order, if there are two axes to have one
    "every second": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "backwards": lambda array: array[::-1],
}


@each()
@pytest.mark.parametrize("layout", LAYOUTS)
def test_another_memory_layout_is_rejected_with_the_remedy(
    function: Callable[..., Any], name: str, layout: str
) -> None:
    wrong = LAYOUTS[layout](GOOD[name])
    if wrong.flags.c_contiguous:
        assert wrong.ndim == 1
        return
    with pytest.raises(ValueError, match=rf"^{name} must be C-contiguous.*; use np.ascontiguousarray\({name}\)"):
        call(function, **{name: wrong})
    call(function, **{name: np.ascontiguousarray(wrong)})


@each([name for name in GOOD if name not in ("times", "v", "at")])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_rejected_with_its_place(
    function: Callable[..., Any], name: str, value: float
) -> None:
    place = ", ".join(str(n - 1) for n in GOOD[name].shape)
    with pytest.raises(ValueError, match=rf"^{name}\[{place}\].*got {value}"):
        call(function, **{name: with_value(name, value)})


@each()
def test_an_array_across_its_numbers_places_in_memory_is_rejected(function: Callable[..., Any], name: str) -> None:
    good = GOOD[name]
    across = np.empty(good.nbytes + 1, np.uint8)[1:].view(good.dtype).reshape(good.shape)
    across[...] = good
    with pytest.raises(ValueError, match=rf"^{name} does not lie on a multiple of .*use {name}\.copy"):
        call(function, **{name: across})


@each(["times"])
@pytest.mark.parametrize("value", [math.nan, -0.25, -math.inf, -1e-30])
def test_a_time_before_the_phase_or_nan_is_rejected_with_its_place(
    function: Callable[..., Any], name: str, value: float
) -> None:
    message = rf"^times\[2, 3\] is {value}; spike times must be at least 0 \(inf or above 1 for no spike\)"
    with pytest.raises(ValueError, match=message):
        call(function, times=with_value("times", value))


@each(["times"])
@pytest.mark.parametrize("value", [0.0, -0.0, 1.0, 1.5, 1e300, math.inf])
def test_a_time_in_the_phase_or_after_it_is_accepted(function: Callable[..., Any], name: str, value: float) -> None:
    call(function, times=with_value("times", value))


@each(["g_plus", "g_minus", "conductance", "conductance0"])
def test_a_negative_conductance_is_rejected_with_its_place(function: Callable[..., Any], name: str) -> None:
    place = ", ".join(str(n - 1) for n in GOOD[name].shape)
    with pytest.raises(ValueError, match=rf"^{name}\[{place}\].*got -0\.5"):
        call(function, **{name: with_value(name, -0.5)})


@pytest.mark.parametrize("value", [-0.25, 1.5, math.inf, -math.inf, math.nan])
def test_a_trace_outside_the_phase_is_rejected_with_its_place(value: float) -> None:
    with pytest.raises(ValueError, match=rf"^at\[1\].*got {value}"):
        call(trace, at=np.array([0.0, value]))


@pytest.mark.parametrize("function", [fire, fire_vjp])
def test_a_voltage_that_is_nan_is_rejected_with_its_place(function: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"^v\[2, 1\] is nan"):
        call(function, v=with_value("v", math.nan))


@each(["weights", "drive", "g_plus"])
def test_a_number_of_inputs_that_does_not_fit_is_rejected_with_both_shapes(
    function: Callable[..., Any], name: str
) -> None:
    expected = rf"^{name} must have shape \(4, n_out\) to match times of shape \(3, 4\), got"
    with pytest.raises(ValueError, match=rf"{expected} \(5, 2\)$"):
        call(function, **{name: np.ones((5, 2))})
    with pytest.raises(ValueError, match=rf"{expected} \(2, 4\); did you mean {name}.T\?"):
        call(function, **{name: np.ones((2, 4))})


@each(OTHERS)
def test_an_array_that_does_not_fit_the_others_is_rejected_with_both_shapes(
    function: Callable[..., Any], name: str
) -> None:
    good = GOOD[name]
    wrong = np.ones(tuple(n + 1 for n in good.shape))
    expected, got = re.escape(str(good.shape)), re.escape(str(wrong.shape))
    with pytest.raises(ValueError, match=rf"{name}.*{expected}, got {got}"):
        call(function, **{name: wrong})


@pytest.mark.parametrize("function", [f for f in ARGUMENTS if f not in (fire, fire_vjp)])
@pytest.mark.parametrize("threads", [0, -1, 1025, 10**6])
def test_a_number_of_threads_that_no_machine_has_is_rejected(function: Callable[..., Any], threads: int) -> None:
    with pytest.raises(ValueError, match=rf"threads.*got {threads}"):
        call(function, threads=threads)


@pytest.mark.parametrize("threads", [2**40, 1.5, "2"])
def test_threads_that_are_not_a_count_are_rejected_by_name_and_value(threads: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=rf"^threads.*got '?{threads}"):
        call(charge, threads=threads)


@pytest.mark.parametrize("function", [f for f, arguments in ARGUMENTS.items() if "circuit" in arguments])
def test_something_that_is_not_a_circuit_is_rejected_by_name_and_type(function: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=r"^circuit.*got float"):
        call(function, circuit=1.5)


def assert_rejected_or_no_nan(times: Array, weights: Array, v_syn: float) -> None:
    try:
        v = charge(times, weights, Circuit(v_syn=v_syn))
    except (ValueError, OverflowError):
        return
    assert not np.isnan(v).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("v_syn", [1e-30, 1e-40, 1e-310])
def test_rails_too_low_for_the_precision_are_rejected_or_give_no_nan(v_syn: float, dtype: npt.DTypeLike) -> None:
    assert_rejected_or_no_nan(np.array([[0.25, 0.5, 1.0]], dtype), np.ones((3, 1), dtype), v_syn)


@pytest.mark.parametrize(("dtype", "rail"), [(np.float32, 1e-39), (np.float64, 1e-309)])
def test_rails_whose_conductances_overflow_are_rejected_with_their_value(dtype: npt.DTypeLike, rail: float) -> None:
    for rails in ({"e_plus": rail}, {"e_minus": -rail}):
        ((name, value),) = rails.items()
        with pytest.raises(ValueError, match=f"^{name} is {value}, too near to 0 for .*-bit floating point"):
            charge(np.zeros((1, 1), dtype), np.zeros((1, 1), dtype), Circuit(**rails))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("v_syn", [1.0, math.inf])
def test_weights_whose_sum_overflows_are_rejected_or_give_no_nan(v_syn: float, dtype: npt.DTypeLike) -> None:
    weights = np.full((3, 1), 0.4 * float(np.finfo(dtype).max), dtype)
    assert_rejected_or_no_nan(np.array([[0.25, 0.5, 1.0]], dtype), weights, v_syn)


@pytest.mark.parametrize("function", ARGUMENTS)
def test_options_have_names_and_no_places(function: Callable[..., Any]) -> None:
    positional = [GOOD[name] for name in ARGUMENTS[function] if name not in ("drive0", "conductance0")]
    function(*positional)
    with pytest.raises(TypeError, match="positional"):
        function(*positional, 1)
