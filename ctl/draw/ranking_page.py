"""ranking.html: for each person of the clip, the nearest tracklets of the gallery, on one self-contained page."""

from collections.abc import Mapping
from html import escape
from typing import Final

import numpy as np

from ctl.draw.browser import style_sheet
from ctl.draw.page import image_tag, notices, page
from ctl.types import Analysis, Hit, PersonAnalysis

SCORE: Final = (
    "The score is the cosine of the two embeddings, from -1 to 1. It says how alike two tracklets look to the model, "
    "not how likely they show the same person."
)


def ranking_html(analysis: Analysis, thumbnails: Mapping[str, np.ndarray]) -> str:
    """The page.

    Args:
        analysis: of one clip.
        thumbnails: key of a gallery tracklet -> (H, W, 3) uint8 RGB; a hit without one is shown in words only.
    """
    source, checkpoint = analysis.video.source, analysis.checkpoint
    people = "\n".join(
        f"<section>\n<h2>Person {person.tracklet.id}</h2>\n{person_ranking(person, thumbnails)}\n</section>"
        for person in analysis.people
    )
    body = f"""<h1>Ranked gallery</h1>
<p class="muted">{escape(source)} · checkpoint {escape(checkpoint.id)}</p>
{notices(checkpoint, (*analysis.video.notices, *analysis.dropped))}
<p>{SCORE}</p>
{people}"""
    return page(f"Ranked gallery: {source}", body, style_sheet("ranking"))


def person_ranking(person: PersonAnalysis, thumbnails: Mapping[str, np.ndarray]) -> str:
    """One person and their hits, as a fragment of HTML that needs `ranking.css`. Arguments as for `ranking_html`."""
    tracklet = person.tracklet
    middle = image_tag(tracklet.crops[len(tracklet) // 2], f"Person {tracklet.id} of the clip")
    seconds = f"{tracklet.times[0]:.1f} to {tracklet.times[-1]:.1f} s"
    hits = "\n".join(_hit(hit, thumbnails.get(hit.key)) for hit in person.ranking)
    return f"""<div class="ranking">
<figure class="query">{middle}
<figcaption><b>Query</b>{seconds}<br>{len(tracklet)} frames</figcaption></figure>
{f"<ol>{hits}</ol>" if hits else '<p class="muted">The gallery is empty.</p>'}
</div>"""


def _hit(hit: Hit, thumbnail: np.ndarray | None) -> str:
    name = f"person {hit.person}, camera {hit.camera}"
    picture = '<div class="absent">no picture</div>' if thumbnail is None else image_tag(thumbnail, name)
    return f"""<li><figure>{picture}
<figcaption><b>#{hit.rank} <span class="score">{hit.similarity:.3f}</span></b>person {escape(hit.person)}<br>camera \
{escape(hit.camera)}</figcaption></figure></li>"""
