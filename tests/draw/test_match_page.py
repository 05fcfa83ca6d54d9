"""What the pages of a match, of a what-if answer and of a test of an explanation say, in a browser."""

from dataclasses import replace

import numpy as np
import pytest
from playwright.sync_api import Page

from ctl.draw.browser import style_sheet
from ctl.draw.faithfulness_view import faithfulness_html, verdict
from ctl.draw.match_page import SILENT, match_html, match_page
from ctl.draw.match_reasons import reasons
from ctl.draw.page import number, page
from ctl.draw.palette import VIRIDIS, rgb
from ctl.draw.skeleton_view import body_svg
from ctl.draw.what_if_page import shift_words, switches_html, what_if_html
from ctl.explain.faithfulness import SHARES, Curves, Faithfulness
from ctl.explain.match import Match, explain_match
from ctl.explain.what_if import Move, full_setting, switches, what_if
from ctl.skeleton import SCALES, part_count, part_names
from tests.draw.conftest import OpenPage
from tests.explain.nodes import make_model, make_nodes, make_trace
from tests.explain.test_match import make_evidence


def make_match(probability: float | None = None, rival: bool = False, **changes: object) -> Match:
    model = make_model(**changes)
    other = make_evidence(model, 3, 3).embedding if rival else None
    return explain_match(make_evidence(model, 7, 1), make_evidence(model, 4, 2), probability, other)


def unfolded(shown: Page) -> Page:
    shown.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    return shown


def test_the_page_states_the_similarity_and_every_number_behind_it(open_page: OpenPage) -> None:
    match = make_match(0.874, bn_neck=True)
    page = open_page(match_page(match, "one </b> and another"))
    assert page.locator("details[open]").count() == 0, "tables are folded"
    text = unfolded(page).inner_text("body")
    assert f"Similarity {number(match.similarity)}" in text
    assert "one person: 87%" in text
    assert page.locator(".match-strip li").count() == len(match.pairs)
    totals = page.locator(".match-sum td").all_inner_texts()
    assert totals == [number(match.similarity, 4)] * 2
    for scale, section in zip(SCALES, page.locator(".match-scale").all(), strict=True):
        rows = [row.locator("th, td").all_inner_texts() for row in section.locator("tbody tr").all()]
        columns = (part_names(scale), match.alike[scale], match.query.parts[scale], match.hit.parts[scale])
        wanted = [
            [name, number(a, 3), number(q, 4), number(h, 4)]
            for name, a, q, h in zip(*columns, strict=True)
            if max(abs(q), abs(h)) >= SILENT
        ]
        assert [[row[0].removesuffix(" (hardly seen)"), *row[1:]] for row in rows[: len(wanted)]] == wanted
        assert len(rows) == len(wanted) + (len(wanted) < part_count(scale))
        assert section.get_by_role("img").count() == 2
    assert page.locator(".match-pair rect").count() == 7 + 4


def test_parts_that_put_nothing_in_are_one_row(open_page: OpenPage) -> None:
    match = make_match()
    parts = {"s3": np.array([0.3, 1e-6, -2e-5, 0.0, 0.1])}
    silent = replace(match, query=replace(match.query, parts=match.query.parts | parts))
    silent = replace(silent, hit=replace(match.hit, parts=match.hit.parts | parts))
    rows = unfolded(open_page(match_page(silent, "x"))).locator(".match-scale").last.locator("tbody tr")
    assert [row.locator("th").inner_text().split(" (")[0] for row in rows.all()] == [
        *("trunk", "right leg", "3 more that put in nothing")
    ]
    assert rows.last.locator("th").get_attribute("title") == "left arm, right arm, left leg"


def test_the_bars_build_on_each_other_and_end_at_the_similarity(open_page: OpenPage) -> None:
    match = make_match(bn_neck=True)
    page = open_page(match_page(match, "x"), width=390)
    labels = page.locator(".match-waterfall dt").all_inner_texts()
    assert labels == [
        *("whole picture (V_g)", "5 parts of s3", "10 parts of s2", "17 parts of s1", "BN neck's shift", "similarity")
    ]
    shares = [*(match.query.parts[name].sum() for name in ("whole", "s3", "s2", "s1")), match.query.shift]
    told = page.locator(".match-waterfall b").all_inner_texts()
    assert told == [*(number(share, 4, signed=True) for share in shares), number(match.similarity, 4)]
    bars = page.locator(".match-waterfall i").evaluate_all(
        "all => all.map(bar => [bar.getBoundingClientRect().left, bar.getBoundingClientRect().right])"
    )
    end = bars[-1][0]
    for (left, right), share in zip(bars[:-1], shares, strict=True):
        assert (left if share > 0 else right) == pytest.approx(end, abs=1.5)
        end = right if share > 0 else left
    assert end == pytest.approx(bars[-1][1], abs=1.5)


