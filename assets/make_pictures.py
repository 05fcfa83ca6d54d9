"""Draw the README's picture of the page, from the running page itself, in a real Chromium.

python app.py --port 7860 &
python assets/make_pictures.py http://127.0.0.1:7860
"""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).with_name("page.webp")
ADDRESS = "?sample=woman-street&tab=graph"
SIZE = {"width": 1440, "height": 1120}


def main(url: str) -> None:
    browser_path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport=SIZE)
        page.goto(f"{url.rstrip('/')}/{ADDRESS}")
        page.wait_for_selector("#graph-video video", timeout=120_000)
        page.locator("#graph-frame input[type=number]").fill("23")  # in the middle of a clip of the model's
        page.keyboard.press("Enter")
        page.wait_for_selector("#explorer svg[aria-label*='frame 23']")
        page.locator("#explorer .node[data-name='left knee']").click()
        page.mouse.move(5, 5)
        page.wait_for_timeout(2000)
        shot = Image.open(io.BytesIO(page.screenshot()))
        shot.convert("RGB").save(PICTURE, "WEBP", quality=82, method=6)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
