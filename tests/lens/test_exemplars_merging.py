"""Passes over parts of the pictures, put together, are one pass over all of them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.errors import InputError
from convscope.lens.exemplars import Examples, merging
from convscope.lens.exemplars.keeping import Kept, Reservoir
from convscope.lens.exemplars.merging import merged, numbered
from convscope.lens.exemplars.summary import Summary

NAMES = ("ant", "bee", "cat")


def gone_through(activations: np.ndarray, k: int, labels: np.ndarray | None = None) -> Examples:
    """What a pass keeps of one layer, (n, units, *positions)."""
    summary, reservoir = Summary.of("layer", torch.from_numpy(activations)), Reservoir(0)
    kept = Kept(summary, k)
    kept.add("layer", summary, 0, reservoir.admit(len(activations)), labels)
    return kept.examples(reservoir, len(activations), None, NAMES)


def activations(seed: int, count: int, *positions: int) -> np.ndarray:
    """Of three units; whole numbers, so that every sum is exact, and few, so that there are ties."""
    return np.random.default_rng(seed).integers(-2, 3, (count, 3, *positions)).astype(np.float32)


def same(one: Examples, other: Examples):
    for end in ("top", "bottom", "middle", "sample"):
        for what in ("index", "value", "place"):
            np.testing.assert_array_equal(getattr(getattr(one, end), what), getattr(getattr(other, end), what))
    np.testing.assert_array_equal(one.positive, other.positive)
    np.testing.assert_allclose(one.mean, other.mean, atol=1e-6)
    np.testing.assert_allclose(one.std, other.std, atol=1e-6)
    assert (one.classes is None) == (other.classes is None)
    if one.classes is not None and other.classes is not None:
        np.testing.assert_array_equal(one.classes.count, other.classes.count)
        np.testing.assert_allclose(one.classes.mean, other.classes.mean, atol=1e-6)


@settings(max_examples=40)
@given(
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=8),
    k=st.integers(1, 9),
    positions=st.sampled_from([(), (2,), (2, 3)]),
    seed=st.integers(0, 99),
    with_classes=st.booleans(),
    at_once=st.integers(2, 5),
    order=st.randoms(use_true_random=False),
)
def test_parts_in_any_order_are_one_pass(sizes, k, positions, seed, with_classes, at_once, order):
    count = sum(sizes)
    said = activations(seed, count, *positions)
    labels = np.random.default_rng(seed).integers(0, 3, count) if with_classes else None
    parts = []
    for stop, size in zip(np.cumsum(sizes), sizes, strict=True):
        here = slice(stop - size, stop)
        own = gone_through(said[here], k, None if labels is None else labels[here])
        parts.append((size, numbered(own, int(stop - size))))
    order.shuffle(parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "AT_ONCE", at_once)
        whole = merged(parts, k)
    assert whole is not None
    assert whole[0] == count
    same(whole[1], gone_through(said, k, labels))


def test_merged_parts_are_parts_again():
    said = activations(4, 9, 2, 2)
    one, two, three = ((3, numbered(gone_through(said[i : i + 3], 4), i)) for i in (0, 3, 6))
    later = merged([two, three], 4)
    assert later is not None
    whole = merged([one, later], 4)
    assert whole is not None
    assert whole[0] == 9
    same(whole[1], gone_through(said, 4))


def test_large_means_lose_no_digits():
    said = (1e4 + np.random.default_rng(0).normal(size=(40, 3, 5))).astype(np.float32)
    whole = merged(((10, numbered(gone_through(said[i : i + 10], 2), i)) for i in (0, 10, 20, 30)), 2)
    assert whole is not None
    exact = said.astype(np.float64).std((0, 2))
    np.testing.assert_allclose(whole[1].std, exact, rtol=1e-5)
    np.testing.assert_allclose(whole[1].mean, said.astype(np.float64).mean((0, 2)), rtol=1e-9)


def test_no_parts_and_parts_of_two_layers():
    assert merged([], 3) is None
    one, other = gone_through(activations(0, 2, 2, 2), 1), gone_through(activations(0, 2), 1)
    with pytest.raises(
        InputError, match=r"parts: 3 units with maps of \(\) after 3 of \(2, 2\); give parts of one layer"
    ):
        merged([(2, one), (2, other)], 1)
