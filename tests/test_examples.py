"""The examples in docstrings are run."""

import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize(
    "place",
    [
        "ctl.checkpoint:load_checkpoint",
        "ctl.evaluate.ranking:cmc_map",
        "ctl.gallery.memory:MemoryGallery",
        "ctl.model.network:CTL",
        "ctl.pipeline:Engine",
        "ctl.pipeline:analyze",
        "ctl.video.names:natural_order",
    ],
)
def test_example_gives_what_it_says(place: str) -> None:
    module, _, name = place.partition(":")
    home = import_module(module)
    (found,) = doctest.DocTestFinder(recurse=False).find(getattr(home, name), name, globs=dict(vars(home)))
    assert found.examples
    assert doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(found).failed == 0
