"""How long visitors wait, measured in a real Chromium: python -m tests.browser.measure [ROUNDS]

Seconds until the first picture is there, until the answer is, and until the graph can be explored: after the page is
opened ("opening"), after a click on a sample, and after Run, for a crop that the app doesn't know and for 5 seconds of
a scene that it doesn't know. For how long the opening page was blocked, as Lighthouse counts it. Then until another
card's match is shown, and until What if has answered. Median, least and most, as JSON.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

from playwright.sync_api import JSHandle, Page, expect, sync_playwright

from ctl.video.cut import write_cut
from ctl.web.samples import OPENING
from tests.browser.running import running_app
from tests.browser.steps import SAMPLES, drop, open_tab, sample_named, visit
from tests.conftest import CHROMIUM_ARGS, chromium_path

SCENE_SECONDS: Final = 5.0


def cut(clip: Path, seconds: float, out: Path) -> Path:
    """The first seconds of a clip as a file of its own, of which nothing is stored."""
    write_cut(clip, out, 0.0, seconds)
    return out


def waits(page: Page, name: str, start: float, before: JSHandle | None = None) -> dict[str, float]:
    """Seconds from `start` to the first picture and the answer of a clip of this name, and to a graph to explore.

    Args:
        before: what the page showed until then, as `shown` gives it; without it, nothing.
    """
    before = before or page.evaluate_handle("() => [undefined, undefined]")
    seen = {}
    page.wait_for_function(_ANOTHER.format(shown=_PICTURE, place=0), arg=before)
    seen["first picture"] = time.perf_counter() - start
    page.locator("#facts", has_text=f"{name}.").wait_for()
    seen["answer"] = time.perf_counter() - start
    page.wait_for_function(_ANOTHER.format(shown=_GRAPH, place=1), arg=before)
    seen["graph"] = time.perf_counter() - start
    return seen


_PICTURE: Final = 'document.querySelector("#portrait img")?.src'
_GRAPH: Final = 'document.querySelector("#explorer:has(.node) .view-data")?.textContent'
_ANOTHER: Final = "before => ![undefined, before[{place}]].includes({shown})"


def shown(page: Page) -> JSHandle:
    """The picture and the graph that the page shows, so that those of the next clip are told from them."""
    return page.evaluate_handle(f"[{_PICTURE}, {_GRAPH}]")


BLOCKED: Final = """() => new Promise(told => {
  const beyond = tasks => tasks.reduce((sum, task) => sum + Math.max(0, task.duration - 50), 0) / 1000;
  new PerformanceObserver(tasks => told(beyond(tasks.getEntries()))).observe({type: "longtask", buffered: true});
  setTimeout(() => told(0), 1000);
})"""


def blocked(page: Page) -> float:
    """Total blocking time so far, in seconds: what tasks took beyond 50 ms each."""
    return float(page.evaluate(BLOCKED))


def after_that(page: Page) -> dict[str, float]:
    """Seconds to the match of another card, and to another answer of What if."""
    open_tab(page, "Match")
    expect(page.locator("#match .match-head")).to_be_visible()
    page.wait_for_timeout(3000)  # the other tabs are filled meanwhile
    before, start = page.locator("#match .match-head").inner_text(), time.perf_counter()
    page.locator("#answer li button").nth(1).click()
    page.wait_for_function("before => document.querySelector('#match .match-head').innerText !== before", arg=before)
    seen = {"match": time.perf_counter() - start}
    open_tab(page, "What if")
    expect(page.locator("#what-if")).to_contain_text("Each switch alone")
    start = time.perf_counter()
    page.get_by_role("checkbox", name="Context (Ac)").click()
    page.wait_for_function("document.querySelector('#what-if').innerText.includes('nothing has moved')")
    return seen | {"what if": time.perf_counter() - start}


def measure(rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    found: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder, running_app(Path(folder) / "scratch") as url, sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGS)
        clips = {
            "crop": cut(SAMPLES / "man-lab1.mp4", 60.0, Path(folder) / "crop.mp4"),
            "scene": cut(SAMPLES / "street.mp4", SCENE_SECONDS, Path(folder) / "scene.mp4"),
        }
        for _ in range(rounds):
            start = time.perf_counter()
            with visit(browser, url, moving=True) as page:
                several = {"opening": waits(page, OPENING, start)}
                page.wait_for_timeout(3000)
                several["opening"]["blocked"] = blocked(page)
                before, start = shown(page), time.perf_counter()
                sample_named(page, "Man, camera 1").click()
                several["sample"] = waits(page, "man-lab1", start, before) | after_that(page)
            for kind, clip in clips.items():
                with visit(browser, url, moving=True) as page:
                    expect(page.locator("#answer li").first).to_be_visible()
                    drop(page, clip)
                    before, start = shown(page), time.perf_counter()
                    page.click("#run")
                    several[kind] = waits(page, kind, start, before)
                    page.wait_for_timeout(5000)
            for kind, times in several.items():
                for name, value in times.items():
                    found.setdefault(kind, {}).setdefault(name, []).append(value)
        browser.close()
    return {
        kind: {
            name: {"median": round(median(values), 2), "low": round(min(values), 2), "high": round(max(values), 2)}
            for name, values in several.items()
        }
        for kind, several in found.items()
    }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5), indent=1))
