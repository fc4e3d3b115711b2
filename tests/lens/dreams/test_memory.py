"""How much memory a dream takes: that of a tile, and of a few copies of the picture."""

import subprocess
import sys

import pytest

DREAM = """
import resource, sys
import numpy as np
import torch
from convscope.lens import dream

torch.set_num_threads(1)
rows, columns = np.ogrid[:4000, :6000]
grey = ((rows * 3 + columns * 2) // 7 % 256).astype(np.uint8)
dreamt = dream(np.stack([grey, grey[::-1], grey], 2), "features.3", steps=1, octaves=2, scale=4).picture
assert dreamt.shape == (4000, 6000, 3)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


@pytest.mark.slow
def test_a_photograph_of_24_megapixels_stays_under_3_gigabytes():
    done = subprocess.run([sys.executable, "-c", DREAM], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 3e9
