"""Addresses of the page: what they ask for, and that nothing else gets through."""

import pytest

from ctl.web.links import Link, read_link

SAMPLES = frozenset({"man-lab1", "street"})


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("?sample=man-lab1&tab=match&rank=2", Link("man-lab1", "match", 2)),
        ("?sample=street", Link("street", "", 1)),
        ("?sample=street&person=2&tab=graph", Link("street", "graph", 1, 2)),
        ("?sample=street&person=0&rank=²", Link("street", "", 1)),
        ("?sample=street&sample=man-lab1&tab=cam", Link("man-lab1", "cam", 1)),
        ("?sample=street&tab=<script>&rank=-1", Link("street", "", 1)),
        ("?sample=street&rank=999999", Link("street", "", 1)),
        ("?sample=../../etc/passwd", Link("street")),
        ("?__theme=dark", Link("street")),
        ("?tab=match&rank=2", Link("street", "match")),
        ("", Link("street")),
    ],
)
def test_a_link_asks_for_a_sample_that_is_offered_and_nothing_else(query: str, wanted: Link) -> None:
    assert read_link(query, SAMPLES, "street") == wanted
