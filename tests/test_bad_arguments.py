"""What is no array, no model and no number at all, without the checks of types that other tests run under."""

import json
import subprocess
import sys
from pathlib import Path

CALLS = """
import json
import numpy as np
import torch
from convscope import lens, ops
from convscope.atlas.gallery import ArrayGallery
from convscope.errors import InputError
from convscope.inverse.descend import descend
from convscope.tasks import digits

x, model = np.zeros((2, 1, 8, 8), np.float32), torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
grey = np.zeros((2, 8, 8, 1), np.uint8)

def gallery(images=grey, labels=(0, 1), classes=("a", "b")):
    return lambda: ArrayGallery(images, labels, classes, "two")

calls = {
    "x='abc'": lambda: ops.conv2d("abc", x),
    "w=None": lambda: ops.conv2d(x, None),
    "stride=1000": lambda: ops.conv2d(x, x[:1], stride=10**30),
    "padding=1000": lambda: ops.conv2d(x, x[:1], padding=10**30),
    "x=None": lambda: ops.conv1d(None, x),
    "w='abc'": lambda: ops.conv_transpose2d(x, "abc"),
    "dilation=1000": lambda: ops.conv3d(x[:, None], x[:1, None], dilation=10**30),
    "output_padding='1'": lambda: ops.conv_transpose2d(x, x[:1], output_padding="1"),
    "learning_rate='fast'": lambda: descend(x[0, 0], x[0, 0], learning_rate="fast"),
    "seed=-1": lambda: descend(x[0, 0], x[0, 0], seed=-1),
    "images: <U": lambda: digits.normalise("abc"),
    "images: int64": lambda: digits.normalise([[1]]),
    "pictures='abc'": lambda: lens.maps(model, "abc"),
    "pictures=None": lambda: lens.maps(model, None),
    "model='abc'": lambda: lens.layers("abc", (1, 8, 8)),
    "input_shape='abc'": lambda: lens.layers(model, "abc"),
    "units='a'": lambda: lens.draw(model, "1", "a", size=(1, 8, 8)),
    "images: a str": gallery(images="abc"),
    "images: float32 of shape (2, 1, 8, 8)": gallery(images=x),
    "images: uint8 of shape (0, 8, 8, 1)": gallery(images=grey[:0], labels=()),
    "labels: <U1": gallery(labels=["a", "b"]),
    "labels: of shape (1,) for 2 images": gallery(labels=[1]),
    "labels: from 0 to 2 with 2 classes": gallery(labels=[0, 2]),
}
said = {}
for start, call in calls.items():
    try:
        said[start] = repr(call())
    except InputError as problem:
        said[start] = str(problem)
print(json.dumps(said))
"""


def test_each_is_refused_in_a_line_that_begins_with_what_was_given(tmp_path: Path):
    done = subprocess.run([sys.executable, "-c", CALLS], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert len(said) == 23
    for start, line in said.items():
        assert line.startswith(start), line
        assert "\n" not in line
    assert list(tmp_path.iterdir()) == []
