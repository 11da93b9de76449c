"""Differences between real devices and their target weights; device-aware training draws them again for every batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rcspike import _core
from rcspike._common.arrays import FloatArray, check_array
from rcspike._common.numbers import convert_numbers, numbers
from rcspike.network import DevicePairs


@dataclass(frozen=True, kw_only=True)
class DeviceModel:
    """Errors of the devices of a chip, as independent draws for each device.

    A weight w becomes a pair of devices (`DevicePairs`): abs(w) above the minimum conductance on the rail of its sign,
    the minimum on the other. In the units of the weights, devices reach from ``off * g_max`` to
    ``g_max = w_max / (1 - off)``. The three kinds of variation act in this order on the target; a stuck device
    ignores them.

    Parameters
    ----------
    off : float
        g_min / g_max, in [0, 1).
    levels : int
        Conductances a device can be programmed to, evenly spaced from g_min to g_max, at least 2; 0 is any.
    lognormal : float
        Standard deviation of ln g.
    proportional : float
        Standard deviation of a Gaussian error, as a fraction of g.
    absolute : float
        Standard deviation of a Gaussian error, as a fraction of g_max. No device falls below 0.
    stuck_off, stuck_on : float
        Probabilities that a device is at g_min or at g_max, whatever its target.
    w_max : sequence of float
        The largest abs(w) that the devices of each layer reach, in V_th / T, and that training lets a weight have;
        empty: the layer's largest abs(w), whatever it is.
    w_min : sequence of float
        The smallest abs(w) that training leaves a weight of each layer, where a device is drawn for each weight. A
        weight of 0 has no device, and stays 0 (`rcspike.energy.clipped`). Empty: any.

    Raises
    ------
    TypeError
        If a parameter is not a number.
    ValueError
        If a parameter is out of its range.

    Examples
    --------
    >>> DeviceModel(lognormal=0.2, levels=16).levels
    16
    """

    off: float = 0.0
    levels: int = 0
    lognormal: float = 0.0
    proportional: float = 0.0
    absolute: float = 0.0
    stuck_off: float = 0.0
    stuck_on: float = 0.0
    w_max: tuple[float, ...] = ()
    w_min: tuple[float, ...] = field(default=(), metadata={"omit_default": True})
    core: _core.DeviceModel = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        convert_numbers(self)
        for name in ("w_max", "w_min"):
            object.__setattr__(self, name, numbers(name, getattr(self, name)))
        object.__setattr__(self, "core", _core.DeviceModel(**self.parameters()))

    def parameters(self) -> dict[str, Any]:
        """All of them by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "core"}

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.parameters(),)


def _rebuild(parameters: dict[str, Any]) -> DeviceModel:
    return DeviceModel(**parameters)


def draw_devices(weights: FloatArray, model: DeviceModel, *, seed: int, step: int = 0, layer: int = 0) -> DevicePairs:
    """Draw the devices of a layer once, as a training step with this seed does.

    Parameters
    ----------
    weights : (n_in, n_out)
        Target weights in V_th / T.
    seed : int
        Non-negative, below 2**64.
    step, layer : int
        Each step and each layer has its own devices.

    Returns
    -------
    DevicePairs
        Pairs in the dtype of the weights. The two dtypes draw different devices.

    Raises
    ------
    TypeError, ValueError
        If the weights are not a finite float32 or float64 matrix, or ``w_max`` does not have this layer.

    Notes
    -----
    Random words come from Threefry-2x32-20 (Salmon et al., SC 2011), keyed by seed, step, layer and effect and counted
    by synapse: a draw depends neither on the number of threads nor on other draws.

    Examples
    --------
    >>> pairs = draw_devices(np.array([[0.5, -2.0]]), DeviceModel(levels=3), seed=0)
    >>> pairs.plus - pairs.minus
    array([[ 0., -2.]])
    """
    check_array("weights", weights, 2)
    if model.w_max and layer >= len(model.w_max):
        raise ValueError(f"w_max is given for {len(model.w_max)} layers, but layer {layer} was asked for")
    return DevicePairs(*_core.draw_devices(weights, model.core, seed=seed, step=step, layer=layer))
