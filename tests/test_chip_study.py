"""Many chips: files of effects, cases, statistics, and where and how often the chips are made."""

from __future__ import annotations

import json
import math
import re
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import scipy.stats

from rcspike import Circuit, Network, chips, evaluate
from rcspike.chips import ChipLayer, Devices, Jitter, Levels, Measured, Ramp, Stuck, Variation, program
from rcspike.datasets import Dataset
from rcspike.experiments import (
    Case,
    Sample,
    chip_accuracy,
    chip_seeds,
    run_cases,
    single_effect_cases,
    sweep_cases,
)

pytest.importorskip("sklearn")

NOISY = Case("noisy", (Variation(sigma=0.3), Jitter(sigma=0.02)), Devices(on_off=50.0))


@pytest.fixture(scope="module")
def network(digits: Dataset) -> Network:
    """Reads off templates: good enough to lose something."""
    images = digits.train.images.reshape(len(digits.train.labels), -1)
    means = np.array([images[digits.train.labels == label].mean(axis=0) for label in range(10)])
    weights = np.ascontiguousarray((means - means.mean(axis=0)).T / means.max() / 10, dtype=np.float32)
    network = Network([weights], Circuit(v_syn=2.0))
    assert evaluate(network, digits.test) > 0.7
    return network


# Files


def test_a_file_lists_effects_in_its_order(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("target,mean,std\n0,0,0.1\n10,9,0.3\n")
    file = tmp_path / "chip.toml"
    file.write_text(
        "[stuck]\nshare = 0.1\non = 0.5\n[devices]\non_off = 20.0\nw_max = 0.5\n[levels]\nbits = 4\n[measured]\n"
        'file = "table.csv"\nscale = 0.5\n[ramp]\n'
    )
    effects, devices = chips.load(file)
    assert devices == Devices(on_off=20.0, w_max=0.5)
    measured = Measured(target=(0, 10), mean=(0, 9), std=(0.1, 0.3), scale=0.5)
    assert effects == (Stuck(share=0.1, on=0.5), Levels(bits=4), measured, Ramp())


def test_a_table_can_stand_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "chip.toml").write_text("[measured]\ntarget = [0, 10]\nmean = [0, 9]\nstd = [0.1, 0.3]\n")
    effects, _ = chips.load(tmp_path / "chip.toml")
    assert effects == (Measured(target=(0, 10), mean=(0, 9), std=(0.1, 0.3)),)
    assert not program(Network([np.eye(2)], Circuit()), effects, seed=0).is_noisy


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[variation\n", "is not a TOML file"),
        ("[variaton]\nsigma = 1\n", "has 'variaton'; known are devices, .*did you mean 'variation'"),
        ("variation = 0.2\n", r"variation must be a table such as \[variation\], got 0\.2"),
        ("[variation]\nsgma = 0.2\n", r"\[variation\] has 'sgma'; it may have sigma, kind"),
        ("[variation]\n", r"\[variation\] needs sigma"),
        ("[variation]\nsigma = -1\n", "variation: sigma must be finite and at least 0, got -1"),
        ("[variation]\nsigma = 'big'\n", "variation: sigma must be a number, got 'big'"),
        ("[devices]\non_off = 0.5\n", r"on_off must be above 1, got 0\.5"),
        ("[devices]\non_off = 'a'\n", "on_off must be a number, got 'a'"),
        ("[devices]\nw_max = true\n", "w_max must be a number or one for each layer, got True"),
        ("[devices]\nw_max = [1.0, 'b']\n", r"w_max must be a number or one for each layer, got \(1\.0, 'b'\)"),
        ("[levels]\nbits = 'a'\n", "levels: bits must be a number, got 'a'"),
        ("[levels]\nbits = true\n", "levels: bits must be a number, got True"),
        ("[stuck]\nshare = 0.1\nknown = 'false'\n", "stuck: known must be true or false, got 'false'"),
        ("[read_noise]\nproportional = 'no'\n", "read_noise: proportional must be true or false, got 'no'"),
        (
            "[measured]\nfile = 'x.csv'\nmean = [1]\n",
            r"\[measured\] with a file can only have scale in addition, got mean",
        ),
        ("[measured]\nfile = 5\n", r"\[measured\] file must be the name of a CSV file, got 5"),
        ("[measured]\nfile = 'good.csv'\nscale = 'a'\n", "measured: scale must be a number, got 'a'"),
        ("[measured]\ntarget = ['a']\nmean = [1]\nstd = [1]\n", "measured: target must be a number, got 'a'"),
        ("[measured]\ntarget = 1\nmean = 1\nstd = 1\n", "measured: target must be a sequence of numbers, got 1"),
    ],
)
def test_a_file_with_a_mistake_is_rejected(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("target,mean,std\n0,0,1\n10,9,1\n")
    (tmp_path / "chip.toml").write_text(text)
    with pytest.raises(ValueError, match=rf"chip\.toml.*{message}"):
        chips.load(tmp_path / "chip.toml")


def test_the_files_that_the_documentation_shows_are_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "devices.md").read_text(encoding="utf-8")
    for language, name in (("toml", "devices.toml"), ("text", "measured.csv")):
        (block,) = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        (tmp_path / name).write_text(block)
    effects, devices = chips.load(tmp_path / "devices.toml")
    assert devices == Devices(on_off=40.0)
    assert [effect.name for effect in effects] == ["measured", "comparator_offset", "jitter"]


