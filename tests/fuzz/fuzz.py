"""Fuzz one reader until it breaks its promise: ``python tests/fuzz/fuzz.py TARGET [libFuzzer's arguments]``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["rcspike", "tomllib"]):
    from targets import TARGETS, accepts


def main() -> None:
    target = TARGETS[sys.argv.pop(1)]

    def mutated(data: bytes, max_size: int, seed: int) -> bytes:
        return target.mutate(data, Random(seed), lambda part: atheris.Mutate(part, max_size))[:max_size]

    with tempfile.TemporaryDirectory() as folder:
        atheris.Setup(sys.argv, lambda data: accepts(target, data, Path(folder)) and None, custom_mutator=mutated)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
