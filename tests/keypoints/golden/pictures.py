"""Cut the golden pictures out of the demo clips of two BSD-3 wheels. See README.md."""

import argparse
import io
import zipfile
from pathlib import Path

import av
from PIL import Image

STREET = ("sports2d", "Sports2D/Demo/demo.mp4")
CAMERAS = {k: ("pose2sim", f"Pose2Sim/Demo_MultiPerson/videos/cam0{k}.mp4") for k in (1, 2, 3, 4)}

CUTS = {  # name: clip, frame, (left, top, right, bottom) in the clip, (width, height) of the picture
    "woman-upright": (STREET, 108, (714, 486, 1184, 956), (256, 256)),
    "woman-striding": (STREET, 168, (83, 483, 573, 973), (256, 256)),
    "man-standing": (STREET, 0, (431, 46, 871, 486), (256, 256)),
    "two-small": (STREET, 60, (520, 0, 1514, 994), (256, 256)),
    "nobody": (STREET, 229, (150, 250, 894, 994), (256, 256)),
    "man-front": (CAMERAS[2], 0, (149, 323, 1009, 1183), (256, 256)),
    "three-people": (CAMERAS[2], 20, (0, 400, 1088, 1488), (256, 256)),
    "man-bending": (CAMERAS[3], 40, (55, 351, 995, 1291), (256, 256)),
    "man-leg-raised": (CAMERAS[4], 40, (86, 354, 1046, 1314), (256, 256)),
    "woman-back": (CAMERAS[1], 20, (88, 800, 1088, 1800), (256, 256)),
    "head-and-shoulders": (CAMERAS[2], 0, (379, 360, 779, 760), (256, 256)),
    "small-letterboxed": (CAMERAS[3], 0, (-416, 0, 1504, 1920), (256, 256)),
    "wide": (STREET, 60, (0, 0, 1768, 994), (512, 288)),
}


def read_frame(wheel: Path, clip: str, number: int) -> Image.Image:
    with zipfile.ZipFile(wheel) as archive, av.open(io.BytesIO(archive.read(clip))) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index == number:
                return frame.to_image()
    raise SystemExit(f"{clip} has no frame {number}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheels", type=Path, help="folder with the wheels of sports2d 0.8.34 and pose2sim 0.10.49")
    wheels = parser.parse_args().wheels
    for name, ((package, clip), number, box, size) in CUTS.items():
        (wheel,) = wheels.glob(f"{package}-*.whl")
        picture = read_frame(wheel, clip, number).crop(box).resize(size, Image.Resampling.LANCZOS)
        few_colours = picture.quantize(96, dither=Image.Dither.NONE)  # keeps the file small; both sides see the same
        few_colours.save(Path(__file__).parent / "pictures" / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
