"""What the tests of Walkers share."""

import pytest

from ctl.walkers.film import STAGE
from ctl.walkers.render import Stage


@pytest.fixture(scope="session")
def stage() -> Stage:
    """The one off-screen window."""
    return Stage(*STAGE)
