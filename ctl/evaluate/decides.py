"""What decides a ranking: how much of the similarity of true pairs came through each part of the network.

Three looks at one benchmark, without training anything:

- *Share*: an embedding is an exact sum (`ctl.explain.composition`), so its cosine with another is one too. A share is
  the part of the mean cosine of true pairs that came through V_g, s3, s2, s1 and the shift of the BN neck.
- *Relation*: whether the rows of Eq. 5's softmax choose, and whether they choose along the body.
- *Without*: mAP of the same model with less (`ctl.explain.what_if`), on both sides of every pair.

The backbone sees every frame once. All that follows is computed anew from the nodes, under every setting while they
are at hand, and of a tracklet are kept its embeddings and five sums.

A model with less keeps the batch statistics of the whole one: what its necks subtract is the mean of all terms, and a
ranking may fall for that alone. So "without" shows what this model leans on, not what training without it would give.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from time import perf_counter
from typing import Any, Final

import numpy as np
import torch

from ctl.data.benchmark import Benchmark, TrackletFiles
from ctl.data.frames import read_frames
from ctl.data.heatmaps import StoredHeatMaps
from ctl.evaluate.ranking import Unmatched, true_matches
from ctl.evaluate.report import Embedded, score, tracklets_to_embed, without_junk
from ctl.explain.composition import WHOLE, Composition, compose
from ctl.explain.what_if import Setting, full_setting, rerun
from ctl.inference import (
    TrackletGraphs,
    TrackletNodes,
    clip_indices,
    encode_frames,
    frames_at_once,
    join_nodes,
    relate_tracklet,
    to_tensor,
)
from ctl.model import CTL
from ctl.progress import Progress
from ctl.skeleton import Scale, membership_matrix

TERMS: Final = (WHOLE, "s3", "s2", "s1", "shift")
"""What an embedding is the sum of, in the order of every table."""

PIECE_FRAMES: Final = 96
"""Frames whose nodes are held at once, at least a clip: some hundred MB above the nodes if C is 512."""


@dataclass(frozen=True)
class Relation:
    """What rows of Eq. 5's softmax look like: one row for each target part of every frame, weights over N sources.

    Args:
        entropy: mean over rows, as a share of log N: 1 if a row is even, 0 if it is one source.
        largest: mean of a row's largest weight; 1/N to 1.
        same_limb: how often the source of the largest weight lies wholly within the target part.
        chance: what `same_limb` would be if sources were drawn evenly.
    """

    entropy: float
    largest: float
    same_limb: float
    chance: float


@dataclass(frozen=True)
class Decides:
    """What `measure_decides` finds.

    Args:
        pairs: true pairs of all splits: a query and a ranked tracklet of its person.
        similarity: their mean cosine.
        share: "whole", "s3", "s2", "s1" and "shift" -> fraction of that cosine; the five add up to 1.
        relation: "s1_s3" and "s2_s3" for the scales that a CS-GCL carries to s3.
        without: what is switched off -> mAP, 0..1, before any re-ranking. "full" is nothing, "s1_s2" both scales,
            "window" what other frames say, "parts" all but V_g, and "whole" V_g. What a model lacks isn't there.
    """

    pairs: int
    similarity: float
    share: dict[str, float]
    relation: dict[str, Relation]
    without: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """As `evaluate --json` writes it under "decides"."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Looked:
    """What is kept of n tracklets.

    Args:
        terms: (n, 5, C) float32, what each of `TERMS` put into the embedding before it was brought to unit length.
        embeddings: what is switched off -> (n, C) float32, rows of unit length.
        relation: of all frames, each once.
    """

    terms: np.ndarray
    embeddings: dict[str, np.ndarray]
    relation: dict[str, Relation]


