"""The scripts beside these modules, which travel with the package as its data."""

from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=16)
def script(name: str) -> str:
    """`choose.js` and so on: the body of a function of `element`, `trigger` and `watch` for `gr.HTML(js_on_load=…)`."""
    return Path(__file__).with_name(f"{name}.js").read_text(encoding="utf-8")


def make_head() -> str:
    """Scripts for the page's head, which need nothing of an element. They run before the page is laid out: what a
    visitor does at once is not lost."""
    return "".join(f"<script>(() => {{\n{script(name)}\n}})();</script>" for name in ("access", "paste", "stream"))


def pressing(buttons: str) -> str:
    """A function of JavaScript that marks, of the buttons of a selector, the one whose data is the value given."""
    return (
        f'value => document.querySelectorAll("{buttons}").forEach(one => '
        'one.setAttribute("aria-pressed", String(Object.values(one.dataset)[0] === value)))'
    )
