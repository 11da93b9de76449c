"""Wires with resistance by nodal analysis: one dense system a neuron and interval, independent of the package."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import scipy.linalg

Array = npt.NDArray[np.float64]


def stamped(n: int, edges: list[tuple[int, int, float]], fixed: list[tuple[int, float, float]]) -> tuple[Array, Array]:
    """Conductance matrix and source currents of n nodes, from (node, node, g) and (node, g, voltage behind it)."""
    matrix, source = np.zeros((n, n)), np.zeros(n)
    for a, b, g in edges:
        matrix[[a, b], [a, b]] += g
        matrix[a, b] -= g
        matrix[b, a] -= g
    for a, g, voltage in fixed:
        matrix[a, a] += g
        source[a] += g * voltage
    return matrix, source


def integrated(times: Array, network_at: object, n_out: int) -> Array:
    """v(1) of the first n_out nodes, which have capacitors of 1, by matrix exponentials.

    `network_at(rows)` gives matrix and sources while these inputs conduct.
    """
    v = np.zeros(n_out)
    moments = np.unique([0.0, 1.0, *times[times < 1]])
    for start, end in pairwise(moments):
        rows = np.flatnonzero(times <= start)
        if not len(rows):
            continue
        matrix, source = network_at(rows)  # type: ignore[operator]
        inner = np.linalg.solve(matrix[n_out:, n_out:], np.column_stack([matrix[n_out:, :n_out], source[n_out:]]))
        G = matrix[:n_out, :n_out] - matrix[:n_out, n_out:] @ inner[:, :-1]
        D = source[:n_out] - matrix[:n_out, n_out:] @ inner[:, -1]
        block = np.block([[-G, D[:, None]], [np.zeros((1, n_out + 1))]])
        v = (scipy.linalg.expm(block * (end - start)) @ np.append(v, 1.0))[:n_out]
    return v


def supply_column(times: Array, g_plus: Array, g_minus: Array, rails: tuple[float, float], r: float) -> float:
    """v(1) of one neuron: a supply wire for each rail, which its devices connect to the membrane."""
    n = len(times)

    def network(rows: npt.NDArray[np.int64]) -> tuple[Array, Array]:
        edges, fixed = [], []
        for k, (g, rail) in enumerate(((g_plus, rails[0]), (g_minus, rails[1]))):
            node = lambda j, k=k: 1 + k * n + j  # noqa: E731
            fixed.append((node(0), 1 / r, rail))
            edges += [(node(j - 1), node(j), 1 / r) for j in range(1, n)]
            edges += [(0, node(j), g[j]) for j in rows]
        return stamped(2 * n + 1, edges, fixed)

    return float(integrated(times, network, 1)[0])


def crossbar(
    times: Array,
    g_plus: Array,
    g_minus: Array,
    rails: tuple[float, float],
    *,
    row: float,
    column: float,
    driver: float = 0.0,
) -> Array:
    """v(1) of all neurons: lines along the rows bring the rails, wires along the columns collect the currents."""
    n_in, n_out = g_plus.shape

    def network(rows: npt.NDArray[np.int64]) -> tuple[Array, Array]:
        wire = lambda j, i: n_out + j * n_out + i  # noqa: E731
        edges = [(wire(j - 1, i) if j else i, wire(j, i), 1 / column) for j in range(n_in) for i in range(n_out)]
        fixed = []
        n = n_out * (1 + n_in)
        for g, rail in ((g_plus, rails[0]), (g_minus, rails[1])):
            for j in rows:
                fixed.append((n, 1 / (driver + row), rail))
                edges += [(n + i - 1, n + i, 1 / row) for i in range(1, n_out)]
                edges += [(n + i, wire(j, i), g[j, i]) for i in range(n_out)]
                n += n_out
        return stamped(n, edges, fixed)

    return integrated(times, network, n_out)
