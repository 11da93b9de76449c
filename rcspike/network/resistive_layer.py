"""The layer of an ideal network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from rcspike import _core, functional
from rcspike._common.arrays import Float64Array, FloatArray, check_array, check_times
from rcspike._common.lazy import lazy
from rcspike.circuit import Circuit, check_ohmic, layer_core
from rcspike.functional.events import Schedule, check_threads, network_input
from rcspike.functional.neuron_kinds import latest_input
from rcspike.network.device_pairs import DevicePairs
from rcspike.network.unrolled_convolution import unrolled_columns, unrolled_wiring
from rcspike.network.wiring import DENSE, Conv2d, Wiring
from rcspike.neurons import Phases, neuron_kind, single_phase_only, two_phase_only

# Charges of both rails (n, n_columns), of the times of rows (n, n_rows) and the ends (n, n_columns) of columns.
_RowCharges: TypeAlias = Callable[[FloatArray, FloatArray | None], tuple[FloatArray, FloatArray]]

_WINDOW_EVENTS = 1 << 22  # times of windows of a convolution that are held at once, 16 MB in float32


@dataclass(frozen=True, eq=False)
class ResistiveLayer:
    """A layer of resistive synapses and its neurons.

    The engine's own layout of the weights is made once, when it is first needed.

    Parameters
    ----------
    weights : (n_rows, n_columns)
        Signed synaptic weights in V_th / T; not to be changed afterwards.
    wiring : Dense, FirstSpike, FirstSpike2d or Conv2d
        Which inputs drive which rows of the weights.
    phases : {"two", "single"}
        Whether its neurons charge and then fire by a ramp, or spike while they charge.
    membranes : int
        Columns that share their charge in one neuron, one after another; see `neurons`.

    Examples
    --------
    >>> layer = ResistiveLayer(np.array([[0.5, 1.0], [0.25, 0.0]]), Circuit.conventional())
    >>> layer.n_in, layer.n_out, layer.charge(np.array([[0.0, 0.0]]))
    (2, 2, array([[0.75, 1.  ]]))
    """

    weights: FloatArray
    circuit: Circuit
    wiring: Wiring = DENSE
    phases: Phases = "two"
    membranes: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", check_array("weights", self.weights, 2))

    @lazy
    def _engine(self) -> _core.Network32 | _core.Network64:
        circuit = layer_core(self.circuit)
        return _core.network([self.weights], circuit, wiring=[self.wiring.core], phases=self.phases)

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        return self.wiring.n_in(self.weights.shape[0])

    @property
    def n_out(self) -> int:
        """Number of neurons."""
        return self.wiring.n_out(self.weights.shape[1]) // self.membranes

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        dtype: np.dtype[Any] = self.weights.dtype
        return dtype

    def neurons(self, chosen: Sequence[int] | npt.NDArray[np.integer[Any]]) -> ResistiveLayer:
        """The same layer with some of its neurons only, by their indices.

        Of a convolution they become a layer in which each membrane has a column of its own over all inputs; a neuron of
        membranes that share their charge has the mean of their voltages, and the sum of their charges.
        """
        if isinstance(self.wiring, Conv2d):
            columns = unrolled_columns(self.weights, self.wiring, np.asarray(chosen, dtype=np.int64))
            wiring = unrolled_wiring(self.wiring)
            return replace(self, weights=columns, wiring=wiring, membranes=self.wiring.pool**2)
        columns = np.add.outer(self.membranes * np.asarray(chosen), np.arange(self.membranes)).ravel()
        return replace(self, weights=np.ascontiguousarray(self.weights[:, columns]))

    def astype(self, dtype: npt.DTypeLike) -> ResistiveLayer:
        """The same layer in float32 or float64."""
        return replace(self, weights=self.weights.astype(dtype))

    def rescaled(self, circuit: Circuit, *, plus: float, minus: float) -> ResistiveLayer:
        """On another circuit, with positive weights times `plus` and negative ones times `minus`.

        Examples
        --------
        >>> layer = ResistiveLayer(np.array([[1.0, -1.0]]), Circuit())
        >>> layer.rescaled(Circuit(v_syn=2.0), plus=3.0, minus=0.5).weights
        array([[ 3. , -0.5]])
        """
        factors = np.where(self.weights > 0, plus, minus).astype(self.dtype)
        return replace(self, weights=self.weights * factors, circuit=circuit)

    def charging(self, until: float) -> ResistiveLayer:
        """A two-phase layer with a window of `until` T, whose membranes are those of this layer if it did not spike.

        Its input times are to be divided by `until`.

        Examples
        --------
        >>> layer = ResistiveLayer(np.array([[0.5]]), Circuit.conventional(), phases="single")
        >>> layer.charging(4.0).charge(np.array([[1.0]]) / 4)
        array([[1.5]])
        """
        weights = self.weights * self.dtype.type(until)
        return replace(self, weights=weights, circuit=replace(self.circuit, delay=0.0), phases="two")

    def devices(self) -> DevicePairs:
        """The devices of the synapses: one for each weight, on the rail of its sign.

        Examples
        --------
        >>> ResistiveLayer(np.array([[1.0, -0.5]]), Circuit()).devices().minus
        array([[0. , 0.5]])
        """
        return DevicePairs.of_weights(self.weights)

    def weight_conductances(self) -> tuple[Float64Array, Float64Array]:
        """g+ and g- of the weights on the rails of their signs, (n_rows, n_columns), in C / T.

        Examples
        --------
        >>> ResistiveLayer(np.array([[1.0, -0.5]]), Circuit(v_syn=2.0)).weight_conductances()
        (array([[0.5, 0. ]]), array([[0.  , 0.25]]))
        """
        check_ohmic(self.circuit, "conductances of weights")
        pairs = self.devices()
        return pairs.plus.astype(np.float64) / self.circuit.e_plus, pairs.minus.astype(
            np.float64
        ) / -self.circuit.e_minus

    def charge(self, times: FloatArray | Schedule, *, threads: int | None = None) -> FloatArray:
        """As `rcspike.functional.charge`."""
        two_phase_only(self, "voltages at the end of charging")
        v = self.read(times, threads=threads)
        return v if self.membranes == 1 else self._by_neuron(v).mean(axis=2)

    def first_spike(self, times: FloatArray | Schedule, *, threads: int | None = None) -> FloatArray:
        """Output spike times (batch, n_out) in T of a single-phase layer, as `rcspike.functional.first_spike`.

        Examples
        --------
        >>> layer = ResistiveLayer(np.array([[2.0]]), Circuit.conventional(), phases="single")
        >>> layer.first_spike(np.array([[0.5]]))
        array([[1.]])
        """
        single_phase_only(self, "a spike while charging")
        return self.read(times, threads=threads)

    def read(self, times: FloatArray | Schedule, *, threads: int | None = None) -> FloatArray:
        """What the columns (batch, n_columns) would be read by if they were outputs, in the unit of their kind."""
        spikes = network_input(times, self.n_in, self.dtype, self.phases)
        return self._engine.forward(spikes, [], check_threads(threads))

    def charge_vjp(
        self, times: FloatArray | Schedule, grad_v: FloatArray, *, threads: int | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """As `rcspike.functional.charge_vjp`: gradients of the spike times and of the weights.

        Examples
        --------
        >>> from rcspike.network import FirstSpike
        >>> layer = ResistiveLayer(np.array([[0.5], [2.0]]), Circuit.conventional(), FirstSpike(2))
        >>> times = np.array([[0.5, 0.25, 0.75, 0.5]])
        >>> layer.charge_vjp(times, np.array([[1.0]]))
        (array([[ 0. , -0.5,  0. , -2. ]]), array([[0.75],
               [0.5 ]]))
        """
        two_phase_only(self, "gradients of voltages")
        grad_v = check_array("grad_v", grad_v, 2, self.dtype)
        spikes, threads = network_input(times, self.n_in, self.dtype), check_threads(threads)
        events = spikes if isinstance(spikes, Schedule) else _core.schedule(spikes, threads)
        layer = _core.layer(self.weights, layer_core(self.circuit), wiring=self.wiring.core, threads=threads)
        return layer.charge_vjp(events, grad_v, threads)

    def supply_charge(
        self, times: FloatArray, *, until: FloatArray | None = None, threads: int | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """As `rcspike.functional.supply_charge`; single-phase neurons need `until`, others have it in their window."""
        if until is None:
            two_phase_only(self, "the charge of the rails until the end of a window")
        elif until.max(initial=0) > latest_input(self.phases):
            latest = latest_input(self.phases)
            raise ValueError(f"until must be at most {latest:g} T, the end of charging, got {until.max():g}")

        def of_rows(rows: FloatArray, ends: FloatArray | None) -> tuple[FloatArray, FloatArray]:
            return functional.supply_charge(rows, self.weights, self.circuit, until=ends, threads=threads)

        return self._charges(times, until, of_rows)

    def _charges(
        self, times: FloatArray, until: FloatArray | None, of_rows: _RowCharges
    ) -> tuple[FloatArray, FloatArray]:
        """Charges of both rails (batch, n_out) from those of columns, by the times of their rows and their ends."""
        if isinstance(self.wiring, Conv2d):
            return self._charge_of_windows(self.wiring, times, until, of_rows)
        charges = of_rows(self._rows(times), until)
        return charges if self.membranes == 1 else tuple(self._by_neuron(q).sum(axis=2) for q in charges)

    def _charge_of_windows(
        self, wiring: Conv2d, times: FloatArray, until: FloatArray | None, of_rows: _RowCharges
    ) -> tuple[FloatArray, FloatArray]:
        """Charges of a convolution: of all membranes of each neuron together."""
        times, n_columns, pool = self._checked(times), self.weights.shape[1], wiring.pool
        down, across = wiring.positions()
        found = np.zeros((2, len(times), self.n_out), self.dtype)
        samples = max(1, _WINDOW_EVENTS // (down * across * wiring.n_rows))
        for start in range(0, len(times), samples):
            some = slice(start, start + samples)
            rows = wiring.windows(times[some])
            ends = None if until is None else until[some].reshape(-1, n_columns)
            for rail, q in enumerate(of_rows(rows.reshape(-1, wiring.n_rows), ends)):
                q = q.reshape(len(rows), down // pool, pool, across // pool, pool, n_columns).sum(axis=(2, 4))
                found[rail, some] = q.reshape(len(rows), -1)
        return found[0], found[1]

    def switch_charge(
        self, times: FloatArray, *, threads: int | None = None
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Charge that each rail delivers to the membranes as the switches open, two arrays (batch, n_out) in C V_th.

        It is the charge that the circuit's switches inject. A gate whose line has returned has given its charge back,
        so that what stays on the membrane came from the rail.

        Examples
        --------
        >>> layer = ResistiveLayer(np.array([[0.5], [-0.5], [0.0]]), Circuit(injection=(1e-3, -2e-3)))
        >>> layer.switch_charge(np.array([[0.5, 0.2, 0.1]]))
        (array([[0.001]]), array([[-0.002]]))
        """
        two_phase_only(self, "the charge of switches that open")
        sides = functional.pair_switch_widths(np.maximum(self.weights, 0), np.maximum(-self.weights, 0), self.circuit)
        widths = [np.ascontiguousarray(side, self.dtype) for side in sides]

        def of_rows(rows: FloatArray, _: FloatArray | None) -> tuple[FloatArray, FloatArray]:
            plus, minus = (functional.switch_injection(rows, side, threads=threads) for side in widths)
            return plus, minus

        n_plus, n_minus = (n.astype(np.float64) for n in self._charges(times, None, of_rows))
        plus, minus = self.circuit.injections[0]
        return plus * n_plus, minus * n_minus

    def trace(self, times: FloatArray, at: FloatArray) -> FloatArray:
        """As `rcspike.functional.trace`."""
        if isinstance(self.wiring, Conv2d):
            raise TypeError("a trace of a convolution needs chosen neurons: layer.neurons(chosen).trace(times, at)")
        v = neuron_kind(self.phases).membranes(self._rows(times), self.weights, self.circuit, at)
        return v if self.membranes == 1 else self._by_neuron(v).mean(axis=2)

    def crossing_slope(self, times: FloatArray, *, threads: int | None = None) -> Float64Array:
        """As `rcspike.functional.crossing_slope`."""
        single_phase_only(self, "a slope at the crossing")
        if isinstance(self.wiring, Conv2d):
            raise TypeError("slopes of a convolution need chosen neurons: layer.neurons(chosen).crossing_slope(times)")
        return functional.crossing_slope(self._rows(times), self.weights, self.circuit, threads=threads)

    def _by_neuron(self, of_columns: FloatArray) -> FloatArray:
        """Of the columns (batch, n_columns, ...), those of each neuron: (batch, n_out, membranes, ...)."""
        return of_columns.reshape(len(of_columns), -1, self.membranes, *of_columns.shape[2:])

    def fire(self, v: FloatArray) -> FloatArray:
        """As `rcspike.functional.fire`."""
        two_phase_only(self, "firing by a ramp")
        return functional.fire(v, self.circuit)

    def __reduce__(self) -> tuple[Any, ...]:
        return ResistiveLayer, (
            self.weights,
            self.circuit,
            self.wiring,
            self.phases,
            self.membranes,
        )  # the engine's object is made again

    def _rows(self, times: FloatArray) -> FloatArray:
        """Times at which the rows start to conduct, checked."""
        return self.wiring.rows(self._checked(times))

    def _checked(self, times: FloatArray) -> FloatArray:
        times = check_times(times, latest=latest_input(self.phases))
        if times.shape[1] != self.n_in:
            raise ValueError(f"times must have shape (batch, {self.n_in}), got {times.shape}")
        return times
