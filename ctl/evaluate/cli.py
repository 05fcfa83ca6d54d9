"""`python -m ctl evaluate`."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ctl.errors import InputError, require_packages
from ctl.evaluate.decides_table import decides_tables
from ctl.options import Commands, add_backend, add_networks
from ctl.progress import progress_bar

if TYPE_CHECKING:  # torch loads only when the command runs
    from ctl.data.benchmark import Benchmark
    from ctl.evaluate.calibration import Reliability
    from ctl.evaluate.ranking import Unmatched
    from ctl.evaluate.report import Report, Scores

DATASETS = ("walkers", "mars", "ilids-vid", "prid2011", "ls-vid", "folder")


def add_evaluate(commands: Commands) -> None:
    parser = commands.add_parser("evaluate", help="CMC and mAP of a checkpoint on a data set, with 95 %% intervals.")
    parser.add_argument("--dataset", choices=DATASETS, required=True)
    parser.add_argument("--root", type=Path, required=True, metavar="DIR", help="folder of the data set")
    add_networks(parser)
    add_backend(parser)
    parser.add_argument(
        "--heatmaps", type=Path, metavar="DIR", help="where heat maps are kept, 17 KB a frame (default: ROOT/heatmaps)"
    )
    parser.add_argument(
        "--decoders", type=int, metavar="N", help="processes that decode pictures (default: as many as pay here)"
    )
    parser.add_argument("--rerank", action="store_true", help="k-reciprocal re-ranking as well")
    parser.add_argument("--mars-drop-queries", action="store_true", help="take MARS' queries out of its gallery")
    parser.add_argument(
        "--feature",
        choices=("embedding", "backbone"),
        default="embedding",
        help="backbone: its mean feature map alone, to compare with (default: %(default)s)",
    )
    parser.add_argument(
        "--calibrate",
        action="store_true",
        help="fit the probability of the same person on half of the persons; it is written into the checkpoint folder",
    )
    parser.add_argument(
        "--decides",
        action="store_true",
        help="say what decides: shares of the similarity, weights of Eq. 5, mAP with less; embedding takes half as "
        "long again, and more for a graph that is large beside its backbone",
    )
    parser.add_argument(
        "--leave-out-damaged",
        action="store_true",
        help="leave out frames that are missing or don't decode, and count them in the report",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write cmc.png, rank-lists.png and, if calibrated, reliability.png"
    )
    parser.set_defaults(run=run_evaluate)


def run_evaluate(args: argparse.Namespace) -> int:
    from ctl.checkpoint import load_checkpoint, save_calibration
    from ctl.data import load_benchmark
    from ctl.data.damaged import leave_out_damaged
    from ctl.data.heatmaps import HeatMapCache
    from ctl.evaluate.calibration import calibrate
    from ctl.evaluate.decides import measure_decides
    from ctl.evaluate.report import embed_benchmark, score, tracklets_to_embed
    from ctl.files import require_writable, to_json, write_atomic
    from ctl.keypoints.load import load_estimator
    from ctl.runtime import choose_device, runs_onnx
    from ctl.types import UNTRAINED

    if args.calibrate and not (args.checkpoint and Path(args.checkpoint).is_dir()):
        raise InputError("--calibrate writes into the checkpoint: give its folder with --checkpoint")
    if args.decoders is not None and args.decoders < 0:
        raise InputError(f"--decoders must be ≥ 0, got {args.decoders}")
    if args.calibrate and args.feature != "embedding":
        raise InputError("--calibrate is for embeddings: leave --feature out")
    if args.decides and args.feature != "embedding":
        raise InputError("--decides is for embeddings: leave --feature out")
    if args.out:
        require_packages("train", "matplotlib")
    for folder in (args.json.parent if args.json else None, args.out):
        if folder is not None:
            require_writable(folder)
    device = choose_device("auto")
    onnx = runs_onnx(args.backend, device)
    benchmark, left_out = load_benchmark(args.dataset, args.root, drop_queries=args.mars_drop_queries), None
    if args.leave_out_damaged:
        with progress_bar("looking") as step:
            benchmark, left_out = leave_out_damaged(benchmark, step)
        if left_out.notice:
            print(f"note: {left_out.notice}", file=sys.stderr)
    model, checkpoint = load_checkpoint(args.checkpoint, device, fall_back=False)
    if onnx:
        model.backbone.run_in_onnx()
    estimator = load_estimator(args.keypoints, device, onnx=onnx)
    heatmaps = HeatMapCache(args.heatmaps or args.root / "heatmaps", estimator, model.config.image_size)
    start = perf_counter()
    with progress_bar("heat maps") as step:
        heatmaps.fill(tracklets_to_embed(benchmark), step, args.decoders)
    filled = perf_counter() - start
    as_its_authors = args.dataset == "mars" and not args.mars_drop_queries
    unmatched: Unmatched = "miss" if as_its_authors else "drop"
    decides = None
    with progress_bar("embeddings") as step:
        if args.decides:
            embedded, decides = measure_decides(model, benchmark, heatmaps, unmatched=unmatched, on_progress=step)
        else:
            embedded = embed_benchmark(model, benchmark, heatmaps, feature=args.feature, on_progress=step)
    report = score(benchmark, embedded, unmatched=unmatched, reranking=args.rerank)
    values: dict[str, Any] = {
        **report.to_json(),
        "timings_s": {"heatmaps": round(filled, 3), **report.timings_s},
        "feature": args.feature,
        "keypoints": args.keypoints,
        "checkpoint": {"id": checkpoint.id, "revision": checkpoint.revision, "sha256": checkpoint.sha256},
        **({} if left_out is None else {"left_out": left_out.to_json()}),
    }
    calibration = reliability = None
    if args.calibrate:
        calibration, reliability = calibrate(benchmark.splits[0], embedded, benchmark.name)
        values["calibration"] = {**asdict(calibration), "tested_on": reliability.to_json()}
    if decides:
        values["decides"] = decides.to_json()
    if args.json:
        write_atomic(args.json, to_json(values))
    if args.out:
        _draw(args.out, benchmark, report, reliability)
    if calibration:
        save_calibration(Path(args.checkpoint), calibration)
    if not checkpoint.trained and args.feature == "embedding":
        print(f"note: {UNTRAINED}", file=sys.stderr)
    _print(report)
    if decides:
        print(f"\n{decides_tables(values['decides'])}", end="")
    return 0


def _draw(folder: Path, benchmark: "Benchmark", report: "Report", reliability: "Reliability | None") -> None:
    from ctl.evaluate.plots import cmc_picture, reliability_picture
    from ctl.evaluate.rank_lists import rank_list_picture, rank_lists
    from ctl.files import write_atomic

    curves = {"cosine": report.scores.cmc} | ({"re-ranked": report.reranked.cmc} if report.reranked else {})
    lists = rank_lists(benchmark.splits[0], report.best.retrievals[0])
    write_atomic(folder / "cmc.png", cmc_picture(curves))
    write_atomic(folder / "rank-lists.png", rank_list_picture(lists))
    if reliability:
        write_atomic(folder / "reliability.png", reliability_picture(reliability))


def _print(report: "Report") -> None:
    print(f"{report.dataset}: {report.protocol}")
    print(
        f"{report.queries:g} queries, {report.queries_without_match:g} of them without a match, "
        f"{report.gallery:g} tracklets in the gallery"
        + (f", mean of {report.splits} splits" if report.splits > 1 else "")
    )
    for name, scores in (("cosine", report.scores), ("re-ranked", report.reranked)):
        if scores:
            print(f"{name:10} {_line(scores)}")


def _line(scores: "Scores") -> str:
    parts = []
    for name, value in scores.metrics.items():
        low, high = scores.intervals[name]
        spread = f" ± {100 * scores.deviations[name]:.1f}" if scores.deviations else ""
        parts.append(f"{name} {100 * value:.1f}{spread} ({100 * low:.1f} to {100 * high:.1f})")
    return ", ".join(parts)
