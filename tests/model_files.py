"""Model files that are spoiled in some way, and whether Python and C++ agree about them.

Run as a script with the program that `build` has made and a number of minutes, it compares random files for that long
and leaves those on which the two differ in the working directory:

    python tests/model_files.py verdicts 30
"""

from __future__ import annotations

import json
import math
import random
import re
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from rcspike import Network

# Replacements of a token of JSON: other kinds, other forms of the same number, numbers out of range, broken text.
NUMBERS = """
    0 -0 1 2 3 -1 01 1.0 1e0 2.0 1e400 1e-400 18446744073709551616 9007199254740993 true false null NaN Infinity inf
    -inf +inf nan infinity 1_0 +1 1. .5 0x1 -1e400 5e-324 1.7976931348623157e308 1.7976931348623159e308
"""
WORDS = "F16 F32 F64 I32 \\ud800 weights.0 weights.1 weights.01 rcspike-model rcspike-checkpoint sizes v_syn crc32"
PARTS = '[] {} [1] [[1]] {"a":1} {"a":1,"a":1} , : " "" " " \\ { } [ ] \\u0031 \\u00 é \ufeff \0 \x7f'
TOKENS = [
    *NUMBERS.split(),
    *(f'"{text}"' for text in [" 1", "1 ", "\u0661", "1" * 5000, *NUMBERS.split(), *WORDS.split()]),
    *PARTS.split(" "),
    *" \t\n\r\v\f",
    "[" * 3000,
    "1" * 400,
]
VOLTAGES = ["0.0", "0.001", "-2e-3", "0.001", "-inf"]
RAILS = ["1.0", "2.0", "0.5", "1e1", "1E+2", "inf", "3", "1e-05"]


def crc32(metadata: Sequence[tuple[str, str]], tensors: Sequence[tuple[str, str, Sequence[int], bytes]]) -> str:
    """As docs/files.md describes it."""
    parts = [part.encode("utf-8", "surrogatepass") for pair in sorted(metadata) for part in pair]
    for name, dtype, shape, content in sorted(tensors):
        parts += [name.encode(), dtype.encode(), f"[{', '.join(map(str, shape))}]".encode(), content]
    return f"{zlib.crc32(b''.join(len(part).to_bytes(8, 'little') + part for part in parts)):08x}"


def changed(rng: random.Random, text: str) -> str:
    """The text with a token replaced, removed, doubled, or another one put before it."""
    tokens = re.findall(r'"(?:[^"\\]|\\.)*"|[-+.\w]+|.', text, re.DOTALL)
    at = rng.randrange(len(tokens))
    action = rng.randrange(5)
    new = rng.choice(TOKENS)
    tokens[at] = [new, new, "", tokens[at] * 2, new + tokens[at]][action]
    return "".join(tokens)


