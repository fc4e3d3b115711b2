"""Spreading work over threads: shares, exceptions, thread counts, forks."""

import multiprocessing

import numpy as np
import pytest

from convscope import ops
from convscope.errors import InputError
from convscope.ops.fast.compiled import set_threads, share, threads


@pytest.fixture(autouse=True)
def same_count_afterwards():
    before = threads()
    yield
    set_threads(before)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("items", [0, 1, 2, 7])
@pytest.mark.parametrize("least", [1, 3])
def test_shares_cover_everything_once(count, items, least):
    set_threads(count)
    seen = []
    share(lambda first, last: seen.extend(range(first, last)), items, least)
    assert sorted(seen) == list(range(items))


def test_an_exception_in_any_share_arrives():
    set_threads(3)

    def work(first, last):
        if last == 9:
            raise ValueError("the last share")

    with pytest.raises(ValueError, match="the last share"):
        share(work, 9)


def test_thread_count_changes_no_result_of_a_volume():
    """Stacking planes and summing their gradients is shared out too, so that no two threads write to one plane."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(1, 3, 9, 20, 21)), rng.normal(size=(8, 3, 3, 3, 3))
    y = {}
    for count in (1, 3):
        set_threads(count)
        out = ops.conv3d(x, w, padding=1, stride=(2, 1, 1))
        y[count] = out, ops.conv3d_input_grad(x.shape, w, out, padding=1, stride=(2, 1, 1))
    for one, three in zip(y[1], y[3], strict=True):
        np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize("shape", [(1, 3, 40, 40), (5, 3, 40, 40), (40, 3, 9, 9)])
def test_thread_count_changes_no_result_of_a_picture(shape):
    """Forward and back to the input each cell is summed in one order; only weight gradients add up shares."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=shape), rng.normal(size=(8, 3, 3, 3))
    results = []
    for count in (1, 2, 3):
        set_threads(count)
        y = ops.conv2d(x, w, stride=2, padding=1)
        results.append((y, ops.conv2d_input_grad(x.shape, w, y, 2, 1), ops.conv2d_weight_grad(x, w.shape, y, 2, 1)))
    for y, dx, dw in results[1:]:
        np.testing.assert_array_equal(y, results[0][0])
        np.testing.assert_array_equal(dx, results[0][1])
        np.testing.assert_allclose(dw, results[0][2], rtol=1e-10)


def _convolve(_):
    return float(ops.conv2d(np.ones((1, 8, 64, 64)), np.ones((8, 8, 3, 3))).sum())


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12 on: what is tested is what it warns of
def test_a_forked_process_has_its_own_threads():
    set_threads(2)
    expected = _convolve(0)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(_convolve, (0,)).get(timeout=60) == expected


def test_no_threads_is_no_count():
    with pytest.raises(InputError, match=r"threads=0: .* use threads=1"):
        set_threads(0)
