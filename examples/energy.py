"""Trading accuracy for energy: the same network trained with and without a penalty on the energy of its synapses.

python examples/energy.py
"""

from __future__ import annotations

from rcspike import Circuit, Network, datasets, train
from rcspike.energy import BASELINES, activity, energy_parts, mean_energy, operating_point


def main() -> None:
    """Print a line for each penalty: accuracy, and the mean energy of an inference in each kind of circuit."""
    digits, point = datasets.load("digits"), operating_point(Circuit(v_syn=1.0))
    print("penalty   accuracy   synapses / pJ   all / pJ   virtual ground / pJ   current sources / pJ")
    for penalty in (0.0, 1e-3, 1e-2):
        network = Network.create([64, 100, 10], point.circuit, seed=0)
        noise = point.spike_time_noise(64)
        history = train(network, digits, epochs=8, seed=0, batch_size=16, noise=noise, energy_penalty=penalty)
        done = activity(network, digits.test.times)
        own = energy_parts(done, point)
        synapses = mean_energy({part: joules for part, joules in own.items() if "synapses" in part})
        ground, sources = (mean_energy(parts(done, point)) for parts in BASELINES.values())
        print(
            f"{penalty:7g}   {history.test_accuracy:8.1%}   {1e12 * synapses:13.2f}   {1e12 * mean_energy(own):8.1f}   "
            f"{1e12 * ground:19.1f}   {1e12 * sources:20.1f}"
        )


if __name__ == "__main__":
    main()
