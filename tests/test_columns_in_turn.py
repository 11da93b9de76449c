"""Columns in turn, against a count in plain loops over positions, windows, capacitors and bits."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcspike import Circuit, Network
from rcspike.energy import (
    activity,
    area_in_turn,
    array_area,
    column_turns,
    columns_of,
    energy_parts,
    energy_parts_in_turn,
    latency_in_turn,
    load_process,
    memory_area,
    memory_bits,
    operating_point,
)

MNIST = "conv16-conv16-pool-conv32-conv32-pool-128-10"
FASHION = "conv32-conv32-first-conv64-conv64-first-conv128-conv128-first-256-10"


@dataclass
class Part:
    """A layer as its architecture says: pixels and channels in, the join before it, columns, and the pool behind."""

    height: int
    width: int
    channels: int
    columns: int
    conv: bool = True
    first: int = 1
    pool: int = 1


def parts_of(text: str, height: int, width: int, channels: int) -> list[Part]:
    """Parts of an architecture of 3 x 3 convolutions with a padding of 1, 2 x 2 pools and dense layers."""
    layers: list[Part] = []
    first = 1
    for word in text.split("-"):
        if word == "pool":
            layers[-1].pool = 2
            height, width = height // 2, width // 2
        elif word == "first":
            first = 2
        else:
            conv = word.startswith("conv")
            columns = int(word.removeprefix("conv"))
            layers.append(Part(height, width, channels, columns, conv=conv, first=first))
            height, width = (height // first, width // first) if conv else (1, 1)
            channels, first = columns, 1
    return layers


@dataclass
class Count:
    """What a layer needs, found one position after the other."""

    rows: int
    columns: int
    charges: int
    membranes: int
    words: int
    written: int
    latches: int
    reads: list[int]
    firings: int

    @property
    def remembered(self) -> bool:
        return self.words > 0


def counted(layers: list[Part]) -> list[Count]:
    found: list[Count] = []
    for part in layers:
        in_turn_before = bool(found) and found[-1].charges > 1
        height, width = part.height // part.first, part.width // part.first
        pixels = {(y, x) for y in range(height) for x in range(width)}
        reads: list[int] = []  # the number of each remembered word, as often as it is read
        charges = firings = 0
        if part.conv:
            for top, left in itertools.product(range(height // part.pool), range(width // part.pool)):
                firings += 1
                for down, across in itertools.product(range(part.pool), repeat=2):
                    y, x = top * part.pool + down, left * part.pool + across
                    charges += 1
                    for ky, kx, c in itertools.product((-1, 0, 1), (-1, 0, 1), range(part.channels)):
                        if (y + ky, x + kx) in pixels:
                            reads.append(((y + ky) * width + x + kx) * part.channels + c)
            rows = 9 * part.channels
        else:
            charges = firings = 1
            rows = len(pixels) * part.channels
            reads = [*range(rows)]
        remembers = charges > 1 or in_turn_before
        taken = remembers and bool(found)
        found.append(
            Count(
                rows=rows,
                columns=part.columns,
                charges=charges,
                membranes=part.pool**2,
                words=len(pixels) * part.channels if remembers else 0,
                written=part.height * part.width * part.channels if taken else 0,
                latches=found[-1].columns if taken else 0,
                reads=reads if remembers else [],
                firings=firings,
            )
        )
    return found


def last_spike(one: Count, capacitors: int, reset: float) -> float:
    """Windows until the last firing ends: each neuron takes the set of capacitors that is free first."""
    free = [0.0] * capacitors
    column = ramp = end = 0.0
    for _ in range(one.firings):
        chosen = min(range(capacitors), key=lambda i: free[i])
        now = max(column, free[chosen])
        for _ in range(one.membranes):
            now += 1  # charges
        column = now
        assert now >= ramp  # a column has one ramp and one comparator
        now += 1  # fires
        ramp = end = now
        free[chosen] = now + reset
    return end


def seconds(counts: list[Count], capacitors: int, k: dict[str, float]) -> float:
    now = 0.0  # the end of the last firing phase so far
    for depth, one in enumerate(counts):
        if depth and not one.remembered:
            now -= 1  # charges while the layer before fires
        now += last_spike(one, capacitors, k["reset_time"])
    return now * k["window"]


def square_metres(counts: list[Count], capacitors: int, k: dict[str, float]) -> tuple[float, float]:
    """Area of everything, and of the memory with its converters."""
    array = memory = 0.0
    for one in counts:
        drawn = max(k["capacitance"], one.rows * k["capacitance_per_row"]) / k["capacitor_density"]
        sets = capacitors if one.firings > 1 else 1
        for _ in range(one.columns):
            array += one.rows * k["cell_area"] + k["neuron_area"] + drawn
            for _ in range(sets * one.membranes - 1):
                array += drawn + k["cell_area"]
        if one.remembered:
            memory += one.words * k["spike_time_bits"] * k["memory_bit_area"]
            memory += (one.rows + one.latches) * k["spike_time_bits"] * k["time_converter_bit_area"]
    return array + memory, memory


def constants(process: Any) -> dict[str, float]:
    return {one.name: one.value for one in process.constants}


@pytest.mark.parametrize("capacitors", [1, 2, 3])
@pytest.mark.parametrize(
    ("text", "pixels", "channels"),
    [(MNIST, 28, 1), (FASHION, 28, 1), ("conv4-first-conv3-pool-5-4", 11, 2), ("6-4", 5, 1), ("conv2-2", 1, 3)],
)
def test_an_independent_count_agrees(text: str, pixels: int, channels: int, capacitors: int) -> None:
    network = Network.create(text, Circuit(v_syn=3.0), input_shape=(pixels, pixels, channels), seed=0)
    counts = counted(parts_of(text, pixels, pixels, channels))
    process = load_process("sky130").with_values(reset_time=0.25)
    k = constants(process)
    turns = column_turns(network.layers)
    assert [one.charges for one in turns] == [one.charges for one in counts]
    assert [one.read for one in turns] == [len(one.reads) for one in counts]
    assert [one.written for one in turns] == [one.written for one in counts]
    assert memory_bits(process, turns) == sum(8 * one.words for one in counts)
    latency = latency_in_turn(process, network.layers, capacitors=capacitors)
    assert latency == pytest.approx(seconds(counts, capacitors, k), rel=1e-12, abs=0)
    area, of_memory = square_metres(counts, capacitors, k)
    assert area_in_turn(process, network.layers, capacitors=capacitors) == pytest.approx(area, rel=1e-12, abs=0)
    assert memory_area(process, turns) == pytest.approx(of_memory, rel=1e-12, abs=0)


@given(
    firings=st.integers(1, 7),
    pool=st.integers(1, 3),
    capacitors=st.integers(1, 4),
    reset=st.sampled_from([0.0, 0.25, 1.0]),
)
def test_positions_take_the_capacitors_that_are_free_first(
    firings: int, pool: int, capacitors: int, reset: float
) -> None:
    process = load_process("sky130").with_values(reset_time=reset)
    text = f"conv1-{f'pool{pool}-' if pool > 1 else ''}1"
    network = Network.create(text, Circuit(), input_shape=(pool, firings * pool, 1), seed=0)
    one = Count(9, 1, firings * pool**2, pool**2, 1, 0, 0, [], firings)
    windows = last_spike(one, capacitors, reset)
    windows += 1 + (one.charges > 1)  # the dense layer's, behind a memory or not
    found = latency_in_turn(process, network.layers, capacitors=capacitors)
    assert found == pytest.approx(windows * process.window, rel=1e-12, abs=0)


def test_dense_networks_are_the_same_in_turn() -> None:
    network = Network.create("7-5", Circuit(v_syn=2.0), input_shape=(3, 3), seed=0)
    process = load_process("sky130")
    point = operating_point(network.circuit, process)
    done = activity(network, np.random.default_rng(0).random((3, 9)))
    together = energy_parts(done, point)
    alone = energy_parts_in_turn(done, point, network.layers, capacitors=2)
    for part, joules in alone.items():
        assert joules == pytest.approx(together.get(part, np.zeros((3, 2))), rel=1e-12, abs=0), part
    assert area_in_turn(process, network.layers, capacitors=2) == pytest.approx(
        array_area(process, map(columns_of, network.layers)), rel=1e-12, abs=0
    )
    assert latency_in_turn(process, network.layers, capacitors=2) == pytest.approx(3e-6, rel=1e-12, abs=0)


@pytest.mark.parametrize("capacitors", [1, 2])
def test_joules_in_turn_are_those_of_each_word_spike_and_window(capacitors: int) -> None:
    text = "conv3-first-conv4-pool-5-4"
    network = Network.create(text, Circuit(v_syn=2.0), input_shape=(8, 8, 1), seed=3)
    times = np.random.default_rng(1).uniform(0, 1.6, (2, 64))
    times[times > 1] = np.inf
    process = load_process("sky130")
    k, point = constants(process), operating_point(network.circuit, process)
    done = activity(network, times)
    together = energy_parts(done, point)
    alone = energy_parts_in_turn(done, point, network.layers, capacitors=capacitors)
    counts = counted(parts_of(text, 8, 8, 1))
    layers = parts_of(text, 8, 8, 1)
    bits, volts = int(k["spike_time_bits"]), k["v_logic"]
    latency = seconds(counts, capacitors, k)
    for sample, (depth, result) in itertools.product(range(2), enumerate(network.walk(times))):
        part, one = layers[depth], counts[depth]
        maps = np.asarray(result.times[sample], float).reshape(part.height, part.width, part.channels)
        words: list[float] = []  # earliest spike of each joined window
        for y, x, c in itertools.product(
            range(part.height // part.first), range(part.width // part.first), range(part.channels)
        ):
            near = itertools.product(range(part.first), repeat=2)
            words.append(min(maps[y * part.first + dy, x * part.first + dx, c] for dy, dx in near))
        replays = sum(words[word] <= 1 for word in one.reads)
        moved = (one.written + len(one.reads)) * bits * k["memory_bit_energy"]
        held = one.words * bits * k["memory_bit_leakage"] * latency
        converted = (one.written + replays) * 2**bits * k["time_step_energy"]
        shifted = 2 * (replays - sum(t <= 1 for t in words)) * k["level_shifter_energy"] if one.remembered else 0.0
        busy = (last_spike(one, capacitors, k["reset_time"]) + k["reset_time"]) * k["window"]
        several = one.membranes * (capacitors if one.firings > 1 else 1) > 1
        gates = 3 * one.charges * one.columns * several * k["reset_capacitance"] * volts**2
        leaks = one.rows * one.columns * k["switch_off_current"] * (point.v_plus - point.v_minus)
        leaks += one.columns * k["neuron_leakage"] * volts
        wanted = {
            "memory": moved + held,
            "time conversion": converted,
            "drivers": together["drivers"][sample, depth] + shifted,
            "references": k["reference_current"] * volts * busy,
            "leakage": leaks * busy,
            "capacitor switches": gates,
        }
        for name, joules in alone.items():
            expected = wanted.get(name, together.get(name, np.zeros((2, 4)))[sample, depth])
            assert joules[sample, depth] == pytest.approx(expected, rel=1e-9, abs=0), (name, depth)


def test_bad_schedules_name_the_value() -> None:
    network = Network.create("conv2-3", Circuit(), input_shape=(4, 4), seed=0)
    process = load_process("sky130")
    with pytest.raises(ValueError, match="capacitors must be at least 1, got 0"):
        latency_in_turn(process, network.layers, capacitors=0)
    with pytest.raises(ValueError, match="capacitors must be at least 1, got 0"):
        area_in_turn(process, network.layers, capacitors=0)
    with pytest.raises(ValueError, match=r"spike_time_bits must be a whole number of bits, got 7\.5"):
        process.with_values(spike_time_bits=7.5)
    single = Network.create("conv2-3", Circuit(v_syn=2.0), input_shape=(4, 4), seed=0, phases="single")
    done = activity(single, np.zeros((1, 16)))
    with pytest.raises(ValueError, match="single phase"):
        energy_parts_in_turn(done, operating_point(single.circuit, process), single.layers)