def test_the_strongest_reasons_are_those_of_the_lead_and_are_lit_on_both(open_page: OpenPage) -> None:
    match = make_match(rival=True)
    assert match.lead is not None
    every = sorted(
        ((share, name, part) for name, values in match.lead.parts.items() for part, share in enumerate(values)),
        reverse=True,
    )[:3]
    found = reasons(match)
    assert [(reason.share, reason.scale or "whole", reason.part) for reason in found] == every
    assert all(reason.pair in match.pairs for reason in found)
    page = open_page(match_page(match, "x"))
    cards = page.locator(".match-reasons li")
    assert cards.locator("b").all_inner_texts() == [f"{place}. {r.name}" for place, r in enumerate(found, start=1)]
    for card, reason in zip(cards.all(), found, strict=True):
        assert card.get_by_role("img").count() == 2
        assert f"{number(reason.share, signed=True)} of {number(match.lead.total)}" in card.inner_text()
        assert card.locator("mask path, mask circle").count() > 0 or reason.scale is None


def test_a_lead_over_a_rival_is_one_more_column(open_page: OpenPage) -> None:
    match = make_match(rival=True)
    page = unfolded(open_page(match_page(match, "x"), width=390))
    assert match.lead is not None
    assert page.locator(".match-sum td").all_inner_texts()[2] == number(match.lead.total, 4)
    cells = page.locator(".match-scale").last.locator("tbody tr").first.locator("td").all_inner_texts()
    assert cells[3] == number(match.lead.parts["s3"][0], 4)
    assert "somebody else" in page.inner_text("body")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_match_without_calibration_or_finer_scales_says_so(open_page: OpenPage) -> None:
    page = open_page(match_page(make_match(fused_scales=()), "x"))
    assert "no calibration" in page.inner_text("body")
    assert page.locator(".match-scale").count() == 1


def test_a_part_that_is_hardly_seen_is_marked() -> None:
    match = make_match()
    seen = match.seen | {"s1": np.where(np.arange(17) == 9, 0.1, 0.9)}
    html = match_html(replace(match, seen=seen))
    assert "left wrist <small>(hardly seen)</small>" in html
    assert html.count("hardly seen") == 1 + sum((match.seen[scale] < 0.2).sum() for scale in ("s2", "s3"))


@pytest.mark.parametrize("scale", SCALES)
def test_a_body_has_every_part_in_the_colour_of_its_value(scale: str) -> None:
    values = np.zeros(part_count(scale))
    values[2] = 1.0
    svg = body_svg(scale, values, 0.0, 1.0, "alike")
    named = [part.split("</title>") for part in svg.split("<title>")[1:]]
    assert [title for title, _ in named] == [
        f"{name}: {value:.3f}" for name, value in zip(part_names(scale), values, strict=True)
    ]
    assert [VIRIDIS[-1] in drawn for _, drawn in named] == [part == 2 for part in range(part_count(scale))]
    assert len({rgb(colour) for colour in VIRIDIS}) == len(VIRIDIS)
    assert f"highest {part_names(scale)[2]} 1.00" in svg


def test_an_answer_names_what_moved_and_where(open_page: OpenPage) -> None:
    model = make_model()
    full = full_setting(model.config)
    answer = what_if(model, *make_trace(model, make_nodes(4)), replace(full, fused_scales=("s2",), topology=("mask",)))
    answer = replace(
        answer,
        moves=(
            Move("a", "<Ann>", "1", 3, 1, 0.5, 0.625),
            Move("b", "Bob", "2", None, 2, None, 0.5),
            Move("c", "Cem", "1", 1, 3, 0.75, 0.25),
            Move("d", "Dee", "1", 2, None, 0.75, None),
        ),
    )
    shown = open_page(page("x", what_if_html(answer), style_sheet("what_if")), width=390)
    rows = [row.locator("th, td").all_inner_texts() for row in shown.locator("tbody tr").all()]
    by_name = {row[0]: row[1:] for row in rows[: len(answer.changes)]}
    assert by_name["A_s1_l1"][0] == "gone"
    change = next(change for change in answer.changes if change.name == "A_s3_l1")
    assert by_name["A_s3_l1"][0] == f"{change.share:.0%}"
    assert f"frame {change.frame + 1}: {number(change.before, 2)} to {number(change.after, 2)}" in by_name["A_s3_l1"][1]
    assert rows[len(answer.changes) :] == [
        ["1", "▲ up 2", "<Ann>", "1", "0.500 → 0.625"],
        ["2", "new in the list", "Bob", "2", "– → 0.500"],
        ["3", "▼ down 2", "Cem", "1", "0.750 → 0.250"],
        ["–", "left the list (was 2)", "Dee", "1", "0.750 → –"],
    ]
    assert "nothing has moved" in what_if_html(what_if(model, *make_trace(model, make_nodes(4)), full))