def test_the_documentation_lists_every_effect_with_its_parameters() -> None:
    page = (Path(__file__).parents[1] / "docs" / "devices.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page, re.MULTILINE))
    effects = [kind for name in chips.__all__ if hasattr(kind := getattr(chips, name), "size")]
    assert set(listed) == {effect.name for effect in effects}
    for effect in effects:
        for field in fields(effect):
            assert f"`{field.name}`" in listed[effect.name], f"{effect.name} {field.name}"


# Cases


def test_effects_alone_keep_the_range_that_they_refer_to() -> None:
    cases = single_effect_cases([Variation(sigma=0.1), Jitter()], Devices(on_off=20.0, w_max=0.5))
    assert [(case.name, case.devices) for case in cases] == [
        ("devices alone", Devices(on_off=20.0, w_max=0.5)),
        ("variation alone", Devices(w_max=0.5)),
        ("jitter alone", Devices(w_max=0.5)),
    ]


def test_a_sweep_changes_one_parameter_of_one_effect() -> None:
    effects = (Stuck(share=0.1), Variation(sigma=0.1))
    cases = sweep_cases(effects, Devices(), "stuck", [0.2, 0.3], parameter="on")
    assert [case.effects for case in cases] == [(Stuck(share=0.1, on=on), effects[1]) for on in (0.2, 0.3)]


def test_a_sweep_of_nothing_is_rejected() -> None:
    with pytest.raises(ValueError, match="there is no effect 'jitter' to sweep; there are stuck"):
        sweep_cases([Stuck(share=0.1)], Devices(), "jitter", [0.1])
    with pytest.raises(ValueError, match="stuck has no parameter 'size'"):
        sweep_cases([Stuck(share=0.1)], Devices(), "stuck", [0.1], parameter="size")


def test_statistics_are_those_of_scipy() -> None:
    accuracies = tuple(np.random.default_rng(0).random(37).tolist())
    sample = Sample(Case("x"), accuracies)
    described = scipy.stats.describe(accuracies)
    assert sample.mean == pytest.approx(described.mean, rel=1e-14)
    assert sample.std == pytest.approx(math.sqrt(described.variance), rel=1e-14)
    assert sample.quantile(0.05) == pytest.approx(float(scipy.stats.mstats.mquantiles(accuracies, 0.05, 1, 1)[0]))
    assert sample.share_above(0.5) == sum(a >= 0.5 for a in accuracies) / 37
    assert math.isnan(Sample(Case("x"), (0.5,)).std)


# Chips


def test_a_perfect_chip_is_as_good_as_the_network(network: Network, digits: Dataset) -> None:
    accuracy = chip_accuracy(network, Case("ideal"), digits.test.times, digits.test.labels, seed=0)
    assert accuracy == evaluate(network, digits.test)


def test_more_chips_begin_with_the_same_ones() -> None:
    seeds = chip_seeds(5, 1000)
    assert chip_seeds(5, 10) == seeds[:10]
    assert len(set(seeds)) == 1000
    assert not set(seeds) & set(chip_seeds(6, 1000))
    with pytest.raises(ValueError, match="at least 1 chip, got 0"):
        chip_seeds(0, 0)


@pytest.mark.process
def test_chips_are_the_same_wherever_they_are_made(network: Network, digits: Dataset) -> None:
    (sample,) = run_cases(network, "digits", [NOISY], chips=23, seed=1, workers=2)
    times, labels = digits.test.times, digits.test.labels
    expected = [chip_accuracy(network, NOISY, times, labels, seed=seed) for seed in chip_seeds(1, 23)]
    assert list(sample.accuracies) == expected
    assert sample.std > 0


@pytest.mark.usefixtures("here")
def test_finished_cases_are_not_computed_again(network: Network, tmp_path: Path) -> None:
    other = Case("levels", (Levels(bits=2),))
    first = run_cases(network, "digits", [NOISY], chips=3, seed=1, folder=tmp_path)
    seen: list[int] = []
    both = run_cases(network, "digits", [other, NOISY], chips=3, seed=1, folder=tmp_path, progress=seen.append)
    assert both[1] == first[0]
    assert sum(seen) == 6
    (stored,) = [file for file in (tmp_path / "cases").iterdir() if accuracies_in(file) == [*both[1].accuracies]]
    record = json.loads(stored.read_text())
    stored.write_text(json.dumps(record | {"accuracies": [0.25, 0.5, 0.75]}))  # recognisable
    assert run_cases(network, "digits", [NOISY], chips=3, seed=1, folder=tmp_path)[0].mean == 0.5
    for changed in ({"seed": 2}, {"chips": 2}):
        arguments: dict[str, Any] = {"chips": 3, "seed": 1, **changed}
        assert run_cases(network, "digits", [NOISY], folder=tmp_path, **arguments)[0].mean != 0.5
    for broken in ("{", "[" * 100_000, "5", "{}", '["0.5", 0.5, 0.5]', "[7, 0.5, 0.5]", "[0.5]", f"[{'9' * 400}]"):
        stored.write_text(broken)
        with pytest.raises(ValueError, match=rf"{stored.name} has .*accuracies.*remove it"):
            run_cases(network, "digits", [NOISY], chips=3, seed=1, folder=tmp_path)


@dataclass(frozen=True, kw_only=True)
class Counted(chips.Fixed):
    """A user's own effect, which counts how often it is applied, and draws random numbers or not."""

    draws: bool
    name: ClassVar[str] = "counted"
    size: ClassVar[str] = "draws"
    applied: ClassVar[list[bool]] = []

    @property
    def is_absent(self) -> bool:
        return False

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        self.applied.append(self.draws)
        return replace(layer, plus=layer.plus * (rng.uniform(0.2, 1.0) if self.draws else 0.5))


@pytest.mark.usefixtures("here")
def test_what_is_not_random_is_computed_once_for_all_chips(
    network: Network, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Counted, "applied", [])
    cases = [Case("once", (Counted(draws=False),)), Case("each", (Counted(draws=True),))]
    seen: list[int] = []
    once, each = run_cases(network, "digits", cases, chips=25, seed=1, progress=seen.append)
    # One more of each case, to see whether it draws.
    assert (Counted.applied.count(False), Counted.applied.count(True)) == (2, 26)
    assert (once.is_random, each.is_random, sum(seen)) == (False, True, 50)
    expected = chip_accuracy(network, cases[0], digits.test.times, digits.test.labels, seed=9)
    assert once.accuracies == (expected,) * 25
    assert len(set(each.accuracies)) > 2


@pytest.mark.parametrize(
    ("effect", "is_random"),
    [
        (chips.ProcessCorner(resistance=0.1), False),
        (chips.SupplyDroop(share=0.02), False),
        (Levels(bits=4), False),
        (chips.TimeQuantisation(step=0.02), False),
        (Variation(sigma=0.0), False),
        (Variation(sigma=0.1), True),
        (Jitter(), True),
        (chips.ReadNoise(), True),
    ],
    ids=repr,
)
def test_an_effect_is_random_if_chips_of_two_seeds_differ(effect: chips.Effect, is_random: bool) -> None:
    times = np.random.default_rng(0).random((20, 6), dtype=np.float32)
    small = Network.create([6, 5, 4], Circuit(), seed=0)
    one, other = (program(small, [effect], seed=seed) for seed in (1, 2))
    assert one.is_random is is_random
    same = np.array_equal(one.forward(times, seed=1), other.forward(times, seed=2))
    assert same is not is_random


@pytest.mark.usefixtures("here")
def test_a_stored_case_without_its_classes_is_computed_again(network: Network, digits: Dataset, tmp_path: Path) -> None:
    (first,) = run_cases(network, "digits", [NOISY], chips=3, seed=1, folder=tmp_path)
    answers = program(network, NOISY.effects, seed=chip_seeds(1, 1)[0], devices=NOISY.devices).predict(
        digits.test.times, seed=chip_seeds(1, 1)[0]
    )
    recalls = [np.mean(answers[digits.test.labels == label] == label) for label in range(10)]
    assert (first.balanced[0], first.worst[0]) == pytest.approx((np.mean(recalls), np.min(recalls)))
    (stored,) = (tmp_path / "cases").iterdir()
    content = json.loads(stored.read_text())
    stored.write_text(json.dumps({name: content[name] for name in ("case", "accuracies")}))  # of an earlier version
    assert run_cases(network, "digits", [NOISY], chips=3, seed=1, folder=tmp_path) == [first]
    assert json.loads(stored.read_text()) == content


def accuracies_in(file: Path) -> list[float]:
    accuracies: list[float] = json.loads(file.read_text())["accuracies"]
    return accuracies


@dataclass(frozen=True, kw_only=True)
class Profile(chips.Fixed):
    """A user's own effect, which holds an array."""

    factors: Any
    name: ClassVar[str] = "profile"
    size: ClassVar[str] = "factors"

    @property
    def is_absent(self) -> bool:
        return False

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        return replace(layer, plus=layer.plus * np.resize(self.factors, layer.plus.shape))


TARGET = np.linspace(0, 1, 2001)
STD = np.full(2001, 0.01)
WIDE = np.where((TARGET > 0.2) & (TARGET < 0.8), 0.9, STD)  # as NumPy prints them, both are [0.01 0.01 ... 0.01]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Measured(target=TARGET, mean=TARGET, std=STD), Measured(target=TARGET, mean=TARGET, std=WIDE)),  # type: ignore[arg-type]
        (Profile(factors=STD), Profile(factors=WIDE)),
        (Variation(sigma=0.3), Variation(sigma=math.nextafter(0.3, 1))),
        (Profile(factors=np.float32([0.5, 1.0])), Profile(factors=np.float64([0.5, 1.0]))),
    ],
)
def test_each_case_has_results_of_its_own(network: Network, tmp_path: Path, one: Any, other: Any) -> None:
    cases = [Case("one", (one,)), Case("other", (other,))]
    arguments: dict[str, Any] = {"chips": 2, "seed": 0}
    expected = [run_cases(network, "digits", [case], **arguments)[0] for case in cases]
    stored = [run_cases(network, "digits", [case], folder=tmp_path, **arguments)[0] for case in cases]
    assert stored == expected
    assert len(list((tmp_path / "cases").iterdir())) == 2
    assert [run_cases(network, "digits", [case], folder=tmp_path, **arguments)[0] for case in cases] == expected


