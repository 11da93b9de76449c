"""SI values against published ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rcspike import PhysicalScale


def test_defaults_are_the_published_design() -> None:
    """arXiv 2412.09010 v1: w = 1 is a current of 122 nA, C V_th^2 is 106 fJ and T / C is 7.14 megaohm."""
    scale = PhysicalScale()
    assert scale.amperes(1.0) == pytest.approx(122e-9, rel=2e-3)
    assert scale.joules(1.0) == pytest.approx(106e-15, rel=5e-3, abs=0)
    assert 1 / scale.siemens(1.0) == pytest.approx(7.14e6, rel=1e-3)


def test_ohms_law_and_power_hold_between_units() -> None:
    scale = PhysicalScale(capacitance=2e-12, window=5e-6, v_th=0.3)
    G, v, t = np.array([0.5, 2.0]), np.array([1.5, -0.25]), np.array([0.25, 1.0])
    np.testing.assert_allclose(scale.siemens(G) * scale.volts(v), scale.amperes(G * v), rtol=1e-15)
    power = scale.amperes(G * v) * scale.volts(v)
    np.testing.assert_allclose(power * scale.seconds(t), scale.joules(G * v**2 * t), rtol=1e-15)


@pytest.mark.parametrize("name", ["capacitance", "window", "v_th"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_nonsense_is_rejected_by_name(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name}.*got {value}"):
        PhysicalScale(**{name: value})


def test_text_is_rejected() -> None:
    with pytest.raises(TypeError, match=r"v_th.*got '0\.9 V'"):
        PhysicalScale(v_th="0.9 V")  # type: ignore[arg-type]