def measure_decides(
    model: CTL,
    benchmark: Benchmark,
    heatmaps: StoredHeatMaps,
    *,
    unmatched: Unmatched = "drop",
    on_progress: Progress | None = None,
) -> tuple[Embedded, Decides]:
    """Embed a benchmark as `embed_benchmark` does, and say what decides on it.

    Args:
        model: in evaluation mode.
        benchmark: its queries and galleries are embedded, each tracklet once.
        heatmaps: filled with their maps.
        unmatched: as in `score`.
        on_progress: called with the share of tracklets done, 0..1.
    Raises:
        InputError: there is nothing to rank, or no query of a split has a match.
    """
    start, tracklets = perf_counter(), tracklets_to_embed(benchmark)
    looked = look(model, tracklets, heatmaps, on_progress)
    rows, seconds = {tracklet: row for row, tracklet in enumerate(tracklets)}, perf_counter() - start
    embedded = {name: Embedded(rows, values, seconds) for name, values in looked.embeddings.items()}
    without = {
        name: score(benchmark, values, unmatched=unmatched).scores.metrics["mAP"] for name, values in embedded.items()
    }
    pairs, similarity, share = shares(benchmark, rows, looked.terms)
    return embedded["full"], Decides(pairs, similarity, share, looked.relation, without)


def look(
    model: CTL,
    tracklets: tuple[TrackletFiles, ...],
    heatmaps: StoredHeatMaps,
    on_progress: Progress | None = None,
) -> Looked:
    """Take every embedding apart, and embed every tracklet by the model with less. Arguments as in `measure_decides`.

    The mean over clips is that of `embed`.
    """
    settings, tally = switched_off(model), RelationTally()
    terms = np.zeros((len(tracklets), len(TERMS), model.config.channels))
    sums = {name: np.zeros((len(tracklets), model.config.channels)) for name in ("full", *settings)}
    for row, tracklet in enumerate(tracklets):
        for nodes in _pieces(model, tracklet, heatmaps):
            clips = len(clip_indices(len(nodes), model.config.clip_length))
            graphs = relate_tracklet(model, nodes)
            terms[row] += clips * sum_terms(compose(model, graphs))
            sums["full"][row] += clips * _mean(graphs)
            for name, setting in settings.items():
                sums[name][row] += clips * _mean(rerun(model, nodes, setting))
            if model.config.fusion == "cross_scale":
                tally.add(model.config.fused_scales, graphs.matrices())
        if on_progress:
            on_progress((row + 1) / len(tracklets))
    sums |= {"parts": terms[:, [0, 4]].sum(axis=1), "whole": terms[:, 1:].sum(axis=1)}
    return Looked(
        terms=terms.astype(np.float32),
        embeddings={name: _unit(values).astype(np.float32) for name, values in sums.items()},
        relation=tally.means(),
    )


def switched_off(model: CTL) -> dict[str, Setting]:
    """Every What-if switch of a model on its own, and s1 and s2 together: name -> what is left."""
    full = full_setting(model.config)
    settings: dict[str, Setting] = {}
    for term in full.topology:
        settings[term] = replace(full, topology=tuple(rest for rest in full.topology if rest != term))
    if full.across_frames:
        settings["window"] = replace(full, across_frames=False)
    for scale in sorted(full.fused_scales):
        settings[scale] = replace(full, fused_scales=tuple(rest for rest in full.fused_scales if rest != scale))
    if len(full.fused_scales) > 1:
        settings["s1_s2"] = replace(full, fused_scales=())
    return settings


def sum_terms(composition: Composition) -> np.ndarray:
    """(5, C) float64 in the order of `TERMS`, summed over frames and parts; 0 for a scale that isn't fused."""
    terms = {name: values.sum(axis=(0, 1), dtype=np.float64) for name, values in composition.terms.items()}
    nothing = np.zeros_like(composition.shift)
    return np.stack([*(terms.get(name, nothing) for name in TERMS[:-1]), composition.shift])


