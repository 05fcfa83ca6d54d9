"""The page as a command: arguments, a temporary folder, exit codes."""

import argparse
import errno
import inspect
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from ctl.options import Commands, add_backend


def add_app(commands: Commands) -> None:
    """`ctl app`."""
    parser = commands.add_parser("app", help="Serve the page.")
    add_arguments(parser)
    parser.set_defaults(run=lambda arguments: leave(run(arguments)))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Every default is also what a Space uses."""
    parser.add_argument("--checkpoint", metavar="ID_OR_PATH", help="default: $CTL_CHECKPOINT, or the bundled one")
    parser.add_argument("--keypoints", default="movenet-thunder", metavar="ID_OR_PATH", help="default: %(default)s")
    parser.add_argument(
        "--gallery", metavar="DIR_OR_URL", help="where enrolled people stay; may be new (default: the demo gallery)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: %(default)s)")
    add_backend(parser)
    parser.add_argument(
        "--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"), help="default: %(default)s"
    )
    parser.add_argument("--port", type=port_number, help="default: the first free one from 7860")


def port_number(value: str) -> int:
    """Raises ValueError, which argparse turns into a usage message."""
    if not 1 <= int(value) <= 65535:
        raise ValueError(value)
    return int(value)


@contextmanager
def without_stubs() -> Iterator[None]:
    """Where Gradio is imported, it reads its own files and writes stubs for editors, for a second. It does without them
    for components that it finds no file of, and here finds none."""
    getfile = inspect.getfile

    def of_others(object: Any) -> str:
        if sys._getframe(1).f_globals.get("__name__") == "gradio.component_meta":
            raise OSError
        return getfile(object)

    inspect.getfile = of_others
    try:
        yield
    finally:
        inspect.getfile = getfile


def load_and_serve(arguments: argparse.Namespace, folder: Path) -> None:
    """Load the models and serve the page until it is stopped.

    Args:
        folder: private; uploads and results go there.
    Raises:
        CTLError: the checkpoint, estimator or gallery can't be loaded, or no port is free.
    """
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "cache")  # read when Gradio is imported
    from ctl.web.loading import make_service
    from ctl.web.samples import read_samples
    from ctl.web.zero_gpu import on_zero_gpu

    if on_zero_gpu():
        import spaces  # noqa: F401  (Gradio and the models import it, which two threads can't do at once)
    with ThreadPoolExecutor(2) as pool, without_stubs():
        service = pool.submit(
            make_service,
            arguments.checkpoint,
            arguments.keypoints,
            arguments.device,
            arguments.gallery,
            folder,
            backend=arguments.backend,
            shared=arguments.host not in ("127.0.0.1", "localhost", "::1"),
        )
        samples = pool.submit(read_samples)
        from ctl.web.server import serve  # which takes as long as the models do
    serve(service.result(), samples.result(), arguments.host, arguments.port)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 stopped by the user, 2 expected trouble, told in one line."""
    parser = argparse.ArgumentParser(prog="app.py", description="CTL Explorer: video person re-ID, explained.")
    add_arguments(parser)
    return run(parser.parse_args(argv))


def run(arguments: argparse.Namespace) -> int:
    """Serve until it is stopped; exit codes as `main`."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # these are read when the packages are imported
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin make a busy machine several times slower
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, so that uploads are removed on the way out
    from ctl.errors import CTLError

    try:
        with tempfile.TemporaryDirectory(prefix="ctl-explorer-", ignore_cleanup_errors=True) as folder:
            load_and_serve(arguments, Path(folder))
    except KeyboardInterrupt:
        return 0
    except CTLError as error:
        return complain(str(error))
    except FileNotFoundError as error:
        if error.errno != errno.ENOENT or error.filename is not None:
            raise
        return complain("no folder for temporary files can be written: set TMPDIR to one that can.")
    return 0


def complain(sentence: str) -> int:
    """One line on stderr; the exit code for it."""
    print(f"app.py: {sentence}", file=sys.stderr)
    return 2


def leave(code: int) -> NoReturn:
    """End the process: a run that nobody waits for any more may hold a thread, and Python would abort on it."""
    sys.stdout.flush()
    os._exit(code)
