"""Switches that inject charge as they open."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from rcspike._common.arrays import Float64Array
from rcspike._common.numbers import number, numbers
from rcspike.chips.chip_layer import ChipLayer
from rcspike.chips.effects.base_classes import Fixed
from rcspike.chips.effects.parameter_checks import NonNegative


@dataclass(frozen=True, kw_only=True)
class ChargeInjection(Fixed):
    """Charge that the switch of every conducting device leaves on the membrane as it opens at the end of charging.

    It takes the place of the circuit's own `injection`, so that one effect describes a chip whatever its network was
    trained for; with a scale of 0 the circuit's own stays.

    Parameters
    ----------
    plus, minus : float or sequence of float
        Voltage in V_th that the switch of a device on the positive and on the negative rail adds to the membrane, in
        all layers or in each. `rcspike.energy.OperatingPoint.injection` computes it from a charge.
    scale : float
        Factor of both.
    sigma : float
        Standard deviation of the charge from switch to switch, as a fraction of its mean.

    Notes
    -----
    The charge of a transistor's channel, and that of its gate's overlap, leaves when the gate turns off; a p-channel
    transistor on the positive rail raises the membrane, an n-channel transistor on the negative one lowers it. The
    defaults are those of a column of 784 rows in SKY130 at 1 pF and a threshold of 0.45 V, simulated with ngspice for
    this project: 0.32 fC and -0.50 fC for transistors 0.42 um wide. The default of sigma is an assumption: the area of
    such transistors mismatches by a few percent.

    Examples
    --------
    >>> ChargeInjection(plus=(1e-4, 4e-4), minus=(-1e-4, -4e-4))
    ChargeInjection(plus=(0.0001, 0.0004), minus=(-0.0001, -0.0004), scale=1.0, sigma=0.05)
    """

    plus: float | tuple[float, ...] = 0.0007
    minus: float | tuple[float, ...] = -0.0011
    scale: NonNegative = 1.0
    sigma: NonNegative = 0.05
    name: ClassVar[str] = "charge_injection"
    needs_phases: ClassVar[bool] = True
    size: ClassVar[str] = "scale"

    def __post_init__(self) -> None:
        for name in ("plus", "minus"):
            value = getattr(self, name)
            values = numbers(f"{self.name}: {name}", value) if np.ndim(value) else number(f"{self.name}: {name}", value)
            object.__setattr__(self, name, values)
            if not np.all(np.isfinite(values)) or values == ():
                raise ValueError(f"{self.name}: {name} must be finite, for all layers or for each, got {value!r}")
        super().__post_init__()

    @property
    def is_absent(self) -> bool:
        """Whether it changes nothing."""
        return self.scale == 0 or not (np.any(self.plus) or np.any(self.minus))

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        def scattered(mean: float) -> Float64Array:
            return self.scale * mean * (1 + self.sigma * rng.standard_normal(layer.plus.shape))

        return replace(
            layer,
            injection_plus=scattered(self._of_layer("plus", layer.depth)),
            injection_minus=scattered(self._of_layer("minus", layer.depth)),
        )

    def _of_layer(self, name: str, depth: int) -> float:
        value = getattr(self, name)
        if not isinstance(value, tuple):
            return float(value)
        if depth >= len(value):
            raise ValueError(f"{self.name}: {name} is given for {len(value)} layers, but there is a layer {depth + 1}")
        return float(value[depth])
