"""rcspike's networks of a single phase and of two, as `rcspike.train` steps them with the preset of MNIST."""

from __future__ import annotations

import numpy as np
import worker

import rcspike
from rcspike import _core
from rcspike.experiments.default_settings import preset
from rcspike.functional.events import Phases

CIRCUITS = {"v2": rcspike.Circuit(v_syn=2.0), "conventional": rcspike.Circuit.conventional()}


def settings(phases: Phases, **own: object) -> dict[str, object]:
    """Arguments of `rcspike.train` for MNIST; both have the weight decay of a single phase."""
    both = {"weight_decay": preset("mnist", phases="single")["weight_decay"]}
    return both | {key: value for key, value in preset("mnist", phases=phases).items() if key != "hidden"} | own


def build(task: worker.Task, phases: Phases, circuit: rcspike.Circuit, real: type = np.float32) -> worker.Step:
    network = rcspike.Network([w.astype(real) for w in task.weights], circuit, phases=phases)
    chosen = settings(phases)
    trainer = _core.trainer(
        list(network.weights),
        circuit.core,
        phases=phases,
        temperature=worker.TEMPERATURE,
        temporal_penalty=0.0,
        t_ref=0.9,
        weight_decay=chosen["weight_decay"],
        silent_penalty=chosen.get("silent_penalty", 0.0),
    )
    events = rcspike.functional.schedule(task.times.astype(real), threads=task.threads, phases=phases)
    labels = task.labels.astype(np.int64)

    def step(rows: np.ndarray) -> float:
        report = trainer.step(events, rows, labels[rows], [], learning_rate=worker.LEARNING_RATE, threads=task.threads)
        return report.loss / len(rows)

    return step


def variant(phases: Phases, circuit: str) -> object:
    return lambda task: build(task, phases, CIRCUITS[circuit])


if __name__ == "__main__":
    config = rcspike.build_config()
    names = {f"{phases}-{circuit}": variant(phases, circuit) for phases in ("single", "two") for circuit in CIRCUITS}
    names["single-v2-float64"] = lambda task: build(task, "single", CIRCUITS["v2"], np.float64)
    worker.main(names, {"rcspike": str(config["version"]), "isa": str(config["isa"])})
