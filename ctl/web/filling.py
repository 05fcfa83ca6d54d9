"""Which tab is filled when: the open one at once, another when it is opened.

For each tab a hidden line says what it is to show; only the browser knows which tab is open, and sets that one's line.
A tab is filled when its line changes, so one that is opened again with nothing new to show is left alone.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

import gradio as gr

FILLED: Final = ("graph", "adjacency", "cam", "match", "what-if", "gallery", "numbers")
"""Ids of the tabs that show a person. Some of the Match's and of Grad-CAM's lines is the hit compared."""

_SET_LINES: Final = """async (shown, changed, hit, reference) => {
  if (document.shownPerson !== shown) document.lookedAt = null;
  document.shownPerson = shown;
  await new Promise(done => setTimeout(done)); // until the tabs have changed
  const open = document.querySelector("#tabs [role=tab][aria-selected=true]")?.dataset.tabId;
  const line = [shown, ...({match: [changed, hit], cam: [changed, reference]}[open] ?? [])].join(" ");
  return TABS.map(tab => (shown && tab === open ? line : undefined));
}"""


def lay_out() -> dict[str, gr.Textbox]:
    """The lines. They stand outside of the tabs, which have no components before they are opened."""
    return {tab: gr.Textbox("", visible="hidden", label=f"To be shown in {tab}") for tab in FILLED}


def connect(
    lines: Mapping[str, gr.Textbox],
    tabs: gr.Tabs,
    shown: gr.Textbox,
    changed: gr.Textbox,
    hit: gr.Dropdown,
    reference: gr.Dropdown,
) -> None:
    """Set the lines whenever something else is to be shown or another tab is opened."""
    looked_at: Sequence[gr.Textbox | gr.Dropdown] = (shown, changed, hit, reference)
    gr.on(
        [tabs.change, tabs.select, *(box.change for box in looked_at)],
        None,
        list(looked_at),
        list(lines.values()),
        js=_SET_LINES.replace("TABS", json.dumps(list(lines))),
        show_progress="hidden",
    )
