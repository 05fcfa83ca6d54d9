"""The command in processes of its own, forked from one that has imported what a training needs: that takes seconds."""

import multiprocessing
import os
import sys
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import cv2
import numpy as np

from ctl.__main__ import main

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["accelerate", "ctl.train.engine", "torch._dynamo", "torch.utils.tensorboard", __name__])


def start_command(arguments: Sequence[str], messages: Path, cv2_threads: int = 0) -> BaseProcess:
    """`python -m ctl` with these arguments, as a started process.

    Args:
        messages: a file that takes what it writes to standard error.
        cv2_threads: that cv2 has at work before the command begins.
    """
    process = FORKING.Process(target=_run, args=(arguments, messages, cv2_threads))
    process.start()
    return process


def _run(arguments: Sequence[str], messages: Path, cv2_threads: int) -> None:
    multiprocessing.set_start_method(None, force=True)  # as in any other process: this one was started in another way
    with messages.open("wb") as file:
        os.dup2(file.fileno(), 2)
    if cv2_threads:
        cv2.setNumThreads(cv2_threads)
        cv2.GaussianBlur(np.zeros((2000, 2000, 3), np.uint8), (31, 31), 5)
    sys.exit(main(arguments))
