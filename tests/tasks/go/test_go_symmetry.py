"""The eight symmetries: all different, a group, undone, and the same for a board and for the move on it."""

import numpy as np
import pytest
import torch

from convscope.tasks.go.symmetry import all_eight, all_undone, tables, undoing, vary


@pytest.mark.parametrize("size", [2, 3, 8])
def test_eight_different_symmetries_form_a_group_and_keep_neighbours(size: int):
    found = tables(size)
    assert len({tuple(table) for table in found}) == 8
    np.testing.assert_array_equal(found[0], np.arange(size * size))
    assert {tuple(a[b]) for a in found for b in found} == {tuple(table) for table in found}
    for table in found:
        places = np.stack(np.divmod(table, size)).reshape(2, size, size)
        assert (np.abs(np.diff(places, axis=1)).sum(axis=0) == 1).all()
    for there, back in zip(found, undoing(size), strict=True):
        np.testing.assert_array_equal(there[back], np.arange(size * size))


def test_varied_samples_keep_their_target_under_the_stone_it_belongs_to():
    size, n = 5, 400
    targets = torch.arange(n) % (size * size)
    inputs = torch.randn(n, 3, size, size)
    inputs.flatten(2)[torch.arange(n), 1, targets] = 100.0
    generator = torch.Generator().manual_seed(3)
    varied, moved = vary(inputs, targets, generator)
    assert (varied.flatten(2)[torch.arange(n), 1, moved] == 100).all()
    every = all_eight(inputs)
    drawn = [[torch.equal(varied[k], each[k]) for each in every].index(True) for k in range(n)]
    assert np.bincount(drawn, minlength=8).min() > n / 8 / 2  # all eight are drawn, and about equally often
    again, _ = vary(inputs, targets, torch.Generator().manual_seed(3))
    assert torch.equal(again, varied)


def test_what_is_computed_for_all_eight_comes_back_to_its_points():
    inputs = torch.randn(4, 1, 6, 6)
    assert torch.equal(all_eight(inputs)[0], inputs)
    undone = all_undone(all_eight(inputs)[:, :, 0].flatten(2))
    assert torch.equal(undone, inputs[:, 0].flatten(1).expand(8, -1, -1))
