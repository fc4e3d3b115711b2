"""Both twins are judged by the same tests: `impl` is the readable one, then the fast one."""

import numpy as np
import pytest
import torch

from convscope import ops

# Relative to the largest number about: rounding of sums of some thousand products, no more
TOLERANCE = {np.dtype(np.float32): 2e-5, np.dtype(np.float64): 1e-11}


@pytest.fixture(scope="session", params=["reference", "fast"])
def impl(request):
    return ops.reference if request.param == "reference" else ops


@pytest.fixture(scope="session", params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


@pytest.fixture(scope="session")
def agree():
    """Same shape, same dtype, same numbers but for rounding."""

    def check(ours, theirs):
        if isinstance(theirs, torch.Tensor):
            theirs = theirs.detach().numpy()
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        scale = max(
            1.0, float(np.abs(theirs, where=np.isfinite(theirs), out=np.zeros_like(theirs)).max(initial=0))
        )
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE[theirs.dtype] * scale)

    return check
