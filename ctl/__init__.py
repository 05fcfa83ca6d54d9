"""CTL: spatial-temporal correlation and topology learning for person re-identification in videos (CVPR 2021)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctl.checkpoint import load_checkpoint
    from ctl.model import CTL
    from ctl.pipeline import analyze

__all__ = ["CTL", "analyze", "load_checkpoint"]

_HOMES = {"CTL": "ctl.model", "analyze": "ctl.pipeline", "load_checkpoint": "ctl.checkpoint"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import ctl` doesn't load torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ctl' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
