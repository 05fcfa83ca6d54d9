"""The CTL network: backbone, nodes, graphs, fusion."""

from ctl.model.network import CTL, CTLOutput, CTLTrace

__all__ = ["CTL", "CTLOutput", "CTLTrace"]
