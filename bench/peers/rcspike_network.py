"""rcspike itself, run as every peer is: the trainer of `rcspike.train`, on the events of all images made once."""

from __future__ import annotations

import numpy as np
import worker

import rcspike
from rcspike import _core


def build(task: worker.Task) -> worker.Step:
    circuit = rcspike.Circuit(v_syn=worker.V_SYN)
    events = rcspike.functional.schedule(task.times, threads=task.threads)
    labels = task.labels.astype(np.int64)
    trainer = _core.trainer(task.weights, circuit.core, temperature=worker.TEMPERATURE, temporal_penalty=0.0, t_ref=0.9)

    def step(rows: np.ndarray) -> float:
        report = trainer.step(events, rows, labels[rows], [], learning_rate=worker.LEARNING_RATE, threads=task.threads)
        return report.loss / len(rows)

    return step


if __name__ == "__main__":
    config = rcspike.build_config()
    worker.main({"exact": build}, {"rcspike": str(config["version"]), "isa": str(config["isa"])})
