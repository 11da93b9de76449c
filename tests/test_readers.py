"""Whatever is in a file that others hand over, it is read, or the error is a ValueError or OSError that names it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jinja2")

from rcspike import Circuit, Network, PhysicalScale, chips, datasets, load_process, spice, train
from rcspike.chips import Devices, Measured
from rcspike.cli import app
from rcspike.datasets import Inputs
from rcspike.experiments import experiment_key, grid, stored_runs
from rcspike.report import write_report
from rcspike.training import checkpoint

EXPERIMENTS = grid(["digits"], v_syn=[1.0], seeds=[0], relu=False)
RUN = f"{experiment_key(EXPERIMENTS[0])}.json"


def stored(file: Path) -> Any:
    """Read as the stored run of a sweep."""
    folder = file.parent / "sweep"
    assert stored_runs(EXPERIMENTS, folder)[0].result is None
    (folder / "runs").mkdir(parents=True)
    (folder / "runs" / RUN).symlink_to(file)
    return stored_runs(EXPERIMENTS, folder)


def reported(file: Path) -> Path:
    return write_report(file.parent, file.parent / "report.html")


READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "devices": ("devices.toml", chips.load),
    "measured devices": ("table.csv", Measured.from_csv),
    "measurements": ("table.csv", spice.read_csv),
    "table of a report": ("table.csv", reported),
    "record of a report": ("run.json", reported),
    "figure of a report": ("figure.svg", reported),
    "run of a sweep": ("stored.json", stored),
}
DIGITS = "9" * 400
DEEP = 100_000

BAD: dict[str, dict[str, str | bytes]] = {
    "devices": {
        "nested lists": "[variation]\nsigma = " + "[" * DEEP,
        "nested tables": "variation = " + "{a = " * 20_000,
        "400 digits": f"[variation]\nsigma = {DIGITS}",
        "5,000 digits": "[variation]\nsigma = " + "9" * 5000,
        "beyond 64 bits": f"[variation]\nsigma = {2**63}",
        "a key of many parts": "a" + ".a" * 20_000 + " = 1",
        "a key of many spaced parts": "1" + " .1" * 20_000 + " = 1",
        "a heading of many parts": "[1e1" + ".1e1" * 20_000 + "]",
        "a key of many quoted parts": '"\u2028,"' + '."\u2028,"' * 20_000 + " = 1",
        "a date": "[variation]\nsigma = 1979-05-27",
        "a table for a number": "[variation]\nsigma = {a = 1}",
        "a null character in a name": '[measured]\nfile = "a\\u0000b"',
        "no UTF-8": b"[variation]\n# \xff",
        "too long": "#" * 2**19,
    },
    "measured devices": {
        "400 digits": f"target,mean,std\n0,0,0\n1,{DIGITS},0\n",
        "a long cell": "target,mean,std\n0,0,0\n1," + "9" * 140_000 + ",0\n",
        "an open quote": 'target,mean,std\n"' + "9" * 140_000,
        "a short row": "target,mean,std\n0,0,0\n1\n",
        "no UTF-8": b"target,mean,std\n\xff,0,0\n",
    },
    "measurements": {
        "400 digits": f"image,neuron,spike_time\n{DIGITS},0,1e-7\n",
        "5,000 digits": f"image,neuron,spike_time\n0,{'9' * 5000},1e-7\n",
        "beyond 64 bits": f"image,neuron,spike_time\n0,{2**63},1e-7\n",
        "a long cell": f"image,neuron,spike_time\n0,0,{'9' * 140_000}\n",
        "a short row": "image,neuron,spike_time\n0\n",
        "no UTF-8": b"image,neuron,spike_time\n\xff,0,0\n",
        "a null character": "image,neuron,spike_time\n\0,0,0\n",
    },
    "table of a report": {"a long cell": "x" * 200_000, "no UTF-8": b"\xff", "too long": "a,b\n" * 2**22},
    "record of a report": {
        "nested": "[" * DEEP,
        "null": '{"command": null}',
        "a number": '{"command": 1}',
        "a list of numbers": '{"command": ["rcspike", 1]}',
        "5,000 digits": '{"command": "x", "a": ' + "9" * 5000 + "}",
        "no UTF-8": b'{"command": "\xff"}',
    },
    "figure of a report": {
        "unknown encoding": '<?xml version="1.0" encoding="unknown"?><svg/>',
        "encoding of several bytes": '<?xml version="1.0" encoding="utf-7"?><svg/>',
        "a growing entity": "<!DOCTYPE svg [<!ENTITY a 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'>"
        + "".join(f"<!ENTITY {b} '{f'&{a};' * 50}'>" for a, b in zip("abcdef", "bcdefg", strict=True))
        + "]><svg>&g;</svg>",
    },
    "run of a sweep": {
        "nested": "[" * DEEP,
        "a number": "5",
        "a number for the result": '{"result": 5, "error": null}',
        "an empty result": '{"result": {}, "error": null}',
        "text for an accuracy": '{"result": {"test_accuracy": "0.5", "seconds": 1}, "error": null}',
        "true for an accuracy": '{"result": {"test_accuracy": true, "seconds": 1}, "error": null}',
        "no energy": '{"result": {"test_accuracy": 0.5, "seconds": 1, "energy_pj": null}, "error": null}',
        "an accuracy of 7": '{"result": {"test_accuracy": 7, "seconds": 1}, "error": null}',
        "a number for the error": '{"result": null, "error": 5}',
        "400 digits": f'{{"result": {{"test_accuracy": {DIGITS}, "seconds": 1}}, "error": null}}',
    },
}
CASES = [(reader, content) for reader, contents in BAD.items() for content in contents]


@pytest.mark.parametrize(("reader", "content"), CASES)
def test_a_hostile_file_is_an_error_that_names_it(tmp_path: Path, reader: str, content: str) -> None:
    name, read = READERS[reader]
    text = BAD[reader][content]
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises((ValueError, OSError)) as caught:
        read(tmp_path / name)
    error = str(caught.value)
    shown = RUN if reader == "run of a sweep" else name
    if content != "a null character in a name":  # there the other file is named
        assert shown in error
    assert len(error) < 1000


@pytest.mark.parametrize("reader", READERS)
def test_a_folder_for_a_file_is_an_error_that_names_it(tmp_path: Path, reader: str) -> None:
    name, read = READERS[reader]
    (tmp_path / name).mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        read(tmp_path / name)
    assert Path(str(caught.value.filename)).resolve() == tmp_path / name


@pytest.mark.parametrize("reader", READERS)
def test_a_file_of_any_length_is_rejected_before_it_is_in_memory(tmp_path: Path, reader: str) -> None:
    name, read = READERS[reader]
    (tmp_path / name).touch()
    os.truncate(tmp_path / name, 2**40)  # sparse: 1 TiB
    with pytest.raises(ValueError, match="is longer than"):
        read(tmp_path / name)


@pytest.mark.parametrize("read", [chips.load, Measured.from_csv, spice.read_csv])
def test_a_name_that_no_file_can_have_is_a_value_error(read: Callable[[str], Any]) -> None:
    with pytest.raises(ValueError, match="null character"):
        read("a\0b")


def test_good_files_of_all_kinds_are_read_as_before(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_bytes(b'\xef\xbb\xbfnote,std,mean,target\r\n"two\nlines",1,2,3\r\n\r\nx,4,5,6\r\n')
    (tmp_path / "devices.toml").write_text(
        '# 1. first ... 2. second\n[measured]\nfile = "points.csv"\nscale = 0.5\n[drift]\ntime = 1_000.5e-1\n'
    )
    effects = chips.load(tmp_path / "devices.toml")[0]
    assert effects[0] == Measured(target=(3, 6), mean=(2, 5), std=(1, 4), scale=0.5)
    assert vars(effects[1])["time"] == 100.05
    columns = ", ".join(f"{i / 2000!r}" for i in range(1, 2002))  # dots of numbers are not those of keys
    (tmp_path / "devices.toml").write_text(f"[measured]\ntarget = [{columns}]\nmean = [{columns}]\nstd = [{columns}]\n")
    assert len(vars(chips.load(tmp_path / "devices.toml")[0][0])["target"]) == 2001
    far = 2**53 + 1
    (tmp_path / "spikes.csv").write_text(f"image,neuron,spike_time\n{far},3,inf\n")
    assert spice.read_csv(tmp_path / "spikes.csv").image.tolist() == [far]


def network() -> Network:
    return Network.create([64, 5, 10], Circuit(v_syn=1.0), seed=0, dtype=np.float64)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: Circuit(v_syn=x),
        lambda x: Circuit(v_syn=1.0, e_plus=x),
        lambda x: Circuit(v_syn=Fraction(x)),
        lambda x: PhysicalScale(window=x),
        lambda x: load_process().with_values(opamp_settling=x),
        lambda x: Devices(w_max=x),
        lambda x: chips.Variation(sigma=x),
        lambda x: network().forward(np.zeros((1, 64)), noise=x, seed=0),
        lambda x: train(network(), datasets.load("digits"), epochs=1, seed=0, learning_rate=x),
    ],
)
def test_an_integer_beyond_every_float_is_a_value_error(make: Callable[[int], Any]) -> None:
    with pytest.raises(ValueError):
        make(10**400)


# --- the command line ---------------------------------------------------------------------------------


def rcspike(*words: str | bytes, **options: Any) -> subprocess.CompletedProcess[str]:
    for needed in ("typer", "rich"):
        pytest.importorskip(needed)
    command = [sys.executable, "-m", "rcspike", *words]
    # Outside the checkout, whose source tree would hide the installed package.
    options = {"stdout": subprocess.PIPE, "cwd": Path(__file__).parent, **options}
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=120, check=False, **options)


def test_a_command_null_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"command": null}')
    result = rcspike("report", str(tmp_path))
    assert result.returncode == 2
    assert result.stderr == f"error: {tmp_path / 'run.json'} has a command that is not text but None\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize(
    ("words", "buffered"), [(["info"], True), (["info"], False), (["--includes"], True), (["spice", "library"], True)]
)
def test_a_full_disk_for_the_output_is_one_line(words: list[str], buffered: bool) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "" if buffered else "1"}
    with open("/dev/full", "w") as full:
        result = rcspike(*words, stdout=full, env=environment)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert result.stderr.endswith("No space left on device\n")
    assert result.stderr.count("\n") == 1


def test_a_device_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a\n1\n")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileExistsError, match="pipe cannot be written: it is not a file"):
        write_report(tmp_path, tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()


def test_a_folder_whose_name_is_not_utf8_is_shown_with_escapes(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/r\xff"
    try:
        os.mkdir(name)
    except OSError:
        pytest.skip("names must be UTF-8 here")
    folder = Path(os.fsdecode(name))
    (folder / "run.json").write_text(json.dumps({"command": f"rcspike train --out {folder}"}))
    result = rcspike("report", name, env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"})
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"{tmp_path}/r\\udcff/report.html\n"
    assert r"<title>r\udcff" in (folder / "report.html").read_text(encoding="utf-8")


# Files that are none, and numbers of other digits


@pytest.fixture
def impatient() -> Iterator[None]:
    """Ends a test that waits for what a pipe gives."""

    def stop(*_: object) -> None:
        raise TimeoutError("a reader waits for a pipe")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


OF_USERS: dict[str, Callable[[Path], Any]] = {
    "own.csv": datasets.load,  # type: ignore[dict-item]
    "own.npz": datasets.load,  # type: ignore[dict-item]
    "table.npz": datasets.is_table,  # type: ignore[dict-item]
    "samples.csv": Inputs((2,), ("a", "b"), datasets.Scaling.fit(np.eye(2), "range")).read,
    "samples": Inputs((2, 2), ("a", "b")).read,
    "sample.png": Inputs((2, 2), ("a", "b")).read,
    "inputs.json": Inputs.load,
    "devices.toml": chips.load,
    "process.toml": load_process,
    "measured.csv": Measured.from_csv,
    "measurements.csv": spice.read_csv,
    "model.safetensors": Network.load,
    "checkpoint.safetensors": checkpoint.load,
    "figure.svg": reported,
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", OF_USERS)
def test_a_pipe_in_the_place_of_a_file_is_an_error_at_once(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises((OSError, ValueError), match=re.escape(name)):
        OF_USERS[name](str(tmp_path / name) if name != "figure.svg" else tmp_path / name)  # type: ignore[arg-type]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.usefixtures("impatient")
def test_a_pipe_in_a_folder_of_images_is_named(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        os.mkfifo(tmp_path / name / "pipe.png")
    with pytest.raises(OSError, match=r"pipe\.png is not a file but a pipe"):
        datasets.load(str(tmp_path))
    with pytest.raises(OSError, match=r"pipe\.png is not a file but a pipe"):
        Inputs((2, 2), ("a", "b")).read(tmp_path)


OTHER_DIGITS = ("1_0", "\u0661\u0660", "\uff11")


@pytest.mark.parametrize("number", OTHER_DIGITS)
@pytest.mark.parametrize(
    ("read", "text"),
    [
        (Measured.from_csv, "target,mean,std\n0,0,0\n1,{},0\n"),
        (spice.read_csv, "image,neuron,spike_time\n0,0,{}\n"),
        (spice.read_csv, "image,neuron,spike_time\n0,{},1e-7\n"),
        (spice.read_csv, "image,neuron,time,voltage\n0,0,1e-7,{}\n"),
        (lambda file: datasets.load(f"{file},test=0.5"), "1,2,a\n{},4,b\n1,2,a\n3,4,b\n"),
    ],
)
def test_a_number_has_the_digits_0_to_9(read: Callable[[Path], Any], text: str, number: str, tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text(text.format("1"), encoding="utf-8")
    read(file)
    file.write_text(text.format(number), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"(?s)table\.csv.*{number}"):
        read(file)


@pytest.mark.parametrize(
    "words",
    [
        "train digits --epochs {}",
        "train digits --v-syn {}",
        "train digits --hidden {}",
        "train digits --architecture conv{}-10",
        "sweep digits --v-syn {}",
        "sweep digits --vary epochs={}",
        "chips model digits --nonideal typical --chips {}",
        "spice export model digits --layer {}",
    ],
)
def test_a_number_that_is_typed_has_the_digits_0_to_9(words: str, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    number = "1_0" if "architecture" not in words else "\u0661"
    network = Network.create([64, 10], Circuit(), seed=0)
    network.save(tmp_path / "model")
    typed = [str(tmp_path / "model") if word == "model" else word.format(number) for word in words.split()]
    result = CliRunner().invoke(app, [*typed, "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert number in result.output
