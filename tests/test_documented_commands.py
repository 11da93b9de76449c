"""Every command in a shell block of README, CONTRIBUTING and the pages, in the order in which a page prints them.

Commands of rcspike run as printed, in this process, without a network, and with the folders that the lines before them
left. Those on scikit-learn's digits and on a user's own data run to their end. What takes longer is started as printed
and stopped as by Ctrl-C: a training after its first epoch, a sweep or a study of chips after its first job, and a
comparison with ngspice after its first simulation; commands that read its spikes have those of the engine instead.

Digits are few, except in README, which prints their accuracy, and take the place of MNIST and Fashion-MNIST, in a black
frame. The models of the PDK are those of `synthetic_pdk`, and the Dask cluster is in this process.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import runpy
import shlex
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("typer")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
pytest.importorskip("PIL")

from cli_runs import empty_folder, rcspike_, said
from matplotlib.figure import Figure
from needs import ngspice
from pages import PAGES, ROOT, Command, blocks, commands_of, name_of
from rich.progress import Progress as Bars
from synthetic_pdk import write_pdk

from rcspike import Network, datasets, functional, spice
from rcspike.datasets import Dataset, Split

Words = list[str]


# Other programs


def installs_what_there_is(words: Words) -> None:
    """`pip install '.[extra]'`; and `'rcspike[extra]'` for an installed one, as it is not published in a registry."""
    extras = metadata("rcspike").get_all("Provides-Extra") or []
    for word in words[2:]:
        if word.startswith((".", "rcspike")):
            named = set(re.findall(r"\w+", word.removeprefix("rcspike")))
            assert named <= {*extras} and (named or word.startswith(".")), word


def names_a_preset(words: Words) -> None:
    presets = {preset["name"] for preset in json.loads((ROOT / "CMakePresets.json").read_text())["workflowPresets"]}
    assert presets.issuperset(words[words.index("--preset") + 1 :] if "--workflow" in words else [])


def runs_a_file_of_the_checkout(words: Words) -> None:
    if words[1].endswith(".py"):
        text = (ROOT / words[1]).read_text(encoding="utf-8")
        options = {word for word in words[2:] if word.startswith("--")}
        assert all(f'"{option}"' in text for option in options), options
    elif words[1:3] == ["-m", "rcspike"]:
        assert set(words[3:]) <= {"--includes", "--libs", "--cmakedir", "--pkgconfigdir"}  # run by test_embed.py
    else:
        assert words[1:] == ["-m", "venv", ".venv"]


def any_words(words: Words) -> None:
    """Programs that others maintain, for which words cannot be checked without running them."""


OTHERS: dict[str, Callable[[Words], None]] = {
    "pip": installs_what_there_is,
    "cmake": names_a_preset,
    "python": runs_a_file_of_the_checkout,
    "python3": runs_a_file_of_the_checkout,
    **dict.fromkeys((".", "export", "echo", "git", "apt-get", "ngspice"), any_words),  # the shell and its surroundings
    **dict.fromkeys(("c++", "g++", "ninja", "bits", "pre-commit", "pytest", "dask"), any_words),
}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_commands_for_other_programs_name_what_there_is(page: Path) -> None:
    for command in commands_of(page):
        if command.program != "rcspike":
            assert command.program in OTHERS, f"{name_of(page)}: what is {command.words[0]}?"
            OTHERS[command.program](command.words)


# Commands of rcspike

# Digits in place of each data set, for training and for testing.
FEW = {"digits": (100, 120), "mnist": (40, 20), "fashion-mnist": (40, 20)}


def few_images(few: Mapping[str, tuple[int, int]], name: str, **options: Any) -> Dataset:
    """Few digits of 8 x 8, in a black frame as images of 28 x 28 if these stand in for others; other data as it is."""
    if name not in few:
        return load(name, **options)
    digits, edge = load("digits"), 0 if name == "digits" else 10
    parts = zip((digits.train, digits.test), few[name], strict=True)
    frame = ((0, 0), (edge, edge), (edge, edge))
    return Dataset(name, *(Split(np.pad(part.images[:n], frame), part.labels[:n]) for part, n in parts))


load = datasets.load


def is_long(words: Words) -> bool:
    """Whether a command takes more than about 10 s where it is printed."""
    large = {"mnist", "fashion-mnist", "yin-yang", "--architecture"} & {*words}
    simulated = words[1:3] == ["spice", "verify"] and bool({"--end-to-end", "--diode", "--pdk"} & {*words})
    if words[1] == "sweep":  # of a table, or of a few epochs: below 10 s
        return bool(large) or not ("--epochs" in words or words[2].endswith(".csv"))
    return (bool(large) and words[1] in ("train", "chips")) or simulated


@pytest.fixture(scope="session")
def pdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pdk(tmp_path_factory.mktemp("pdk"))


@pytest.fixture
def place(page: Path, tmp_path: Path, pdk: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder without a network, in which figures are drawn empty."""
    connect = socket.socket.connect

    def within_this_machine(own: socket.socket, address: Any) -> None:
        assert address[0] == "127.0.0.1", f"reaches for the network: {address}"
        connect(own, address)

    monkeypatch.setattr(socket.socket, "connect", within_this_machine)
    monkeypatch.setenv("PDK_ROOT", str(pdk))
    monkeypatch.delenv("RCSPIKE_DATA", raising=False)
    # Of these pages, one prints accuracies, and one requires some.
    whole = ("digits",) if page.name in ("README.md", "design-command.md") else ()
    few = {name: n for name, n in FEW.items() if name not in whole}
    monkeypatch.setattr(datasets, "load", partial(few_images, few))

    def savefig(_: Figure, file: Path, **options: Any) -> None:
        if "dpi" not in options:
            file.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')

    monkeypatch.setattr(Figure, "savefig", savefig)
    return empty_folder(tmp_path, monkeypatch)


