"""Files that are written atomically: their mode, and nothing that other threads or later runs would notice."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from rcspike.tables import write_table

ROWS = [{"v_syn": 1.0, "test_mean": 98.25}]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o027, 0o077], ids=oct)
def test_a_file_has_the_mode_of_any_other_without_a_moment_of_another_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    # The umask belongs to the whole process: a thread that changes it, however briefly, changes it for all.
    before = os.umask(umask)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "umask", lambda mask: pytest.fail(f"umask set to {mask:#o}"))
            write_table(tmp_path / "table.csv", ROWS)
        (tmp_path / "other.csv").write_text("")
    finally:
        os.umask(before)
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("table.csv", "other.csv")}
    assert modes == {0o666 & ~umask}
