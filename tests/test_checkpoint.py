"""Checkpoints: no interruption changes a bit, and none is taken for that of another run."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from small_runs import EPOCHS, assert_same_weights, made_up, rows, run, small_network, stopping_at, undisturbed

from rcspike import Circuit, DeviceModel, Network
from rcspike.network import model_files
from rcspike.training import Progress, Settings, checkpoint


def test_a_checkpoint_changes_nothing(tmp_path: Path) -> None:
    network = small_network()
    history = run(network, checkpoint_path=tmp_path / "run")
    expected, expected_history = undisturbed()
    assert_same_weights(network, expected)
    assert rows(history) == rows(expected_history)
    assert os.listdir(tmp_path) == ["run"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("epoch", "batch"), [(1, 1), (2, 1), (3, 2), (EPOCHS, 3)])
def test_an_interrupted_run_resumes_as_if_nothing_had_happened(
    tmp_path: Path, epoch: int, batch: int, dtype: npt.DTypeLike
) -> None:
    settings: dict[str, Any] = {"validation": 0.2, "devices": DeviceModel(lognormal=0.2, stuck_off=0.1), "warm_up": 1.5}
    path = tmp_path / "run"
    with pytest.raises(EOFError):
        run(small_network(dtype), progress=stopping_at(epoch, batch, EOFError), checkpoint_path=path, **settings)
    assert path.exists() == (epoch > 1)
    resumed, expected = small_network(dtype), small_network(dtype)
    seen: list[Progress] = []
    history = run(resumed, progress=seen.append, checkpoint_path=path, **settings)
    assert seen[0].epoch == epoch
    assert rows(history) == rows(run(expected, **settings))
    assert_same_weights(resumed, expected)


def test_a_run_that_is_over_is_only_read_back(tmp_path: Path) -> None:
    first = small_network()
    history = run(first, checkpoint_path=tmp_path / "run")
    again = small_network()
    seen: list[Progress] = []
    read_back = run(again, checkpoint_path=tmp_path / "run", progress=seen.append)
    assert rows(read_back) == rows(history)
    assert [epoch.seconds for epoch in read_back] == [epoch.seconds for epoch in history]
    assert not seen
    assert_same_weights(again, first)


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run"

    def pull_the_plug(at: Progress) -> None:
        if at.epoch == 3:
            monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("no space left")))
            monkeypatch.setattr(os, "replace", lambda *_, **__: (_ for _ in ()).throw(OSError("no space left")))

    with pytest.raises(OSError, match="no space left"):
        run(small_network(), checkpoint_path=path, progress=pull_the_plug)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["run"]
    network = small_network()
    run(network, checkpoint_path=path)
    assert_same_weights(network, undisturbed()[0])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", EPOCHS + 1),
        ("batch_size", 17),
        ("learning_rate", 0.003),
        ("decay", "constant"),
        ("temperature", 0.08),
        ("temporal_penalty", 0.02),
        ("t_ref", 0.8),
        ("energy_penalty", 0.1),
        ("weight_decay", 0.2),
        ("noise", 0.03),
        ("validation", 0.1),
        ("seed", 4),
        ("devices", DeviceModel(levels=4)),
    ],
)
def test_the_checkpoint_of_other_settings_is_rejected_and_the_setting_named(
    tmp_path: Path, name: str, value: Any
) -> None:
    run(small_network(), checkpoint_path=tmp_path / "run")
    network = small_network()
    with pytest.raises(
        ValueError, match=rf"run is the checkpoint of another run: its {name} is .*, not {re.escape(str(value))}"
    ):
        run(network, checkpoint_path=tmp_path / "run", **{name: value})
    assert_same_weights(network, small_network())


@pytest.mark.parametrize("what", ["weights", "sizes", "dtype", "circuit", "data"])
def test_the_checkpoint_of_another_start_is_rejected(tmp_path: Path, what: str) -> None:
    run(small_network(), checkpoint_path=tmp_path / "run")
    network = {
        "weights": Network.create([9, 7, 3], Circuit(), seed=2),
        "sizes": Network.create([9, 8, 3], Circuit(), seed=1),
        "dtype": small_network(np.float64),
        "circuit": Network(small_network().weights, Circuit(v_syn=2.0)),
        "data": small_network(),
    }[what]
    data = made_up(seed=41) if what == "data" else made_up()
    with pytest.raises(ValueError, match="checkpoint of another run: initial weights, circuit or data differ"):
        run(network, data=data, checkpoint_path=tmp_path / "run")


Tensors = dict[str, npt.NDArray[Any]]


def without_the_last_layer(tensors: Tensors, header: dict[str, Any]) -> None:
    for name in [name for name in tensors if name.endswith(".1")]:
        del tensors[name]


def of_another_precision(tensors: Tensors, header: dict[str, Any]) -> None:
    tensors["second_moments.1"] = tensors["second_moments.1"].astype(np.float64)


@pytest.mark.parametrize(
    "damage",
    [
        lambda tensors, header: tensors.pop("weights.1"),
        lambda tensors, header: tensors.pop("first_moments.0"),
        without_the_last_layer,
        of_another_precision,
        lambda tensors, header: tensors.update({"weights.0": tensors["weights.0"].T}),
        lambda tensors, header: header.pop("history"),
        lambda tensors, header: header.pop("run"),
        lambda tensors, header: header.update(history=5),
        lambda tensors, header: header.update(history=[]),
        lambda tensors, header: header["history"].pop(0),
        lambda tensors, header: header["history"][0].pop("loss"),
        lambda tensors, header: header["history"][0].update(silent=3),
        lambda tensors, header: header.update(run="one"),
        lambda tensors, header: header["run"].pop("start"),
        lambda tensors, header: header["run"].pop("settings"),
        lambda tensors, header: header["run"]["settings"].pop("epochs"),
        lambda tensors, header: header["run"]["settings"].update(devices="DeviceModel()"),
    ],
)
def test_a_checkpoint_that_lacks_or_mixes_something_is_rejected(
    tmp_path: Path, damage: Callable[[Tensors, dict[str, Any]], Any]
) -> None:
    path = tmp_path / "run"
    run(small_network(), epochs=2, checkpoint_path=path)
    tensors, header = model_files.read(path, "checkpoint")
    damage(tensors, header)
    model_files.write(path, "checkpoint", tensors, header)
    network = small_network()
    with pytest.raises(ValueError, match=r"run is (not a whole rcspike checkpoint|damaged): "):
        run(network, epochs=2, checkpoint_path=path)
    assert_same_weights(network, small_network())


def test_settings_may_be_numbers_of_numpy(tmp_path: Path) -> None:
    settings = {"noise": np.float32(0.25), "batch_size": np.int64(16), "validation": 0}
    network = small_network()
    run(network, checkpoint_path=tmp_path / "run", **settings)
    again = small_network()
    run(again, checkpoint_path=tmp_path / "run", **settings, seed=np.uint8(3))
    assert_same_weights(again, network)


def test_a_checkpoint_keeps_the_settings_that_are_not_the_defaults(tmp_path: Path) -> None:
    run(small_network(), checkpoint_path=tmp_path / "run", devices=DeviceModel(levels=4))
    settings = model_files.read(tmp_path / "run", "checkpoint")[1]["run"]["settings"]
    given = {"epochs": EPOCHS, "batch_size": 16, "noise": 0.02, "seed": 3, "temporal_penalty": 0.01}
    assert settings == given | {"devices": {"levels": 4}, "dataset": "made up"}


@pytest.mark.parametrize(
    ("name", "default", "other"),
    [("weight_decay", 0.0, 0.5), ("energy_penalty", 0.0, 0.5), ("validation", 0.0, 0.25), ("offset", 0.0, 0.1)],
)
def test_a_checkpoint_that_does_not_have_a_setting_is_resumed_with_its_default(
    tmp_path: Path, name: str, default: float, other: float
) -> None:
    """As when the setting is newer than the checkpoint."""
    path = tmp_path / "run"
    with pytest.raises(EOFError):
        run(small_network(), progress=stopping_at(3, 1, EOFError), checkpoint_path=path)
    assert name not in model_files.read(path, "checkpoint")[1]["run"]["settings"]
    expected = re.escape(f"run is the checkpoint of another run: its {name} is {default}, not {other}")
    with pytest.raises(ValueError, match=expected):
        run(small_network(), checkpoint_path=path, **{name: other})
    network = small_network()
    seen: list[Progress] = []
    run(network, progress=seen.append, checkpoint_path=path, **{name: default})
    assert seen[0].epoch == 3
    assert_same_weights(network, undisturbed()[0])


@dataclass(frozen=True, kw_only=True)
class LaterSettings(Settings):
    """As a later version may have them."""

    momentum: float = 0.0


def test_the_checkpoint_of_a_later_version_with_another_setting_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "run"
    network = small_network()
    history = run(network)
    moments = [np.zeros_like(w) for w in network.weights]
    settings = LaterSettings(epochs=EPOCHS, seed=3, batch_size=16, noise=0.02, temporal_penalty=0.01, momentum=0.5)
    later = checkpoint.Identity(settings, network.circuit, network.parameters, made_up())
    checkpoint.save(path, later, network.parameters, (moments, moments), history)
    with pytest.raises(ValueError, match=r"run is not .*: this version of rcspike does not know its momentum"):
        run(small_network(), checkpoint_path=path)


def test_a_circuit_of_whole_numbers_is_the_same_circuit(tmp_path: Path) -> None:
    run(small_network(circuit=Circuit(v_syn=2)), checkpoint_path=tmp_path / "run")
    run(small_network(circuit=Circuit(e_plus=2.0, e_minus=-2.0)), checkpoint_path=tmp_path / "run")
