"""Clips that the tests write: those of `tests.video`."""

from tests.video.conftest import grey_ramp, write_clip

__all__ = ["grey_ramp", "write_clip"]
