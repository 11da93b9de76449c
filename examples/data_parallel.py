"""Data-parallel training with PyTorch: each process computes the gradients of its part of every batch.

On one machine with two processes:

    torchrun --nproc-per-node 2 examples/data_parallel.py --epochs 5

On a cluster, start the same command once on each machine, with the name of the first one:

    torchrun --nnodes 4 --nproc-per-node 1 --rdzv-backend c10d --rdzv-endpoint first:29500 examples/data_parallel.py

DistributedDataParallel averages the gradients over the processes, so that the step is that of the whole batch in one
process.
"""

from __future__ import annotations

import argparse

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

import rcspike
import rcspike.torch as rct


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=32, help="samples of a step, over all processes")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--out", help="file for the trained network (.safetensors)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    if options.batch_size % world:
        parser.error(f"--batch-size {options.batch_size} must be a multiple of the {world} processes")

    dataset = rcspike.datasets.load(options.dataset)
    times, labels = torch.tensor(dataset.train.times), torch.tensor(dataset.train.labels)
    samples = TensorDataset(times, labels)
    sampler: DistributedSampler[tuple[torch.Tensor, ...]] = DistributedSampler(samples, seed=0, drop_last=True)
    loader = DataLoader(samples, batch_size=options.batch_size // world, sampler=sampler)

    torch.manual_seed(0)  # the same first weights in each process
    circuit = rcspike.Circuit(v_syn=1.0)
    network = rct.Network([times.shape[1], 50, int(labels.max()) + 1], circuit)
    model, loss = DistributedDataParallel(network), rct.OutputLoss(circuit)
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3, fused=True)

    for epoch in range(options.epochs):
        sampler.set_epoch(epoch)
        for batch, wanted in loader:
            optimiser.zero_grad()
            loss(model(batch), wanted).backward()
            optimiser.step()
        if rank == 0:
            trained = network.to_network()
            print(f"epoch {epoch + 1}: test accuracy {rcspike.evaluate(trained, dataset.test):.1%}", flush=True)
    if rank == 0 and options.out:
        network.to_network().save(options.out)
    # The model goes first. If it were the last to refer to the group, PyTorch would end the group's threads while it
    # holds Python's global lock, for which they may be waiting.
    del model
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
