"""What follows a run: a function that is called after each epoch, the progress bar, and TensorBoard."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import EPOCHS, assert_same_weights, made_up, rows, run, small_network, undisturbed

from rcspike import Epoch, History, train
from rcspike.training import TensorBoard, checkpoint


class EnoughError(Exception):
    """Raised by a user's function."""


def raising(error: BaseException, *, after: int) -> Callable[[Epoch], None]:
    def stop(epoch: Epoch) -> None:
        if epoch.epoch == after:
            raise error

    return stop


def test_the_function_gets_the_records_of_the_history_once_each() -> None:
    seen: list[Epoch] = []
    _, history = undisturbed(after_epoch=seen.append)
    assert seen == history.epochs
    assert rows(history) == rows(undisturbed()[1]), "it changes nothing"


def test_at_its_call_the_checkpoint_has_the_weights_of_the_network(tmp_path: Path) -> None:
    path, network = tmp_path / "run.safetensors", small_network()
    found = []

    def look(epoch: Epoch) -> None:
        saved = checkpoint.load(path)
        found.append(len(saved.history))
        for name, weights in network.parameters.items():
            np.testing.assert_array_equal(saved.parameters[name], weights)

    run(network, checkpoint_path=path, after_epoch=look)
    assert found == [1, 2, 3, 4]


@pytest.mark.parametrize(("after", "error"), [(1, EnoughError()), (3, EnoughError()), (2, KeyboardInterrupt())])
def test_its_exception_leaves_history_and_weights_and_a_resumed_run_calls_it_for_the_rest(
    after: int, error: BaseException, tmp_path: Path
) -> None:
    whole, expected = undisturbed()
    network, path = small_network(), tmp_path / "run.safetensors"
    with pytest.raises(type(error)) as stopped:
        run(network, checkpoint_path=path, after_epoch=raising(error, after=after))
    left: Any = stopped.value
    assert rows(left.history) == rows(expected)[:after]

    shorter = small_network()
    with pytest.raises(type(error)):
        run(shorter, after_epoch=raising(error, after=after))
    assert_same_weights(network, shorter)

    seen: list[Epoch] = []
    resumed = small_network()
    history = run(resumed, checkpoint_path=path, after_epoch=seen.append)
    assert [epoch.epoch for epoch in seen] == list(range(after + 1, EPOCHS + 1))
    assert rows(history) == rows(expected)
    assert_same_weights(resumed, whole)


def test_an_exception_without_attributes_stays_itself() -> None:
    class BareError(Exception):
        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(name)

    with pytest.raises(BareError):
        run(small_network(), after_epoch=raising(BareError(), after=1))


def test_the_bar_counts_all_batches_and_shows_the_last_epoch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tqdm")
    path = tmp_path / "run.safetensors"
    with pytest.raises(EnoughError):
        run(small_network(), checkpoint_path=path, after_epoch=raising(EnoughError(), after=2), progress="bar")
    half = capsys.readouterr().err
    history = run(small_network(), checkpoint_path=path, progress="bar")
    said = capsys.readouterr().err.split("\r")[-1]
    n_batches = EPOCHS * -(-len(made_up().train.labels) // 16)
    assert f"{n_batches // 2}/{n_batches}" in half.split("\r")[-1]
    assert f"epoch {EPOCHS}/{EPOCHS}" in said
    assert f"{n_batches}/{n_batches}" in said
    assert f"test accuracy {100 * history.test_accuracy:.2f} %" in said


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ({"progress": True}, "progress must be 'bar', a function of a Progress"),
        ({"after_epoch": "print"}, "after_epoch must be a function of an Epoch"),
    ],
)
def test_other_types_are_errors_before_training(wrong: dict[str, Any], advice: str) -> None:
    network = small_network()
    with pytest.raises(TypeError, match=advice):
        run(network, **wrong)
    assert_same_weights(network, small_network())


@pytest.mark.parametrize(
    ("call", "library", "extra"),
    [
        (lambda folder: run(small_network(), progress="bar"), "tqdm.auto", "notebook"),
        (lambda folder: TensorBoard(folder), "tensorboard.summary", "tensorboard"),
    ],
)
def test_a_missing_library_is_named_with_its_extra(
    call: Callable[[Path], object], library: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf"pip install 'rcspike\[{extra}\]'"):
        call(tmp_path)


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """All scalars of a folder by tag and step, as TensorBoard itself reads them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    reader = EventAccumulator(str(folder)).Reload()
    return {
        tag: {event.step: make_ndarray(event.tensor_proto).item() for event in reader.Tensors(tag)}
        for tag in reader.Tags()["tensors"]
    }


def test_tensorboard_reads_the_columns_of_the_history_also_of_a_resumed_run(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    path, folder = tmp_path / "run.safetensors", tmp_path / "board"
    with TensorBoard(folder) as board, pytest.raises(EnoughError):

        def both(epoch: Epoch) -> None:
            board(epoch)
            raising(EnoughError(), after=2)(epoch)

        run(small_network(), checkpoint_path=path, after_epoch=both)
    assert set(scalars(folder)["loss"]) == {1, 2}
    with TensorBoard(folder) as board:
        history = run(small_network(), checkpoint_path=path, after_epoch=board)
    found = scalars(folder)
    assert set(found) == set(history.columns) - {"epoch", "validation_accuracy"}  # there is no validation split
    for name, by_step in found.items():
        assert list(by_step) == list(range(1, EPOCHS + 1))
        expected = history.columns[name].astype(np.float32)  # in which TensorBoard stores them
        np.testing.assert_array_equal(np.array(list(by_step.values()), dtype=np.float32), expected)


def test_columns_are_those_of_the_file(tmp_path: Path) -> None:
    _, history = undisturbed()
    history.write_csv(tmp_path / "history.csv")
    head, *lines = (tmp_path / "history.csv").read_text().splitlines()
    assert head.split(",") == list(history.columns)
    for name, texts in zip(history.columns, zip(*(line.split(",") for line in lines), strict=True), strict=True):
        np.testing.assert_array_equal(history.columns[name], np.array(texts, dtype=float))
    assert History().columns == {}


def test_a_history_is_short_in_print() -> None:
    _, history = undisturbed()
    assert repr(history) == f"History({EPOCHS} epochs, test accuracy {100 * history.test_accuracy:.2f} %)"
    assert repr(History()) == "History(0 epochs)"


def test_train_says_what_it_takes() -> None:
    network, data = small_network(), made_up()
    wrong: Any = (data.train.images, data.train.labels)
    with pytest.raises(
        TypeError, match=r"got tuple: make one of arrays with rcspike.datasets.Dataset.from_arrays\(x, y\)"
    ):
        train(network, wrong, epochs=1, seed=0)
    with pytest.raises(TypeError, match=r"network.*got Dataset; the network comes first"):
        train(data, network, epochs=1, seed=0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"dataset.*got Split"):
        train(network, data.train, epochs=1, seed=0)  # type: ignore[arg-type]
