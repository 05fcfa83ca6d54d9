"""The frame of the self-contained HTML pages: one style, light and dark as the reader's system asks, no network."""

import base64
from collections.abc import Iterable
from html import escape

import numpy as np
from PIL import Image

from ctl.draw.browser import style_sheet
from ctl.draw.palette import css_variables
from ctl.jpeg import encode_jpeg
from ctl.types import UNTRAINED, CheckpointInfo


def page(title: str, body: str, style: str = "", scripts: str = "") -> str:
    """A whole HTML document. `title` is text and is escaped here; `style` is CSS, the rest is HTML."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>\n:root {{ {css_variables('light')} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {css_variables('dark')} }} }}\n"
        f"{style_sheet('page')}{style}</style>\n</head>\n"
        f"<body>\n{body}\n{scripts}</body>\n</html>\n"
    )


def notices(checkpoint: CheckpointInfo, others: Iterable[str] = ()) -> str:
    """What the reader must know before the numbers, as HTML."""
    sentences = ([] if checkpoint.trained else [f"{UNTRAINED.capitalize()}."]) + [
        text for text in (checkpoint.notice, *others) if text
    ]
    return "".join(f'<p class="notice" role="note">{escape(text)}</p>\n' for text in sentences)


def number(value: float, digits: int = 3, signed: bool = False) -> str:
    """A number for a reader: a true minus sign, and none before a zero."""
    rounded = round(value, digits) + 0.0
    return f"{rounded:{'+' if signed else ''}.{digits}f}".replace("-", "−")


def chance_text(probability: float) -> str:
    """A probability for a reader, in HTML: never 0 % or 100 %, which no model knows."""
    if probability < 0.01:
        return "under 1%"
    return "over 99%" if probability > 0.99 else f"{probability:.0%}"


def image_tag(image: np.ndarray, alt: str, height: int = 256) -> str:
    """(H, W, 3) uint8 RGB as an <img> that carries its own JPEG; larger pictures are shrunk to `height`."""
    picture = Image.fromarray(image)
    if picture.height > height:
        picture = picture.resize((max(1, round(picture.width * height / picture.height)), height))
    width, height = picture.size
    return f'<img src="{jpeg_uri(picture)}" alt="{escape(alt)}" width="{width}" height="{height}">'


def jpeg_uri(picture: np.ndarray | Image.Image) -> str:
    """(H, W, 3) uint8 RGB as a data URI."""
    return f"data:image/jpeg;base64,{base64.b64encode(encode_jpeg(picture, 88)).decode('ascii')}"
