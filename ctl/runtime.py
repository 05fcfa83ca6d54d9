"""Where networks run. On a CPU that is ONNX Runtime: the same outputs as PyTorch's, in half to a third of the time.

A graph is made from a module and its weights when it is first needed, and kept in the user's cache folder, which holds
those that were used last. PyTorch stays for training, for gradients and for GPUs.
"""

import ctypes
import os
import sys
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, Final, Literal
from weakref import WeakSet

import numpy as np
import torch
from platformdirs import user_cache_path
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ctl.errors import InputError
from ctl.files import read_bytes, write_atomic

Backend = Literal["auto", "onnx", "torch"]
BACKENDS: Final[tuple[Backend, ...]] = ("auto", "onnx", "torch")
"""What runs the networks of an analysis: "auto" is ONNX Runtime on a CPU where it is installed, else PyTorch."""

FORMAT: Final = 2
"""Goes up when graphs are made differently."""

KEPT: Final = 1 << 30
"""Bytes of graphs that the cache holds at most. Whoever trains makes one, of 9 MB or more, of every model that is
evaluated."""

AT_ONCE: Final = 6
"""Pictures that one thread takes at once: their maps fit into its cache."""

_ALONE: Final = "alone"  # name in a graph of what a module gives that gives one tensor

_ONE_AT_A_TIME: Final = Lock()  # PyTorch traces for one thread only


def choose_device(name: str) -> torch.device:
    """ "auto" or the name of a device. Raises InputError if this machine has no such device."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=name)
        return torch.device(name)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device {name!r} can't be used here: choose auto or cpu") from error


def synchronise(device: torch.device) -> None:
    """Wait until a GPU has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def runs_onnx(backend: Backend, device: torch.device) -> bool:
    """Whether networks on a device run in ONNX Runtime.

    Raises:
        InputError: it is asked for, and isn't installed or can't run there.
    """
    installed = all(find_spec(package) for package in ("onnx", "onnxruntime"))
    if backend == "onnx" and not installed:
        raise InputError('the backend onnx needs two packages: pip install onnx onnxruntime; or choose "torch".')
    if backend == "onnx" and device.type != "cpu":
        raise InputError(f'the backend onnx runs on a CPU, and the device is {device}: choose "cpu", or "torch".')
    return backend != "torch" and installed and device.type == "cpu"


_RANDOM_FILLS: Final = (Tensor.uniform_, Tensor.normal_, nn.init.uniform_, nn.init.normal_, nn.init.kaiming_uniform_)