def test_each_switch_says_how_far_it_moves_the_ranking(open_page: OpenPage) -> None:
    model = make_model()
    full, trace = full_setting(model.config), make_trace(model, make_nodes(4))
    alone = {name: what_if(model, *trace, less) for name, less in switches(full).items()}
    assert list(alone) == ["physical", "mask", "context", "window", "s1", "s2"]
    for name, less in switches(full).items():
        terms, scales = (
            {"physical", "mask", "context"} - set(less.topology),
            set(full.fused_scales) - set(less.fused_scales),
        )
        assert {*terms, *scales, *({"window"} if not less.across_frames else ())} == {name}
    shown = open_page(page("x", switches_html(alone), style_sheet("what_if")), width=390)
    rows = [row.locator("th, td").all_inner_texts() for row in shown.locator("tbody tr").all()]
    ordered = sorted(alone, key=lambda name: alone[name].similarity)
    assert [row[:2] for row in rows] == [[name, number(1 - alone[name].similarity)] for name in ordered]
    assert {row[2] for row in rows} == {"there is no gallery to rank"}


@pytest.mark.parametrize(
    ("ranks", "words"),
    [
        pytest.param([(1, 1), (2, 2)], "stays as it is", id="still"),
        pytest.param(
            [(1, 2), (2, 1), (3, 3)], "2 of 3 hits move by up to 1 place; the first hit <b>changes</b>", id="swap"
        ),
        pytest.param(
            [(1, 1), (2, 5), (3, None), (None, 2)],
            "2 of 3 hits move by up to 3 places and 1 leave the list; the first hit stays",
            id="leaves",
        ),
    ],
)
def test_a_shift_in_words(ranks: list[tuple[int | None, int | None]], words: str) -> None:
    assert shift_words([Move("k", "p", "c", before, after, 0.5, 0.5) for before, after in ranks]) == words


def make_faithfulness(better: bool) -> Faithfulness:
    fall, rise = np.linspace(1, 0, len(SHARES)), np.linspace(0, 1, len(SHARES))
    random = np.stack([fall, fall + 0.05])
    change = -0.2 if better else 0.2
    return Faithfulness(
        deletion=Curves(fall + change, random),
        insertion=Curves(rise - change, 1 - random),
        road=0.3 if better else 0.0,
        random_roads=np.array([-0.1, 0.1]),
        frames=np.arange(6),
    )


def test_the_verdict_is_what_the_numbers_say(open_page: OpenPage) -> None:
    assert verdict(make_faithfulness(True)) == (
        "On the 6 frames it marks the most, this map is truer than every random map by deletion, insertion and ROAD."
    )
    assert verdict(make_faithfulness(False)) == (
        "On the 6 frames it marks the most, this map is no better than chance by ROAD; "
        "less true than every random map by deletion and insertion."
    )
    found = make_faithfulness(True)
    shown = open_page(page("x", faithfulness_html(found), style_sheet("faithfulness")), width=390)
    cells = shown.locator("tbody").first.locator("td").all_inner_texts()
    assert cells[:2] == ["0.300", "0.525 (0.500 to 0.550)"]
    assert cells[4:] == ["0.300", "0.000 (−0.100 to 0.100)"]
    assert shown.locator("details tbody tr").count() == len(SHARES)
    assert shown.get_by_role("img", name="Deletion: area 0.300, random 0.525").count() == 1


@pytest.mark.parametrize("width", [1440, 390])
def test_no_page_scrolls_sideways(open_page: OpenPage, width: int) -> None:
    both = match_html(make_match(0.5)) + faithfulness_html(make_faithfulness(True))
    shown = open_page(page("x", both, style_sheet("match", "faithfulness")), width=width, dark=width == 390)
    assert shown.evaluate("document.documentElement.scrollWidth") <= width


def test_a_number_has_a_true_minus_and_no_negative_zero() -> None:
    assert [number(value) for value in (-0.5, -0.0001, 0.25)] == ["−0.500", "0.000", "0.250"]
    assert [number(value, 2, signed=True) for value in (-0.5, -0.0001, 0.25)] == ["−0.50", "+0.00", "+0.25"]


@pytest.mark.parametrize(
    ("probability", "said"), [(0.0, "under 1%"), (0.009, "under 1%"), (0.5, "50%"), (0.99, "99%"), (0.998, "over 99%")]
)
def test_no_probability_is_said_to_be_certain(probability: float, said: str) -> None:
    assert f"one person: <b>{said}</b>" in match_page(make_match(probability), "x")
