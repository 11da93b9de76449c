"""Training: against the loss and Adam written down anew, and that neither threads nor watching change its bits."""

from __future__ import annotations

import csv
import inspect
import math
import os
import pickle
import re
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import oracle
import pytest
from small_runs import EPOCHS, assert_same_weights, made_up, rows, run, small_network, undisturbed
from strategies import Array

from rcspike import Circuit, DeviceModel, History, Network, _core, evaluate, train
from rcspike.datasets import Dataset, Split
from rcspike.functional import charge, fire, schedule, supply_charge
from rcspike.training import Progress, Settings, checkpoint

# What is computed


def plain_loss(
    weights: list[Array], circuit: Circuit, times: Array, labels: Array, shifts: list[Array], settings: dict[str, float]
) -> float:
    """Mean over the samples of cross-entropy over -t_out/tau, gamma sum (t_out - t_ref)^2 and the penalty on energy."""
    energy = 0.0
    for layer, w in enumerate(weights):
        if settings["energy_penalty"] > 0:
            q_plus, q_minus = supply_charge(times, w, circuit)
            e_plus, e_minus = (1 if math.isinf(e) else e for e in (circuit.e_plus, -circuit.e_minus))
            energy += float((e_plus * q_plus - e_minus * q_minus).sum()) / len(labels)
        v = charge(times, w, circuit)
        if layer < len(weights) - 1:
            times = np.maximum(fire(v, circuit) + shifts[layer], 0)
    t = oracle.readout_times(v, circuit.ramp) + shifts[-1]
    logits = -t / settings["temperature"]
    cross_entropy = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels]
    late = (t - settings["t_ref"]) ** 2
    plain = float(np.mean(cross_entropy + settings["temporal_penalty"] * late.sum(axis=1)))
    return plain + settings["energy_penalty"] * energy


def slopes(loss: Callable[[], float], weights: list[Array]) -> list[Array]:
    h = 1e-5
    gradients = [np.empty_like(w) for w in weights]
    for w, g in zip(weights, gradients, strict=True):
        for i in np.ndindex(w.shape):
            here = w[i]
            w[i] = here + h
            there = loss()
            w[i] = here - h
            g[i] = (there - loss()) / (2 * h)
            w[i] = here
    return gradients


