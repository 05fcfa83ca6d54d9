"""Draw the README's recording, the icon and the social preview, from the running page itself, in a real Chromium.

python app.py --port 7860 &
python assets/make_pictures.py http://127.0.0.1:7860
"""

import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from ctl.video.cut import write_cut

HERE: Final = Path(__file__).parent
RECORDING: Final = HERE / "page.webp"
CLIP: Final = HERE / "samples" / "man-lab2.mp4"
WINDOW: Final = (1280, 800)
SHOWN_WIDTH: Final = 960
PATIENCE_MS: Final = 180_000


class Film:
    """Shots of a page, and how long each is shown."""

    def __init__(self, page: Page) -> None:
        self.page, self.shots, self.milliseconds = page, list[Image.Image](), list[int]()

    def shoot(self, milliseconds: int, times: int = 1) -> None:
        """Take the page as it is, several times where it moves."""
        for _ in range(times):
            shot = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
            self.shots.append(shot.resize((SHOWN_WIDTH, round(shot.height * SHOWN_WIDTH / shot.width)), Image.LANCZOS))
            self.milliseconds.append(milliseconds)

    def write(self, path: Path, quality: int = 62) -> None:
        first, *others = self.shots
        options = {"duration": self.milliseconds, "loop": 0, "quality": quality, "method": 6}
        first.save(path, "WEBP", save_all=True, append_images=others, **options)


@contextmanager
def opened(url: str, size: tuple[int, int]) -> Iterator[Page]:
    """The page with its first answer."""
    browser_path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.set_default_timeout(PATIENCE_MS)
        page.goto(url)
        page.wait_for_selector("#answer li")
        page.wait_for_selector("#explorer .node")
        page.mouse.move(5, 5)
        page.wait_for_timeout(2000)
        yield page
        browser.close()


def record(url: str) -> None:
    """An own clip from dropping it to its match: what is at the top of the README."""
    with tempfile.TemporaryDirectory() as folder, opened(url, WINDOW) as page:
        clip = Path(folder) / "my-clip.mp4"
        write_cut(CLIP, clip, 0.0, 1.4)
        film = Film(page)
        film.shoot(350, 4)
        page.set_input_files("#clip input[type=file]", clip)
        page.wait_for_selector("#clip .file-preview")
        film.shoot(900)
        page.click("#run")
        film.shoot(250, 3)
        page.wait_for_selector("#facts:has-text('my-clip.mp4')")
        film.shoot(350, 6)
        page.wait_for_selector("#explorer .node")
        page.locator("#tabs").evaluate("tabs => tabs.scrollIntoView()")
        page.wait_for_timeout(1500)
        film.shoot(200, 12)
        page.get_by_role("tab", name="Match", exact=True).click()
        page.wait_for_selector("#match .match-head")
        page.wait_for_timeout(2000)
        film.shoot(400, 8)
        film.write(RECORDING)


def preview(url: str) -> None:
    """What sites show of a link to the page, 1200×630."""
    with opened(f"{url}?sample=lab", (1200, 630)) as page:
        page.add_style_tag(content="#strip, #own-clip { display: none !important }")
        page.wait_for_timeout(500)
        shot = Image.open(io.BytesIO(page.screenshot()))
        shot.convert("RGB").save(HERE / "preview.webp", "WEBP", quality=82, method=6)


def icon() -> None:
    """icon.svg in the size that browsers ask for."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 64, "height": 64})
        page.set_content(f"<style>body {{ margin: 0 }}</style>{(HERE / 'icon.svg').read_text(encoding='utf-8')}")
        page.screenshot(path=HERE / "icon.png", omit_background=True)
        browser.close()


if __name__ == "__main__":
    address = f"{sys.argv[1].rstrip('/')}/"
    icon()
    preview(address)
    record(address)
