"""pad2d and its gradient against PyTorch's pad, and as adjoints of one another."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

TORCH_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


@pytest.mark.parametrize("mode", TORCH_MODES)
@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (1, 1, 1, 1), (2, 0, 1, 3), (0, 2, 3, 0), (2, 2, 3, 3)])
def test_against_pytorch(impl, mode, pads, dtype, agree):
    x = np.random.default_rng(0).standard_normal((2, 3, 3, 4)).astype(dtype)
    tensor = torch.from_numpy(x).requires_grad_()
    top, bottom, left, right = pads
    theirs = F.pad(tensor, (left, right, top, bottom), mode=TORCH_MODES[mode])
    agree(impl.pad2d(x, pads, mode), theirs)
    upstream = np.random.default_rng(1).standard_normal(theirs.shape).astype(dtype)
    (grad,) = torch.autograd.grad(theirs, tensor, torch.from_numpy(upstream))
    agree(impl.pad2d_input_grad(x.shape, upstream, pads, mode), grad)


def test_circular_padding_may_be_as_large_as_the_image(impl):
    x = np.arange(6.0).reshape(1, 1, 2, 3)
    np.testing.assert_array_equal(impl.pad2d(x, (2, 3), "circular"), np.tile(x, (1, 1, 3, 3)))


@pytest.mark.parametrize("mode", ["zeros", "replicate"])
def test_these_may_be_larger_than_the_image(impl, mode):
    x = np.ones((1, 1, 1, 2))
    padded = impl.pad2d(x, (5, 4), mode)
    assert padded.shape == (1, 1, 11, 10)
    assert padded.sum() == (110 if mode == "replicate" else 2)


def test_forms_of_padding(impl):
    x = np.random.default_rng(0).standard_normal((1, 2, 3, 4))
    np.testing.assert_array_equal(impl.pad2d(x, 2), impl.pad2d(x, (2, 2, 2, 2)))
    np.testing.assert_array_equal(impl.pad2d(x, [1, 2]), impl.pad2d(x, (1, 1, 2, 2)))
    np.testing.assert_array_equal(impl.pad2d(x, np.array([1, 2])), impl.pad2d(x, (1, 2)))
