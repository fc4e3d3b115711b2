from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from convscope.errors import InputError
from convscope.tasks import digits, shifts
from convscope.tasks.imagesets import ImageData

SOME = np.random.default_rng(0).integers(1, 256, (16, 28, 28)).astype(np.uint8)  # ink to the very edge
JOBS = {(job.claim, job.row): (job.features, job.view) for job in shifts._jobs()}


@pytest.mark.parametrize(("claim", "row"), JOBS, ids=" ".join)
def test_all_have_equal_numbers_of_weights(claim: str, row: str):
    features, seen = JOBS[claim, row]
    side = seen(SOME).shape[1]
    net = shifts.network(features, side, 10, shifts.Budget().weights, seed=0)
    assert net.vector.size == pytest.approx(58_420, rel=0.01)
    assert net.output_shape((1, side, side)) == (10,)


def test_the_head_is_narrow_where_there_are_few_weights():
    net = shifts.network(shifts.ANYWHERE["fully connected"], 44, 10, weights=5, seed=0)
    assert net.vector.size == 44 * 44 + 1 + 10 + 10


@pytest.mark.parametrize("shift", range(9))
def test_no_pixel_of_a_digit_is_lost(shift: int):
    canvas = shifts.on_canvas(SOME, shift)
    assert canvas.shape == (16, 44, 44)
    places = []
    for image, original in zip(canvas, SOME, strict=True):
        rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
        assert_array_equal(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], original)
        places.append((rows[0] - 8, columns[0] - 8))
    assert {max(abs(i), abs(j)) for i, j in places} == {shift}
    assert len(set(places)) == (8 if shift else 1)
    assert places[:8] == places[8:]


def reads(row: str, shift: int) -> np.ndarray:
    """Of a digit 12 pixels across, which no window loses at the edge of the canvas."""
    net = shifts.network(shifts.ANYWHERE[row], 44, 10, 58_420, seed=0)
    image = np.zeros((8, 28, 28), np.uint8)
    image[:, 8:20, 8:20] = SOME[0, :12, :12]
    return net.predict(digits.normalise(shifts.on_canvas(image, shift)))


@pytest.mark.parametrize(
    ("row", "shift", "same"),
    [
        ("convolution with global pooling", 1, True),
        ("convolution with global pooling", 8, True),
        ("convolution with both poolings", 1, False),
        ("convolution with both poolings", 2, True),
        ("convolution with both poolings", 3, False),
        ("convolution with 2 x 2 pooling", 4, False),
        ("convolution", 1, False),
        ("fully connected", 1, False),
    ],
)
def test_what_is_blind_to_shifts(row: str, shift: int, same: bool):
    centred, moved = reads(row, 0), reads(row, shift)
    assert np.allclose(centred, moved, rtol=1e-4, atol=1e-5) == same


def test_fewer_pixels():
    ramp = np.arange(28 * 28).reshape(1, 28, 28).astype(np.uint8)
    view = shifts.SUBSAMPLED
    assert_array_equal(view["14 x 14, every second pixel"](ramp)[0, 1, :2], ramp[0, 2, [0, 2]])
    block = ramp[0, 4:8, 8:12].astype(float)
    assert_allclose(view["7 x 7, means of 4 x 4"](ramp)[0, 1, 2], block.mean(), atol=0.5)
    assert [view[row](ramp).shape[1] for row in view] == [28, 14, 14, 7, 7]


def pictures(n: int) -> ImageData:
    """Upright and level bars, which every network learns to tell apart."""
    labels = np.arange(n) % 2
    images = np.zeros((n, 28, 28), np.uint8)
    images[labels == 0, 8:20, 6:10] = 255
    images[labels == 1, 12:16, 6:22] = 255
    return ImageData(images, labels, images[:40], labels[:40], ("upright", "level"), "bars")


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = ("fully connected", "the whole picture", "7 x 7, means of 4 x 4")
    jobs = [job for job in shifts._jobs() if job.row in rows]
    monkeypatch.setattr(shifts, "_jobs", lambda: jobs)


def test_a_study_is_the_same_again_and_learns(monkeypatch: pytest.MonkeyPatch):
    quick(monkeypatch)
    seen: list[Any] = []
    budget = shifts.Budget(epochs=2)
    found = shifts.study(pictures(200), 2, budget, lambda *step: seen.append(step))
    assert found == shifts.study(pictures(200), 2, budget)
    assert (found.budget.train, found.budget.validation, found.budget.test) == (150, 50, 40)
    assert found.anywhere.mean("fully connected", "0") == 100
    assert found.anywhere.seeds == (0, 1)
    assert found.anywhere.parts == tuple("012345678")
    done, totals, rows = zip(*seen, strict=True)
    assert list(done) == sorted(done)
    assert (done[-1], set(totals)) == (2 * 3 * 2 * 150, {2 * 3 * 2 * 150})
    assert rows[-1] == "7 x 7, means of 4 x 4"


def test_too_few_pictures():
    with pytest.raises(InputError, match="bars: 1 training pictures; give at least two"):
        shifts.study(pictures(1))
