"""The three losses of section 3.5 and their sum (Eq. 8 and 9). Pure functions of features and labels."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ctl.model import CTLOutput


def batch_hard_triplet_loss(features: Tensor, identities: Tensor, margin: float = 0.3) -> Tensor:
    """Triplet loss with the hardest positive and the hardest negative of each clip in the batch (Hermans et al. 2017).

    Assumed: margin 0.3 and Euclidean distance, as the field does; the paper gives neither.

    Args:
        features: (..., B, C) float.
        identities: (B,) int.
        margin: distance by which the nearest other person has to be farther than the farthest clip of the same person.
    Returns:
        (...) float ≥ 0, mean over the batch.
    Raises:
        ValueError: a clip has no negative, i.e. the batch holds one person only. On a GPU nobody asks, as the answer
            would have to be waited for, and the loss of such a batch is 0.
    """
    features = _at_least_float32(features)
    same = identities[:, None] == identities[None, :]  # (B, B)
    if same.device.type == "cpu" and bool(same.all()):
        raise ValueError("batch_hard_triplet_loss needs clips of at least two persons in a batch")
    distance = _distances(features)  # (..., B, B)
    hardest_positive = distance.masked_fill(~same, -torch.inf).amax(dim=-1)  # (..., B)
    hardest_negative = distance.masked_fill(same, torch.inf).amin(dim=-1)
    return F.relu(hardest_positive - hardest_negative + margin).mean(dim=-1)


def identification_loss(logits: Tensor, identities: Tensor, smoothing: float = 0.1) -> Tensor:
    """Cross-entropy with label smoothing (Szegedy et al. 2016). Assumed: smoothing 0.1; the paper gives none.

    Args:
        logits: (..., B, K) float.
        identities: (B,) int in 0..K-1.
        smoothing: share of the target that is spread over all K identities.
    Returns:
        (...) float ≥ 0, mean over the batch.
    """
    each = F.cross_entropy(
        _at_least_float32(logits).flatten(0, -2),
        identities.expand(logits.shape[:-1]).flatten(),
        label_smoothing=smoothing,
        reduction="none",
    )
    return each.view(logits.shape[:-1]).mean(dim=-1)


def diversity_loss(parts: Tensor) -> Tensor:
    """Eq. 8, ||V_p V_p^T - I||_F^2: parts of a person should not all say the same.

    Args:
        parts: (B, T, P, C) float, V_p; averaged over time and brought to unit length here.
    Returns:
        () float, 0 to P(P - 1). Assumed: mean over the batch.
    """
    unit = F.normalize(_at_least_float32(parts).mean(dim=1), dim=-1)  # (B, P, C)
    gram = unit @ unit.mT
    return (gram - torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)).square().sum(dim=(1, 2)).mean()


@dataclass(frozen=True, eq=False)
class LossParts:
    """The terms of Eq. 9, each a scalar tensor, already weighted by its λ."""

    triplet: Tensor
    identification: Tensor
    diversity: Tensor
    scales: Tensor

    @property
    def total(self) -> Tensor:
        return self.triplet + self.identification + self.diversity + self.scales


def ctl_loss(
    output: CTLOutput,
    identities: Tensor,
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0),
    margin: float = 0.3,
    smoothing: float = 0.1,
    triplet_after_neck: bool = False,
    scales_weight: float = 0.0,
) -> LossParts:
    """Eq. 9. Assumed: the triplet and identification losses of V_f^g, V_f^a and V_f^c are summed, not averaged.

    Differs, if asked for: what s1 and s2 each add to V_f^a has to say alone who it is. Nothing else in Eq. 9 asks
    anything of them, and they end with a share of nothing.

    Args:
        output: of a model with classifiers.
        identities: (B,) int in 0..K-1.
        weights: λ1 (triplet), λ2 (identification), λ3 (diversity).
        margin: of the triplet loss.
        smoothing: of the labels of the identification loss.
        triplet_after_neck: whether the triplet loss sees the features after the BN neck (as in AP3D) or before it (Luo
            et al. 2019). The same in a model without a neck.
        scales_weight: of the identification loss of each finer scale; 0 in the paper.
    Raises:
        ValueError: the model has no classifiers.
    """
    if output.logits is None:
        raise ValueError("ctl_loss needs a model with classifiers: set identities in its config")
    features = torch.stack(output.compared if triplet_after_neck else output.features)  # (3, B, C)
    triplet = batch_hard_triplet_loss(features, identities, margin).sum()
    identification = identification_loss(torch.stack(output.logits), identities, smoothing).sum()
    scales = torch.zeros_like(triplet)
    if scales_weight and output.scale_logits:
        finer = torch.stack(tuple(output.scale_logits.values()))
        scales = scales_weight * identification_loss(finer, identities, smoothing).sum()
    diversity = diversity_loss(output.parts)
    return LossParts(weights[0] * triplet, weights[1] * identification, weights[2] * diversity, scales)


def _at_least_float32(values: Tensor) -> Tensor:
    """Half precision is too coarse for differences of distances and for sums over identities."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _distances(features: Tensor) -> Tensor:
    """Euclidean distances (..., B, B). The root is taken of at least 1e-12, so that its gradient is finite at zero."""
    squares = features.square().sum(dim=-1, keepdim=True)  # (..., B, 1)
    return (squares + squares.mT - 2 * features @ features.mT).clamp_min(1e-12).sqrt()
