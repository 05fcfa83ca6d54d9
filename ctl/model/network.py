"""CTL, the whole network of section 3: frames and key-point heat maps in, one embedding per clip out.

What is special about it:
- body parts at three scales are graph nodes, found by a key-point estimator that isn't part of the network;
- the graph is learned per layer and per temporal window, and is returned (`trace`): it is what people want to see;
- every linear map is applied once per node: before windows and pairs are formed, after time is averaged.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from torch import Tensor, nn

from ctl.config import PRESETS, ModelConfig
from ctl.errors import InputError
from ctl.graph import FrameGraphConv, GraphConv3d
from ctl.graph.topology import Adjacency
from ctl.model.backbone import Backbone
from ctl.model.fusion import ClipFeatures, FusionBlock
from ctl.model.nodes import NodeExtractor, Nodes
from ctl.model.scale_fusion import ScaleFusion
from ctl.skeleton import JOINTS, Scale, part_count


class CTLTrace(NamedTuple):
    """Everything that the network computed from the nodes and that explains the embedding. Nodes are (B, T, N, C)."""

    nodes: Nodes
    adjacency: dict[str, Adjacency]  # "s1_l1" and so on: scale and layer
    refined: dict[str, Tensor]  # "s1" and so on, after the graph layers
    cross_scale: dict[str, Tensor]  # "s1_s3", "s2_s3" -> (B, T, 5, N); with M = 2 "s1_s3_l1" and so on, the early ones
    parts: Tensor  # (B, T, 5, C), V_p


@dataclass(frozen=True, eq=False)
class CTLOutput:
    """What one forward pass gives.

    Args:
        features: V_f^g, V_f^a and V_f^c, (B, C) each.
        compared: the same after the BN neck; equal to `features` in a model without one.
        parts: (B, T, 5, C), V_p, for the diversity loss.
        logits: identity logits (B, identities) of the three compared features; None in a model without classifiers.
        scale_logits: finer scale -> identity logits (B, identities) of what it alone adds to V_f^a; empty in a model
            without classifiers.
        trace: what explains the embedding, if asked for.
    """

    features: ClipFeatures
    compared: ClipFeatures
    parts: Tensor
    logits: tuple[Tensor, Tensor, Tensor] | None
    scale_logits: dict[str, Tensor]
    trace: CTLTrace | None

    @property
    def embedding(self) -> Tensor:
        """(B, D), V_f^a: the feature that clips are compared by; its length carries no meaning."""
        return self.compared.added


class GraphLayer(nn.Module):
    """One graph layer of every scale.

    Args:
        config: of the model.
        scales: the scales whose nodes are needed.
        shortcut: whether the input is added to the result, as it is from the second layer on.
    """

    def __init__(self, config: ModelConfig, scales: tuple[Scale, ...], shortcut: bool) -> None:
        super().__init__()
        self.shortcut = shortcut
        self.scales = nn.ModuleDict({scale: _graph_conv(config, scale) for scale in scales})

    def forward(self, nodes: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Adjacency]]:
        """Nodes (B, T, N, C) by scale -> updated nodes and the adjacency that was used, by scale."""
        updated, adjacency = {}, {}
        for scale, convolve in self.scales.items():
            values, adjacency[scale] = convolve(nodes[scale])
            updated[scale] = values + nodes[scale] if self.shortcut else values
        return updated, adjacency


def _neck(channels: int) -> nn.BatchNorm1d:
    """A batch norm without a shift, so that features stay centred at zero, where the cosine has its origin."""
    norm = nn.BatchNorm1d(channels)
    norm.bias.requires_grad_(False)
    return norm


def _graph_conv(config: ModelConfig, scale: Scale) -> GraphConv3d | FrameGraphConv:
    if config.graph == "frame":
        return FrameGraphConv(config.channels, scale, config.clip_length, config.topology)
    return GraphConv3d(config.channels, scale, config.window, config.topology, config.self_links)


class CTL(nn.Module):
    """Spatial-temporal correlation and topology learning.

    >>> import torch
    >>> model = CTL.from_config("mobile").eval()
    >>> frames, heatmap_logits = torch.rand(1, 6, 3, 256, 128), torch.randn(1, 6, 17, 32, 16)
    >>> with torch.inference_mode():
    ...     output = model(frames, heatmap_logits, trace=True)
    >>> output.embedding.shape
    torch.Size([1, 512])
    >>> output.trace.cross_scale["s1_s3"].shape  # which of 17 joints each of 5 parts listens to
    torch.Size([1, 6, 5, 17])

    Args:
        config: shape of the network; `CTL.from_config` also takes a preset's name.
    """

    backbone: Backbone
    fuse: FusionBlock

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        C = config.channels
        used: tuple[Scale, ...] = (*config.fused_scales, "s3")
        depth = 0 if config.graph == "none" else config.layers

        self.backbone = Backbone(config.backbone, config.pixel_scaling, config.shrink)
        self.extract = NodeExtractor(self.backbone.width, C)
        self.graphs = nn.ModuleList(
            GraphLayer(config, used, shortcut=level > 0 or config.first_shortcut) for level in range(depth)
        )
        self.fuse_scales = nn.ModuleList(ScaleFusion(config) for _ in range(config.cross_scale_layers))
        self.fuse = FusionBlock(C, part_count("s3"))
        self.necks = nn.ModuleList(_neck(C) for _ in range(3 if config.bn_neck else 0))
        self.classifiers = nn.ModuleList(
            nn.Linear(C, config.identities, bias=False) for _ in range(3 if config.identities else 0)
        )
        self.init_weights()

    @classmethod
    def from_config(cls, config: Literal["paper", "mobile"] | ModelConfig) -> "CTL":
        """A freshly initialised model, from a preset's name or from a config of your own."""
        if isinstance(config, str):
            if config not in PRESETS:
                raise InputError(f"no model preset {config!r}: choose one of {', '.join(PRESETS)}")
            config = PRESETS[config]
        return cls(config)

    def init_weights(self) -> None:
        """Initialise all but the backbone (torchvision's own way) and batch norms (identity, or their layer's gain).

        | what | how | why |
        | --- | --- | --- |
        | linear layers of graphs and relations | He, fan-in | each is followed by ReLU |
        | map from the backbone's width to C | orthogonal | keeps distances between appearances as well as it can |
        | mask A^m | zeros | section 3.2 |
        | g_c | normal, variance 1/C | linear, keeps the size of a part |
        | classifiers | normal, 0.001 | logits start near zero |
        """
        for name, layer in self.named_modules():
            if isinstance(layer, nn.Linear) and not name.startswith("backbone."):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        for weight in self.extract.reduce.parameters():
            nn.init.orthogonal_(weight)
        nn.init.normal_(self.fuse.align, std=self.config.channels**-0.5)
        for weight in self.classifiers.parameters():
            nn.init.normal_(weight, std=0.001)

    def forward(self, frames: Tensor, heatmap_logits: Tensor, trace: bool = False) -> CTLOutput:
        """Embed clips: `relate` what `encode` found.

        Args:
            frames: (B, T, 3, H, W) float RGB, 0..1; H and W multiples of 32, any T ≥ 1.
            heatmap_logits: (B, T, 17, h, w) float, key-point heat maps of the same crops, before softmax or sigmoid.
            trace: also return what explains the embedding.
        Raises:
            ValueError: a shape or dtype isn't as above; the message names it.
        """
        return self.relate(self.encode(frames, heatmap_logits), trace)

    def encode(self, frames: Tensor, heatmap_logits: Tensor) -> Nodes:
        """Each frame on its own: backbone and Eq. 1. Nearly all of the network's time goes here.

        Args, Raises: as `forward`.
        """
        _check(frames, heatmap_logits)
        return self.extract(self.backbone(frames), heatmap_logits)  # V_g (B, T, C) and V_s (B, T, N, C)

    def relate(self, nodes: Nodes, trace: bool = False) -> CTLOutput:
        """The frames of a clip together: graphs, fusion, embedding (Eq. 2-7). Its time is small beside `encode`.

        Args:
            nodes: of B clips of T frames.
            trace: also return what explains the embedding.
        """
        refined, adjacency, cross_scale = self.refine(nodes.scales)  # (B, T, N, C) per scale, Eq. 2-4
        fused = self.fuse_scales[-1](refined)  # V_p (B, T, 5, C), Eq. 5-7
        features = self.fuse(nodes.whole, fused.parts)  # V_f^g, V_f^a, V_f^c (B, C)
        compared = ClipFeatures(*_each(self.necks, features)) if self.necks else features
        return CTLOutput(
            features=features,
            compared=compared,
            parts=fused.parts,
            logits=tuple(_each(self.classifiers, compared)) if self.classifiers else None,
            scale_logits=self._scale_logits(fused.carried, features.added) if self.classifiers else {},
            trace=CTLTrace(
                nodes=nodes,
                adjacency=adjacency,
                refined=refined,
                cross_scale=cross_scale | {f"{source}_s3": weights for source, weights in fused.weights.items()},
                parts=fused.parts,
            )
            if trace
            else None,
        )

    def refine(self, scales: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Adjacency], dict[str, Tensor]]:
        """The L graph layers of every scale, with a fusion after the first layer if M = 2.

        Args:
            scales: "s1", "s2", "s3" -> (B, T, N, C).
        Returns:
            refined nodes by scale; adjacency by scale and layer; weights of the early fusion.
        """
        adjacency: dict[str, Adjacency] = {}
        cross_scale: dict[str, Tensor] = {}
        for level, layer in enumerate(self.graphs, start=1):
            scales, links = layer(scales)
            adjacency |= {f"{scale}_l{level}": terms for scale, terms in links.items()}
            if level == 1 and len(self.fuse_scales) == 2:
                fused = self.fuse_scales[0](scales)
                scales = scales | {"s3": fused.parts}
                cross_scale = {f"{source}_s3_l1": value for source, value in fused.weights.items()}
        return scales, adjacency, cross_scale

    def _scale_logits(self, carried: dict[str, Tensor], added: Tensor) -> dict[str, Tensor]:
        """Identity logits (B, identities) of what each finer scale adds to V_f^a, as large as it is within V_f^a.

        The neck's gain and the deviation of all of V_f^a over the batch make it so; its own mean over the batch is
        taken away. The classifier is that of V_f^a.

        Args:
            carried: finer scale -> (B, T, 5, C).
            added: (B, C), V_f^a before its neck.
        """
        shares = {source: parts.sum(dim=2).mean(dim=1) for source, parts in carried.items()}  # (B, C)
        if self.necks:
            neck = self.necks[1]
            assert isinstance(neck, nn.BatchNorm1d)
            gain = neck.weight / (added.var(dim=0, correction=0) + neck.eps).sqrt()
            shares = {source: gain * (share - share.mean(dim=0)) for source, share in shares.items()}
        return {source: self.classifiers[1](share) for source, share in shares.items()}


def _each(layers: nn.ModuleList, features: ClipFeatures) -> list[Any]:
    """Each feature through its own layer."""
    return [layer(feature) for layer, feature in zip(layers, features, strict=True)]


def _check(frames: Tensor, heatmap_logits: Tensor) -> None:
    if frames.ndim != 5 or frames.shape[2] != 3 or frames.shape[1] == 0 or frames.shape[3] % 32 or frames.shape[4] % 32:
        raise ValueError(f"frames must be (B, T, 3, H, W), H and W multiples of 32, got {tuple(frames.shape)}")
    expected = (*frames.shape[:2], len(JOINTS))
    if heatmap_logits.ndim != 5 or heatmap_logits.shape[:3] != expected:
        raise ValueError(f"heatmap_logits must be {(*expected, 'h', 'w')}, got {tuple(heatmap_logits.shape)}")
    for name, value in (("frames", frames), ("heatmap_logits", heatmap_logits)):
        if not value.is_floating_point():
            raise ValueError(f"{name} must be floating point, got {value.dtype}")
