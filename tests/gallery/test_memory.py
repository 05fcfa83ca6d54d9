"""What only a gallery in memory promises: it is a value, and equal embeddings are equal."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from ctl.errors import InputError
from ctl.gallery import MemoryGallery
from tests.gallery.cases import SHA256, entry, key, people, record, records, some_embeddings


@pytest.mark.parametrize("width", [2, 512, 2048])
def test_equal_embeddings_keep_the_order_they_were_added_in(width: int) -> None:
    generator = torch.Generator().manual_seed(1)
    rows = torch.randn(3, width, generator=generator)[torch.randint(3, (101,), generator=generator)]
    embeddings = torch.nn.functional.normalize(rows, dim=1)
    gallery = MemoryGallery(SHA256, tuple(entry(n) for n in range(101)), embeddings, (b"",) * 101, (b"",) * 101)
    hits = gallery.search(torch.randn(width, generator=generator), top_k=101)
    assert len({hit.similarity for hit in hits}) == 3
    for before, after in pairwise(hits):
        assert before.similarity > after.similarity or before.key < after.key


def test_changes_leave_the_old_gallery_as_it_was() -> None:
    gallery = MemoryGallery.empty(SHA256).add(records(some_embeddings()))
    before = people(gallery)
    gallery.remove([key(1)]).rename([key(2)], person="zoe").add([record(13, torch.ones(7))])
    assert people(gallery) == before
    assert len(gallery.embeddings) == 12


def test_gallery_that_contradicts_itself_is_refused() -> None:
    gallery = MemoryGallery.empty(SHA256).add(records(some_embeddings(2)))
    with pytest.raises(InputError, match="keys must differ"):
        replace(gallery, entries=(entry(1), entry(1)))
    with pytest.raises(InputError, match="L2-normalised"):
        replace(gallery, embeddings=2 * gallery.embeddings)
    with pytest.raises(InputError, match=r"must be \(2, D\) float32"):
        replace(gallery, embeddings=gallery.embeddings[:1])


def test_size_counts_everything_that_grows_with_a_tracklet() -> None:
    empty = MemoryGallery.empty(SHA256)
    one = replace(record(1, torch.ones(7)), jpeg=b"12345", evidence=b"123")
    assert (empty.nbytes, empty.add([one]).nbytes) == (0, 7 * 4 + 5 + 3)
