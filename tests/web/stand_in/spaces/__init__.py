"""What the `spaces` package of ZeroGPU does to a lent function, without a GPU: put first on the path, it stands in.

As the real one: the function runs in a thread of a forked worker, one per function, which lives on; arguments and
results are pickled; an exception reaches the caller as the name of its class. And what it couldn't know of: each call
and what it booked is a line of $SPACES_LOG.
"""

import json
import multiprocessing
import os
import pickle
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from inspect import iscoroutinefunction
from multiprocessing.connection import Connection
from typing import Any

FORK = multiprocessing.get_context("fork")


def GPU(task: Callable[..., Any], *, duration: Callable[..., int]) -> Callable[..., Any]:  # noqa: N802
    """Lend a GPU to a function; `duration` is given its arguments."""
    if iscoroutinefunction(task):
        raise NotImplementedError
    workers: list[Connection] = []

    @wraps(task)
    def call(*args: Any) -> Any:
        seconds = duration(*args)
        if not workers:
            here, there = FORK.Pipe()
            FORK.Process(target=work, args=(task, there, here), daemon=True).start()
            workers.append(here)
        workers[0].send_bytes(pickle.dumps(args))
        raised, answer = pickle.loads(workers[0].recv_bytes())
        with open(os.environ["SPACES_LOG"], "a") as log:  # noqa: PTH123
            print(json.dumps({"call": args[0], "booked": seconds, "raised": raised}), file=log)
        if raised:
            raise RuntimeError(f"ZeroGPU worker error: {answer}")
        return answer

    return call


def work(task: Callable[..., Any], caller: Connection, other_end: Connection) -> None:
    """The worker's life, which ends with the app's."""
    other_end.close()  # a forked copy, which would keep the pipe open
    os.environ["SPACES_WORKER"] = str(os.getpid())
    while True:
        try:
            args = pickle.loads(caller.recv_bytes())
        except EOFError:
            return
        with ThreadPoolExecutor(1) as executor:
            caller.send_bytes(executor.submit(run, task, args).result())


def run(task: Callable[..., Any], args: tuple[Any, ...]) -> bytes:
    try:
        return pickle.dumps((False, task(*args)))
    except Exception as error:
        traceback.print_exc()
        return pickle.dumps((True, type(error).__name__))
