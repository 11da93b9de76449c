"""Consumers in C++ and Cython are built against the installed package, and run."""

from __future__ import annotations

import ctypes
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from commands import EDITABLE, ENVIRONMENT, run
from needs import compiler

import rcspike
from rcspike import Circuit, Network, functional
from rcspike.datasets import Dataset

ROOT = Path(__file__).parents[1]
CONSUMERS = ROOT / "tests" / "embed"
EXAMPLE = ROOT / "examples" / "embed"

pytestmark = compiler  # as all that embeds does


def asked(*words: str, cwd: Path) -> list[str]:
    return run(sys.executable, "-m", "rcspike", *words, cwd=cwd).splitlines()


def registered(group: str) -> Path:
    """The folder that the package names to builds of others."""
    (entry,) = entry_points(group=group, name="rcspike")
    spec = find_spec(entry.value)
    assert spec is not None
    (folder,) = spec.submodule_search_locations or ()
    return Path(folder)


def cmake_build(source: Path, build: Path, *options: str) -> None:
    run("cmake", "-S", source, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", *options, cwd=build.parent)
    run("cmake", "--build", build, cwd=build.parent)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that the command line has trained on the digits."""
    pytest.importorskip("typer")
    pytest.importorskip("sklearn")
    folder = tmp_path_factory.mktemp("trained")
    run(sys.executable, "-m", "rcspike", "train", "--hidden", "20", "--epochs", "3", "--out", "run", cwd=folder)
    return folder / "run" / "model.safetensors"


def test_builds_learn_where_things_are_without_the_command_line_s_requirements(tmp_path: Path) -> None:
    for name in ("typer", "rich"):
        (tmp_path / f"{name}.py").write_text("raise ModuleNotFoundError(name=__name__)\n")
    words = ["--includes", "--libs", "--cmakedir", "--pkgconfigdir"]
    program = [sys.executable, "-m", "rcspike", *words]
    includes, libs, cmakedir, pkgconfigdir = run(*program, cwd=tmp_path, PYTHONPATH=str(tmp_path)).splitlines()
    assert shlex.split(includes) == [f"-I{rcspike.get_include()}"]
    assert shlex.split(libs)[0] == rcspike.get_library()
    assert Path(rcspike.get_include(), "rcspike", "network.h").is_file()
    assert Path(rcspike.get_library()).is_file()
    assert Path(cmakedir, "rcspikeConfig.cmake").is_file()
    assert Path(pkgconfigdir, "rcspike.pc").is_file()


@pytest.mark.parametrize("group", ["cmake.root", "pkg_config"])
@pytest.mark.skipif(EDITABLE, reason="an editable install has these files elsewhere than the package")
def test_other_builds_find_the_package_by_its_name(group: str, tmp_path: Path) -> None:
    word = {"cmake.root": "--cmakedir", "pkg_config": "--pkgconfigdir"}[group]
    assert registered(group) == Path(*asked(word, cwd=tmp_path))


def test_the_package_may_be_moved_and_a_plugin_keeps_the_library_to_itself(tmp_path: Path) -> None:
    installed, moved = Path(rcspike.get_include()).parent, tmp_path / "moved elsewhere"
    for part in ("include", "lib"):
        shutil.copytree(installed / part, moved / part)
    for text in (moved / "lib").rglob("*.[cp]*"):
        assert str(installed) not in text.read_text(), f"{text} knows where it was installed"
    cmake_build(CONSUMERS / "cmake", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={moved}")
    assert run(tmp_path / "build" / "consumer", cwd=tmp_path).strip() == rcspike.__version__
    cache = (tmp_path / "build" / "CMakeCache.txt").read_text()
    assert f"rcspike_DIR:PATH={moved}" in cache
    Network.create([3, 4, 2], Circuit(), seed=0).save(tmp_path / "model")
    (library,) = (tmp_path / "build").glob("*plugin.*")
    plugin = ctypes.CDLL(str(library))
    assert plugin.layers_of(str(tmp_path / "model").encode()) == 2
    assert plugin.layers_of(b"missing") == -1
    if sys.platform == "linux":
        assert not hasattr(plugin, "_ZN7rcspike8validateERKNS_7CircuitE"), "it exports rcspike::validate"


@pytest.mark.parametrize("wanted", ["0.0.1", "0.3", "1.0"])
def test_cmake_does_not_take_a_version_that_promises_no_compatibility(wanted: str, tmp_path: Path) -> None:
    (cmakedir,) = asked("--cmakedir", cwd=tmp_path)
    options = ["-G", "Ninja", f"-Drcspike_ROOT={cmakedir}", f"-DWANTED={wanted}"]
    command = ["cmake", "-S", str(CONSUMERS / "cmake"), "-B", "build", *options]
    result = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert f"version: {rcspike.__version__}" in result.stderr


PKG_CONFIG = f'PKG_CONFIG_PATH="$({shlex.quote(sys.executable)} -m rcspike --pkgconfigdir)" pkg-config'


@pytest.mark.skipif(os.name == "nt", reason="a shell's line")
@pytest.mark.parametrize(
    "flags",
    [f"{PKG_CONFIG} --cflags --libs rcspike", f"{shlex.quote(sys.executable)} -m rcspike --includes --libs"],
    ids=["pkg-config", "Python"],
)
def test_a_compiler_and_printed_flags_are_enough(flags: str, tmp_path: Path) -> None:
    line = f"{os.environ.get('CXX', 'c++')} -std=c++17 {CONSUMERS / 'consumer.cpp'} $({flags}) -o consumer"
    run("sh", "-c", line, cwd=tmp_path)
    assert run(tmp_path / "consumer", cwd=tmp_path).strip() == rcspike.__version__


@pytest.mark.skipif(os.name == "nt", reason="a shell's line")
def test_pkg_config_knows_the_version(tmp_path: Path) -> None:
    assert run("sh", "-c", f"{PKG_CONFIG} --modversion rcspike", cwd=tmp_path).strip() == rcspike.__version__


CYTHON_AGREES = """
import sys
import numpy as np
import rcspike_consumer as consumer
from rcspike import Circuit, Network, __version__, encode, functional as f

model = sys.argv[1]
rng = np.random.default_rng(0)
times, weights, grad = rng.random((5, 7)), rng.normal(0.2, 1, (7, 3)), rng.normal(0, 1, (5, 3))
circuit = Circuit(v_syn=1.5)
same = np.testing.assert_array_equal

v, half, out, grad_times, grad_weights = consumer.layer(times, weights, 1.5, grad)
same(v, f.charge(times, weights, circuit))
same(half, f.trace(times, weights, circuit, np.array([0.5]))[:, :, 0])
same(out, f.fire(v, circuit))
expected = f.charge_vjp(times, weights, circuit, f.fire_vjp(v, circuit, grad))
same(grad_times, expected[0])
same(grad_weights, expected[1])

conductance = np.abs(weights)
v, *grads = consumer.affine(times, weights, conductance, grad)
same(v, f.charge_affine(times, weights, conductance))
for mine, theirs in zip(grads, f.charge_affine_vjp(times, weights, conductance, grad)):
    same(mine, theirs)

assert consumer.first_spikes(np.array([[0.5, 0.25, np.inf, 0.25]], np.float32)) == (3, 2, 1)
assert consumer.version() == __version__
network, images = Network.load(model), rng.random((40, 64)).astype(np.float32)
same(consumer.Classifier(model).voltages(images, 2), network.forward(encode(images)))
for bad, error in (("missing", RuntimeError), (__file__, ValueError)):
    try:
        consumer.Classifier(bad)
    except error as e:
        assert bad in str(e)
    else:
        raise AssertionError(bad)
"""


@pytest.mark.process
@pytest.mark.skipif(EDITABLE, reason="cimport finds the declarations of a package that lies on the path, whole")
def test_a_cython_package_needs_no_flags_and_gives_the_same_bits(tmp_path: Path) -> None:
    source = shutil.copytree(CONSUMERS / "cython", tmp_path / "source")
    options = ["--quiet", "--no-build-isolation", "--no-deps", "--disable-pip-version-check", "--no-index"]
    run(sys.executable, "-m", "pip", "install", *options, "--target", tmp_path / "site", source, cwd=tmp_path)
    Network.create([64, 20, 10], Circuit(v_syn=1.0), seed=0).save(tmp_path / "model")
    (tmp_path / "agrees.py").write_text(CYTHON_AGREES)
    run(sys.executable, "agrees.py", tmp_path / "model", cwd=tmp_path, PYTHONPATH=str(tmp_path / "site"))


def test_the_declarations_for_cython_are_those_of_the_headers() -> None:
    """Every function and type of the public headers stands in core.pxd, but those that only training needs."""
    declared = (Path(rcspike.__file__).parent / "core.pxd").read_text()
    headers = Path(rcspike.get_include(), "rcspike")
    for header in headers.glob("*.h"):
        text = re.sub(r"//.*", "", header.read_text())
        names = re.findall(r"^(?:struct|class) (\w+) (?=[{:])|^\w+ (\w+)\(", text, flags=re.MULTILINE)
        for name in map("".join, names):
            if header.stem != "trainer":
                assert re.search(rf"\b{name}\b", declared), f"{header.name} has {name}, core.pxd has not"


@pytest.fixture(scope="module")
def classify(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's program."""
    folder = tmp_path_factory.mktemp("example")
    (cmakedir,) = asked("--cmakedir", cwd=folder)
    cmake_build(EXAMPLE, folder / "build", f"-Drcspike_DIR={cmakedir}")
    return folder / "build" / "classify"


@pytest.mark.process
def test_the_example_classifies_digits_with_the_same_bits_as_python(
    trained: Path, classify: Path, digits: Dataset, tmp_path: Path
) -> None:
    run(sys.executable, EXAMPLE / "images.py", "digits.csv", cwd=tmp_path)
    *predictions, accuracy = run(classify, trained, "digits.csv", "voltages.bin", cwd=tmp_path).splitlines()

    network, test = Network.load(trained), digits.test
    voltages = network.forward(functional.encode(test.images))
    np.testing.assert_array_equal(np.fromfile(tmp_path / "voltages.bin", np.float32).reshape(voltages.shape), voltages)
    np.testing.assert_array_equal(np.array(predictions, int), network.predict(test.times))
    correct = np.count_nonzero(network.predict(test.times) == test.labels)
    assert accuracy == f"accuracy {correct} of {len(test.labels)}"
    assert correct > 0.8 * len(test.labels)


@pytest.mark.process
def test_the_example_says_what_is_wrong_in_one_line(classify: Path, tmp_path: Path) -> None:
    Network.create([2, 2], Circuit(), seed=0).save(tmp_path / "small")
    Network.create([2, 2], Circuit(), seed=0, dtype=np.float64).save(tmp_path / "double")
    (tmp_path / "images").write_text("1,0.5,0.25\n0,0.5\n")
    for words, error in (
        (["missing", "images"], "no model at missing"),
        (
            ["images", "images"],
            "images is not a whole rcspike model: its header is cut off, or it is not a safetensors file",
        ),
        (["double", "images"], "double holds float64 weights; load it as Network<double>"),
        (["small", "missing"], "no images at missing"),
        (["small", "images"], "images: line 2 is not a label and 2 intensities"),
    ):
        result = subprocess.run([classify, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (result.returncode, result.stderr) == (1, f"error: {error}\n")
