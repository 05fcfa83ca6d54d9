"""From a model and a benchmark to a report: embed once, rank every split, average, and say how sure the numbers are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import mean
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ctl.data.benchmark import JUNK, Benchmark, Split, TrackletFiles
from ctl.data.heatmaps import HeatMapCache
from ctl.errors import InputError
from ctl.evaluate.embedding import Feature, embed
from ctl.evaluate.intervals import bootstrap
from ctl.evaluate.ranking import Retrieval, Unmatched, found_within, rank_gallery
from ctl.evaluate.rerank import cosine_distance, rerank
from ctl.model import CTL
from ctl.progress import Progress

if TYPE_CHECKING:
    from accelerate import Accelerator

RANKS: Final = (1, 5, 10, 20)
METRICS: Final = (*(f"rank{rank}" for rank in RANKS), "mAP")
POLICY: Final[Mapping[Unmatched, str]] = {
    "drop": "queries without a match are left out of the means",
    "miss": "queries without a match count as never found",
}


@dataclass(frozen=True, eq=False)
class Embedded:
    """Every tracklet that the queries and galleries of a benchmark name, embedded once.

    Args:
        rows: tracklet -> its row.
        values: (n, D) float32, rows of unit length.
        seconds: that it took.
    """

    rows: Mapping[TrackletFiles, int]
    values: np.ndarray
    seconds: float

    def of(self, tracklets: tuple[TrackletFiles, ...]) -> np.ndarray:
        """(len(tracklets), D)."""
        return self.values[[self.rows[tracklet] for tracklet in tracklets]]


@dataclass(frozen=True, eq=False)
class Scores:
    """Metrics of one way to rank.

    Args:
        metrics: "rank1", "rank5", "rank10", "rank20" and "mAP", 0..1, mean over splits.
        deviations: their standard deviation over splits (n − 1); None if there is one split.
        intervals: 95 % of each, with persons drawn anew.
        cmc: (20,) float64, the whole curve, mean over splits.
        retrievals: what each split's rankings were worth.
        average_precision: (n,) float64, of the queries that metrics are a mean of, all splits one after the other.
        persons: (n,) int, who each of them searches for.
    """

    metrics: dict[str, float]
    deviations: dict[str, float] | None
    intervals: dict[str, tuple[float, float]]
    cmc: np.ndarray
    retrievals: tuple[Retrieval, ...]
    average_precision: np.ndarray
    persons: np.ndarray

    def to_json(self) -> dict[str, Any]:
        return {**self.metrics, "std": self.deviations, "intervals": self.intervals}


@dataclass(frozen=True, eq=False)
class Report:
    """What `evaluate` finds.

    Args:
        dataset: name of the benchmark.
        protocol: how queries and gallery were made, and what becomes of queries without a match.
        scores: of ranking by cosine distance.
        reranked: of the same after k-reciprocal re-ranking, if that was asked for.
        splits: how many.
        queries: of a split; the mean if splits differ, as the next three are.
        queries_without_match: of those.
        gallery: tracklets that are ranked, without junk.
        junk: tracklets left out of every ranking.
        timings_s: stage -> seconds.
    """

    dataset: str
    protocol: str
    scores: Scores
    reranked: Scores | None
    splits: int
    queries: float
    queries_without_match: float
    gallery: float
    junk: float
    timings_s: dict[str, float]

    @property
    def best(self) -> Scores:
        """Re-ranked if that was asked for."""
        return self.reranked or self.scores

    @property
    def rank1(self) -> float:
        return self.best.metrics["rank1"]

    @property
    def mean_ap(self) -> float:
        return self.best.metrics["mAP"]

    def to_json(self) -> dict[str, Any]:
        """As `python -m ctl evaluate --json` writes it; `without_reranking` is there only after re-ranking."""
        counts = {name: getattr(self, name) for name in ("queries", "gallery", "queries_without_match", "junk")}
        return {
            **self.best.to_json(),
            **{name: int(value) if value == int(value) else value for name, value in counts.items()},
            "dataset": self.dataset,
            "protocol": self.protocol,
            "splits": self.splits,
            "reranked": self.reranked is not None,
            **({"without_reranking": self.scores.to_json()} if self.reranked else {}),
            "timings_s": self.timings_s,
        }


def evaluate(
    model: CTL,
    benchmark: Benchmark,
    heatmaps: HeatMapCache,
    *,
    unmatched: Unmatched = "drop",
    reranking: bool = False,
    feature: Feature = "embedding",
    accelerator: "Accelerator | None" = None,
    on_progress: Progress | None = None,
) -> Report:
    """Embed and score. Arguments and errors as in `embed_benchmark` and `score`."""
    embedded = embed_benchmark(
        model, benchmark, heatmaps, feature=feature, accelerator=accelerator, on_progress=on_progress
    )
    return score(benchmark, embedded, unmatched=unmatched, reranking=reranking)


def embed_benchmark(
    model: CTL,
    benchmark: Benchmark,
    heatmaps: HeatMapCache,
    *,
    feature: Feature = "embedding",
    accelerator: "Accelerator | None" = None,
    on_progress: Progress | None = None,
) -> Embedded:
    """Embed the queries and galleries of all splits, each tracklet once, and no junk. Arguments as in `embed`.

    Raises InputError if a split has no queries or nothing to rank.
    """
    start = perf_counter()
    needed = tracklets_to_embed(benchmark)
    values = embed(model, needed, heatmaps, feature=feature, accelerator=accelerator, on_progress=on_progress)
    return Embedded({tracklet: row for row, tracklet in enumerate(needed)}, values, perf_counter() - start)


def tracklets_to_embed(benchmark: Benchmark) -> tuple[TrackletFiles, ...]:
    """Queries and galleries of all splits, each tracklet once. Raises InputError as `embed_benchmark` does."""
    for split in benchmark.splits:
        for part, tracklets in (("query", split.query), ("gallery", without_junk(split.gallery))):
            if not tracklets:
                raise InputError(f"{benchmark.name} has no tracklets in its {part}: there is nothing to evaluate")
    splits = benchmark.splits
    return tuple(dict.fromkeys(t for split in splits for t in (*split.query, *without_junk(split.gallery))))


def score(
    benchmark: Benchmark, embedded: Embedded, *, unmatched: Unmatched = "drop", reranking: bool = False
) -> Report:
    """Rank every split and sum up.

    Args:
        benchmark: whose tracklets were embedded.
        embedded: by `embed_benchmark`.
        unmatched: "drop" leaves queries without a match out, "miss" counts them as never found.
        reranking: also rank by k-reciprocal distances.
    Raises:
        InputError: no query of a split has a match.
    """
    start = perf_counter()
    plain = _score(benchmark, embedded, cosine_distance, unmatched)
    ranked = perf_counter()
    timings = {"embed": embedded.seconds, "rank": ranked - start}
    reranked = _score(benchmark, embedded, rerank, unmatched) if reranking else None
    if reranking:
        timings["rerank"] = perf_counter() - ranked
    sizes = [len(without_junk(split.gallery)) for split in benchmark.splits]
    return Report(
        dataset=benchmark.name,
        protocol=f"{benchmark.protocol}; {POLICY[unmatched]}",
        scores=plain,
        reranked=reranked,
        splits=len(benchmark.splits),
        queries=mean(len(split.query) for split in benchmark.splits),
        queries_without_match=mean(int((~retrieval.matched).sum()) for retrieval in plain.retrievals),
        gallery=mean(sizes),
        junk=mean(len(split.gallery) - size for split, size in zip(benchmark.splits, sizes, strict=True)),
        timings_s={stage: round(seconds, 3) for stage, seconds in timings.items()},
    )


def without_junk(gallery: tuple[TrackletFiles, ...]) -> tuple[TrackletFiles, ...]:
    """The tracklets that are ranked."""
    return tuple(tracklet for tracklet in gallery if tracklet.person != JUNK)


def _score(
    benchmark: Benchmark,
    embedded: Embedded,
    distance: Callable[[np.ndarray, np.ndarray], np.ndarray],
    unmatched: Unmatched,
) -> Scores:
    retrievals, values, persons = [], [], []
    for split in benchmark.splits:
        retrieval = _rank_split(split, embedded, distance)
        counted = retrieval.counted(unmatched)
        hits = found_within(retrieval.first_match, np.array(RANKS))
        values.append(np.column_stack([hits, np.nan_to_num(retrieval.average_precision)])[counted])  # (q, K)
        persons.append(np.array([tracklet.person for tracklet in split.query])[counted])
        retrievals.append(retrieval)
    means = np.stack([table.mean(axis=0) for table in values])  # (splits, K)
    queries, searched_for = np.concatenate(values), np.concatenate(persons)
    low, high = bootstrap(queries, searched_for)
    return Scores(
        metrics=_named(means.mean(axis=0)),
        deviations=_named(means.std(axis=0, ddof=1)) if len(means) > 1 else None,
        intervals={name: (float(a), float(b)) for name, a, b in zip(METRICS, low, high, strict=True)},
        cmc=np.mean([retrieval.cmc(max(RANKS), unmatched) for retrieval in retrievals], axis=0),
        retrievals=tuple(retrievals),
        average_precision=queries[:, METRICS.index("mAP")],
        persons=searched_for,
    )


def _rank_split(
    split: Split, embedded: Embedded, distance: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> Retrieval:
    gallery = without_junk(split.gallery)
    return rank_gallery(
        distance(embedded.of(split.query), embedded.of(gallery)),
        [tracklet.person for tracklet in split.query],
        [tracklet.person for tracklet in gallery],
        [tracklet.camera for tracklet in split.query],
        [tracklet.camera for tracklet in gallery],
    )


def _named(values: np.ndarray) -> dict[str, float]:
    return {name: float(value) for name, value in zip(METRICS, values, strict=True)}
