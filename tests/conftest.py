"""Settings that every test shares, and the one data set that needs no file."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from rcspike import datasets
from rcspike.datasets import Dataset

# For the workers and for processes that tests start: threads of BLAS wait for each other by spinning, which takes
# matrices of a hundred rows ten times as long on cores that all workers share.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# No deadline: a shared core may stall any example. In CI a change must not fail on an example that no one has seen.
settings.register_profile("rcspike", deadline=None, max_examples=40)
settings.register_profile("rcspike-ci", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("rcspike-ci" if os.environ.get("CI") else "rcspike")

# Each worker of pytest-xdist on a processor of its own: what takes all processors then takes one thread, as the workers
# together take all. Two processes of two threads each that share two processors wait for each other instead.
PROCESSORS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
if PROCESSORS and (worker := os.environ.get("PYTEST_XDIST_WORKER")):
    os.sched_setaffinity(0, {PROCESSORS[int(worker.removeprefix("gw")) % len(PROCESSORS)]})

# Marked `torch`, and not collected where PyTorch is missing: it is too large to come with the tests.
collect_ignore_glob = [] if find_spec("torch") else ["test_torch*.py"]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """PyTorch takes each worker seconds to import, also if the tests that need it are then left out."""
    return True if "not torch" in config.option.markexpr and collection_path.match("test_torch*.py") else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Hardly anything that is made while thousands of tests are collected is garbage, and the search takes seconds."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="count tests that are skipped as failed; for CI")


def failed_if_skipped(report: pytest.TestReport | pytest.CollectReport, config: pytest.Config) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and config.getoption("--no-skips"):
        assert isinstance(report.longrepr, tuple)
        report.outcome, report.longrepr = "failed", f"--no-skips: {report.longrepr[2]}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    failed_if_skipped(report, item.config)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    failed_if_skipped(report, collector.config)
    return report


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return datasets.load("digits")


@pytest.fixture(scope="module")
def all_processors() -> Iterator[None]:
    """From this test to the last one of its file, threads run at the same time."""
    if not PROCESSORS:
        yield
        return
    pinned = os.sched_getaffinity(0)
    run_on(PROCESSORS)
    yield
    run_on(pinned)


def run_on(processors: Iterable[int]) -> None:
    """Set where this process runs: every thread that it has, and so every one that it will start."""
    for thread in os.listdir("/proc/self/task"):
        with suppress(ProcessLookupError):  # it has just ended
            os.sched_setaffinity(int(thread), processors)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory for commands."""
    from cli_runs import empty_folder

    return empty_folder(tmp_path, monkeypatch)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Folders in which a made-up data set is looked for."""
    from idx_files import empty_places

    return empty_places(tmp_path, monkeypatch)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The figures that commands save, without the time to write them."""
    from cli_runs import figures_saved

    return figures_saved(monkeypatch)


@pytest.fixture
def undrawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands save empty figures, except in a test that looks at those drawn."""
    from cli_runs import leave_figures_empty

    if "drawn" not in request.fixturenames:
        leave_figures_empty(monkeypatch)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run all jobs in this process, where it does not matter that they could run in others: it saves seconds."""

    def submit(_: ProcessPoolExecutor, function: Any, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments, **options))
        except Exception as error:
            future.set_exception(error)
        return future

    monkeypatch.setattr(ProcessPoolExecutor, "submit", submit)
