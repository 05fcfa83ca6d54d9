"""Processes that share a machine's cores, and that no killed command leaves behind."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from threading import Thread
from typing import Any, Final

from ctl.errors import InputError

_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def available_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def threads_of_children(threads: int) -> Iterator[None]:
    """Processes started within compute with so many threads each, and so their sums always come in one order."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def run_beside(
    work: Callable[..., None], tasks: Sequence[tuple[Any, ...]], processes: int, threads: int, doing: str
) -> Iterator[int]:
    """Call `work` with the arguments of every task, in processes that end with this one.

    Args:
        work: a function of a module.
        tasks: its arguments, one tuple a call.
        processes: how many at once.
        threads: that each computes with.
        doing: what a process does, for the message: "renders".
    Yields:
        the number of each task that ended, as soon as it did. If the caller stops, or a task raises, those that
        haven't begun are left.
    Raises:
        InputError: a process was ended from outside. What tasks raise is raised too.
    """
    with (
        threads_of_children(threads),
        ProcessPoolExecutor(processes, get_context("spawn"), _end_with_parent) as pool,
    ):
        begun = {pool.submit(work, *task): number for number, task in enumerate(tasks)}
        try:
            for job in as_completed(begun):
                job.result()
                yield begun[job]
        except BrokenProcessPool as error:
            raise InputError(
                f"a process that {doing} was ended from outside; run the command again to go on"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _end_with_parent() -> None:
    """A child process ends when its parent is gone, also if killed, and so doesn't go on writing."""
    Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
