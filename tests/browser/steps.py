"""What a visitor does, in the words of the tests: open the page, choose a sample, wait for a tab to be filled."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.running import ROOT

SAMPLES: Final = ROOT / "assets" / "samples"
FILLED: Final = {
    "Graph": "#explorer .node",
    "Adjacency": "#matrices canvas",
    "Grad-CAM": "#cam-maps canvas",
    "Match": "#match .match-head",
    "What if": "#what-if .what-if-pair",
    "Gallery": "#hits li",
    "Numbers": "#timings [role=gridcell]",
    "Tables": "#paper-tables .ctl-plot",
}
"""Tabs, and what is in them as soon as they are filled."""

TABS: Final = tuple(FILLED)
PATIENCE_MS: Final = 300_000  # a run takes seconds, but waits for those before it and for a busy machine
WIDE: Final = (1440, 1000)
NARROW: Final = (390, 844)


def look_name(size: tuple[int, int], dark: bool) -> str:
    """What a screenshot's name ends with."""
    return f"{'phone' if size == NARROW else 'desktop'}-{'dark' if dark else 'light'}"


def each_theme(page: Page) -> Iterator[bool]:
    """The page in the light, then in the dark; gives whether it is dark."""
    for dark in (False, True):
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.wait_for_function("dark => document.body.classList.contains('dark') === dark", arg=dark)
        _wait_until_still(page)
        yield dark


@contextmanager
def visit(
    browser: Browser,
    url: str,
    size: tuple[int, int] = WIDE,
    *,
    dark: bool = False,
    moving: bool = False,
    sample: str = "",
) -> Iterator[Page]:
    """A fresh, patient visit, to a sample if one is named; fails afterwards if the page complained to the console.

    Less motion is asked for unless `moving`: to draw what moves takes more than half of a test's time.
    """
    expect.set_options(timeout=PATIENCE_MS)
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        reduced_motion="no-preference" if moving else "reduce",
        accept_downloads=True,
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("domcontentloaded", lambda _: complaints.clear())  # a page that is left while it loads complains of that
    try:
        page.goto(f"{url}?sample={sample}" if sample else url)
        expect(page.locator("#run")).to_be_visible()
        if sample:
            expect_shown(page, sample)
        yield page
        heard = [*complaints]  # what is still being computed complains when its page goes away
    finally:
        context.close()
    assert heard == [], heard


def drop(page: Page, clip: Path) -> None:
    page.set_input_files("#clip input[type=file]", clip)
    expect(page.locator("#clip .file-preview")).to_contain_text(clip.stem[:8])


def sample_named(page: Page, title: str) -> Locator:
    """The picture of a sample in the strip."""
    return page.locator("#samples button", has_text=re.compile(f"^{re.escape(title)}$"))


def expect_shown(page: Page, name: str) -> None:
    """The answer over the tabs is that of the clip of this name. The tabs may still be filled."""
    expect(page.locator("#facts")).to_contain_text(f"{name}.")


def choose_sample(page: Page, title: str) -> None:
    """Click a sample in the strip and wait for its answer."""
    picture = sample_named(page, title)
    picture.click()
    expect_shown(page, str(picture.get_attribute("data-sample")))


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def open_filled_tab(page: Page, name: str) -> None:
    """Open a tab and wait until it is filled, and nothing in it fades, slides or waits to be drawn any more."""
    open_tab(page, name)
    expect(page.locator(FILLED[name]).first).to_be_visible()
    _wait_until_still(page)


def _wait_until_still(page: Page) -> None:
    """Until nothing fades or slides, or waits to be drawn any more."""
    page.evaluate("""async () => {
      const ends = moving => moving.playState === "running" && moving.effect.getComputedTiming().endTime < Infinity;
      await Promise.allSettled(document.getAnimations().filter(ends).map(moving => moving.finished));
      for (const _ of "12") await new Promise(requestAnimationFrame);
    }""")


def type_number(page: Page, slider: str, number: str) -> None:
    """Type into a slider until the number stays: one that was just unfolded may be filled with its value meanwhile."""
    box = page.locator(f"{slider} input[type=number]")
    for _ in range(10):
        box.fill(number)
        box.press("Enter")
        page.wait_for_timeout(200)
        if box.input_value() == number:
            return
    raise AssertionError(f"{slider} shows {box.input_value()}, not {number}")


def expect_drawn(page: Page, picture: str, wider: int = 0, taller: int = 0) -> None:
    """The picture is loaded, and has more than so many pixels in width and height."""
    page.wait_for_function(
        "([selector, wider, taller]) => { const p = document.querySelector(selector);"
        " return p?.naturalWidth > wider && p?.naturalHeight > taller; }",
        arg=[picture, wider, taller],
    )


def expect_no_overflow(page: Page) -> None:
    """Nothing is wider than the window. Plots may take a moment to shrink with it."""
    page.wait_for_function("document.scrollingElement.scrollWidth <= innerWidth", timeout=30_000)


def brightness(page: Page, selector: str) -> float:
    """Mean of red, green and blue of an element's text colour, 0..255."""
    values = page.eval_on_selector(
        selector, "element => getComputedStyle(element).color.match(/[\\d.]+/g).slice(0, 3).map(Number)"
    )
    return sum(values) / 3
