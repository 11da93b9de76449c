"""Sweeps and jobs in other processes: whatever is killed, no result is lost, and the table is the same."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

pytest.importorskip("typer")
pytest.importorskip("sklearn")

from jobs import die, die_once, raise_it
from waiting import wait_until

from rcspike import __version__
from rcspike.experiments import (
    run_jobs,
)

pytestmark = pytest.mark.usefixtures("all_processors")

TESTS = Path(__file__).parent
SMALL = ("digits", "--v-syn", "1,2,inf", "--hidden", "60", "--vary", "epochs=15")  # long enough to be stopped midway


def sweep(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rcspike", "sweep", *words, "--out", str(folder)]
    return subprocess.run(command, cwd=TESTS, capture_output=True, text=True, check=False)


def start_sweep(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "rcspike", "sweep", *words, "--out", str(folder)]
    # A shell that runs tests in the background has them ignore Ctrl-C, and what they start inherits that.
    answer = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "start_new_session": True}
    return subprocess.Popen(command, cwd=TESTS, text=True, preexec_fn=answer, **pipes)


def n_stored(folder: Path) -> int:
    return len([file for file in folder.glob("runs/*.json") if not file.name.startswith(".")])


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole small sweep."""
    folder = tmp_path_factory.mktemp("undisturbed")
    result = sweep(folder, *SMALL)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.mark.process
def test_a_job_whose_process_is_killed_is_run_again(tmp_path: Path) -> None:
    jobs = [str(tmp_path / name) for name in "ab"]
    done = dict(run_jobs(die_once, jobs, workers=2))
    assert set(done) == set(jobs)
    assert all(isinstance(result, int) for result in done.values())


@pytest.mark.process
def test_jobs_whose_processes_die_each_time_come_back_with_an_error_in_words() -> None:
    jobs = list(map(str, range(40)))  # the processes are dead before all of these are handed to them
    done = dict(run_jobs(die, jobs, workers=2))
    assert set(done) == set(jobs)
    for error in done.values():
        assert isinstance(error, OSError)
        assert re.search("died 3 times.*memory.*--retry", str(error))


@pytest.mark.process
def test_a_job_that_raises_comes_back_with_its_error() -> None:
    ((_, error),) = run_jobs(raise_it, [ValueError("no such thing")], workers=1)
    assert isinstance(error, ValueError)
    assert str(error) == "no such thing"


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"workers": 0}, ValueError, "workers.*got 0"),
        ({"workers": 1, "dask": "tcp://127.0.0.1:1"}, ValueError, "leave one of the two out"),
    ],
)
def test_nonsense_is_rejected_before_any_job(arguments: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        next(run_jobs(dict, [{}], **arguments))


@pytest.mark.process
def test_killed_and_started_again_a_sweep_ends_with_the_same_table(undisturbed: Path, tmp_path: Path) -> None:
    process = start_sweep(tmp_path, *SMALL)
    wait_until(lambda: n_stored(tmp_path) >= 3, "for three runs")
    workers = psutil.Process(process.pid).children(recursive=True)
    assert workers
    process.kill()
    process.communicate()
    psutil.wait_procs(workers, timeout=30)
    assert not [worker for worker in workers if worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE]
    kept = n_stored(tmp_path)
    assert not (tmp_path / "table.csv").exists()
    result = sweep(tmp_path, *SMALL)
    assert result.returncode == 0, result.stderr
    assert f"12 runs, {12 - kept} of them to do" in result.stdout
    for name in ("table.csv", "runs.csv", "accuracy.svg"):
        assert (tmp_path / name).read_bytes() == (undisturbed / name).read_bytes()


@pytest.mark.process
def test_ctrl_c_leaves_a_table_of_the_finished_runs_and_says_how_to_resume(undisturbed: Path, tmp_path: Path) -> None:
    process = start_sweep(tmp_path, *SMALL)
    wait_until(lambda: n_stored(tmp_path) >= 2, "for two runs")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.fullmatch(r"stopped with \d+ of 12 runs to do; resume with: rcspike sweep digits .*\n", errors)
    assert 2 <= len(lines(tmp_path / "runs.csv")) < 12
    assert sweep(tmp_path, *SMALL).returncode == 0
    assert (tmp_path / "table.csv").read_bytes() == (undisturbed / "table.csv").read_bytes()


@pytest.mark.process
def test_on_a_dask_cluster_that_loses_a_worker_the_table_is_the_same(undisturbed: Path, tmp_path: Path) -> None:
    from dask.distributed import Client, LocalCluster

    out = tmp_path / "sweep"
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", local_directory=str(tmp_path)
    )
    with cluster, Client(cluster) as client:
        process = start_sweep(out, *SMALL, "--dask", cluster.scheduler_address)
        wait_until(lambda: n_stored(out) >= 2, "for two runs")
        victim = next(iter(client.run(os.getpid).values()))
        os.kill(victim, signal.SIGKILL)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert victim not in client.run(os.getpid).values()
    for name in ("table.csv", "runs.csv"):
        assert (out / name).read_bytes() == (undisturbed / name).read_bytes()


