"""Pictures of kernels: a pixel a cell, one scale for a layer, colours as people see them."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from convscope.atlas.kernels import PAPER, show
from convscope.atlas.plan import Task
from convscope.atlas.store import Record
from convscope.atlas.subject import RECIPES, Subject
from convscope.atlas.survey import survey
from convscope.errors import InputError
from convscope.lens.models import Network, Preprocessing


def chain(*parts: nn.Module) -> Any:
    """Of no type, so that its layers can be taken by number."""
    return nn.Sequential(*parts)


def shown(model: nn.Module, layer: str, shape: tuple[int, ...], taken: Preprocessing | None = None) -> Record:
    member = survey(Network(model, shape, taken), "net", [layer])
    return show(Subject((member,), None, RECIPES["quick"], 0), Task("kernels", 0, layer, key="kernels-x"))


def pixels(record: Record, unit: int) -> np.ndarray:
    with Image.open(io.BytesIO(record.files[f"unit-{unit}.png"])) as image:
        return np.asarray(image.convert("RGB"))


def conv(*sizes: Any, **more: Any) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(*sizes, **more)


@pytest.mark.parametrize("order", ["RGB", "BGR", None])
def test_kernels_on_colours_are_colours(order):
    layer = conv(3, 2, (2, 4))
    layer.weight.data[:] = 0
    layer.weight.data[0, 0, 0, 1] = 2.0  # the first channel: red, or of BGR blue
    layer.weight.data[1, 1, 1, 3] = -4.0  # green; the largest of the layer
    taken = None if order is None else Preprocessing((8, 9), order=order)
    record = shown(chain(layer), "0", (3, 8, 9), taken)
    assert record.key == "kernels-x"
    assert sorted(record.files) == ["unit-0.png", "unit-1.png"]
    assert record.numbers == {
        "layer": "0", "rows": 2, "columns": 4, "inputs": 3, "inputs shown": 3, "limit": 4.0, "kind": "colour",
        "across": 1,
    }  # fmt: skip
    first, second = pixels(record, 0), pixels(record, 1)
    assert first.shape == (2, 4, 3)
    assert first[0, 1].tolist() == ([128, 128, 191] if order == "BGR" else [191, 128, 128])
    assert second[1, 3].tolist() == [128, 0, 128]
    assert (first[1] == 128).all()


def test_other_kernels_are_sheets_on_one_scale():
    model = chain(conv(3, 6, 1), conv(6, 2, 3))
    weights = model[1].weight.data
    record = shown(model, "1", (3, 8, 9))
    assert (record.numbers["kind"], record.numbers["across"], record.numbers["inputs"]) == ("signed", 3, 6)
    assert record.numbers["limit"] == pytest.approx(float(weights.abs().max()))
    sheet = pixels(record, 1)
    assert sheet.shape == (1 + 2 * 4, 1 + 3 * 4, 3)
    assert sheet[0, 0].tolist() == list(PAPER)
    fourth = sheet[5:8, 1:4].astype(int)  # the first of the second row
    redder = fourth[..., 0] > fourth[..., 2]
    np.testing.assert_array_equal(redder, weights[1, 3].numpy() > 0)
    other = shown(chain(conv(4, 2, 3, groups=2)), "0", (4, 8, 9))
    assert (other.numbers["inputs"], pixels(other, 0).shape) == (2, (5, 9, 3))


def test_of_many_inputs_the_strongest_are_shown_first():
    layer = conv(100, 1, 2)
    layer.weight.data[0, 77] = 1.0
    record = shown(chain(layer), "0", (100, 4, 4))
    assert (record.numbers["inputs"], record.numbers["inputs shown"], record.numbers["across"]) == (100, 64, 8)
    sheet = pixels(record, 0)
    assert sheet.shape == (25, 25, 3)
    assert (sheet[1:3, 1:3] == sheet[1, 1]).all()
    assert sheet[1, 1, 0] > 150 > sheet[1, 1, 1]


def test_kernels_of_nothing_are_neutral():
    layer = conv(3, 1, 2)
    layer.weight.data[:] = 0
    assert (pixels(shown(chain(layer), "0", (3, 4, 4)), 0) == 128).all()


def test_a_layer_without_kernels_and_broken_weights_are_refused():
    broken = conv(1, 1, 2)
    broken.weight.data[0, 0, 0, 0] = float("nan")
    with pytest.raises(InputError, match="a weight is not finite"):
        shown(chain(broken), "0", (1, 4, 4))
    with pytest.raises(InputError, match="only Conv2d layers have kernels"):
        shown(chain(nn.Flatten(), nn.Linear(16, 2)), "1", (1, 4, 4))
