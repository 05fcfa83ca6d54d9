"""Finding people in single frames: near and far ones, at tile borders, and with a detector from a folder."""

import socket
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ctl.errors import InputError
from ctl.people.boxes import iou
from ctl.people.detect import CLOSE_LINES, TILE, Tile, cut_by_tile, load_detector, pad_to_32, tiles
from ctl.video.reader import open_clip

SAMPLES = Path(__file__).parents[2] / "assets" / "samples"
WOMAN = np.array([582, 280, 59, 226], dtype=float)
"""Where she is at second 3 of street.mp4, read off the picture."""


@pytest.fixture(scope="module")
def detector():
    return load_detector()


@pytest.fixture(scope="module")
def street() -> np.ndarray:
    with open_clip(SAMPLES / "street.mp4") as clip:
        return next(frame.image for frame in clip if frame.time >= 3)


def best_match(found, box) -> tuple[float, float]:
    """Overlap and score of the detection that fits a box best."""
    overlap = iou(found.boxes, box[None])[:, 0] if len(found) else np.zeros(1)
    return float(overlap.max()), float(found.scores[overlap.argmax()]) if len(found) else 0.0


def test_both_people_of_the_street_are_found_and_nobody_else(detector, street):
    (found,) = detector([street])
    likely = found[found.scores > 0.3]
    assert len(likely) == 2
    assert best_match(likely, WOMAN)[0] > 0.6
    assert likely.boxes[:, 0].min() < 400  # the man on the wall


@pytest.mark.parametrize("left", [50, 245], ids=["inside-a-tile", "at-a-tile-border"])
def test_people_80_pixels_tall_in_720p_are_found(detector, street, left):
    """The street, shrunk so that she is 80 px tall, in a corner of a 720p picture of grass and trees."""
    scale = 80 / WOMAN[3]
    small = Image.fromarray(street).resize((round(960 * scale), round(540 * scale)), Image.Resampling.LANCZOS)
    scene = Image.fromarray(street[::-1, ::-1][:150]).resize((1280, 720))
    scene.paste(small, (left, 300))
    overlap, score = best_match(detector([np.asarray(scene)])[0], WOMAN * scale + (left, 300, 0, 0))
    assert overlap > 0.5
    assert score > 0.3


def test_people_the_wide_look_misses_are_looked_for_again_in_the_batch(detector, street):
    """The close look at the middle frame, number 3, shows a far person; every third frame is then looked at closely."""
    scale = 70 / WOMAN[3]
    small = Image.fromarray(street).resize((round(960 * scale), round(540 * scale)), Image.Resampling.LANCZOS)
    scene = Image.fromarray(street[::-1, ::-1][:150]).resize((1280, 720))
    frames = []
    for number in range(6):
        scene.paste(small, (50 + 10 * number, 250))
        frames.append(np.array(scene))
    matches = [
        best_match(found, WOMAN * scale + (50 + 10 * number, 250, 0, 0))
        for number, found in enumerate(detector(frames))
    ]
    assert [overlap > 0.5 and score > 0.3 for overlap, score in matches] == [True, False, False, True, False, False]


@pytest.mark.parametrize("size", [(720, 1280), (1280, 720), (2160, 3840), (240, 320), (128, 128), (300, 4000)])
def test_tiles_cover_the_longer_side_without_a_gap(size):
    laid = tiles(*size)
    assert laid[0].start == 0
    assert laid[-1].start + laid[-1].length == max(size)
    for before, after in pairwise(laid):
        assert after.start < before.start + before.length
    assert len({tile.length for tile in laid}) == 1
    assert laid[0].length <= max(TILE, TILE * min(size) / CLOSE_LINES + 1)


def test_only_people_cut_by_an_inner_tile_border_are_left_to_the_neighbour():
    boxes = np.array([[0, 10, 40, 90], [472, 10, 40, 90], [200, 600, 40, 120]], dtype=float)
    first, middle = Tile(0, 512), Tile(384, 512)
    assert cut_by_tile(boxes, first, (720, 1280)).tolist() == [False, True, False]
    assert cut_by_tile(boxes, middle, (720, 1280)).tolist() == [True, True, False]
    assert cut_by_tile(boxes[:, [1, 0, 3, 2]], middle, (1280, 720)).tolist() == [True, True, False]


