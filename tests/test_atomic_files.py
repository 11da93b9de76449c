"""Files that are written atomically: their mode, and nothing that other threads or later runs would notice."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from rcspike.experiments import write_table

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


WRITER = """
import os, signal, sys
from rcspike.training import Epoch, History

class Dying(Epoch):
    def row(self):
        {end}
        sys.stdout.flush()
        signal.pause()

History([Dying(1, 1e-3, 0.5, 0.8, 0.7, 0.75, (), (), 1.0)]).write_csv(sys.argv[1])
"""


@contextmanager
def writer(path: Path, end: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has begun to write the file, and then does this."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER.format(end=end), str(path)], stdout=subprocess.PIPE, text=True, cwd=path.parent
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_the_leftover_of_a_killed_process_is_hidden_and_removed_by_the_next_that_writes(tmp_path: Path) -> None:
    with writer(tmp_path / "history.csv", "os.kill(os.getpid(), signal.SIGKILL)") as process:
        assert process.wait(60) == -signal.SIGKILL
    (leftover,) = names(tmp_path)
    assert leftover.startswith(".")
    write_table(tmp_path / "table.csv", ROWS)  # another file of the same folder
    assert names(tmp_path) == ["table.csv"]


def test_the_temporary_file_of_a_live_process_stays(tmp_path: Path) -> None:
    with writer(tmp_path / "history.csv", "print('writing')") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        before = names(tmp_path)
        write_table(tmp_path / "table.csv", ROWS)
        assert names(tmp_path) == [*before, "table.csv"]
    write_table(tmp_path / "table.csv", ROWS)
    assert names(tmp_path) == ["table.csv"]


def test_a_leftover_of_another_machine_stays_for_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with writer(tmp_path / "history.csv", "os.kill(os.getpid(), signal.SIGKILL)") as process:
        process.wait(60)
    (leftover,) = names(tmp_path)
    monkeypatch.setattr("platform.node", lambda: "another machine, which may not see the lock")
    write_table(tmp_path / "table.csv", ROWS)
    assert names(tmp_path) == [leftover, "table.csv"]
    yesterday = time.time() - 25 * 3600
    os.utime(tmp_path / leftover, (yesterday, yesterday))
    write_table(tmp_path / "table.csv", ROWS)
    assert names(tmp_path) == ["table.csv"]


def test_hidden_files_of_others_are_left_alone(tmp_path: Path) -> None:
    kept = [".gitignore", ".table-0123.csv", "table.csv.bak"]
    for name in kept:
        (tmp_path / name).write_text("mine")
    write_table(tmp_path / "table.csv", ROWS)
    assert names(tmp_path) == sorted([*kept, "table.csv"])


def test_many_threads_that_write_one_file_leave_one_whole_file(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for written in [pool.submit(write_table, tmp_path / "table.csv", ROWS) for _ in range(200)]:
            written.result()
    assert names(tmp_path) == ["table.csv"]
    assert (tmp_path / "table.csv").read_text() == "v_syn,test_mean\n1.0,98.25\n"
