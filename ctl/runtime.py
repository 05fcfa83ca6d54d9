"""Where networks run. On a CPU that is ONNX Runtime: the same outputs as PyTorch's, in half to a third of the time.

A graph is made from a module and its weights when it is first needed, and kept in the user's cache folder. PyTorch
stays for training, for gradients and for GPUs.
"""

import warnings
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, Final, Literal

import torch
from platformdirs import user_cache_path
from safetensors.torch import save
from torch import Tensor, nn

from ctl.errors import InputError
from ctl.files import read_bytes, sha256_of, write_atomic

Backend = Literal["auto", "onnx", "torch"]
BACKENDS: Final[tuple[Backend, ...]] = ("auto", "onnx", "torch")
"""What runs the networks of an analysis: "auto" is ONNX Runtime on a CPU where it is installed, else PyTorch."""

FORMAT: Final = 2
"""Goes up when graphs are made differently."""

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


class OnnxModule(nn.Module):
    """A module in evaluation mode that ONNX Runtime runs. It has no parameters, and no gradient comes out of it.

    Args:
        module: takes one tensor and gives a tensor, or tensors by name.
        example: (B, C, H, W), an input of it; B, H and W may be others later.
    """

    def __init__(self, module: nn.Module, example: Tensor) -> None:
        super().__init__()
        path = user_cache_path("ctl-explorer") / "onnx" / f"{_digest(module)}.onnx"
        with _ONE_AT_A_TIME:
            try:
                self._session = _open(read_bytes(path))
            except Exception:  # not there yet, or damaged: whatever is wrong with it, it can be made again
                graph = _graph(module, example)
                self._session = _open(graph)
                with suppress(InputError):  # a home that can't be written to: it is made at every start
                    write_atomic(path, graph)
        self._names = [output.name for output in self._session.get_outputs()]

    @torch.no_grad()
    def forward(self, pictures: Tensor) -> Any:
        """(B, C, H, W) float32 -> what the module gives, on the CPU."""
        outputs = [torch.from_numpy(o) for o in self._session.run(None, {"pictures": pictures.contiguous().numpy()})]
        return outputs[0] if self._names == [_ALONE] else dict(zip(self._names, outputs, strict=True))


def _digest(module: nn.Module) -> str:
    """Names what a graph depends on: layers, weights, and who makes it."""
    tensors = dict(module.named_parameters()) | dict(module.named_buffers())
    weights = save({name: values.contiguous() for name, values in tensors.items()})
    return sha256_of(weights + f"{module!r} {torch.__version__} {FORMAT}".encode())[:32]


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


def _open(graph: bytes) -> Any:
    """A session with as many threads as PyTorch has, which sleep when they have nothing to do: they share the cores."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.log_severity_level = 3
    _share_memory()
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


@cache
def _share_memory() -> None:
    """One store of memory for all sessions, which grows by what is asked for and not by doubling."""
    import onnxruntime

    place = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(place, onnxruntime.OrtArenaCfg({"arena_extend_strategy": 1}))
