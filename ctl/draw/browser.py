"""The style sheets and scripts beside these modules, which travel with the package as its data."""

from functools import lru_cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent


def style_sheet(*names: str) -> str:
    """`match.css` and so on, one after the other."""
    return "\n".join(_read(f"{name}.css") for name in names)


def script(*names: str) -> str:
    """`graph.js` and so on, one after the other: the body of a function of `element`, `trigger` and `watch`.

    Gradio calls it for a `gr.HTML(js_on_load=…)`; `calling` does for a page of its own.
    """
    return "\n".join(_read(f"{name}.js") for name in names)


def calling(element_id: str, *names: str) -> str:
    """A <script> tag that runs `script` for one element of a self-contained page, where nobody is told of events."""
    call = f'}})(document.getElementById("{element_id}"), () => {{}}, () => {{}});'
    return f"<script>(function (element, trigger, watch) {{\n{script(*names)}\n{call}</script>\n"


@lru_cache(maxsize=32)
def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
