"""Charging phase of a convolution: the same columns of synapses at each position of the input maps."""

from __future__ import annotations

import math

from rcspike import _core
from rcspike._common.arrays import FloatArray, check_array, check_times
from rcspike._common.numbers import check_count
from rcspike.circuit import Circuit, layer_core
from rcspike.functional.events import Schedule, check_threads, in_precision

__all__ = ["charge_conv2d", "charge_conv2d_vjp"]


def charge_conv2d(
    times: FloatArray,
    weights: FloatArray,
    circuit: Circuit,
    *,
    stride: int = 1,
    padding: int = 0,
    threads: int | None = None,
) -> FloatArray:
    """Membrane voltages at the end of the charging phase of a convolution.

    The inputs in a window of k_h x k_w pixels drive c_out columns of synapses, and the neurons of all positions of the
    window have the same columns. The neurons of one position are those of `charge` with the weights as a matrix of
    k_h k_w c_in rows.

    Parameters
    ----------
    times : (batch, height, width, c_in)
        Input spike times in T; ``inf`` or anything above 1 means no spike.
    weights : (k_h, k_w, c_in, c_out)
        Signed synaptic weights in V_th / T.
    circuit : Circuit
    stride : int
        Pixels between neighbouring positions of the window, at least 1.
    padding : int
        Pixels around the maps, which never spike; at least 0, and fewer than the window has.
    threads : int, optional
        Number of threads; all cores this process may use by default.

    Returns
    -------
    (batch, h_out, w_out, c_out)
        v(1) in V_th; h_out = (height + 2 padding - k_h) // stride + 1, and w_out likewise.

    Raises
    ------
    TypeError
        If an array is not a float32 or float64 numpy array, or stride or padding is not an int.
    ValueError
        If a time is negative or NaN, times are pixels, a weight is not finite, the window does not fit into the maps,
        or shapes or memory layout do not fit.

    Notes
    -----
    The spikes of an image are sorted once, and each is appended to the windows that it lies in; no window is sorted
    again, and no batch of windows is stored.

    Examples
    --------
    Each neuron counts the spikes around it, in a circuit without resistive coupling:

    >>> times = np.zeros((1, 2, 3, 1))
    >>> v = charge_conv2d(times, np.ones((3, 3, 1, 1)), Circuit.conventional(), padding=1)
    >>> v[0, :, :, 0]
    array([[4., 6., 4.],
           [4., 6., 4.]])
    """
    events, layer, shape = _convolution(times, weights, circuit, stride, padding, threads)
    return layer.charge(events, threads).reshape(shape)


def charge_conv2d_vjp(
    times: FloatArray,
    weights: FloatArray,
    circuit: Circuit,
    grad_v: FloatArray,
    *,
    stride: int = 1,
    padding: int = 0,
    threads: int | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Vector-Jacobian product of `charge_conv2d`: exact gradients of a loss L whose dL/dv(1) is `grad_v`.

    Parameters
    ----------
    times, weights, circuit, stride, padding, threads
        As in `charge_conv2d`.
    grad_v : (batch, h_out, w_out, c_out)
        dL/dv(1), in the dtype of the weights.

    Returns
    -------
    grad_times : (batch, height, width, c_in)
        dL/dt, zero for inputs that never spike, in the dtype of the weights.
    grad_weights : (k_h, k_w, c_in, c_out)
        dL/dw, summed over the batch and all positions.

    Raises
    ------
    TypeError, ValueError
        As in `charge_conv2d`.

    Examples
    --------
    >>> times = np.array([0.25, 0.5]).reshape(1, 1, 2, 1)
    >>> weights = np.full((1, 1, 1, 1), 2.0)
    >>> grad_times, grad_weights = charge_conv2d_vjp(times, weights, Circuit.conventional(), np.ones((1, 1, 2, 1)))
    >>> grad_times.ravel(), grad_weights.ravel()
    (array([-2., -2.]), array([1.25]))
    """
    events, layer, shape = _convolution(times, weights, circuit, stride, padding, threads)
    check_array("grad_v", grad_v, 4, weights.dtype)
    if grad_v.shape != shape:
        raise ValueError(f"grad_v must have shape {shape}, got {grad_v.shape}")
    grad_times, grad_weights = layer.charge_vjp(events, grad_v.reshape(shape[0], math.prod(shape[1:])), threads)
    return grad_times.reshape(times.shape), grad_weights.reshape(weights.shape)


def _convolution(
    times: FloatArray, weights: FloatArray, circuit: Circuit, stride: int, padding: int, threads: int | None
) -> tuple[Schedule, _core.Layer32 | _core.Layer64, tuple[int, int, int, int]]:
    """Events of the images, the layer that takes them, and the shape of its voltages."""
    check_array("weights", weights, 4)
    times = check_times(times, ndim=4)
    stride, padding = check_count("stride", stride, 1), check_count("padding", padding, 0)
    threads = check_threads(threads)
    batch, height, width, c_in = times.shape
    k_h, k_w, rows, c_out = weights.shape
    if rows != c_in:
        raise ValueError(
            f"weights must have shape (k_h, k_w, {c_in}, c_out) to match times of shape {times.shape}, "
            f"got {weights.shape}"
        )
    wiring = _core.Conv2d(
        height=height,
        width=width,
        channels=c_in,
        kernel_height=k_h,
        kernel_width=k_w,
        stride=stride,
        padding=padding,
    )
    layer = _core.layer(weights.reshape(k_h * k_w * c_in, c_out), layer_core(circuit), wiring=wiring, threads=threads)
    flat = in_precision(times.reshape(batch, height * width * c_in), weights.dtype)
    shape = (batch, (height + 2 * padding - k_h) // stride + 1, (width + 2 * padding - k_w) // stride + 1, c_out)
    return _core.schedule(flat, threads), layer, shape
