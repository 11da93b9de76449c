"""The electrical parameters of a circuit, normalised: voltages in units of V_th, times in units of the window T."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from numbers import Real

from rcspike import _core

__all__ = ["Circuit"]


@dataclass(frozen=True, kw_only=True)
class Circuit:
    """Rails, diode and ramp of an RC-Spike circuit.

    Parameters
    ----------
    v_syn : float
        Drive voltage of the synapses in V_th: sets both rails, ``e_plus = v_syn`` and ``e_minus = -v_syn``, unless they
        are given. About 1 is the strongly coupled regime; ``math.inf`` is the conventional circuit.
    e_plus, e_minus : float, optional
        Reversal potentials of positive and negative synapses, seen from the resting voltage, in V_th;
        ``e_plus > 0 > e_minus``.
    diode_drop : float
        Forward drop V_D of the synapse diode in V_th; below every rail.
    ramp : float
        Coefficient b < 1 of a non-ideal firing ramp, t = 1 - ln(1 - b v) / ln(1 - b); 0 is the ideal ramp, t = 1 - v.

    Raises
    ------
    ValueError
        If a rail is on the wrong side of 0, the diode drop leaves no drive, or the ramp coefficient is not below 1.

    Notes
    -----
    The model is that of RC-Spike (ISCAS 2022, DOI 10.1109/ISCAS48785.2022.9937662) as written out in arXiv 2412.09010
    v1, eq. 6-11 and 59-85.

    A circuit has its rails once it is made: ``dataclasses.replace`` with another v_syn keeps them.

    Examples
    --------
    >>> Circuit(v_syn=2.0).e_minus
    -2.0
    >>> Circuit.conventional() == Circuit(v_syn=math.inf)
    True
    """

    v_syn: float = field(default=1.0, compare=False)
    e_plus: float = None  # type: ignore[assignment]  # __post_init__ fills it in
    e_minus: float = None  # type: ignore[assignment]
    diode_drop: float = 0.0
    ramp: float = 0.0
    core: _core.Circuit = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("v_syn", "e_plus", "e_minus", "diode_drop", "ramp"):
            value = getattr(self, name)
            if not isinstance(value, Real) and not (value is None and name in ("e_plus", "e_minus")):
                raise TypeError(f"{name} must be a number, got {value!r}")
            if value is not None:
                try:
                    object.__setattr__(self, name, float(value))
                except OverflowError as error:
                    raise ValueError(f"{name} must lie within the range of a float: {error}") from error
        if not self.v_syn > 0:
            raise ValueError(f"v_syn must be above 0, got {self.v_syn}; math.inf is the conventional circuit")
        for name, default in (("e_plus", self.v_syn), ("e_minus", -self.v_syn)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, default)
        core = _core.Circuit(e_plus=self.e_plus, e_minus=self.e_minus, diode_drop=self.diode_drop, ramp=self.ramp)
        object.__setattr__(self, "core", core)

    @classmethod
    def conventional(cls) -> Circuit:
        """The limit of infinite rails: current independent of voltage, an exact multiply-accumulate."""
        return cls(v_syn=math.inf)

    @property
    def label(self) -> str:
        """A short name for files and tables, made of the rails and all nonzero parameters; the same for equal circuits.

        ``v`` stands for the rails if they are symmetric, otherwise ``ep`` and ``em`` for each; ``vd`` for the diode
        drop, ``b`` for the ramp coefficient.

        Examples
        --------
        >>> Circuit(v_syn=1.0).label, Circuit.conventional().label
        ('v1', 'vinf')
        >>> Circuit(e_plus=2.0, e_minus=-0.5, diode_drop=0.1).label
        'ep2-em-0.5-vd0.1'
        """
        parts = {"v": self.e_plus} if self.e_plus == -self.e_minus else {"ep": self.e_plus, "em": self.e_minus}
        parts |= {name: x for name, x in (("vd", self.diode_drop), ("b", self.ramp)) if x != 0}
        return "-".join(f"{name}{x!r}".removesuffix(".0") for name, x in parts.items())

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.v_syn, self.e_plus, self.e_minus, self.diode_drop, self.ramp)


def _rebuild(v_syn: float, e_plus: float, e_minus: float, diode_drop: float, ramp: float) -> Circuit:
    return Circuit(v_syn=v_syn, e_plus=e_plus, e_minus=e_minus, diode_drop=diode_drop, ramp=ramp)


def circuit_core(circuit: Circuit) -> _core.Circuit:
    """The engine's own object of a circuit; a TypeError for anything else."""
    if not isinstance(circuit, Circuit):
        raise TypeError(f"circuit must be a Circuit, got {type(circuit).__name__}")
    return circuit.core
