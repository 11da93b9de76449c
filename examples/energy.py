"""Trading accuracy for energy: the same network trained with and without a penalty on the energy of its synapses.

python examples/energy.py
"""

from __future__ import annotations

from rcspike import Circuit, EnergyModel, Network, datasets, train
from rcspike.hardware import activity, energy_parts, mean_energy


def main() -> None:
    """Print a line for each penalty: accuracy, and the mean energy of an inference in both kinds of circuit."""
    digits, model = datasets.load("digits"), EnergyModel()
    print("penalty   accuracy   synapses / pJ   all / pJ   conventional / pJ")
    for penalty in (0.0, 1e-3, 1e-2):
        network = Network.create([64, 100, 10], Circuit(v_syn=1.0), seed=0)
        noise = model.spike_time_noise
        history = train(network, digits, epochs=8, seed=0, batch_size=16, noise=noise, energy_penalty=penalty)
        done = activity(network, digits.test.times)
        own, conventional = (
            energy_parts(done, circuit, model) for circuit in (network.circuit, Circuit.conventional())
        )
        synapses = mean_energy({part: joules for part, joules in own.items() if "synapses" in part})
        print(
            f"{penalty:7g}   {history.test_accuracy:8.1%}   {1e12 * synapses:13.2f}   {1e12 * mean_energy(own):8.1f}   "
            f"{1e12 * mean_energy(conventional):17.1f}"
        )


if __name__ == "__main__":
    main()
