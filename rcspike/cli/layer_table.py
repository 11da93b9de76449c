"""The layers of a model as a table: their shapes, and what they need as hardware."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rcspike.network import Conv2d, FirstSpike2d, Network

__all__ = ["model_lines"]

_HEAD = ("layer", "kind", "neurons", "columns", "fan-in", "weights", "weight rms", "positions")


def model_lines(network: Network) -> Iterator[str]:
    """Layers as a table. Columns are physical ones: a convolution has them once, and its positions share them."""
    rows: list[tuple[str, ...]] = [_HEAD]
    for depth, layer in enumerate(network.layers):
        wiring, weights = layer.wiring, network.weights[depth]
        n_rows, n_columns = weights.shape
        shape, kind, positions = str(layer.n_out), "dense", 1
        if isinstance(wiring, Conv2d):
            shape = " x ".join(map(str, wiring.out_shape(n_columns)))
            kind, positions = _kind(wiring), math.prod(wiring.positions())
        elif wiring.window > 1:
            n = wiring.window
            kind = f"first {f'{n} x {n}' if isinstance(wiring, FirstSpike2d) else f'of {n}'}, dense"
        rms = math.sqrt(float((weights.astype(float) ** 2).mean()))
        numbers = (n_columns, n_rows, weights.size)
        rows.append((str(depth + 1), kind, shape, *(f"{n:,}" for n in numbers), f"{rms:.3g}", f"{positions:,}"))
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    yield f"{network.architecture}, {network.dtype}, {network.circuit}"
    yield ""
    for row in rows:
        cells = [cell.ljust(w) if i < 3 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))]
        yield "  ".join(cells).rstrip()
    total = sum(w.size for w in network.weights)
    yield ""
    yield f"{total:,} weights, {sum(network.sizes[1:]):,} neurons"


def _kind(wiring: Conv2d) -> str:
    text = f"first {wiring.first} x {wiring.first}, " if wiring.first > 1 else ""
    text += f"conv {wiring.kernel[0]} x {wiring.kernel[1]}"
    text += f", stride {wiring.stride}" if wiring.stride > 1 else ""
    text += f", padding {wiring.padding}" if wiring.padding else ""
    return text + (f", pool {wiring.pool} x {wiring.pool}" if wiring.pool > 1 else "")
