"""The address of the page reopens what it shows: a sample, a tab, and the rank of the hit that is compared."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

MOST_HITS: Final = 100


@dataclass(frozen=True)
class Link:
    """What an address asks for: a sample's name, a tab's id ("" for the first), a rank from 1."""

    sample: str
    tab: str = ""
    rank: int = 1


def read_link(query: str, samples: frozenset[str]) -> Link | None:
    """ "?sample=man-lab1&tab=match&rank=2" -> what it asks for; None where it names no sample that is offered."""
    values = {name: found[-1] for name, found in parse_qs(query.removeprefix("?")).items()}
    if values.get("sample") not in samples:
        return None
    tab = values.get("tab", "")
    rank = values.get("rank", "1")
    return Link(
        values["sample"],
        tab if re.fullmatch(r"[a-z-]{1,20}", tab) else "",
        int(rank) if re.fullmatch(r"\d{1,3}", rank) and 1 <= int(rank) <= MOST_HITS else 1,
    )


READ_VISIT: Final = """() => [document.body.classList.contains("dark") ? "dark" : "light", location.search]"""
"""Gives the theme and the address's query to the page that opens."""

RUN_ASKED: Final = """asked => { if (asked) setTimeout(() => document.querySelector("#run").click(), 50); }"""
"""Presses Run where a link or the tour asked for something."""

DROP_IDLE_BASE: Final = """() => {
  const base = document.querySelector("base");
  if (base && base.href === new URL("./", location).href) base.remove();
}"""
"""Where a page has a <base>, plotly's clip paths hold the whole address, and what they clip vanishes when `WRITE_LINK`
changes it. Gradio's own base, "./", does nothing else."""

WRITE_LINK: Final = """sample => setTimeout(() => {
  const query = new URLSearchParams(location.search);
  for (const name of ["sample", "tab", "rank"]) query.delete(name);
  if (sample) {
    query.set("sample", sample);
    const tab = document.querySelector("#tabs [role=tab][aria-selected=true]")?.dataset.tabId;
    if (tab) query.set("tab", tab);
    const rank = document.querySelector("#hit input")?.value.match(/^#(\\d+)/)?.[1];
    if (tab === "match" && rank) query.set("rank", rank);
  }
  history.replaceState(history.state, "", location.pathname + (query.size ? "?" + query : ""));
}, 100)"""
"""Puts what is shown into the address; an uploaded clip leaves none."""