def test_padding_keeps_the_place_of_every_pixel():
    picture = torch.rand(1, 3, 45, 64)
    padded = pad_to_32(picture)
    assert padded.shape == (1, 3, 64, 64)
    assert torch.equal(padded[..., :45, :], picture)
    assert not padded[..., 45:, :].any()


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory):
    """D-FINE with random weights and 20 queries, saved to a folder; returns (folder, model, processor)."""
    from transformers import DFineConfig, DFineForObjectDetection, HGNetV2Config, RTDetrImageProcessor

    torch.manual_seed(0)
    backbone = HGNetV2Config(
        stem_channels=[3, 8, 8], stage_in_channels=[8, 16, 32, 64], stage_mid_channels=[8, 8, 8, 8],
        stage_out_channels=[16, 32, 64, 64], stage_num_blocks=[1, 1, 1, 1], stage_numb_of_layers=[1, 1, 1, 1],
        depths=[1, 1, 1, 1], hidden_sizes=[16, 32, 64, 64], embedding_size=8,
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = DFineConfig(
        backbone_config=backbone, encoder_in_channels=[32, 64, 64], encoder_hidden_dim=32, encoder_ffn_dim=32,
        encoder_attention_heads=2, d_model=32, num_queries=20, decoder_in_channels=[32, 32, 32], decoder_ffn_dim=32,
        decoder_layers=2, decoder_attention_heads=2, decoder_n_points=[2, 2, 2], num_denoising=0,
        id2label={0: "dog", 1: "person"}, label2id={"dog": 0, "person": 1},
    )  # fmt: skip
    model, processor = DFineForObjectDetection(config).eval(), RTDetrImageProcessor(size={"height": 96, "width": 160})
    for name, values in model.named_parameters():
        if "class_embed" in name and name.endswith("bias"):
            values.data = torch.tensor((-1.0, 1.0))  # dogs, people: far likelier than at the start
    folder = tmp_path_factory.mktemp("dfine")
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder, model, processor


def test_a_detector_from_a_folder_gives_the_models_people_without_the_network(tiny_model, monkeypatch):
    folder, model, processor = tiny_model
    frame = np.random.default_rng(0).integers(0, 256, (120, 200, 3), dtype=np.uint8)
    with torch.no_grad():
        raw = model(**processor(images=frame, return_tensors="pt"))
    scores, boxes = raw.logits[0].sigmoid().numpy()[:, 1], raw.pred_boxes[0].numpy()
    people = {
        (round((x - w / 2) * 200, 2), round((y - h / 2) * 120, 2), round(w * 200, 2), round(h * 120, 2)): score
        for (x, y, w, h), score in zip(boxes.tolist(), scores.tolist(), strict=True)
        if score >= 0.1
    }

    def no_network(*args: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    detector = load_detector(str(folder))
    (found,) = detector([frame])
    assert detector.name == str(folder)
    assert 0 < len(found) <= len(people)
    for box, score in zip(found.boxes.tolist(), found.scores.tolist(), strict=True):
        (match,) = [want for key, want in people.items() if np.allclose(key, box, atol=0.02)]
        assert score == pytest.approx(match, abs=1e-4)
    assert found.scores[0] == pytest.approx(max(people.values()), abs=1e-4)


def test_a_detector_that_does_not_know_people_is_refused(tiny_model, tmp_path):
    _, model, processor = tiny_model
    model.config.id2label, names = {0: "dog", 1: "cat"}, model.config.id2label
    try:
        model.save_pretrained(tmp_path)
    finally:
        model.config.id2label = names
    processor.save_pretrained(tmp_path)
    with pytest.raises(InputError, match="doesn't know people"):
        load_detector(str(tmp_path))


def test_an_empty_folder_is_no_detector(tmp_path):
    with pytest.raises(InputError, match="no detector"):
        load_detector(str(tmp_path))
