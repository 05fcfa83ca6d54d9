"""How long work says how far it is, and the bar that shows it on a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

BAR: Final = "{desc:24}{bar}{percentage:4.0f} % {remaining}"

Progress = Callable[[float], None]
"""Called with the share done, 0..1."""

Step = Callable[[float, str], None]
"""Called with the share done, 0..1, and what is being done."""


@contextmanager
def progress_bar(label: str = "") -> Iterator[Callable[..., None]]:
    """A bar on stderr, silent if nobody watches; yields what serves as `Progress` and as `Step`."""
    from tqdm import tqdm

    with tqdm(total=1, desc=label, disable=None, leave=False, bar_format=BAR) as bar:

        def step(done: float, label: str = label) -> None:
            bar.set_description_str(label, refresh=False)
            bar.update(done - bar.n)

        yield step
