"""ihmehimmeli, the C++ simulator of exact first spikes in float64, with the settings of its README for MNIST.

RCSPIKE_PEERS is a folder with the program `ihmehimmeli_driver` (ihmehimmeli_driver.cpp; docs/benchmarks.md shows how
it is built). It trains with one thread, a batch after the other in the order of the data.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import worker


def build(task: worker.Task) -> worker.Step:
    sizes = [len(task.weights[0]), *(w.shape[1] for w in task.weights)]
    n = len(task.labels)
    with tempfile.TemporaryDirectory() as name:
        files = [Path(name) / "pixels", Path(name) / "labels"]
        np.clip(1 - task.times, 0, 1).astype(np.float64).tofile(files[0])
        task.labels.astype(np.int64).tofile(files[1])
        command = [Path(os.environ["RCSPIKE_PEERS"]) / "ihmehimmeli_driver", *files, n]
        command += [sizes[0], sizes[1], sizes[-1], task.batch]
        program = subprocess.Popen(map(str, command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert program.stdin is not None
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"

    def run(n_batches: int) -> dict[str, float]:
        print(n_batches, file=program.stdin, flush=True)
        seconds, cpu_seconds, correct = map(float, program.stdout.readline().split())
        n = n_batches * task.batch
        return {"samples_per_second": n / seconds, "samples_per_cpu_second": n / cpu_seconds, "loss": 1 - correct / n}

    return run


if __name__ == "__main__":
    worker.serve({"readme": build}, {"ihmehimmeli": "52ebdf2"})