@pytest.mark.parametrize("noisy", [False, True], ids=["without noise", "with noise"])
@pytest.mark.parametrize(
    "circuit",
    [Circuit(v_syn=1.5), Circuit.conventional(), Circuit(e_plus=2.0, e_minus=-1.2, diode_drop=0.2, ramp=0.4)],
    ids=["RC", "conventional", "everything"],
)
def test_training_is_adam_on_the_slopes_of_the_loss(
    circuit: Circuit, noisy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = made_up(9)
    times, labels = data.train.times.astype(np.float64), data.train.labels
    rng = np.random.default_rng(41)
    network = Network([rng.normal(0.15, 1.0, size) for size in ((9, 4), (4, 3))], circuit)
    weights = [w.copy() for w in network.weights]
    settings: dict[str, Any] = {"temperature": 0.25, "temporal_penalty": 0.3, "t_ref": 0.8}
    settings["energy_penalty"] = 0.0 if circuit == Circuit(v_syn=1.5) else 0.2
    # One neuron of the hidden layer spikes so early that the phase has not begun: it is cut off from its voltage.
    shifts = (
        [np.array([0.03, -1.5, 0.11, -0.05]), np.array([-0.1, 0.07, 0.02])] if noisy else [np.zeros(4), np.zeros(3)]
    )
    if noisy:
        monkeypatch.setattr(
            "rcspike.training.epochs.spike_time_noise", lambda _, batch, *__: [np.tile(s, (batch, 1)) for s in shifts]
        )

    rate, epochs, path, weight_decay = 0.05, 3, tmp_path / "checkpoint", 0.7 if noisy else 0.0
    history = train(
        network,
        data,
        epochs=epochs,
        seed=0,
        batch_size=99,
        learning_rate=rate,
        weight_decay=weight_decay,
        checkpoint_path=path,
        **settings,
    )

    first, second = ([np.zeros_like(w) for w in weights] for _ in range(2))
    for step in range(epochs):
        loss = plain_loss(weights, circuit, times, labels, shifts, settings)
        # A few dozen roundings of voltages of order 1, divided by the temperature; later the weights differ, see below.
        assert history.epochs[step].loss == pytest.approx(loss, abs=1e-13 if step == 0 else 1e-8)
        gradients = slopes(lambda: plain_loss(weights, circuit, times, labels, shifts, settings), weights)
        assert all(np.abs(g).max() > 0.05 for g in gradients)  # or else nothing is tested
        v = charge(times, weights[0], circuit)[:, 1]
        assert ((v > 0) & (v < 1)).any()
        assert gradients[0][:, 1].any() == (not noisy or settings["energy_penalty"] > 0)  # it still costs energy
        slow = rate * 0.5 * (1 + math.cos(math.pi * step / epochs))
        for w, g, m1, m2 in zip(weights, gradients, first, second, strict=True):
            m1 += 0.1 * (g - m1)
            m2 += 0.001 * (g**2 - m2)
            w *= 1 - slow * weight_decay
            w -= slow * (m1 / (1 - 0.9 ** (step + 1))) / (np.sqrt(m2 / (1 - 0.999 ** (step + 1))) + 1e-8)
    saved = checkpoint.load(path)
    # Differences are off by h^2/6 times a third derivative, of order 1/tau^3: 1e-9. Where a slope itself is that small,
    # its quotient in Adam's step is anything below 1, so these weights are left out.
    for mine, theirs in zip((*first, *second), [m for moments in saved.moments for m in moments.values()], strict=True):
        np.testing.assert_allclose(theirs, mine, rtol=0, atol=5e-9)
    for mine, theirs, m2 in zip(weights, network.weights, second, strict=True):
        steep = m2 > 1e-3 * 1e-4**2
        np.testing.assert_allclose(theirs[steep], mine[steep], rtol=0, atol=1e-4 * rate)
        assert steep.mean() > 0.4


def test_the_first_step_moves_every_weight_against_its_slope_by_the_learning_rate() -> None:
    data, network = made_up(9), Network.create([9, 4, 3], Circuit(), seed=5, dtype=np.float64)
    weights = [w.copy() for w in network.weights]
    settings = {"temperature": 0.25, "temporal_penalty": 0.0, "t_ref": 0.9, "energy_penalty": 0.0}
    times, labels, none = data.train.times.astype(np.float64), data.train.labels, [np.zeros(4), np.zeros(3)]
    gradients = slopes(lambda: plain_loss(weights, Circuit(), times, labels, none, settings), weights)
    train(network, data, epochs=1, seed=0, batch_size=99, learning_rate=0.01, decay="constant", temperature=0.25)
    for w, g, moved in zip(weights, gradients, network.weights, strict=True):
        # g is off by 1e-9, which matters to |g|/(|g| + eps) where it is below 1e-4: there only the size is checked.
        expected = w - 0.01 * g / (np.abs(g) + 1e-8)
        steep = np.abs(g) > 1e-4
        np.testing.assert_allclose(moved[steep], expected[steep], rtol=0, atol=1e-6)
        assert (np.abs(moved - w) <= 0.01 * (1 + 1e-12)).all()
        assert steep.any()


def test_silent_and_saturated_neurons_are_counted() -> None:
    data, rng = made_up(), np.random.default_rng(42)
    network = Network(
        [rng.normal(0.1, 2, size).astype(np.float32) for size in ((9, 8), (8, 6), (6, 3))], Circuit(v_syn=3.0)
    )
    weights, t = network.weights, data.train.times
    silent, saturated = [], []
    for w in weights[:-1]:
        v = charge(t, w, network.circuit)
        silent.append(float(np.mean(v <= 0)))
        saturated.append(float(np.mean(v >= 1)))
        t = fire(v, network.circuit)
    epoch = train(network, data, epochs=1, seed=0, batch_size=999).epochs[0]
    # Of one batch, before it has changed a weight. Counts, so only the quotient is rounded.
    assert epoch.silent == pytest.approx(silent, rel=1e-12)
    assert epoch.saturated == pytest.approx(saturated, rel=1e-12)
    assert all(0 < share < 1 for share in (*silent, *saturated))
    predicted = charge(t, weights[-1], network.circuit).argmax(axis=1)
    assert epoch.train_accuracy == pytest.approx(np.mean(predicted == data.train.labels), rel=1e-12)


@pytest.mark.parametrize("v_syn", [1.0, math.inf])
def test_digits_are_learnt(digits: Dataset, v_syn: float) -> None:
    network = Network.create([64, 40, 10], Circuit(v_syn=v_syn), seed=0)
    before = evaluate(network, digits.test)
    history = train(network, digits, epochs=15, seed=0, learning_rate=0.01)
    assert before < 0.3
    assert history.test_accuracy > 0.9
    assert history.test_accuracy == evaluate(network, digits.test)
    assert history.epochs[-1].loss < 0.3 * history.epochs[0].loss


def test_digits_are_learnt_under_noise(digits: Dataset) -> None:
    network = Network.create([64, 40, 10], Circuit(), seed=0)
    history = train(network, digits, epochs=15, seed=0, learning_rate=0.01, noise=0.02)
    assert history.test_accuracy > 0.9


# What must not change it


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_same_seed_gives_the_same_bits(dtype: npt.DTypeLike) -> None:
    one, other = small_network(dtype), small_network(dtype)
    assert rows(run(one)) == rows(run(other))
    assert one.dtype == dtype
    assert_same_weights(one, other)


def test_another_seed_gives_another_run() -> None:
    assert not np.array_equal(undisturbed()[0].weights[0], undisturbed(seed=4)[0].weights[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_number_of_threads_changes_not_a_bit(dtype: npt.DTypeLike) -> None:
    one, two, all_of_them = (small_network(dtype) for _ in range(3))
    histories = [rows(run(network, threads=n)) for network, n in ((one, 1), (two, 2), (all_of_them, None))]
    assert histories[0] == histories[1] == histories[2]
    assert_same_weights(one, two)
    assert_same_weights(one, all_of_them)


def test_the_global_random_state_plays_no_part() -> None:
    np.random.seed(0)  # noqa: NPY002 - that is the point
    state = pickle.dumps(np.random.get_state())  # noqa: NPY002
    one = undisturbed()[0]
    assert pickle.dumps(np.random.get_state()) == state  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    assert_same_weights(one, undisturbed()[0])


def test_watching_a_run_does_not_change_it() -> None:
    watched = small_network()
    seen: list[Progress] = []
    run(watched, progress=seen.append)
    assert_same_weights(watched, undisturbed()[0])
    n_batches = math.ceil(60 / 16)
    assert [(p.epoch, p.epochs, p.batch, p.n_batches) for p in seen] == [
        (epoch, EPOCHS, batch, n_batches) for epoch in range(1, EPOCHS + 1) for batch in range(1, n_batches + 1)
    ]


def test_noise_changes_the_run_and_what_it_reports() -> None:
    (quiet, quiet_history), (noisy, noisy_history) = undisturbed(noise=0.0), undisturbed(noise=0.1)
    assert not np.array_equal(quiet.weights[0], noisy.weights[0])
    assert quiet_history.epochs[0].loss != noisy_history.epochs[0].loss


# Data and what is reported


class Step(NamedTuple):
    samples: list[int]
    labels: list[int]
    learning_rate: float


def watch_steps(monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    """What the engine will be given to train on, step by step."""
    steps: list[Step] = []
    make = _core.trainer

    class Watched:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        def step(self, events: Any, samples: Array, labels: Array, *rest: Any, **options: Any) -> Any:
            steps.append(Step(samples.tolist(), labels.tolist(), options["learning_rate"]))
            return self.inner.step(events, samples, labels, *rest, **options)

    monkeypatch.setattr(_core, "trainer", lambda *a, **k: Watched(make(*a, **k)))
    return steps


def test_validation_samples_are_kept_apart_from_training(monkeypatch: pytest.MonkeyPatch) -> None:
    data = made_up()
    number = {row.tobytes(): i for i, row in enumerate(data.train.times)}
    assert len(number) == 60  # all images differ, so that each can be recognised
    judged: list[int] = []
    predict = Network.predict

    def watched_predict(network: Network, times: Array, **options: Any) -> Array:
        judged.extend(number[row.tobytes()] for row in times if row.tobytes() in number)
        return predict(network, times, **options)

    monkeypatch.setattr(Network, "predict", watched_predict)
    steps = watch_steps(monkeypatch)
    run(small_network(), data=data, validation=0.25, epochs=2)
    for step in steps:
        np.testing.assert_array_equal(step.labels, data.train.labels[step.samples])
    trained = [sample for step in steps for sample in step.samples]
    assert len(set(judged)) == 15
    assert len(judged) == 2 * 15
    assert set(trained) == set(range(60)) - set(judged)
    assert len(trained) == 2 * 45  # each once an epoch
    assert trained[:45] != trained[45:]  # in another order


def test_a_validation_accuracy_is_reported_if_there_is_a_validation_split() -> None:
    assert all(math.isnan(epoch.validation_accuracy) for epoch in undisturbed()[1])
    for epoch in undisturbed(validation=0.25)[1]:
        # A share of 15 samples.
        assert round(15 * epoch.validation_accuracy) == pytest.approx(15 * epoch.validation_accuracy)


@pytest.mark.parametrize("decay", ["cosine", "constant"])
def test_the_learning_rate_falls_as_a_cosine_or_stays(decay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = watch_steps(monkeypatch)
    history = undisturbed(epochs=3, learning_rate=0.01, decay=decay)[1]
    assert len(steps) == 3 * 4
    expected = [0.01 * (0.5 * (1 + math.cos(math.pi * i / 12)) if decay == "cosine" else 1) for i in range(12)]
    # A few roundings.
    assert [step.learning_rate for step in steps] == pytest.approx(expected, rel=1e-12)
    assert [epoch.learning_rate for epoch in history] == pytest.approx(expected[::4], rel=1e-12)


def test_a_history_holds_every_epoch_in_order(tmp_path: Path) -> None:
    history = undisturbed()[1]
    assert len(history) == EPOCHS
    assert [epoch.epoch for epoch in history] == list(range(1, EPOCHS + 1))
    assert history.test_accuracy == history.epochs[-1].test_accuracy
    history.write_csv(tmp_path / "history.csv")
    with (tmp_path / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in rows] == [epoch.loss for epoch in history]
    assert [float(row["silent_1"]) for row in rows] == [epoch.silent[0] for epoch in history]


def test_an_empty_history_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no epoch"):
        History().write_csv(tmp_path / "history.csv")
    assert not os.listdir(tmp_path)


def test_accuracy_is_the_share_of_labels_that_are_predicted() -> None:
    data, network = made_up(), undisturbed()[0]
    expected = np.mean(network.predict(data.test.times) == data.test.labels)
    assert evaluate(network, data.test) == pytest.approx(expected, rel=1e-12)
    loud = [evaluate(network, data.test, noise=1.0, seed=s) for s in (0, 0, 1, 2, 3)]
    assert loud[0] == loud[1]
    assert len(set(loud)) > 1


# What is refused


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
def test_a_bad_setting_is_refused_with_its_name_and_value(name: str, value: Any) -> None:
    network = small_network()
    with pytest.raises(ValueError, match=rf"{name} must .*got '?{value}".removesuffix(".0")):
        run(network, **{name: value})
    assert_same_weights(network, small_network())


@pytest.mark.parametrize("name", ["learning_rate", "temperature", "weight_decay", "noise", "validation"])
def test_a_setting_that_is_no_number_is_refused_with_its_name_and_value(name: str) -> None:
    with pytest.raises(TypeError, match=rf"{name} must be a number, got 'a'"):
        run(small_network(), **{name: "a"})


def test_devices_that_are_none_are_refused_by_their_type() -> None:
    with pytest.raises(TypeError, match="devices must be a DeviceModel, got str"):
        run(small_network(), devices="x")


def test_train_takes_all_settings_and_describes_each() -> None:
    """`help` and editors show what `Settings` lists, so that a new setting is written in one place."""
    parameters = dict(inspect.signature(train).parameters)
    assert list(parameters)[:4] == ["network", "dataset", "epochs", "seed"]
    others = {"network", "dataset", "checkpoint_path", "threads", "progress"}
    assert parameters.keys() == others | {field.name for field in fields(Settings)}
    described = re.findall(r"^    (\w[\w, ]*) :", (train.__doc__ or "").split("Returns")[0], re.MULTILINE)
    assert sorted(", ".join(described).split(", ")) == sorted(parameters)
    for field in fields(Settings):
        default = inspect.Parameter.empty if field.default is MISSING else field.default
        assert parameters[field.name].default is default


def test_a_keyword_that_is_no_setting_is_named() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'momentum'"):
        run(small_network(), momentum=0.9)
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'seed'"):
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
        with pytest.raises(TypeError, match=f"{name} must be .*, got True"):
            Settings(**{"epochs": 2, "seed": 0, name: True})


def test_a_validation_split_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"validation 0\.999 leaves none of 60 samples to train on"):
        run(small_network(), validation=0.999)


@pytest.mark.parametrize("call", [run, lambda network: evaluate(network, made_up().test)], ids=["train", "evaluate"])
def test_a_network_that_does_not_fit_the_data_is_refused(call: Callable[[Network], Any]) -> None:
    with pytest.raises(ValueError, match="the network has 8 inputs but the images have 9 pixels"):
        call(Network.create([8, 3], Circuit(), seed=0))
    with pytest.raises(ValueError, match="the network has 2 outputs but the data have label 2"):
        call(Network.create([9, 2], Circuit(), seed=0))


def test_a_label_of_the_test_split_alone_is_refused_before_training() -> None:
    data = made_up()
    odd = Dataset("odd", data.train, Split(data.test.images, np.full(30, 3)))
    seen: list[Progress] = []
    with pytest.raises(ValueError, match="the network has 3 outputs but the data have label 3"):
        run(small_network(), data=odd, progress=seen.append)
    assert not seen


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


@pytest.mark.parametrize("batch_size", [16, 999], ids=["in the middle of an epoch", "in its last step"])
def test_a_run_that_diverges_says_so_and_how_to_help(batch_size: int) -> None:
    network = small_network(circuit=Circuit.conventional())
    lower = r"lower learning_rate \(now 1e\+38\) or temporal_penalty \(now 0\.01\)$"
    with pytest.raises(FloatingPointError, match=rf"diverged in epoch 1: .*; {lower}"):
        run(network, learning_rate=1e38, batch_size=batch_size)
