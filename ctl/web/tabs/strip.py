"""The samples: a strip of small moving pictures. A click shows what is stored of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import gradio as gr

from ctl.web.browser import script
from ctl.web.samples import OPENING, Sample


@dataclass(frozen=True, eq=False)
class Strip:
    """The samples, and which is shown: `sample` holds its name, "" for another clip."""

    samples: tuple[Sample, ...]
    pictures: gr.HTML
    sample: gr.Textbox

    def named(self, name: str) -> Sample | None:
        """None where no sample has that name."""
        return next((sample for sample in self.samples if sample.name == name), None)


SHOW_CHOSEN: Final = """name => {
  const chosen = document.querySelector(`#samples button[data-sample="${name}"]`);
  if (chosen) chosen.parentElement.scrollLeft = chosen.offsetLeft - 40;
}"""
"""Scrolls the row, and nothing else, to the sample that is shown."""


def lay_out(samples: Sequence[Sample]) -> Strip:
    pictures = gr.HTML(_strip(samples), js_on_load=script("choose"), elem_id="samples", apply_default_css=False)
    return Strip(tuple(samples), pictures, gr.Textbox("", visible="hidden", label="Sample"))


def _strip(samples: Sequence[Sample]) -> str:
    items = "".join(
        f'<button type="button" class="ctl-pick" data-sample="{sample.name}" '
        f'aria-pressed="{"true" if sample.name == OPENING else "false"}" title="{escape(sample.note)}">'
        f"{sample.picture}<span>{escape(sample.title)}</span></button>"
        for sample in samples
    )
    return f'<h2>Samples</h2><div class="ctl-samples" role="group" aria-label="Samples">{items}</div>'
