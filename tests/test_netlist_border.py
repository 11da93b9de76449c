"""What a file or a name may bring into a netlist: names and numbers, and nothing that ngspice runs or reads."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import numpy as np
import pytest
from commands import run
from hypothesis import given
from hypothesis import strategies as st
from needs import ngspice
from netlist_lines import foreign_lines, run_watched
from synthetic_pdk import write_pdk

from rcspike import Circuit, Network, PhysicalScale, spice
from rcspike.network import ResistiveLayer
from rcspike.spice import Transistors, find_pdk

CIRCUIT, SCALE = Circuit(v_syn=1.0), PhysicalScale()
TIMES = np.array([0.1, 0.5, np.inf])
WEIGHTS = np.array([[0.9, -0.4], [-0.3, 0.8], [0.5, -0.2]])
GOOD = ".model dio D(is=1e-12 n=1)"
# Forms of a command that ngspice 44 runs in a netlist, after a good card or in the middle of one.
HOSTILE = [
    "*#shell touch CANARY",
    "*# shell touch CANARY",
    "  *#shell touch CANARY",
    "\t*#echo x > CANARY",
    ".control\nshell touch CANARY\n.endc",
    "*ng_script\nshell touch CANARY",
]


def netlist(diode: str = "none", title: str = "a layer") -> str:
    g = spice.layer_conductances(ResistiveLayer(WEIGHTS, CIRCUIT), SCALE)
    return spice.layer_netlist(TIMES, *g, CIRCUIT, SCALE, diode=diode, title=title)


@ngspice
@pytest.mark.parametrize("command", HOSTILE[:5])
def test_ngspice_runs_these_commands_where_they_get_into_a_netlist(command: str, tmp_path: Path) -> None:
    """Otherwise the tests below could not fail."""
    canary = tmp_path / "canary"
    hostile = netlist().replace("\n", f"\n{command.replace('CANARY', str(canary))}\n", 1)
    assert foreign_lines(netlist()) == [] and foreign_lines(hostile) != []
    with pytest.raises(AssertionError, match="canary"):
        run_watched(hostile, tmp_path, canary=canary)


@ngspice
@pytest.mark.parametrize("command", HOSTILE)
@pytest.mark.parametrize("form", ["{card}\n{command}", "{command}\n{card}", ".model dio\n{command}\n+ D(is=1e-12)"])
def test_a_diode_card_runs_no_command(command: str, form: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    card = form.format(card=GOOD, command=command.replace("CANARY", str(canary)))
    try:
        text = netlist(card)
        spice.compare_layer(Network([WEIGHTS], CIRCUIT), TIMES, 1, diode=card)
    except ValueError as error:
        assert "diode" in str(error)
    else:
        assert foreign_lines(text + spice.library(diode=card)) == []
        run_watched(text, tmp_path, canary=canary)
    assert not canary.exists()


@ngspice
@pytest.mark.parametrize("command", HOSTILE)
def test_a_title_runs_no_command(command: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    title = f"x\n{command.replace('CANARY', str(canary))}\\"
    text = netlist(title=title)
    assert foreign_lines(text) == []
    run_watched(text, tmp_path, canary=canary)


@ngspice
def test_the_settings_of_a_user_change_no_simulation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".spiceinit").write_text(f"shell touch {tmp_path}/canary\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    spice.run_ngspice(netlist())
    assert not (tmp_path / "canary").exists()
    (tmp_path / "netlist.cir").write_text(netlist())
    run("ngspice", "-b", "netlist.cir", cwd=tmp_path)
    assert (tmp_path / "canary").exists()  # as a user starts it


# Pieces of cards and of commands, in any order: what is accepted is written as names and numbers.
PIECES = [
    *"\n\r\u2028\x0c+* ()=,;\\{}'\"-.",
    *("*#", "$ ", "//", ".model", "d", "D(", "is=1e-12", "n=1", "rs=1k"),
    *(".control", "shell ls", ".include x", ".end", "1e999"),
]


@given(pieces=st.lists(st.sampled_from(PIECES) | st.characters(), max_size=12), title=st.text(max_size=30))
def test_a_netlist_has_no_line_that_is_not_of_the_package(pieces: list[str], title: str) -> None:
    for card in ("".join(pieces), GOOD + "".join(pieces), f".model dio D(is=1e-12 {''.join(pieces)} n=1)"):
        try:
            assert foreign_lines(netlist(card, title)) == []
        except ValueError as error:
            assert "diode" in str(error)
    assert foreign_lines(netlist(title=title)) == []


@given(pieces=st.lists(st.sampled_from(PIECES) | st.characters(categories=["L", "N", "P", "Z", "Cc"]), max_size=12))
def test_a_pdk_brings_no_line_into_a_netlist(pieces: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    root = write_pdk(tmp_path_factory.mktemp("pdk"))
    bins = root / "cells/nfet_01v8/sky130_fd_pr__nfet_01v8__tt.pm3.spice"
    hostile = "".join(pieces)
    bins.write_text(bins.read_text().replace("+ version = 4.5", f"+ version = 4.5 {hostile}\n"), encoding="utf-8")
    g = spice.layer_conductances(ResistiveLayer(WEIGHTS, CIRCUIT), SCALE)
    try:
        text = spice.transistor_netlist(TIMES, *g, Transistors(pdk=find_pdk(root=root)), title=hostile)
    except ValueError as error:
        assert bins.name in str(error)
    else:
        assert foreign_lines(text) == []


@pytest.mark.parametrize(
    "expression",
    ["1" * 1_000_000, "x" * 1_000_000, "{" + "1." * 400_000 + "}", "(" * 300, "-" * 9_000 + "1", "+".join("1" * 4_000)],
    ids=["digits", "letters", "points", "parentheses", "signs", "terms"],
)
def test_an_expression_of_a_pdk_is_read_in_time_that_grows_with_its_length(expression: str, tmp_path: Path) -> None:
    """Time that grows with the square of a million characters would be hours."""
    root = write_pdk(tmp_path)
    stress = root / "models/parameters/lod.spice"
    stress.write_text(
        stress.read_text().replace("nfet_01v8__kvth0_diff = 0.0", f"nfet_01v8__kvth0_diff = {expression}")
    )
    with pytest.raises(ValueError, match=r"pm3\.spice: .*(expression|not defined)"):
        find_pdk(root=root).fet("nfet_01v8", 0.42e-6, 0.25e-6)


@pytest.mark.parametrize("words", ["y" * 1_000_000, "a = {" * 100_000, "= " * 300_000, "a" + " " * 1_000_000 + "b"])
def test_a_statement_of_a_pdk_is_read_in_time_that_grows_with_its_length(words: str, tmp_path: Path) -> None:
    root = write_pdk(tmp_path)
    stress = root / "models/parameters/lod.spice"
    card = find_pdk(root=root).fet("nfet_01v8", 0.42e-6, 0.25e-6).card
    stress.write_text(f"{stress.read_text()}\n.param {words}\n")
    assert find_pdk(root=root).fet("nfet_01v8", 0.42e-6, 0.5e-6).card.kind == card.kind


@pytest.mark.parametrize(
    "text", ["1e999", "1_0", "0x10", "{1e200*1e200}", "{-1e308*10}", "nan", "inf", "{(-8)^0.5}", "{1/0}"]
)
def test_what_is_not_a_finite_number_of_spice_is_rejected_in_a_pdk(text: str, tmp_path: Path) -> None:
    root = write_pdk(tmp_path)
    bins = root / "cells/nfet_01v8/sky130_fd_pr__nfet_01v8__tt.pm3.spice"
    bins.write_text(bins.read_text().replace("+ version = 4.5", f"+ version = {text}"))
    with pytest.raises(ValueError, match=re.escape(bins.name)):
        find_pdk(root=root).fet("nfet_01v8", 0.42e-6, 0.25e-6)


@pytest.mark.parametrize("command", HOSTILE)
def test_names_of_files_columns_and_classes_bring_no_line_into_a_netlist(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cli_runs import empty_folder, rcspike_

    empty_folder(tmp_path, monkeypatch)
    Network([WEIGHTS], CIRCUIT).save(f"{command}.safetensors")
    rows = [f'{i % 3},{i % 2},"{command if i % 2 else "a"}"' for i in range(12)]
    for column in ("a", command):
        Path(f"{command}.csv").write_text("\n".join([f'"{column}",b,class', *rows]))
        data = f"{command}.csv,complement=no"
        result = rcspike_("spice", "export", f"{command}.safetensors", data, "--neurons", "0", "--out", "layer.cir")
        if result.exit_code == 0:
            assert foreign_lines(Path("layer.cir").read_text()) == []
        else:
            assert result.exit_code == 2 and "control character" in result.output


@ngspice
@pytest.mark.process
def test_some_rounds_of_fuzzing_in_ngspice_create_no_file(tmp_path: Path) -> None:
    pytest.importorskip("typer")
    from border import Border

    border, rng = Border(tmp_path), Random(1)
    for _ in range(25):
        border.round(rng)
    assert all(border.counts[f"{kind} accepted"] for kind in ("card", "models", "names"))
