"""Python and C++ accept the same model files, and read the same network from them."""

from __future__ import annotations

import os
import random
import shlex
from pathlib import Path

import pytest
from commands import run
from model_files import differences, model_file, verdict
from needs import compiler

import rcspike

ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "src" / "cpp" / "fuzz" / "corpus" / "model"

pytestmark = compiler


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verdicts")
    cxx = shlex.split(os.environ.get("CXX", "c++"))
    source = ROOT / "tests" / "embed" / "verdicts.cpp"
    library = [f"-I{rcspike.get_include()}", rcspike.get_library(), "-pthread"]
    run(*cxx, "-std=c++17", source, *library, "-o", "verdicts", cwd=folder)
    return folder / "verdicts"


def test_python_and_cpp_agree_about_spoiled_model_files(program: Path, tmp_path: Path) -> None:
    files = []
    for seed in range(3000):
        files.append(tmp_path / str(seed))
        files[-1].write_bytes(model_file(random.Random(seed)))
    assert not differences(program, files)
    accepted = sum(verdict(file) != "rejected" for file in files)
    assert 500 < accepted < 2500, "the files should be a mixture"


def test_python_and_cpp_agree_about_the_findings_of_fuzzing(program: Path) -> None:
    files = sorted(CORPUS.iterdir())
    assert files
    assert not differences(program, files)
