"""How long visitors wait, measured in a real Chromium: python -m tests.browser.measure [ROUNDS]

Seconds after Run until the first picture beside the clip, until the graph can be explored, and until the ranking is
there: for a sample, for a crop that the app doesn't know, and for 5 seconds of a scene that it doesn't know; and until
What if has answered. Median, least and most, as JSON.
"""

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

from playwright.sync_api import Page, expect, sync_playwright

from ctl.video.reader import open_clip
from ctl.video.writer import write_video
from tests.browser.running import running_app
from tests.browser.steps import SAMPLES, drop, open_tab, visit
from tests.conftest import CHROMIUM_ARGS

SCENE_SECONDS: Final = 5.0
MARKS: Final = {
    "first picture": "#facts img, #explorer .node, #people img",
    "graph": "#explorer .node",
    "ranking": "#hits li",
}


def cut(clip: Path, seconds: float, out: Path) -> Path:
    """The first seconds of a clip as a file of its own, of which nothing is stored."""
    with open_clip(clip) as frames:
        images = [frame.image for frame in frames if frame.time < seconds]
        write_video(out, iter(images), frames.info.fps)
    return out


def waits(page: Page) -> dict[str, float]:
    """Seconds from pressing Run to each mark."""
    start, seen = time.perf_counter(), {}
    page.click("#run")
    for name, selector in MARKS.items():
        if name == "ranking":
            open_tab(page, "Gallery")
        page.locator(selector).first.wait_for()
        seen[name] = time.perf_counter() - start
    return seen


def what_if(page: Page) -> dict[str, float]:
    open_tab(page, "What if")
    expect(page.locator("#what-if")).to_contain_text("Each switch alone")
    page.wait_for_timeout(3000)  # the other tabs are filled meanwhile
    start = time.perf_counter()
    page.get_by_role("checkbox", name="Context (Ac)").click()
    expect(page.locator("#what-if")).to_contain_text("nothing has moved")
    return {"what if": time.perf_counter() - start}


def measure(rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    found: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder, running_app(Path(folder) / "scratch") as url, sync_playwright() as p:
        browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS)
        clips = {
            "sample": None,
            "crop": cut(SAMPLES / "man-lab1.mp4", 60.0, Path(folder) / "crop.mp4"),
            "scene": cut(SAMPLES / "street.mp4", SCENE_SECONDS, Path(folder) / "scene.mp4"),
        }
        for _ in range(rounds):
            for kind, clip in clips.items():
                with visit(browser, url) as page:
                    if clip is None:
                        page.locator("#samples button.thumbnail-item", has_text="Man, camera 1").click()
                        expect(page.locator("#clip .file-preview")).to_contain_text("man-lab1")
                    else:
                        drop(page, clip)
                    times = waits(page) | (what_if(page) if kind == "sample" else {})
                    for name, value in times.items():
                        found.setdefault(kind, {}).setdefault(name, []).append(value)
                    expect(page.locator("#status")).to_contain_text("Done in")
                    page.wait_for_timeout(5000)
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