@pytest.mark.usefixtures("here")
def test_numbers_of_numpy_are_the_same_case(network: Network, tmp_path: Path) -> None:
    for sigma, w_max in ((0.25, (2.0,)), (np.float64(0.25), np.array([2.0])), (np.float32(0.25), [2])):
        case = Case("x", (Variation(sigma=sigma),), Devices(w_max=w_max))  # type: ignore[arg-type]
        run_cases(network, "digits", [case], chips=1, seed=0, folder=tmp_path)
    assert len(list((tmp_path / "cases").iterdir())) == 1


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("factors", [object(), {1, 2}, np.array([1, None])])
def test_an_effect_without_an_exact_value_is_not_stored(network: Network, tmp_path: Path, factors: Any) -> None:
    case = Case("x", (Profile(factors=factors),))
    with pytest.raises(TypeError, match="cannot be identified by its value"):
        run_cases(network, "digits", [case], chips=1, seed=0, folder=tmp_path)


@pytest.mark.usefixtures("here")
def test_the_file_of_another_case_is_not_taken_for_this_one(network: Network, tmp_path: Path) -> None:
    for sigma in (0.1, 0.2):
        run_cases(network, "digits", [Case("x", (Variation(sigma=sigma),))], chips=1, seed=0, folder=tmp_path)
    one, other = (tmp_path / "cases").iterdir()
    one.write_text(other.read_text())
    with pytest.raises(ValueError, match=f"{one.name} has no accuracies of this case: .* another .*; remove it"):
        for sigma in (0.1, 0.2):
            run_cases(network, "digits", [Case("x", (Variation(sigma=sigma),))], chips=1, seed=0, folder=tmp_path)