def convolution(rng: random.Random) -> tuple[list[int], list[list[int]], list[dict[str, Any]]]:
    """Sizes, shapes of weights and wiring of a layer over maps and a dense one."""
    first, seen, channels = rng.choice([1, 1, 2]), [rng.randint(1, 4) for _ in range(2)], rng.randint(1, 2)
    maps = [size * first for size in seen] + [channels]
    n_in, n_columns, n_out = maps[0] * maps[1] * channels, rng.randint(1, 3), rng.randint(1, 3)
    dense: dict[str, Any] = rng.choice(
        [{}, {"maps": [], "kernel": [], "stride": 1, "padding": 0, "first": 1, "pool": 1}]
    )
    if first > 1 and rng.random() < 0.5:
        own, shape, n_hidden = dense | {"maps": maps, "first": first}, [n_in // first**2, n_columns], n_columns
    else:
        kernel, stride = [rng.randint(1, size) for size in seen], rng.randint(1, 2)
        padding = rng.randrange(min(kernel))
        positions = [(size + 2 * padding - k) // stride + 1 for size, k in zip(seen, kernel, strict=True)]
        pool = rng.choice([n for n in (1, 2, 3) if not any(size % n for size in positions)])
        own = {"maps": maps, "kernel": kernel, "stride": stride, "padding": padding, "first": first, "pool": pool}
        shape, n_hidden = [kernel[0] * kernel[1] * channels, n_columns], math.prod(positions) // pool**2 * n_columns
    return [n_in, n_hidden, n_out], [shape, [n_hidden, n_out]], [own, dense]


def model_file(rng: random.Random) -> bytes:
    """A small model file, in most cases with one or two things changed."""
    dtype = rng.choice(["F32", "F64"])
    sizes = [rng.randint(1, 3) for _ in range(rng.randint(2, 4))]
    circuit: dict[str, Any] = {
        "v_syn": rng.choice(RAILS),
        "e_plus": rng.choice(RAILS),
        "e_minus": f"-{rng.choice(RAILS)}",
    }
    circuit |= {
        "diode_drop": rng.choice(["0.0", "0.1", "5e-324", "1e-400", "-0.0"]),
        "ramp": rng.choice(["0.0", "-1.5", "0.5"]),
    }
    shapes, wiring = [list(pair) for pair in pairwise(sizes)], None
    if rng.random() < 0.3:
        sizes, shapes, wiring = convolution(rng)
    weights = np.random.default_rng(rng.randrange(2**32))
    tensors = [
        (f"weights.{layer}", dtype, shape, weights.normal(size=shape).astype(f"<f{int(dtype[1:]) // 8}").tobytes())
        for layer, shape in enumerate(shapes)
    ]
    parts: dict[str, Any] = {"sizes": sizes, "circuit": circuit}
    if rng.random() < 0.3:
        n_pairs = rng.choice([1, len(shapes), rng.randint(0, 3)])
        circuit["injection"] = [[rng.choice(VOLTAGES) for _ in range(2)] for _ in range(n_pairs)]
    if rng.random() < 0.3:
        circuit["delay"] = rng.choice(["0.0", "0.25", "1.0"])
    if wiring is not None:
        parts["wiring"] = wiring
    if rng.random() < 0.3:
        parts["phases"] = rng.choice(["single", "single", "two", "three"])
    header = json.dumps(parts)
    if rng.random() < 0.4:
        header = changed(rng, header)
    metadata = [("format", "rcspike-model"), ("format_version", "1"), ("header", header)]
    if rng.random() < 0.1:
        name, text = metadata[which := rng.randrange(3)]
        metadata[which] = (name, rng.choice(TOKENS).strip('"'))
    if rng.random() < 0.8:
        metadata.append(("crc32", crc32(metadata, tensors)))
    rng.shuffle(metadata)

    entries, content = [("__metadata__", json.dumps(dict(metadata), ensure_ascii=rng.random() < 0.5))], b""
    for name, _, shape, part in rng.sample(tensors, len(tensors)):
        place = {"dtype": dtype, "shape": shape, "data_offsets": [len(content), len(content) + len(part)]}
        entries.append((name, json.dumps(place)))
        content += part
    rng.shuffle(entries)
    if rng.random() < 0.05:
        entries.append(rng.choice(entries))
    text = "{" + ",".join(f"{json.dumps(name)}:{entry}" for name, entry in entries) + "}" + " " * rng.randrange(4)
    if rng.random() < 0.3:
        text = changed(rng, text)
    start = text.encode("utf-8", "surrogatepass")
    file = bytearray(len(start).to_bytes(8, "little") + start + content)
    if rng.random() < 0.3:
        at = rng.randrange(len(file))
        file[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
    return bytes(file)


def verdict(path: Path) -> str:
    """The network that Python reads, in the words of tests/embed/verdicts.cpp."""
    try:
        network = Network.load(path)
    except ValueError:
        return "rejected"
    circuit = network.circuit
    numbers = np.array([circuit.e_plus, circuit.e_minus, circuit.diode_drop, circuit.ramp, circuit.delay], "=f8")
    words = [str(network.dtype), *(number.tobytes().hex() for number in numbers)]
    if max(network.sizes) <= 10_000:
        times = np.array([[7 * i % 11 for i in range(network.sizes[0])]], network.dtype) / network.dtype.type(11)
        words.append(np.where(np.isnan(v := network.forward(times)), np.nan, v).astype(network.dtype).tobytes().hex())
    for layer, w in zip(network.layers, network.weights, strict=True):
        words += [np.float64(x).tobytes().hex() for x in layer.circuit.injections[0]]
        in_engine = np.where(np.abs(w) < np.finfo(w.dtype).tiny, 0, w)  # to which -0 and subnormal weights are 0
        words += [
            str(layer.n_in),
            str(layer.n_out),
            f"{w.shape[0]}x{w.shape[1]}",
            in_engine.astype(w.dtype).tobytes().hex(),
        ]
    return " ".join(words)


def differences(program: Path, files: Sequence[Path]) -> list[Path]:
    """The files that are not the same network, or not rejected, in both languages."""
    names = "".join(f"{file}\n" for file in files)
    said = subprocess.run([program], input=names, capture_output=True, text=True, check=True).stdout.splitlines()
    return [file for file, cpp in zip(files, said, strict=True) if cpp != verdict(file)]


def main(program: str, minutes: str) -> None:
    end, seed, accepted = time.monotonic() + 60 * float(minutes), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            files = []
            for _ in range(500):
                files.append(Path(folder, str(seed)))
                files[-1].write_bytes(model_file(random.Random(seed)))
                seed += 1
            for file in differences(Path(program).resolve(), files):
                print(f"Python and C++ differ about {file.name}", flush=True)
                file.rename(f"differs-{file.name}")
            accepted += sum(file.exists() and verdict(file) != "rejected" for file in files)
            print(f"{seed} files, {accepted} of them accepted", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
