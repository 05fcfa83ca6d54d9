"""A match on one page: both tracklets in step, what adds up to their similarity, and how alike each part is."""

from html import escape
from typing import Final

import numpy as np

from ctl.draw.browser import style_sheet
from ctl.draw.match_reasons import reasons_html, steps, waterfall_html
from ctl.draw.page import chance_text, image_tag, number, page
from ctl.draw.skeleton_view import body_svg, colour_key
from ctl.explain.match import Match, Side
from ctl.skeleton import SCALES, Scale, part_names

HARDLY_SEEN: Final = 0.2
"""Mean joint score under which a part's numbers are marked."""

SILENT: Final = 0.5e-4
"""A share below it is written as 0."""

_HEIGHT: Final = 224

_SHARES: Final = (
    "Each bar starts where the one before it ended. The shares are exact; what they don't say is what sets these two "
    "apart from other people: most of a similarity is what all people share."
)
_LEAD: Final = (
    "The lead is what sets the hit apart: how much more similar it is than the best tracklet of somebody else."
)


def match_html(match: Match, holds_for: str = "") -> str:
    """A match as a fragment of HTML that needs `match.css` and no script.

    Args:
        match: of `explain_match`.
        holds_for: a sentence on where the probability holds.
    """
    moments = _moments("Query", match.query) + _moments("Hit", match.hit)
    return f"""<div class="match">
{_headline(match, holds_for)}
<h2>The strongest reasons</h2>
{f'<p class="match-note">{_LEAD}</p>' if match.lead else ""}
{reasons_html(match)}
<h2>What the similarity adds up from</h2>
<p class="match-note">{_SHARES}</p>
{waterfall_html(match.query)}
{_folded("The same from both sides, and the lead", _sum_table(match))}
{_folded("In step: frames of the query over the hit's of the most alike pose", _strip(match))}
{_folded("Which frames put it in", f'<div class="match-pair">{moments}</div>')}
{_folded("How alike each part is", _ALIKE + "".join(_scale(match, scale) for scale in SCALES if scale in match.alike))}
</div>"""


def match_page(match: Match, title: str) -> str:
    """`match_html` as a self-contained page. `title` is text."""
    return page(title, f"<h1>{escape(title)}</h1>{match_html(match)}", style_sheet("match"))


def _folded(summary: str, content: str) -> str:
    return f"<details><summary>{summary}</summary>{content}</details>"


_ALIKE: Final = (
    '<p class="match-note"><b>Alike</b>: cosine of a part\'s features in both tracklets, after the graph layers, mean '
    "over time. These numbers don't add up. The other columns are the part's shares of the similarity.</p>"
)


def _headline(match: Match, holds_for: str) -> str:
    chance = (
        "How likely it is that both show one person isn't known: no calibration fits this checkpoint."
        if match.probability is None
        else f"Calibrated probability that both show one person: <b>{chance_text(match.probability)}</b>. "
        f"{escape(holds_for)}"
    )
    return f'<p class="match-head">Similarity <b>{match.similarity:.3f}</b>, from −1 to 1. {chance}</p>'


def _columns(match: Match) -> dict[str, Side]:
    """Columns of shares, by heading."""
    columns = {"query's side": match.query, "hit's side": match.hit}
    return columns if match.lead is None else columns | {"lead": match.lead}


def _strip(match: Match) -> str:
    def figure(name: str, side: Side, moment: int) -> str:
        seconds = f"{side.evidence.times[moment]:.1f} s"
        return (
            f"<figure>{image_tag(side.evidence.crops[moment], f'{name} at {seconds}', _HEIGHT)}"
            f"<figcaption>{name} {seconds}<br>put in {_share(side.moments[moment])}</figcaption></figure>"
        )

    columns = "".join(
        f"<li>{figure('Query', match.query, mine)}{figure('Hit', match.hit, theirs)}</li>"
        for mine, theirs in match.pairs
    )
    return _scroll("Frames side by side", f'<ol class="match-strip">{columns}</ol>')


def _sum_table(match: Match) -> str:
    columns = _columns(match)
    labels = list(dict.fromkeys(label for side in columns.values() for label, _ in steps(side)))
    rows = {label: [dict(steps(side)).get(label, 0.0) for side in columns.values()] for label in labels}
    largest = np.abs(list(rows.values())).max(axis=0)
    body = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(map(_bar, values, largest))}</tr>' for name, values in rows.items()
    )
    totals = "".join(f"<td><b>{_share(side.total)}</b></td>" for side in columns.values())
    head = "".join(f'<th scope="col">{name}</th>' for name in ("came in through", *columns))
    return _scroll(
        "What the similarity adds up from",
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}"
        f'<tr class="match-sum"><th scope="row">sum</th>{totals}</tr></tbody></table>',
    )


