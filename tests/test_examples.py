"""Every script in examples/ runs by itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# tests/test_torch_distributed.py runs the example that needs PyTorch.
SCRIPTS = sorted(
    path
    for path in (Path(__file__).resolve().parents[1] / "examples").glob("*.py")
    if "import torch" not in path.read_text(encoding="utf-8")
)
EXAMPLES = [script for script in SCRIPTS if script.stem != "sklearn_pipeline"]  # that one runs in test_sklearn.py


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_an_example_runs_and_says_something(script: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("sklearn")
    command = [sys.executable, "-W", "error", str(script)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stderr
    assert result.stdout