@pytest.mark.usefixtures("here")
def test_an_effect_that_is_too_large_stops_the_study(network: Network) -> None:
    with pytest.raises(ValueError, match=r"resistance\[0\] is .*, too large"):
        run_cases(network, "digits", [Case("x", (chips.WireResistance(resistance=1e38),))], chips=1, seed=0)


def test_a_network_of_another_size_is_rejected() -> None:
    with pytest.raises(ValueError, match="the network has 3 inputs but the images have 64 pixels"):
        run_cases(Network([np.eye(3)], Circuit()), "digits", [NOISY], chips=1, seed=0)


# The command


@pytest.mark.usefixtures("here", "place", "drawn")
def test_the_command_leaves_a_table_the_chips_and_a_record(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    from cli_runs import error_line, ran, rcspike_, record, table

    network.save("model.safetensors")
    Path("chip.toml").write_text("[devices]\non_off = 50\n[variation]\nsigma = 0.3\n[jitter]\n")
    words = ["chips", "model.safetensors", "digits", "--nonideal", "chip.toml", "--chips", "4"]
    words += ["--required-accuracy", "0.7", "--sensitivity", "--sweep", "variation=0,0.5", "--out", "out"]
    output = ran(*words)
    rows = table("out/table.csv")
    names = [row["case"] for row in rows]
    assert names[0] == "all effects"
    assert set(names[1:4]) == {"devices alone", "variation alone", "jitter alone"}
    assert names[4:] == ["variation sigma 0", "variation sigma 0.5"]
    means = [float(row["mean"]) for row in rows]
    assert means[1:4] == sorted(means[1:4])  # ranked by what they cost
    chips = table("out/chips.csv")
    assert len(chips) == 6 * 4
    for row in rows:
        of_case = [float(chip["accuracy"]) for chip in chips if chip["case"] == row["case"]]
        assert float(row["mean"]) == pytest.approx(np.mean(of_case), abs=1e-3)  # four digits are written
        assert float(row["yield"]) == pytest.approx(100 * np.mean(np.array(of_case) >= 70), abs=1e-3)
        assert float(row["worst_class"]) <= float(row["balanced"]) <= 100
    assert f"all effects: balanced accuracy {float(rows[0]['balanced']):.2f} %" in output
    assert "tested once, since nothing in them is random: devices alone\n" in output
    assert record("out/chips.json")["command"].startswith("rcspike chips model.safetensors digits")
    drawn = {"chips.svg", "chips.png", "chips-variation-sigma.svg", "chips-variation-sigma.png"}
    assert {path.name for path in Path("out").iterdir()} >= {"cases", *drawn}
    assert re.search(r"layer 1  64 x 10: g from .* nS at 0.188 pF and 1 µs", output)
    assert "--sweep takes EFFECT=SIZE,SIZE" in error_line(rcspike_(*words, "--sweep", "variation"))
    monkeypatch.setattr(ProcessPoolExecutor, "submit", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    stopped = rcspike_(*words[:-1], "stopped")
    assert stopped.exit_code == 130
    assert "stopped after 0 of 24 chips" in stopped.output
    assert "resume with: rcspike chips model.safetensors digits --nonideal chip.toml --chips 4" in stopped.output
