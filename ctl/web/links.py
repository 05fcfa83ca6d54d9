"""The address of the page reopens what it shows: a sample, a person, a tab, and the rank of the hit compared."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

MOST: Final = 1000
"""No rank or person is above it."""


@dataclass(frozen=True)
class Link:
    """What an address asks for.

    Args:
        sample: its name.
        tab: id of a tab; "" leaves the one that is open.
        rank: of the hit that is compared, from 1.
        person: place among the people of the clip, from 1.
    """

    sample: str
    tab: str = ""
    rank: int = 1
    person: int = 1

    @property
    def destination(self) -> str:
        """ "match/2": what the page remembers of it."""
        return f"{self.tab}/{self.rank}"


def read_link(query: str, samples: frozenset[str], opening: str) -> Link:
    """ "?sample=man-lab1&tab=match&rank=2" -> what it asks for; that tab of the opening sample where it names none that
    is offered."""
    values = {name: given[-1] for name, given in parse_qs(query.removeprefix("?")).items()}
    sample, tab = values.get("sample", ""), values.get("tab", "")
    tab = tab if re.fullmatch(r"[a-z-]{1,20}", tab) else ""
    if sample not in samples:
        return Link(opening, tab)
    return Link(sample, tab, _number(values.get("rank")), _number(values.get("person")))


def _number(value: str | None) -> int:
    """A whole number from 1 to `MOST`; 1 where it is none."""
    number = int(value) if value and re.fullmatch(r"[0-9]{1,4}", value) else 1
    return number if 1 <= number <= MOST else 1


READ_QUERY: Final = "() => location.search"

RUN_ASKED: Final = """asked => { if (asked) setTimeout(() => document.querySelector("#run").click(), 50); }"""
"""Presses Run where a link or the tour asked for something."""

WRITE_LINK: Final = """sample => setTimeout(() => {
  const query = new URLSearchParams(location.search);
  for (const name of ["sample", "tab", "rank", "person"]) query.delete(name);
  if (sample) {
    query.set("sample", sample);
    const tab = document.querySelector("#tabs [role=tab][aria-selected=true]")?.dataset.tabId;
    if (tab) query.set("tab", tab);
    const place = document.querySelector("#people button[aria-pressed=true]")?.dataset.place;
    if (place > 0) query.set("person", Number(place) + 1);
    const rank = document.querySelector("#hit input")?.value.match(/^#(\\d+)/)?.[1];
    if (tab === "match" && rank) query.set("rank", rank);
  }
  history.replaceState(history.state, "", location.pathname + (query.size ? "?" + query : ""));
}, 100)"""
"""Puts what is shown into the address; an uploaded clip leaves none."""

SHOW_STOP: Final = """() => setTimeout(() => {
  const {frame, scale} = document.querySelector("#tour section")?.dataset ?? {};
  if (frame > 0) document.dispatchEvent(new CustomEvent("ctl:show", {detail: {frame: Number(frame), scale}}));
}, 100)"""
"""Once a view is filled: brings it to the frame and the scale that the tour's stop is about."""
