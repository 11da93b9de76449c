"""Ctrl-C during `train` in Python: the finished epochs are given back."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from small_runs import assert_same_weights, made_up, rows, run, small_network, stopping_at

from rcspike import Network, train
from rcspike.training import Interrupted


def weights_after_each_epoch(**settings: Any) -> list[Network]:
    """By training as many times, each time stopped at the first batch of the next epoch by a plain error."""

    found = []
    for epochs in (1, 2, 3):
        network = small_network()
        with pytest.raises(EOFError):
            run(network, progress=stopping_at(epochs + 1, 1, EOFError), **settings)
        found.append(network)
    return found


@pytest.mark.parametrize(("epoch", "batch"), [(1, 2), (3, 1), (3, 4)])
def test_the_exception_has_the_history_and_the_network_the_weights_of_the_finished_epochs(
    epoch: int, batch: int
) -> None:
    whole = run(small_network())
    network = small_network()
    with pytest.raises(KeyboardInterrupt) as stopped:
        run(network, progress=stopping_at(epoch, batch))
    history = stopped.value.history  # type: ignore[attr-defined]  # pytest knows the base alone
    assert rows(history) == rows(whole)[: epoch - 1]
    assert_same_weights(network, [small_network(), *weights_after_each_epoch()][epoch - 1])


class Interrupting(Network):
    """Ctrl-C while it is evaluated for the n-th time."""

    left: int

    def predict(self, *arguments: Any, **more: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return super().predict(*arguments, **more)


@pytest.mark.parametrize("finished", [0, 1, 2])
def test_an_epoch_whose_evaluation_is_stopped_has_not_finished(finished: int) -> None:
    original = small_network()
    network = Interrupting(original.weights, original.circuit)
    network.left = finished + 1
    with pytest.raises(Interrupted) as stopped:
        run(network)
    assert len(stopped.value.history) == finished
    assert_same_weights(network, [original, *weights_after_each_epoch()][finished])


def test_a_resumed_run_gives_back_the_epochs_of_its_checkpoint_too(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    for epoch in (2, 4):
        network = small_network()
        with pytest.raises(Interrupted) as stopped:
            run(network, checkpoint_path=path, progress=stopping_at(epoch, 1))
        assert [e.epoch for e in stopped.value.history] == list(range(1, epoch))
        assert_same_weights(network, weights_after_each_epoch()[epoch - 2])
    network = small_network()
    assert rows(run(network, checkpoint_path=path)) == rows(run(small_network()))


def test_the_exception_can_be_sent_to_another_process() -> None:
    with pytest.raises(Interrupted) as stopped:
        train(small_network(), made_up(), epochs=2, seed=0, progress=stopping_at(2, 1))
    assert rows(pickle.loads(pickle.dumps(stopped.value)).history) == rows(stopped.value.history)