@pytest.mark.process
@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send SIGINT to a group of processes")
@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.5])
def test_ctrl_c_as_the_workers_start_is_one_line(seconds: float, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start_sweep(out, "digits", "--vary", "epochs=10000", "--workers", "2")
    # Two workers, and Python's own tracker of what they share.
    wait_until(lambda: len(psutil.Process(process.pid).children()) >= 3, "the workers have started")
    time.sleep(seconds)  # for a second they import what they need
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the workers too
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.startswith("stopped with 27 of 27 runs to do; resume with: rcspike sweep digits")
    assert errors.count("\n") == 1
    assert not list(out.glob("*.csv"))


@contextmanager
def dask_process(kind: str, *words: str, before: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """A scheduler or a worker in a process of its own, in which a line of Python has run before."""
    code = f"{before}\nfrom distributed.cli.dask_{kind} import main; main()"
    command = [sys.executable, "-c", code, "--no-dashboard", *words]
    process = subprocess.Popen(command, cwd=TESTS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("None", r"does not have rcspike \(.*rcspike"),
        ("types.SimpleNamespace(__version__='0.0.1')", r"has rcspike 0\.0\.1"),
    ],
)
def test_a_dask_worker_without_this_rcspike_is_named(module: str, message: str, tmp_path: Path) -> None:
    from dask.distributed import Client, LocalCluster

    before = f"import sys, types; sys.modules['rcspike'] = {module}"
    message = f"{message}.*; install rcspike {re.escape(__version__)}"
    cluster = LocalCluster(n_workers=0, processes=True, dashboard_address=":0", local_directory=str(tmp_path))
    words = (cluster.scheduler_address, "--no-nanny", "--nthreads", "1", "--local-directory", str(tmp_path))
    with cluster, Client(cluster) as client, dask_process("worker", *words, before=before):
        client.wait_for_workers(1, timeout=60)
        (worker,) = client.run(os.getpid)
        with pytest.raises(OSError, match=f"^{worker} of the Dask cluster at .* {message}"):
            next(run_jobs(dict, [{}], dask=cluster.scheduler_address))


@pytest.mark.long
def test_a_dask_cluster_without_workers_is_named(tmp_path: Path) -> None:
    from dask.distributed import LocalCluster

    options: dict[str, Any] = {"processes": False, "dashboard_address": ":0", "local_directory": str(tmp_path)}
    with (
        LocalCluster(n_workers=0, **options) as cluster,
        pytest.raises(OSError, match=f"has had no worker .*: dask worker {cluster.scheduler_address} --nthreads 1"),
    ):
        next(run_jobs(dict, [{}], dask=cluster.scheduler_address))


@pytest.mark.long
def test_a_dask_cluster_that_starts_workers_when_there_are_jobs_is_one(tmp_path: Path) -> None:
    from dask.distributed import LocalCluster

    options: dict[str, Any] = {"processes": False, "dashboard_address": ":0", "local_directory": str(tmp_path)}
    with LocalCluster(n_workers=0, threads_per_worker=1, **options) as cluster:
        cluster.adapt(minimum=0, maximum=1)
        assert list(run_jobs(dict, [{}], dask=cluster.scheduler_address)) == [({}, {"threads": 1})]


@pytest.mark.long
def test_a_dask_scheduler_that_dies_is_one_line_and_finished_runs_are_kept(tmp_path: Path) -> None:
    file, out = tmp_path / "scheduler.json", tmp_path / "out"
    files = ("--scheduler-file", str(file))
    options = ("--no-nanny", "--nthreads", "1", "--local-directory", str(tmp_path))
    with dask_process("scheduler", *files, "--port", "0") as scheduler, dask_process("worker", *files, *options):
        wait_until(lambda: file.exists() and file.read_text().rstrip().endswith("}"), "for the scheduler")
        address = json.loads(file.read_text())["address"]
        process = start_sweep(out, *SMALL, "--dask", address)
        wait_until(lambda: n_stored(out) >= 2, "for two runs")
        scheduler.kill()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert re.fullmatch(rf"error: the Dask scheduler at {address} is gone, with \d+ of 12 jobs to do; .*\n", errors)
    assert n_stored(out) >= 2


@pytest.mark.process
def test_an_absent_scheduler_is_named(tmp_path: Path) -> None:
    result = sweep(tmp_path / "out", *SMALL, "--dask", "tcp://127.0.0.1:1")
    assert result.returncode == 2
    assert result.stderr.startswith("error: no Dask scheduler answers at tcp://127.0.0.1:1: ")
    assert "Traceback" not in result.stderr


@pytest.mark.process
def test_a_table_has_mean_and_deviation_over_the_seeds(undisturbed: Path) -> None:
    runs, table = lines(undisturbed / "runs.csv"), lines(undisturbed / "table.csv")
    assert len(runs) == 12
    assert [row["v_syn"] for row in table] == ["1.0", "2.0", "inf", ""]
    for row in table:
        same = [run for run in runs if (run["model"], run["v_syn"]) == (row["model"], row["v_syn"])]
        values = [100 * float(run["test_accuracy"]) for run in same]
        assert int(row["n"]) == len(values) == 3
        assert float(row["test_mean"]) == pytest.approx(statistics.mean(values), abs=1e-4)
        assert float(row["test_std"]) == pytest.approx(np.std(values, ddof=1), abs=1e-4)


@pytest.mark.process
def test_a_sweep_records_its_command_and_versions(undisturbed: Path) -> None:
    record = json.loads((undisturbed / "sweep.json").read_text())
    assert record["command"].startswith("rcspike sweep digits --v-syn 1,2,inf --hidden 60 --vary epochs=15")
    assert record["runs"] == 12
    assert {"python", "numpy", "build"} <= set(record)
