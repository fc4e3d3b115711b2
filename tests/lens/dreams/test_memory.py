"""How much memory a dream takes: that of a tile, and of a few copies of the picture."""

import subprocess
import sys

import pytest

DREAM = """
from pathlib import Path
import numpy as np
import torch
from convscope.lens import dream

torch.set_num_threads(1)
rows, columns = np.ogrid[:4000, :6000]
grey = ((rows * 3 + columns * 2) // 7 % 256).astype(np.uint8)
dreamt = dream(np.stack([grey, grey[::-1], grey], 2), "features.3", steps=1, octaves=2, scale=4).picture
assert dreamt.shape == (4000, 6000, 3)
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(status["VmHWM"].split()[0])  # kB; getrusage's peak may be that of the process that started this one
"""


@pytest.mark.slow
def test_a_photograph_of_24_megapixels_stays_under_3_gigabytes():
    done = subprocess.run([sys.executable, "-c", DREAM], check=True, capture_output=True, text=True)
    assert 1024 * int(done.stdout) < 3e9
