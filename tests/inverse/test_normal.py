"""The normal equations, however they are summed, are those of the matrix of windows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.inverse import normal
from convscope.inverse.pairs import Pair
from convscope.inverse.tiles import Taps, interior, predicted, split, tile_equations


def written_out(x, y, kernel, keep):
    """The same from the matrix itself, by plain loops: a row for each window, a column for each tap."""
    (c, _, _), (m, h, w), (r, s) = x.shape, y.shape, kernel
    rows = [x[:, i : i + r, j : j + s].reshape(c * r * s) for i in range(h) for j in range(w) if keep[i, j]]
    goals = [y[:, i, j] for i in range(h) for j in range(w) if keep[i, j]]
    a, b = np.array(rows).reshape(-1, c * r * s), np.array(goals).reshape(-1, m)
    return normal.Equations(a.T @ a, a.T @ b, (b**2).sum(0), a.sum(0), b.sum(0), len(a))


def same(one, other, scale=1.0):
    for name in ("gram", "moment", "energy", "taps_sum", "outputs_sum"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=0, atol=1e-9 * scale, err_msg=name)
    assert one.count == other.count


@settings(max_examples=60)
@given(st.data())
def test_by_fft_or_window_by_window(data):
    draw = data.draw
    c, m = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    r, s, h, w = draw(st.integers(1, 4)), draw(st.integers(1, 5)), draw(st.integers(1, 9)), draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x, y = rng.standard_normal((c, h + r - 1, w + s - 1)) + 3, rng.standard_normal((m, h, w))
    keep = rng.random((h, w)) < draw(st.sampled_from([0.3, 0.9, 1.1]))
    truth = written_out(x, y, (r, s), np.ones((h, w), bool))
    same(normal._by_fft(x, y, (r, s)), truth, 100)
    same(normal._gathered(x, y, (r, s), keep), written_out(x, y, (r, s), keep), 100)


def test_large_pictures_go_by_fft_and_leave_out_what_does_not_count(monkeypatch):
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((2, 40, 51)), rng.standard_normal((1, 36, 49))
    keep = rng.random((36, 49)) < 0.8
    truth = written_out(x, y, (5, 3), keep)
    monkeypatch.setattr(normal, "MOST_GATHERED", 100)
    same(normal.equations(x, y, (5, 3), keep), truth, 1000)
    same(normal.equations(x, y, (5, 3)), written_out(x, y, (5, 3), np.ones_like(keep)), 1000)


def test_whole_numbers_stay_exact_in_small_pictures():
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 256, (1, 12, 14)).astype(float), rng.integers(0, 256, (1, 10, 12)).astype(float)
    found = normal.equations(x, y, (3, 3))
    truth = written_out(x, y, (3, 3), np.ones((10, 12), bool))
    assert np.array_equal(found.gram, truth.gram)
    assert np.array_equal(found.moment, truth.moment)


def test_sums_differences_and_fewer_taps():
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((1, 14, 12)), rng.standard_normal((2, 12, 10))
    whole = normal.equations(x, y, (3, 3))
    top = normal.equations(x[:, :8], y[:, :6], (3, 3))
    bottom = normal.equations(x[:, 6:], y[:, 6:], (3, 3))
    same(top + bottom, whole)
    same(whole - top, bottom)
    inner = normal.equations(x[:, 1:13, 1:11], y, (1, 1))
    same(whole.of_taps(np.array([4])), inner)


def test_counting_grey_from_another_level():
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((1, 9, 11)), rng.standard_normal((1, 7, 8))
    same(normal.equations(x, y, (3, 4)).moved(7.5), normal.equations(x + 7.5, y + 7.5, (3, 4)), 100)


def test_centred_is_less_the_means():
    rng = np.random.default_rng(6)
    x, y = rng.standard_normal((1, 9, 11)) + 5, rng.standard_normal((1, 7, 8)) - 2
    windows = np.lib.stride_tricks.sliding_window_view(x[0], (3, 4)).reshape(56, 12)
    a, b = windows - windows.mean(0), y.reshape(56, 1) - y.mean()
    centred = normal.equations(x, y, (3, 4)).centred
    np.testing.assert_allclose(centred.gram, a.T @ a, atol=1e-9)
    np.testing.assert_allclose(centred.moment, a.T @ b, atol=1e-9)
    np.testing.assert_allclose(centred.energy, (b**2).sum(0), atol=1e-9)


@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (3, 2)])
def test_regions_under_a_stride_are_those_of_the_kept_windows(stride):
    rng = np.random.default_rng(7)
    before, taps = rng.standard_normal((2, 31, 26)), Taps.around(4, 3)
    step_i, step_j = stride
    whole = np.lib.stride_tricks.sliding_window_view(before, (4, 3), axis=(1, 2))
    kept = whole[:, ::step_i, ::step_j]
    after = rng.standard_normal((1, *kept.shape[1:3]))
    pair = Pair(before, after, (1, 1), stride)
    region = interior(pair, taps)
    assert (region.top, region.left, region.bottom, region.right) == (0, 0, *after.shape[1:])
    total = normal.joined(tile_equations(pair, taps, region, 0.0))
    rows = kept.transpose(1, 2, 0, 3, 4).reshape(-1, 24)
    np.testing.assert_allclose(total.gram, rows.T @ rows, atol=1e-9)
    np.testing.assert_allclose(total.moment, rows.T @ after.reshape(1, -1).T, atol=1e-9)
    kernel = rng.standard_normal((1, 2, 4, 3))
    made = predicted(pair, taps, kernel, np.array([2.0]), region)
    np.testing.assert_allclose(made[0], np.einsum("cijuv,cuv->ij", kept, kernel[0]) + 2, atol=1e-9)


def test_regions_cover_every_cell_once():
    pair = Pair(np.zeros((1, 23, 31)), np.zeros((1, 23, 31)))
    region = interior(pair, Taps.around(5, 2))
    assert (region.top, region.bottom, region.left, region.right) == (2, 21, 0, 30)
    seen = np.zeros((23, 31), int)
    for part in split(region):
        seen[part.cells] += 1
    assert (seen[region.cells] == 1).all()
    assert seen.sum() == region.area
