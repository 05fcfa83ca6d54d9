"""Each step of the sensor chain, one at a time."""

from dataclasses import replace

import numpy as np
import pytest

from ctl.walkers.sensor import Sensor, compress, expose

NEUTRAL = Sensor(1.0, (1.0, 1.0, 1.0), 0.0, 1.0, 1.0, 0.0, blur_px=0.01, sharpen=0.0, noise=0.0, jpeg=90)
CENTRE = np.zeros((40, 60), np.float32)


def flat(*colour: float) -> np.ndarray:
    return np.broadcast_to(np.array(colour, np.float32), (40, 60, 3)).copy()


def seen(light: np.ndarray, gain: float = 1.0, off_axis: np.ndarray = CENTRE, **changes: object) -> np.ndarray:
    return expose(light, replace(NEUTRAL, **changes), off_axis, gain, np.random.default_rng(0)).astype(float)


def test_neutral_sensor_hands_light_on() -> None:
    assert seen(flat(0.2, 0.4, 0.6))[0, 0].tolist() == [51, 102, 153]


def test_exposure_and_gain_multiply_light_and_clip() -> None:
    assert seen(flat(0.2, 0.4, 0.6), gain=1.5, exposure=2.0)[0, 0].tolist() == [153, 255, 255]


def test_white_balance_colours_grey() -> None:
    assert seen(flat(0.5, 0.5, 0.5), white_balance=(1.2, 1.0, 0.8))[0, 0].tolist() == [153, 128, 102]


def test_no_saturation_leaves_the_luma() -> None:
    assert np.ptp(seen(flat(1.0, 0.0, 0.0), saturation=0.0)) == 0
    assert seen(flat(1.0, 0.0, 0.0), saturation=0.0)[0, 0, 0] == pytest.approx(0.299 * 255, abs=1)


def test_gamma_and_black_level() -> None:
    assert seen(flat(0.5, 0.5, 0.5), gamma=2.0)[0, 0, 0] == pytest.approx(64, abs=1)
    assert seen(flat(0.0, 0.0, 0.0), black=0.1)[0, 0, 0] == pytest.approx(25.5, abs=1)


def test_vignette_darkens_away_from_the_centre() -> None:
    off_axis = np.linspace(0, 1, 60, dtype=np.float32)[None].repeat(40, axis=0)
    row = seen(flat(0.5, 0.5, 0.5), off_axis=off_axis, vignette=0.4)[0, :, 0]
    assert (np.diff(row) <= 0).all()
    assert row[-1] == pytest.approx(0.6 * row[0], abs=1)


def test_blur_spreads_an_edge_by_its_own_width_and_sharpening_overshoots() -> None:
    edge = flat(0.3, 0.3, 0.3)
    edge[:, 30:] = 0.7
    assert np.ptp(np.diff(seen(edge)[0, :, 0]).nonzero()) == 0
    steps = np.diff(seen(edge, blur_px=1.5)[0, :, 0])
    assert np.sqrt((steps * (np.arange(59) - 29) ** 2).sum() / steps.sum()) == pytest.approx(1.5, rel=0.1)
    assert seen(edge, blur_px=1.0, sharpen=1.0).max() > 255 * 0.7 + 1


def test_noise_has_the_deviation_asked_for_and_half_in_the_dark() -> None:
    full, dark = (seen(flat(*[level] * 3), noise=0.04, black=0.25).std() / 255 for level in (0.6, 0.0))
    assert full == pytest.approx(0.04 * np.sqrt(0.25 + 0.75 * 0.7), rel=0.1)
    assert dark < 0.8 * full


def test_same_generator_same_bytes() -> None:
    light = np.random.default_rng(1).random((40, 60, 3), dtype=np.float32)
    assert np.array_equal(seen(light, noise=0.05), seen(light, noise=0.05))


def test_lower_quality_loses_more() -> None:
    picture = np.random.default_rng(2).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    loss = [np.abs(compress(picture, quality).astype(int) - picture).mean() for quality in (90, 50, 20)]
    assert loss[0] < loss[1] < loss[2]
