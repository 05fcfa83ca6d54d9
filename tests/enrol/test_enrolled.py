"""What a gallery keeps of a real clip explains a match as the clip itself would."""

from pathlib import Path

import numpy as np
import pytest

from ctl.enrol.clips import Row, build_gallery, embed_row
from ctl.explain.evidence import MOMENTS, Evidence, from_bytes
from ctl.explain.match import explain_match
from ctl.files import ROOT
from ctl.gallery import GalleryFolder, Record, read_gallery
from ctl.gallery.layout import EVIDENCE_BYTES
from ctl.pipeline import Engine

SAMPLES = ROOT / "assets" / "samples"
ROW = Row(SAMPLES / "man-lab1.mp4", "him", "lab 1", "crop")


@pytest.fixture(scope="module")
def record(engine: Engine) -> Record:
    return embed_row(engine, ROW)


def cosine(evidence: Evidence, record: Record) -> float:
    a, b = evidence.embedding, record.embedding.numpy().astype(np.float64)
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_kept_evidence_adds_up_to_the_embedding_beside_it(record: Record) -> None:
    evidence = from_bytes(record.evidence)
    assert cosine(evidence, record) > 0.999
    assert len(evidence.crops) == MOMENTS < evidence.frames
    assert len(record.evidence) < EVIDENCE_BYTES // 4


def test_a_hit_is_explained_without_its_clip(engine: Engine, record: Record, tmp_path: Path) -> None:
    gallery = build_gallery(engine, [ROW], lambda done, label: None)
    GalleryFolder(tmp_path).replace(gallery)
    (kept,) = read_gallery(tmp_path).records([record.entry.key])
    (query,) = engine.analyze(SAMPLES / "man-lab2.mp4", "crop").people
    (clip,) = engine.analyze(ROW.clip, "crop").people
    match = explain_match(engine.evidence(query), from_bytes(kept.evidence))
    live = explain_match(engine.evidence(query), engine.evidence(clip))
    assert match.similarity == pytest.approx(live.similarity, abs=1e-3)
    assert match.similarity == pytest.approx(float(query.embedding @ kept.embedding.numpy()), abs=1e-3)