def shares(
    benchmark: Benchmark, rows: Mapping[TrackletFiles, int], terms: np.ndarray
) -> tuple[int, float, dict[str, float]]:
    """Split the mean cosine of all true pairs, from the query's side.

    Args:
        benchmark: whose protocol says what is ranked.
        rows: tracklet -> its row.
        terms: (n, 5, C), as in `Looked`.
    Returns:
        number of pairs, their mean cosine, and the fraction of it that came through each of `TERMS`.
    """
    totals = terms.sum(axis=1, dtype=np.float64)
    units, count, through = _unit(totals), 0, np.zeros(len(TERMS))
    for split in benchmark.splits:
        gallery = without_junk(split.gallery)
        hits = units[[rows[tracklet] for tracklet in gallery]]
        persons, cameras = (np.array([getattr(t, name) for t in gallery]) for name in ("person", "camera"))
        for query in split.query:
            is_match = true_matches(query.person, query.camera, persons, cameras)
            direction = hits[is_match].sum(axis=0) / np.linalg.norm(totals[rows[query]])
            through += terms[rows[query]] @ direction
            count += int(is_match.sum())
    whole = through.sum()
    return count, float(whole / count), {name: float(x / whole) for name, x in zip(TERMS, through, strict=True)}


class RelationTally:
    """Sums over rows of Eq. 5's softmax, gathered a few frames at a time."""

    def __init__(self) -> None:
        self._sums: dict[Scale, np.ndarray] = {}  # (3,): entropy, largest weight, on the same limb
        self._rows: dict[Scale, int] = {}

    def add(self, sources: tuple[Scale, ...], matrices: Mapping[str, np.ndarray]) -> None:
        """Take in "A_s1_s3" and so on, (T, 5, N), of the scales named."""
        for source in sources:
            weights = matrices[f"A_{source}_s3"].astype(np.float64)
            T, M, N = weights.shape
            entropy = -(weights * np.log(np.maximum(weights, 1e-300))).sum(axis=-1) / np.log(N)  # (T, M)
            inside = membership_matrix(source, "s3") > 0  # (M, N)
            hits = inside[np.arange(M), weights.argmax(axis=-1)]  # (T, M)
            sums = np.array([values.sum() for values in (entropy, weights.max(axis=-1), hits)])
            self._sums[source] = self._sums.get(source, 0) + sums
            self._rows[source] = self._rows.get(source, 0) + T * M

    def means(self) -> dict[str, Relation]:
        """Means over all that was taken in, by "s1_s3" and so on."""
        relations = {}
        for source in sorted(self._sums):
            entropy, largest, same_limb = (self._sums[source] / self._rows[source]).tolist()
            chance = float((membership_matrix(source, "s3") > 0).mean())
            relations[f"{source}_s3"] = Relation(entropy, largest, same_limb, chance)
        return relations


def _pieces(model: CTL, tracklet: TrackletFiles, heatmaps: StoredHeatMaps) -> Iterator[TrackletNodes]:
    """Nodes of a tracklet in runs of whole clips; clips don't hear each other, so each run is a tracklet of its own."""
    T = model.config.clip_length
    size = max(1, PIECE_FRAMES // T) * T
    for start in range(0, len(tracklet), size):
        yield _read_nodes(model, tracklet, heatmaps, np.arange(start, min(start + size, len(tracklet))))


def _read_nodes(model: CTL, tracklet: TrackletFiles, heatmaps: StoredHeatMaps, indices: np.ndarray) -> TrackletNodes:
    """Eq. 1 for some frames of a tracklet, each once."""
    device = next(model.parameters()).device
    pieces = []
    with torch.inference_mode():
        for few in np.split(indices, range(frames_at_once(device), len(indices), frames_at_once(device))):
            pixels = to_tensor(read_frames(tracklet, model.config.image_size, few), device)  # (n, 3, H, W)
            maps = torch.from_numpy(heatmaps.read(tracklet, few)).to(device)
            pieces.append(encode_frames(model, pixels, maps))
    return join_nodes(pieces)


def _mean(graphs: TrackletGraphs) -> np.ndarray:
    """(C,) float64, mean over the clips, not of unit length."""
    return graphs.embeddings.mean(dim=0).double().cpu().numpy()


def _unit(values: np.ndarray) -> np.ndarray:
    """(n, C) -> rows of unit length."""
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
