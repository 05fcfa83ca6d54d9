"""The guided walk: six stops, each a sample, a tab, a frame and one sentence on what to see there."""

from dataclasses import dataclass
from html import escape
from typing import Final

import gradio as gr

from ctl.skeleton import Scale
from ctl.web.browser import script
from ctl.web.links import Link


@dataclass(frozen=True)
class Stop:
    """One stop.

    Args:
        link: what is shown.
        what: what it is about.
        look_at: one sentence.
        frame: that the graph and the matrices stop at, from 1; 0 lets them play.
        scale: that the matrices show.
    """

    link: Link
    what: str
    look_at: str
    frame: int = 0
    scale: Scale = "s1"


STOPS: Final = (
    Stop(
        Link("man-lab1", "match"),
        "Another viewpoint",
        "Four cameras saw the same man: Match pairs the poses and says which parts look alike from the other side.",
    ),
    Stop(
        Link("walker-0002", "graph"),
        "Somebody in the way",
        "A passer-by hides him: joints behind have low scores, and learned links carry what other frames saw.",
        frame=4,
    ),
    Stop(
        Link("woman-street", "adjacency"),
        "What the model learned",
        "The body gives the first links; the model adds its own, which the matrix shows between five parts.",
        frame=23,
        scale="s3",
    ),
    Stop(
        Link("walker-0010", "match", rank=3),
        "Look-alikes",
        "Walker 9 wears the same shirt and trousers: see which parts still tell the two apart.",
    ),
    Stop(
        Link("street", "cam", person=2),
        "Two people in one scene",
        "Choose a person by the box in the picture, then see where the model looks, and whether that is true.",
    ),
    Stop(
        Link("walker-0005", "gallery"),
        "Few pixels",
        "Far away and blurred: similarities fall, and calibration says what they are still worth.",
    ),
)


@dataclass(frozen=True, eq=False)
class TourWalk:
    """The bar that leads through the stops."""

    walk: gr.HTML


def lay_out() -> TourWalk:
    return TourWalk(gr.HTML(closed_html(), js_on_load=script("walk"), elem_id="tour", apply_default_css=False))


def closed_html() -> str:
    """Before the first stop and after the last one."""
    return f'<button type="button" class="ctl-start" data-stop="0">Take the tour · {len(STOPS)} stops</button>'


def stop_html(number: int) -> str:
    """One stop, with the way on and back. `number`: from 0."""
    stop, last = STOPS[number], number == len(STOPS) - 1
    back = _button(number - 1, "Back") if number else ""
    on = _button(-1, "Finish") if last else _button(number + 1, "Next")
    leave = "" if last else _button(-1, "Leave")
    where = f'data-frame="{stop.frame}" data-scale="{stop.scale}"'
    words = f"<b>{number + 1} of {len(STOPS)} · {escape(stop.what)}</b> <span>{escape(stop.look_at)}</span>"
    return f'<section class="ctl-walk" aria-label="Tour" {where}><p>{words}</p><div>{leave}{back}{on}</div></section>'


def _button(number: int, word: str) -> str:
    return f'<button type="button" data-stop="{number}">{word}</button>'
