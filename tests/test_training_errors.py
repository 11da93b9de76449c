"""Training: settings, networks and data that it rejects, and a run that diverges."""

from __future__ import annotations

import inspect
import math
import pydoc
import re
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any

import numpy as np
import pytest
from small_runs import assert_same_weights, made_up, run, small_network

from rcspike import Circuit, DeviceModel, Network, _core, evaluate, train
from rcspike.functional import schedule
from rcspike.training import Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("epochs", -1),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("learning_rate", -0.5),
        ("learning_rate", math.nan),
        ("learning_rate", math.inf),
        ("decay", "sudden"),
        ("temperature", 0.0),
        ("temperature", -0.5),
        ("temperature", math.nan),
        ("temperature", math.inf),
        ("temporal_penalty", -0.5),
        ("temporal_penalty", math.nan),
        ("temporal_penalty", math.inf),
        ("t_ref", math.nan),
        ("t_ref", math.inf),
        ("energy_penalty", -0.5),
        ("energy_penalty", math.nan),
        ("energy_penalty", math.inf),
        ("weight_decay", -0.5),
        ("weight_decay", math.nan),
        ("weight_decay", math.inf),
        ("noise", -0.5),
        ("noise", math.nan),
        ("noise", math.inf),
        ("validation", 1.0),
        ("validation", -0.5),
        ("validation", math.nan),
        ("threads", 0),
    ],
)
def test_a_bad_setting_is_rejected_with_its_name_and_value(name: str, value: Any) -> None:
    network = small_network()
    with pytest.raises(ValueError, match=rf"{name} must .*got '?{value}".removesuffix(".0")):
        run(network, **{name: value})
    assert_same_weights(network, small_network())


@pytest.mark.parametrize("name", ["learning_rate", "temperature", "weight_decay", "noise", "validation"])
def test_a_setting_that_is_not_a_number_is_rejected_with_its_name_and_value(name: str) -> None:
    with pytest.raises(TypeError, match=rf"{name}.*got 'a'"):
        run(small_network(), **{name: "a"})


def test_something_that_is_not_a_device_model_is_rejected_by_its_type() -> None:
    with pytest.raises(TypeError, match=r"devices.*got str"):
        run(small_network(), devices="x")


def test_train_takes_all_settings_and_describes_each() -> None:
    """`help` and editors show what `Settings` lists, so that a new setting is written in one place."""
    parameters = dict(inspect.signature(train).parameters)
    assert list(parameters)[:4] == ["network", "dataset", "epochs", "seed"]
    others = {"network", "dataset", "checkpoint_path", "extend", "threads", "progress", "after_epoch"}
    assert parameters.keys() == others | {field.name for field in fields(Settings)}
    described = re.findall(r"^(\w[\w, ]*) :", (inspect.getdoc(train) or "").split("Returns")[0], re.MULTILINE)
    assert sorted(", ".join(described).split(", ")) == sorted(parameters)
    for field in fields(Settings):
        default = inspect.Parameter.empty if field.default is MISSING else field.default
        assert parameters[field.name].default is default


def test_help_begins_with_a_signature_that_can_be_read() -> None:
    import rcspike

    first, *_ = (
        line for line in pydoc.plain(pydoc.render_doc(rcspike.train)).splitlines() if line.startswith("train(")
    )
    assert first.startswith("train(network, dataset, *, epochs, seed, ")
    assert len(first) < 800 and ": " not in first


@pytest.mark.parametrize(
    ("setting", "value", "hint"),
    [("noise", 5.0, "0.005 to 0.04 are usual"), ("learning_rate", 10.0, "0.0005 to 0.005")],
)
def test_a_setting_that_is_hardly_meant_is_warned_of(setting: str, value: float, hint: str) -> None:
    with pytest.warns(UserWarning, match=f"{setting} {value:g} .*{hint}"):
        run(small_network(), epochs=1, **{setting: value})


def test_a_keyword_that_is_not_a_setting_is_named() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'momentum'"):
        run(small_network(), momentum=0.9)
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'epoch'; did you mean 'epochs'\?"):
        run(small_network(), epoch=3)
    with pytest.raises(TypeError, match=r"train\(\) is missing the argument 'seed', as in train\(network, dataset, "):
        train(small_network(), made_up(), epochs=1)  # type: ignore[call-arg]


def test_settings_validate_themselves_and_hold_numbers_of_python() -> None:
    settings = Settings(epochs=np.int64(2), seed=0, temperature=1, noise=np.float32(0.5))  # type: ignore[arg-type]
    numbers = [settings.epochs, settings.temperature, settings.noise]
    assert [(type(number), number) for number in numbers] == [(int, 2), (float, 1.0), (float, 0.5)]
    assert settings == Settings(epochs=2, seed=0, temperature=1.0, noise=0.5, devices=DeviceModel())
    for name, value in (("temperature", 0.0), ("energy_penalty", -1.0), ("weight_decay", math.inf), ("epochs", 0)):
        with pytest.raises(ValueError, match=f"{name} must be .*, got {value}".removesuffix(".0")):
            Settings(**{"epochs": 2, "seed": 0, name: value})
    for name in ("epochs", "seed", "learning_rate", "t_ref"):
        with pytest.raises(TypeError, match=f"{name}.*got True"):
            Settings(**{"epochs": 2, "seed": 0, name: True})


def test_a_validation_split_that_leaves_nothing_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"validation 0\.999 leaves none of 60 samples to train on"):
        run(small_network(), validation=0.999)


@pytest.mark.parametrize("call", [run, lambda network: evaluate(network, made_up().test)], ids=["train", "evaluate"])
def test_a_network_that_does_not_fit_the_data_is_rejected(call: Callable[[Network], Any]) -> None:
    with pytest.raises(ValueError, match="the network has 8 inputs but the images have 9 pixels"):
        call(Network.create([8, 3], Circuit(), seed=0))
    with pytest.raises(ValueError, match="the network has 2 outputs but the data have label 2"):
        call(Network.create([9, 2], Circuit(), seed=0))


@pytest.mark.parametrize("label", [-1, 3, 2**40])
def test_the_engine_checks_labels_of_its_own(label: int) -> None:
    network = small_network()
    trainer = _core.trainer(
        list(network.weights), network.circuit.core, temperature=0.1, temporal_penalty=0.0, t_ref=0.9
    )
    events = schedule(made_up().train.times)
    with pytest.raises(ValueError, match=rf"label {label} at position 1 must be in \[0, 3\)"):
        trainer.step(events, np.array([0, 1]), np.array([0, label]), [], learning_rate=0.1)
    with pytest.raises(ValueError, match=r"sample 60 does not exist: the schedule has 60"):
        trainer.step(events, np.array([60]), np.array([0]), [], learning_rate=0.1)
    for w, untouched in zip(trainer.weights(), network.weights, strict=True):
        np.testing.assert_array_equal(w, untouched)


@pytest.mark.filterwarnings("ignore:learning_rate 1e")
@pytest.mark.parametrize("batch_size", [16, 999], ids=["in the middle of an epoch", "in its last step"])
def test_a_run_that_diverges_says_so_and_how_to_help(batch_size: int) -> None:
    network = small_network(circuit=Circuit.conventional())
    lower = r"lower learning_rate \(now 1e\+38\) or temporal_penalty \(now 0\.01\)$"
    with pytest.raises(FloatingPointError, match=rf"diverged in epoch 1: .*; {lower}"):
        run(network, learning_rate=1e38, batch_size=batch_size)