@contextmanager
def dask_cluster(address: str, patched: pytest.MonkeyPatch) -> Iterator[None]:
    """A Dask cluster in this process, which answers at the address that a page prints."""
    import distributed

    here: dict[str, Any] = {"protocol": "tcp", "host": "127.0.0.1", "dashboard_address": None, "local_directory": "."}
    client = distributed.Client
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, **here) as cluster:
        addresses = {address: cluster.scheduler_address}
        patched.setattr(distributed, "Client", lambda printed, **options: client(addresses[printed], **options))
        yield


def run(words: Words, *, whole: bool, fails: bool = False) -> str:
    """What a command says, run to its end or to the end of its first epoch, job or simulation."""
    seen: list[str] = []
    update, start, simulations = Bars.update, subprocess.Popen.__init__, itertools.count()
    jobs = itertools.count()

    def one_epoch(bars: Bars, *arguments: Any, description: str = "", **options: Any) -> None:
        update(bars, *arguments, description=description, **options)
        seen[:] = seen or [description]
        if description != seen[0]:
            raise KeyboardInterrupt

    def one_simulation(*arguments: Any, **options: Any) -> None:
        if next(simulations):
            raise KeyboardInterrupt
        start(*arguments, **options)

    def first_job(finish: Callable[..., Any]) -> Callable[..., Future[Any]]:
        def submit(pool: Any, function: Any, *arguments: Any, **options: Any) -> Future[Any]:
            future: Future[Any] = Future()
            if function is not int and next(jobs) and not whole:
                future.set_exception(KeyboardInterrupt())
            else:
                future.set_result(finish(pool, function, *arguments, **options))
            return future

        return submit

    dask = words[words.index("--dask") + 1] if "--dask" in words else None
    with pytest.MonkeyPatch.context() as patched, dask_cluster(dask, patched) if dask else nullcontext():
        patched.setattr(ProcessPoolExecutor, "submit", first_job(lambda _, job, *a, **options: job(*a, **options)))
        if dask:
            from distributed.cfexecutor import ClientExecutor

            submit = ClientExecutor.submit
            patched.setattr(ClientExecutor, "submit", first_job(lambda *a, **options: submit(*a, **options).result()))
        if not whole:
            patched.setattr(Bars, "update", one_epoch)
            patched.setattr(subprocess.Popen, "__init__", one_simulation)
            patched.setattr(os, "cpu_count", lambda: 1)  # and so the others wait for the first
        result = rcspike_(*words[1:])
    expected = (2,) if fails else (0,) if whole else (0, 130)
    assert result.exit_code in expected, f"{shlex.join(words)}\n{result.output}"
    return said(result)