class Unfilled(TorchFunctionMode):
    """In this context new layers keep whatever their memory held: for those that read all of their weights, and would
    draw random ones in vain."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in _RANDOM_FILLS:
            return args[0] if args else kwargs["tensor"]
        return function(*args, **(kwargs or {}))


def release_memory() -> None:
    """Give back to the system what was needed for pictures and is kept for those to come: hundreds of MB after finding
    people. It takes some 40 ms."""
    for module in islice(_MODULES, 1):  # all share one store
        module.release()
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "malloc_trim"):
        library.malloc_trim(0)


def each(net: nn.Module, batches: Iterable[Tensor]) -> Iterator[Any]:
    """What a network gives for one batch after the other; in ONNX Runtime several are computed at a time."""
    return net.each(batches) if isinstance(net, OnnxModule) else map(net, batches)


class OnnxModule(nn.Module):
    """A module in evaluation mode that ONNX Runtime runs. It has no parameters, and no gradient comes out of it.

    Each picture is computed by one thread, and as many threads as PyTorch has work beside each other: several on one
    picture would wait for each other in every layer, and leave a fifth of two cores unused.

    Args:
        module: takes one tensor and gives a tensor, or tensors by name.
        example: (B, C, H, W), an input of it; B, H and W may be others later.
    """

    def __init__(self, module: nn.Module, example: Tensor) -> None:
        super().__init__()
        self.weights = weights_digest(module)
        path = user_cache_path("ctl-explorer") / "onnx" / f"{_graph_digest(module, self.weights)}.onnx"
        with _ONE_AT_A_TIME:
            try:
                self._session = _open(read_bytes(path))
                with suppress(OSError):
                    os.utime(path)
            except Exception:  # not there yet, or damaged: whatever is wrong with it, it can be made again
                graph = _graph(module, example)
                self._session = _open(graph)
                with suppress(InputError, OSError):  # a home that can't be written to: it is made at every start
                    write_atomic(path, graph)
                    _make_room(path.parent)
        self._names = [output.name for output in self._session.get_outputs()]
        self._picture_shape = example.shape[1:]
        _MODULES.add(self)

    def forward(self, pictures: Tensor) -> Any:
        """(B, C, H, W) float32 -> what the module gives, on the CPU."""
        pieces = list(self.each(pictures.split(min(AT_ONCE, -(-len(pictures) // torch.get_num_threads())))))
        if len(pieces) == 1:
            return pieces[0]
        if self._names == [_ALONE]:
            return torch.cat(pieces)
        return {name: torch.cat([piece[name] for piece in pieces]) for name in self._names}

    def each(self, batches: Iterable[Tensor]) -> Iterator[Any]:
        """What `forward` gives for one batch after the other. A few are taken ahead."""
        threads = torch.get_num_threads()
        running = deque[Future[Any]]()
        for pictures in batches:
            running.append(_threads(threads).submit(self._run, pictures.detach().contiguous().numpy()))
            if len(running) > threads:
                yield self._named(running.popleft().result())
        while running:
            yield self._named(running.popleft().result())

    def release(self) -> None:
        """Give back what the store of memory holds and nobody uses, which only the end of a run does."""
        from onnxruntime import RunOptions

        options = RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._session.run(None, {"pictures": np.zeros((1, *self._picture_shape), np.float32)}, options)

    def _run(self, pictures: np.ndarray) -> list[np.ndarray]:
        return self._session.run(None, {"pictures": pictures})

    def _named(self, outputs: list[np.ndarray]) -> Any:
        tensors = [torch.from_numpy(output) for output in outputs]
        return tensors[0] if self._names == [_ALONE] else dict(zip(self._names, tensors, strict=True))


_MODULES: Final = WeakSet[OnnxModule]()


def weights_digest(module: nn.Module) -> str:
    """SHA-256 of a module's weights: the same whatever runs them."""
    if isinstance(module, OnnxModule):
        return module.weights
    digest = sha256()
    for name, values in chain(module.named_parameters(), module.named_buffers()):
        digest.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
        digest.update(values.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _graph_digest(module: nn.Module, weights: str) -> str:
    """Names what a graph depends on: layers, weights, and who makes it."""
    return sha256(f"{module!r} {torch.__version__} {FORMAT} {weights}".encode()).hexdigest()[:32]


class _Flat(nn.Module):
    """A module as the exporter wants it: its tensors without their names."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, pictures: Tensor) -> Any:
        outputs = self.module(pictures)
        return tuple(outputs.values()) if isinstance(outputs, dict) else outputs


def _graph(module: nn.Module, example: Tensor) -> bytes:
    """ONNX's form of a module. The exporter that traces is meant: the newer one takes twenty times as long."""
    with warnings.catch_warnings(), torch.inference_mode(), TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # of tracing in general
        file, outputs = Path(folder) / "graph.onnx", module(example)
        torch.onnx.export(
            _Flat(module).eval(),  # else the exporter leaves the module in training mode
            (example,),
            file,
            dynamo=False,
            input_names=["pictures"],
            output_names=list(outputs) if isinstance(outputs, dict) else [_ALONE],
            dynamic_axes={"pictures": {0: "batch", 2: "height", 3: "width"}},
        )
        return file.read_bytes()


def _make_room(folder: Path) -> None:
    """Remove graphs that weren't used for longest. Another process may do so too."""
    left = KEPT
    for file in sorted(folder.glob("*.onnx"), key=lambda file: file.stat().st_mtime_ns, reverse=True):
        left -= file.stat().st_size
        if left < 0:
            file.unlink(missing_ok=True)


def _open(graph: bytes) -> Any:
    """A session that computes in the thread that calls it."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read when it is imported: else it reports to its makers
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.log_severity_level = 3
    _share_memory()
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


@cache
def _threads(count: int) -> ThreadPoolExecutor:
    """The threads in which all graphs are computed, so that together they never have more than PyTorch would."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_threads.cache_clear)  # a forked process starts without them
    return ThreadPoolExecutor(count, "onnx")


@cache
def _share_memory() -> None:
    """One store of memory for all sessions, which grows by what is asked for and not by doubling."""
    import onnxruntime

    place = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(place, onnxruntime.OrtArenaCfg({"arena_extend_strategy": 1}))
