"""With --no-skips, as CI runs the tests, one that would be skipped fails and says why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

TOOLS = ("first", "second", "third", "fourth")
TESTS = """
import pytest

@pytest.mark.skipif(True, reason="missing: first")
def test_marked(): pass

def test_inside(): pytest.skip("missing: second")

@pytest.fixture
def tool(): pytest.skip("missing: third")
def test_fixture(tool): pass

@pytest.mark.xfail
def test_expected(): assert False

def test_passing(): pass
"""
MODULE = """
import pytest
pytest.importorskip("no_such_module", reason="missing: fourth")
def test_it(): pass
"""


def printed(folder: Path, *options: str) -> str:
    """The output of pytest on the tests above, with the settings of these tests."""
    (folder / "test_some.py").write_text(TESTS)
    (folder / "test_module.py").write_text(MODULE)
    (folder / "pytest.ini").write_text("[pytest]\n")
    words = ["-p", "conftest", "-p", "no:cacheprovider", "-c", folder / "pytest.ini", folder, *options]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "--continue-on-collection-errors", *words],
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
    )
    return result.stdout


@pytest.mark.parametrize("distributed", [[], ["-n", "1"]], ids=["one process", "a worker"])
def test_a_skipped_test_fails(tmp_path: Path, distributed: list[str]) -> None:
    said = printed(tmp_path, "--no-skips", *distributed)
    # Those that are skipped before they begin and a module that is skipped are errors.
    assert "1 failed, 1 passed, 1 xfailed, 3 errors" in said
    assert all(f"--no-skips: Skipped: missing: {tool}" in said for tool in TOOLS)


def test_without_the_option_it_is_skipped(tmp_path: Path) -> None:
    said = printed(tmp_path, "-rs")
    assert "1 passed, 4 skipped, 1 xfailed" in said
    assert all(f"missing: {tool}" in said for tool in TOOLS)
