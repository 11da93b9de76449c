"""Many independent jobs on all cores of this machine, or on a Dask cluster."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import pkgutil
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from typing import Any, TypeVar

from rcspike import _core
from rcspike._common.extras import missing_extra

__all__ = ["executor", "run_jobs"]

Job = TypeVar("Job")
Result = TypeVar("Result")

_PATIENCE = 10  # seconds for a Dask cluster to have a worker
_LOSSES = 3  # how often the processes of this machine may die before the jobs on them count as failed


def run_jobs(
    function: Callable[..., Result],
    jobs: Sequence[Job],
    *,
    workers: int | None = None,
    dask: str | None = None,
) -> Generator[tuple[Job, Result | Exception], None, None]:
    """Call ``function(job, threads=...)`` for every job, and yield each job with its result as soon as it is finished.

    A job that raises an exception is yielded with it; other jobs continue. A job whose process dies is run again, by
    Dask or here; if it has died three times, the job is yielded with an OSError.

    Parameters
    ----------
    function : callable
        A function from a module that a worker can import.
    jobs : sequence
        Sent to the workers by pickle.
    workers, dask
        As in `executor`.

    Raises
    ------
    OSError
        As in `executor`; also if Dask's scheduler dies before all jobs are done.

    Examples
    --------
    >>> [(job, sorted(result)) for job, result in run_jobs(dict, [{"seed": 0}], workers=1)]
    [({'seed': 0}, ['seed', 'threads'])]
    """
    left = list(jobs)
    for _ in range(_LOSSES):
        lost: list[Job] = []
        with executor(len(left), workers=workers, dask=dask) as (pool, threads):
            futures: dict[Future[Result], Job] = {}
            for job in left:
                try:
                    futures[pool.submit(function, job, threads=threads)] = job
                except BrokenProcessPool:  # its processes have died already
                    lost.append(job)
            for n_done, future in enumerate(as_completed(futures)):
                if future.cancelled():  # only Dask does this, with all futures, once it has lost its scheduler
                    raise OSError(
                        f"the Dask scheduler at {dask} is gone, with {len(left) - n_done} of {len(jobs)} jobs to do; "
                        "finished results are kept: start the scheduler and the workers again and repeat the command"
                    )
                error = future.exception()
                if isinstance(error, BrokenProcessPool):
                    lost.append(futures[future])
                elif type(error).__name__ == "KilledWorker":  # of Dask, which need not be installed
                    yield futures[future], _died()
                elif isinstance(error, Exception):
                    yield futures[future], error
                elif error is not None:
                    raise error
                else:
                    yield futures[future], future.result()
        if not lost:
            return
        left = lost
    yield from ((job, _died()) for job in left)


def _died() -> OSError:
    return OSError(
        f"its process died {_LOSSES} times: it was killed, as it is when the memory is full, or the files of rcspike "
        "changed in that time; finished results are kept: repeat the command, a sweep with --retry, and with fewer "
        "--workers if the memory was full"
    )


@contextmanager
def executor(n_jobs: int, *, workers: int | None = None, dask: str | None = None) -> Iterator[tuple[Executor, int]]:
    """A ``concurrent.futures.Executor``, and the number of threads for each job such that no core is used by two jobs.

    When the block is left early, by an error or by Ctrl-C, jobs that wait are dropped, and those that run on this
    machine are stopped.

    Parameters
    ----------
    n_jobs : int
        How many jobs there will be.
    workers : int, optional
        Number of processes on this machine; by default the number of cores, or of jobs if that is smaller.
    dask : str, optional
        Address of a Dask scheduler, such as ``tcp://node1:8786``, to use instead of this machine.

    Raises
    ------
    ImportError
        If Dask is asked for and missing.
    OSError
        If no scheduler answers at the address, it has no workers for 10 s, or it or a worker cannot import rcspike or
        has another version, which might give other bits.
    ValueError
        If `workers` is below 1 or given together with `dask`.

    Examples
    --------
    >>> with executor(1, workers=1) as (pool, threads):
    ...     pool.submit(pow, 2, 10).result()
    1024
    """
    if dask is not None:
        if workers is not None:
            raise ValueError(f"workers ({workers}) are those of the Dask cluster at {dask}: leave one of the two out")
        with _dask(dask) as pool:
            yield pool, 1
        return
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    cores = _core.build_config()["threads"]
    n = workers or max(1, min(cores, n_jobs))
    # Spawned, not forked: a fork in the midst of another thread's work can leave a lock held for ever.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(n, mp_context=context, initializer=_begin_worker)
    try:
        with _no_ctrl_c(), suppress(BrokenProcessPool):  # one that dies at its start is noticed by the first job
            for _ in range(n):
                pool.submit(int)  # starts a process
        yield pool, max(1, cores // n)
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _no_ctrl_c() -> Iterator[None]:
    """Block Ctrl-C while child processes start, so that they never receive it, not even before they can ignore it.

    This process receives a blocked Ctrl-C at the end of the block, not between a child's start and its first message.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it would let signals through again as it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    # Not blocked in the threads of libraries, which take it for this one: there is a handler to put off as well.
    put_off: list[int] = []
    handler = signal.getsignal(signal.SIGINT)
    is_ours = callable(handler) and threading.current_thread() is threading.main_thread()
    if is_ours:
        signal.signal(signal.SIGINT, lambda number, _: put_off.append(number))
    try:
        yield
    finally:
        if is_ours:
            signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if put_off:
        signal.raise_signal(signal.SIGINT)


def _begin_worker() -> None:
    """Leave Ctrl-C to the process that started this worker, and do not outlive it, should it be killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def _dask(address: str) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError as error:
        raise missing_extra("a Dask cluster needs dask.distributed", "dask") from error
    try:
        client = Client(  # type: ignore[no-untyped-call]
            address, timeout="5s", set_as_default=False
        )
    except (OSError, ValueError) as error:
        raise OSError(f"no Dask scheduler answers at {address}: {error}") from error
    with _silent("distributed.client"), client:  # its log has a traceback where the error says all
        _check_cluster(client, address)
        pool = client.get_executor(pure=False)  # type: ignore[no-untyped-call]
        try:
            yield pool
        finally:
            pool.shutdown(wait=False)


def _check_cluster(client: Any, address: str) -> None:
    """Raise an error if there are no workers, or if some do not have this version of rcspike."""
    # By a function of the standard library, since one of this package is sent by its name. As a job too, so that a
    # cluster that grows with its load starts a worker.
    question = pkgutil.resolve_name, "rcspike:__version__"
    job = client.submit(*question, pure=False)
    try:
        client.wait_for_workers(1, timeout=_PATIENCE)
    except asyncio.TimeoutError as error:
        raise OSError(
            f"the Dask scheduler at {address} has had no worker for {_PATIENCE} s; start some with: "
            f"dask worker {address} --nthreads 1"
        ) from error
    finally:
        job.release()
    try:
        scheduler = client.run_on_scheduler(*question)
    except (ImportError, AttributeError) as error:
        scheduler = error
    wanted = _core.build_config()["version"]
    for name, answer in {"the scheduler": scheduler, **client.run(*question, on_error="return")}.items():
        if isinstance(answer, OSError):
            continue  # a worker that has died just now; Dask gives its jobs to others
        if answer != wanted:
            found = f"does not have rcspike ({answer})" if isinstance(answer, Exception) else f"has rcspike {answer}"
            raise OSError(
                f"{name} of the Dask cluster at {address} {found}; install rcspike {wanted}, the version used here, "
                "wherever the scheduler and a worker run: another one may give other bits"
            )


@contextmanager
def _silent(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
