"""Charging phase of a layer whose devices sit along wires with resistance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rcspike import _core
from rcspike._common.arrays import FloatArray, check_array
from rcspike.functional.charging_phase import check_affine
from rcspike.functional.events import Schedule, check_threads, fit_events


def charge_wired(
    times: FloatArray | Schedule,
    wires: Sequence[tuple[FloatArray, FloatArray]],
    resistance: float | FloatArray,
    *,
    off: float = 0.0,
    drive0: FloatArray | None = None,
    conductance0: FloatArray | None = None,
    threads: int | None = None,
) -> FloatArray:
    """Membrane voltages at the end of the charging phase, for columns of devices along wires with resistance.

    Each neuron has one or two wires, with a device of each input on it; that of the first input is one segment away
    from the near end. Two wires are the supplies of the two rails, each fed at its near end, and their devices share
    the membrane. One wire is the membrane's own: axon lines bring the rails, the wire collects the currents of both
    devices of a pair, and the capacitor is at the near end.

    Errors as in `charge`; also if a conductance or a resistance is negative, or too large for the dtype.

    Parameters
    ----------
    times : (batch, n_in), or what `schedule` has made of it
        As in `charge`.
    wires : one or two pairs of (n_in, n_out) arrays
        Drive D in V_th / T and conductance G >= 0 in 1 / T of the devices along each wire, as in `charge_affine`: a
        device of conductance g to a rail E behind a drop V_D has D = g (E - V_D) and G = g.
    resistance : float or (n_out,)
        Resistance r >= 0 of the wire from one device to the next, in T: r G has no unit.
    off : float
        Conductance of a device whose switch is open, divided by its conductance when closed, in [0, 1].
    drive0, conductance0 : (n_out,), optional
        D0 and G0 >= 0 of what is on from t = 0, at the membrane.

    Returns
    -------
    (batch, n_out)
        v(1) in V_th, in the dtype of the drives.

    Notes
    -----
    Exact, since between two spikes a wire with all its devices acts on the membrane as one conductance. It is found
    from the far end: ``(J, Y) <- (J + D_j, Y + G_j)`` at a device that conducts, and ``(J, Y) <- (J, Y) / (1 + r Y)``
    along a segment. The engine computes the same by a tree of stretches of wire, in which a spike changes only those
    that contain its device. Devices do not block: see `charge_rectified`.

    Examples
    --------
    A device at the end of a wire that has as much resistance as itself delivers half of the current:

    >>> one = np.ones((1, 1))
    >>> charge_wired(np.zeros((1, 1)), [(one, one)], 1.0).round(4)  # 1 - exp(-1/2)
    array([[0.3935]])
    """
    if not 1 <= len(wires) <= 2:
        raise ValueError(f"wires must be one or two pairs of drive and conductance, got {len(wires)}")
    first = wires[0][0]
    events = fit_events(times, "drive", first, threads)
    for drive, conductance in wires:
        check_array("drive", drive, 2, first.dtype)
        check_affine(first, conductance, drive0, conductance0)
    if not isinstance(resistance, np.ndarray):
        resistance = np.full(first.shape[1], resistance, dtype=first.dtype)
    check_array("resistance", resistance, 1, first.dtype)
    return _core.charge_wired(events, list(wires), resistance, float(off), drive0, conductance0, check_threads(threads))