def _moments(name: str, side: Side) -> str:
    """Bars over time, and the same numbers as a table to unfold."""
    values, times = side.moments, side.evidence.times
    low, high = min(0.0, float(values.min())), max(float(values.max()), 1e-9)
    count = len(values)
    zero = 60 * high / (high - low)
    bars = "".join(
        f'<rect x="{t * 200 / count + 0.5:.2f}" y="{zero - max(value, 0) * 60 / (high - low):.2f}" '
        f'width="{200 / count - 1:.2f}" height="{max(abs(value) * 60 / (high - low), 0.5):.2f}">'
        f"<title>{times[t]:.1f} s: {_share(value)}</title></rect>"
        for t, value in enumerate(values)
    )
    best = int(values.argmax())
    word = "frames" if count == side.evidence.frames else "moments"
    told = f"{name}: {count} {word}, most at {times[best]:.1f} s ({_share(values[best])})"
    rows = "".join(f'<tr><th scope="row">{times[t]:.1f} s</th><td>{_share(v)}</td></tr>' for t, v in enumerate(values))
    return f"""<figure><svg viewBox="0 0 200 60" preserveAspectRatio="none" role="img" aria-label="{told}">{bars}</svg>
<figcaption>{told}</figcaption><table><thead><tr><th scope="col">time</th>\
<th scope="col">put in</th></tr></thead><tbody>{rows}</tbody></table></figure>"""


def _scale(match: Match, scale: Scale) -> str:
    alike, names = match.alike[scale], part_names(scale)
    low, high = float(np.floor(alike.min() * 20) / 20), 1.0
    sides = {name: side for name, side in _columns(match).items() if scale in side.parts}
    largest = {
        name: max(np.abs(side.parts[s]).max() for s in SCALES if s in side.parts) for name, side in sides.items()
    }
    rows = []
    largest_of_part = np.max([np.abs(side.parts[scale]) for side in sides.values()] or [np.ones(len(names))], axis=0)
    silent = np.flatnonzero(largest_of_part < SILENT)
    for part, name in enumerate(names):
        if part in silent:
            continue
        faint = " <small>(hardly seen)</small>" if match.seen[scale][part] < HARDLY_SEEN else ""
        shares = "".join(_bar(side.parts[scale][part], largest[key]) for key, side in sides.items())
        cells = _cell(number(alike[part]), (alike[part] - low) / (high - low)) + shares
        rows.append(f'<tr><th scope="row">{name}{faint}</th>{cells}</tr>')
    if len(silent):
        rows.append(_silent_row([names[part] for part in silent], alike[silent], len(sides)))
    head = "".join(f'<th scope="col">{name}</th>' for name in ("part", "alike", *sides))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f"""<section class="match-scale"><h3>{len(names)} parts ({scale})</h3><div>
<figure>{body_svg(scale, alike, low, high, "how alike query and hit are")}{colour_key(low, high)}
<figcaption>Left and right are the person's own. Bars of “alike” start at {low:.2f}.</figcaption></figure>
{_scroll(f"Parts of {scale}", table)}</div></section>"""


def _silent_row(names: list[str], alike: np.ndarray, columns: int) -> str:
    """Parts that put nothing in, in one row."""
    return (
        f'<tr><th scope="row" title="{", ".join(names)}">{len(names)} more that put in nothing</th>'
        f"<td>{number(alike.min())} to {number(alike.max())}</td>{'<td>0</td>' * columns}</tr>"
    )


def _bar(share: float, largest: float) -> str:
    """A table cell with a share and a bar; a negative one's bar is hollow."""
    return _cell(_share(share), abs(share) / max(largest, 1e-12), hollow=share < 0)


def _cell(text: str, length: float, hollow: bool = False) -> str:
    kind = ' class="negative"' if hollow else ""
    bar = f'<i{kind} style="--share: {length:.3f}"></i>'
    return f'<td><span class="match-number">{text}</span>{bar}</td>'


def _share(value: float) -> str:
    return number(value, 4)


def _scroll(name: str, content: str) -> str:
    """What may be wider than a phone; keys can scroll it, so it needs a name."""
    return f'<div class="match-scroll" tabindex="0" role="region" aria-label="{name}">{content}</div>'
