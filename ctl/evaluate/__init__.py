"""CMC and mAP, re-ranking, calibration: how good a model is, and how sure that is."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctl.evaluate.embedding import embed
    from ctl.evaluate.ranking import cmc_map
    from ctl.evaluate.report import Report, evaluate

__all__ = ["Report", "cmc_map", "embed", "evaluate"]

_HOMES = {"Report": "report", "cmc_map": "ranking", "embed": "embedding", "evaluate": "report"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that reading the command line doesn't load torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ctl.evaluate' has no attribute {name!r}")
    return getattr(import_module(f"ctl.evaluate.{_HOMES[name]}"), name)
