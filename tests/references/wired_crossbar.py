"""The whole array as one circuit: axon lines and membranes with resistance, which couple all neurons.

It is the reference for `rcspike.chips.AxonResistance`, and slow.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import splu

from rcspike import Circuit

__all__ = ["charge_crossbar"]

Float64 = npt.NDArray[np.float64]
Nodes = npt.NDArray[np.int64]


def charge_crossbar(
    times: Float64,
    g_plus: Float64,
    g_minus: Float64,
    circuit: Circuit,
    *,
    row: float = 0.0,
    driver: float = 0.0,
    column: float = 0.0,
) -> Float64:
    """Membrane voltages at the end of the charging phase of an array whose wires have resistance in both directions.

    Each input has an axon line for each rail, fed by a driver at the first neuron's end. A device connects each line to
    the wire of each membrane, which has its capacitor at the first input's end.

    Parameters
    ----------
    times : (batch, n_in)
        Input spike times in T; ``inf`` or anything above 1 means no spike.
    g_plus, g_minus : (n_in, n_out)
        Conductances of the devices from the lines of the upper and of the lower rail, at least 0, in C / T.
    circuit : Circuit
        Finite rails, and the drop of the diodes. No device conducts before the spike of its input.
    row, driver, column : float
        Resistance of a line from one cell to the next, of its driver, and of a membrane's wire from one cell to the
        next, at least 0, in T / C.

    Returns
    -------
    (batch, n_out)
        v(1) in V_th.

    Notes
    -----
    Between two spikes the network of wires and conducting devices is linear. Its nodal equations are solved for all
    nodes but the capacitors (sparse LU), which leaves a symmetric system of one equation for each neuron, and that one
    by its eigenvectors. Rounding costs a relative error of about 1e-16 / (r g) for segments r and devices g.

    Examples
    --------
    A driver as resistive as its two devices together:

    >>> v = charge_crossbar(np.zeros((1, 1)), np.ones((1, 2)), np.zeros((1, 2)), Circuit(v_syn=1.0), driver=0.5)
    >>> v.round(4)  # 1 - exp(-1/2)
    array([[0.3935, 0.3935]])
    """
    rails = circuit.e_plus - circuit.diode_drop, circuit.e_minus + circuit.diode_drop
    v = np.zeros((len(times), g_plus.shape[1]))
    for sample, t in enumerate(times.astype(np.float64)):
        for start, end in itertools.pairwise(np.unique([0.0, 1.0, *t[t < 1]])):
            conducting = np.flatnonzero(t <= start)
            if len(conducting):
                network = _Network(g_plus.shape[1])
                wires = network.columns(conducting, column)
                for g, rail in zip((g_plus, g_minus), rails, strict=True):
                    lines = network.lines(len(conducting), rail, row, driver)
                    network.connect(lines, wires, g[conducting].astype(np.float64))
                v[sample] = _relaxed(v[sample], *network.reduced(), end - start)
    return v


@dataclass
class _Network:
    """Conductances between nodes. The first ones are the membranes; nodes of a known voltage have numbers below 0."""

    n_out: int
    n_nodes: int = field(init=False)
    known: list[float] = field(default_factory=list)
    edges: list[tuple[Nodes, Nodes, Float64]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.n_nodes = self.n_out

    def connect(self, a: Nodes, b: Nodes, g: Float64) -> None:
        self.edges.append(tuple(np.ravel(x) for x in np.broadcast_arrays(a, b, g)))  # type: ignore[arg-type]

    def _new(self, *shape: int) -> Nodes:
        nodes = self.n_nodes + np.arange(np.prod(shape)).reshape(shape)
        self.n_nodes += nodes.size
        return nodes

    def columns(self, rows: Nodes, resistance: float) -> Nodes:
        """Nodes (rows, n_out) of the membranes' wires at some rows."""
        membranes = np.arange(self.n_out)
        if resistance == 0:
            return np.broadcast_to(membranes, (len(rows), self.n_out))
        nodes = self._new(len(rows), self.n_out)
        segments = np.diff(rows, prepend=-1)[:, None]
        self.connect(np.vstack([membranes, nodes[:-1]]), nodes, 1 / (resistance * segments))
        return nodes

    def lines(self, n_rows: int, rail: float, resistance: float, driver: float) -> Nodes:
        """Nodes (n_rows, n_out) of lines that a rail feeds."""
        self.known.append(rail)
        source = np.full((n_rows, 1), -len(self.known))
        if driver > 0:
            first = self._new(n_rows, 1)
            self.connect(source, first, np.array(1 / driver))
            source = first
        if resistance == 0:
            return np.broadcast_to(source, (n_rows, self.n_out))
        nodes = self._new(n_rows, self.n_out)
        self.connect(np.hstack([source, nodes[:, :-1]]), nodes, np.array(1 / resistance))
        return nodes

    def reduced(self) -> tuple[Float64, Float64]:
        """G and D of dv/dt = D - G v, with all nodes but the membranes eliminated."""
        a, b, g = (np.concatenate(parts) for parts in zip(*self.edges, strict=True))
        n, n_out = self.n_nodes, self.n_out
        drive = np.zeros(n)
        entries: list[tuple[Any, Any, Any]] = []
        for one, other in ((a, b), (b, a)):
            inner, free = one >= 0, (one >= 0) & (other >= 0)
            entries += [(one[inner], one[inner], g[inner]), (one[free], other[free], -g[free])]
            fixed = inner & (other < 0)
            np.add.at(drive, one[fixed], g[fixed] * np.array(self.known)[-1 - other[fixed]])
        rows, cols, values = (np.concatenate(parts) for parts in zip(*entries, strict=True))
        nodal = coo_matrix((values, (rows, cols)), shape=(n, n)).tocsc()
        membrane = nodal[:n_out, :n_out].toarray()
        if n == n_out:
            return membrane, drive
        across = nodal[n_out:, :n_out].toarray()
        inner = splu(nodal[n_out:, n_out:], permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
        solved = inner.solve(np.column_stack([across, drive[n_out:]]))
        return membrane - across.T @ solved[:, :-1], drive[:n_out] - across.T @ solved[:, -1]


def _relaxed(v: Float64, conductance: Float64, drive: Float64, length: float) -> Float64:
    """v after some time of dv/dt = drive - conductance v, for a symmetric matrix."""
    rates, modes = np.linalg.eigh((conductance + conductance.T) / 2)
    x = np.maximum(rates, 0) * length
    reached = np.where(x > 0, -np.expm1(-x) / np.where(x > 0, x, 1), 1) * length
    result: Float64 = modes @ (np.exp(-x) * (modes.T @ v) + reached * (modes.T @ drive))
    return result
