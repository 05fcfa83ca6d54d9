"""The CTL network: backbone, nodes, graphs, fusion."""

from ctl.model.network import CTL, CTLOutput, CTLTrace
from ctl.model.nodes import Nodes

__all__ = ["CTL", "CTLOutput", "CTLTrace", "Nodes"]