def leave_spikes(words: Words) -> None:
    """Spike times of the engine in the folder of a comparison that was stopped, for the commands that read them."""
    model, out = Path(words[3]), Path(words[words.index("--out") + 1])
    network = Network.load(model / "model.safetensors" if model.is_dir() else model)
    times = datasets.load(words[4]).test.times[:16].astype(np.float64)
    switched = replace(network.circuit, delay=0.02, injection=(4e-4, -7e-4))
    t = functional.fire(functional.charge(times, network.weights[0].astype(np.float64), switched), switched)
    image, neuron = np.indices(t.shape).reshape(2, -1)
    out.mkdir()
    spice.write_csv(spice.Measurements(image, neuron, t.ravel() * 1e-6), out / "spikes-layer1.csv")


def plain(text: str) -> str:
    """Without what differs from run to run: the speed, and the spaces of a table."""
    return " ".join(re.sub(r"[\d,]+ samples/s", "samples/s", text).split())


def files_of(page: Path) -> None:
    """Leave the files that a page has as text here: its settings, and the data of its walks."""
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.language == "toml" and page.name == "quickstart.md":
            Path("run.toml").write_text(block.code)
        if block.language == "python" and (page.name == "own-data-walks.md" or 'savez("wine.npz"' in block.code):
            exec(block.code, {})


def of_rcspike(page: Path) -> list[Command]:
    return [command for command in commands_of(page) if command.program == "rcspike"]


PAGES_WITH_COMMANDS = [
    pytest.param(page, marks=ngspice if any("verify" in c.words for c in of_rcspike(page)) else (), id=name_of(page))
    for page in PAGES
    if of_rcspike(page)
]


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES_WITH_COMMANDS)
def test_the_commands_of_a_page_run_in_its_order(page: Path, place: Path) -> None:
    files_of(page)
    for command in commands_of(page):
        words = command.words
        if command.program in ("python", "python3") and words[1].startswith("examples/flowers"):
            runpy.run_path(str(ROOT / words[1]))
        elif command.program in ("echo", "ngspice"):
            text = " ".join(word if word == ">" else shlex.quote(word) for word in words)
            subprocess.run(text, shell=True, check=True, capture_output=True, timeout=60)
        elif command.program != "rcspike":
            continue  # checked above
        else:
            target = None
            if ">" in words:
                target, words = Path(words[words.index(">") + 1]), words[: words.index(">")]
            answer = command.answer
            if answer[:1] and answer[0].startswith("error: "):  # of one line, which the page breaks
                answer = [" ".join(answer)]
            whole = not is_long(words)
            output = run(words, whole=whole, fails=bool(answer) and answer[0].startswith("error: "))
            if words[1:3] == ["spice", "verify"] and not whole and "--out" in words:
                leave_spikes(words)
            if target is not None:
                target.write_text(output)
            if page.name == "README.md" and words[0].startswith(".venv"):
                answer = next(block.code for block in blocks(page.read_text()) if block.language == "text").splitlines()
            for printed in map(plain, answer):
                if words[1] == "spice":  # the last digits are those of another program
                    printed = printed.rstrip("0123456789. ")
                assert printed in plain(output), shlex.join(words)
    if page.name == "README.md":
        assert {path.name for path in place.iterdir()} == {"runs"}
    if page.name == "your-own-data.md":
        report = Path("runs/wine/report.html").read_text(encoding="utf-8")
        for part in ("wine.csv: 9", "barolo", "current sources", "accuracy on chips (rram)", "rcspike chips"):
            assert part in report
