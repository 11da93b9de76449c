"""Commands in other processes. They run outside the checkout, whose source tree would hide the installed package."""

from __future__ import annotations

import os
import shlex
import subprocess
import sysconfig
from pathlib import Path

import rcspike

__all__ = ["EDITABLE", "ENVIRONMENT", "SCRIPTS", "run"]

# Build tools that pip installed come first, whether or not the environment is activated.
SCRIPTS = sysconfig.get_path("scripts")
ENVIRONMENT = {**os.environ, "PATH": os.pathsep.join([SCRIPTS, os.environ["PATH"]])}
EDITABLE = Path(rcspike.__file__).parent != Path(rcspike.get_include()).parent


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """The output of a command, after checking that it succeeds."""
    words = list(map(str, command))
    result = subprocess.run(
        words, cwd=cwd, env={**ENVIRONMENT, **environment}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, f"{shlex.join(words)}\n{result.stdout}{result.stderr}"
    return result.stdout
