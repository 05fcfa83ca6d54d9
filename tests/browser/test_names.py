"""Clips of any names on the page: what is shown and written stays one line, without markup."""

import http.client
import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import Browser, expect

from tests.browser.running import thinned
from tests.browser.steps import SAMPLES, open_tab, visit

CLIP = SAMPLES / "man-lab1.mp4"
MARKUP = 'it\'s "q" & <img src=x onerror="document.title=\'taken\'"><script>alert(1)<.script> %s {0}.zip'


@pytest.fixture(scope="module")
def client(app_url: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(app_url, verbose=False, download_files=tmp_path_factory.mktemp("downloads"))


def analyze(client: Client, clip: object) -> dict[str, Any]:
    answer, _ = client.predict(clip=clip, kind="crop", arrays=False, api_name="/analyze")
    return answer


@pytest.mark.parametrize("name", ["-dash", "line\nbreak", "é" * 120, ".hidden", "💃 %s {0}", "a\x1b[2Jb"])
def test_programs_may_send_any_name(client: Client, tmp_path: Path, name: str) -> None:
    clip = tmp_path / f"{name}.mp4"
    shutil.copy(CLIP, clip)
    source = analyze(client, handle_file(clip))["source"]
    assert source.isprintable()
    assert source.endswith(".mp4")


@pytest.mark.parametrize("name", [b"M\374ller.mp4", b"../../etc/x.mp4", b"n\0ul.mp4", b"a" * 3000 + b".mp4"])
def test_a_name_of_any_bytes_may_be_uploaded(app_url: str, client: Client, name: bytes) -> None:
    where = urlsplit(app_url)
    head = b'--B\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\n\r\n' % name
    connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=60)
    connection.request(
        "POST",
        "/gradio_api/upload",
        head + CLIP.read_bytes() + b"\r\n--B--\r\n",
        {"Content-Type": "multipart/form-data; boundary=B"},
    )
    (path,) = json.loads(connection.getresponse().read())
    source = analyze(client, {"path": path, "meta": {"_type": "gradio.FileData"}})["source"]
    assert source.isprintable()
    assert source.endswith(".mp4")


def test_markup_in_a_name_is_shown_as_it_stands(browser: Browser, app_url: str, tmp_path: Path) -> None:
    asked = []
    with visit(browser, app_url) as page:
        page.on("dialog", lambda dialog: asked.append(dialog.message))
        open_tab(page, "Numbers")
        links = page.locator("#files a[href]")
        former = str(links.first.get_attribute("href"))  # of the sample that the page opens on
        clip = {"name": MARKUP, "mimeType": "application/zip", "buffer": thinned(CLIP)}
        page.set_input_files("#clip input[type=file]", clip)
        expect(page.locator("#clip .file-preview")).to_contain_text("it's")
        page.click("#run")
        expect(page.locator("#status")).to_contain_text("Done in")
        expect(page.locator("#facts")).to_contain_text("it's")
        assert page.locator("#facts img, #facts script").count() == 0
        page.get_by_role("button", name="Embedding and analysis.json").click()
        expect(page.locator("#details")).to_contain_text("it's")
        expect(links.first).not_to_have_attribute("href", former)
        addresses = sorted({str(link.get_attribute("href")) for link in links.all()})
        written = {address: page.context.request.get(address) for address in addresses}
        assert all(answer.ok for answer in written.values())
        (analysis,) = (answer.json() for address, answer in written.items() if address.endswith(".json"))
        assert analysis["source"].startswith("it's")
        pages = [answer.body() for address, answer in written.items() if address.endswith(".html")]
        assert len(pages) == 3
        viewer = page.context.new_page()
        viewer.on("dialog", lambda dialog: asked.append(dialog.message))
        for number, body in enumerate(pages):
            (tmp_path / f"{number}.html").write_bytes(body)
            viewer.goto((tmp_path / f"{number}.html").as_uri())
            assert viewer.locator("img[src=x]").count() == 0
            assert viewer.title() != "taken"
        assert page.title() != "taken"
    assert asked == []
