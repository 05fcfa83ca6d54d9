"""Who waits for whom: the queues that events of the page share, as options of Gradio's listeners."""

from typing import Any, Final

MODEL: Final[dict[str, Any]] = {"concurrency_id": "model", "concurrency_limit": 1}
"""Whatever shows pictures to a model: one at a time, because Grad-CAM hooks into the one model that all share."""

DRAWING: Final[dict[str, Any]] = {"concurrency_id": "drawing", "concurrency_limit": 2}
"""Videos, plots and files of a finished run."""

EXPLORING: Final[dict[str, Any]] = {"concurrency_id": "exploring", "concurrency_limit": 4}
"""The graph and the matrices of a person, packed for the browser: they never wait behind a video."""

COMPARING: Final[dict[str, Any]] = {"concurrency_id": "comparing", "concurrency_limit": 1}
"""A match, from nodes that are kept: no picture is seen again. The last one asked for is the last shown."""

ALTERING: Final[dict[str, Any]] = {"concurrency_id": "altering", "concurrency_limit": 1}
"""What if, as `COMPARING`; a second or two for all switches, which no match waits for."""

PLUMBING: Final[dict[str, Any]] = {"queue": False, "api_visibility": "private"}
"""Changes of the page itself: at once, and no endpoint."""

SEARCHING: Final[dict[str, Any]] = {"concurrency_id": "searching", "concurrency_limit": 1}
"""Searches of the gallery: milliseconds each, one after the other, so that the last one asked for is the last shown."""

SHOWING: Final[dict[str, Any]] = {"concurrency_id": "showing", "concurrency_limit": 1}
"""A sample, or another person: what is stored is read, no model runs; one after the other, as `SEARCHING`."""

EACH: Final[dict[str, Any]] = {"trigger_mode": "multiple"}
"""For events that say what was clicked: each is answered, in its turn. Gradio's "always_last" would answer the first
click a second time in place of the last one, and its "once" would drop what is clicked meanwhile."""
