"""Receptive fields against what gradients really reach."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from convscope.errors import InputError
from convscope.geometry import Field
from convscope.lens import receptive_field
from convscope.lens.probe import probe

SIZE = (1, 12, 10)


def reached(model: nn.Module, layer: str, size: tuple[int, int, int], i: int, j: int) -> np.ndarray:
    """Which cells (h, w) change unit (i, j): where its gradient is not 0, with all weights positive."""
    for weight in model.parameters():
        weight.data.fill_(1.0)
    x = torch.ones(1, *size, requires_grad=True)
    with probe(model, [layer]) as look:
        look(x)[layer][0, 0, i, j].backward()
    assert x.grad is not None
    return (x.grad[0] != 0).any(0).numpy()


def inside(field: Field, size: tuple[int, int, int], i: int, j: int) -> np.ndarray:
    top, left, bottom, right = field.box(i, j)
    cells = np.zeros(size[1:], bool)
    cells[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = True
    return cells


@st.composite
def chains(draw) -> list[nn.Module]:
    """One to four layers. Strides stay within kernels: wider ones leave cells that nothing sees."""
    found: list[nn.Module] = []
    for _ in range(draw(st.integers(1, 4))):
        kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
        stride = (draw(st.integers(1, min(kernel[0], 2))), draw(st.integers(1, min(kernel[1], 2))))
        pad = (draw(st.integers(0, kernel[0] // 2)), draw(st.integers(0, kernel[1] // 2)))
        kind = draw(st.sampled_from(["conv", "same", "mean", "relu", "replicate"]))
        if kind == "conv":
            found.append(nn.Conv2d(1, 1, kernel, stride, pad))
        elif kind == "same":
            found.append(nn.Conv2d(1, 1, kernel, padding="same"))
        elif kind == "replicate":
            found.append(nn.Conv2d(1, 1, kernel, stride, pad, padding_mode="replicate"))
        elif kind == "mean":
            found.append(nn.AvgPool2d(kernel, stride, pad, ceil_mode=draw(st.booleans())))
        else:
            found.append(nn.ReLU())
    return found


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@settings(max_examples=40)
@given(chains())
def test_a_unit_is_reached_by_its_box_and_by_nothing_else(chain):
    model, size = nn.Sequential(*chain), (1, 101, 97)
    last = str(len(chain) - 1)
    with probe(model, [last]) as look, torch.no_grad():
        rows, columns = look(torch.ones(1, *size))[last].shape[2:]
    field = receptive_field(model, last, size)
    middle = rows // 2, columns // 2
    np.testing.assert_array_equal(reached(model, last, size, *middle), inside(field, size, *middle))
    for corner in ((0, 0), (rows - 1, 0), (0, columns - 1), (rows - 1, columns - 1)):
        # at the border padding takes the place of some cells, and a ceil-mode window may hang over the end
        assert not (reached(model, last, size, *corner) & ~inside(field, size, *corner)).any()


def test_lenet_by_hand():
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 10),
    )  # fmt: skip
    fields = [receptive_field(model, str(i), (1, 28, 28)) for i in range(8)]
    assert [field.size[0] for field in fields] == [5, 5, 6, 14, 14, 16, 28, 28]
    assert [field.stride[0] for field in fields] == [1, 1, 2, 2, 2, 4, 0, 0]
    assert [field.offset[0] for field in fields] == [-2, -2, -2, -2, -2, -2, 0, 0]
    assert [field.whole for field in fields] == [False] * 6 + [True] * 2
    assert fields[3].box(1, 2) == (0, 2, 14, 16)


def test_dilation_and_unequal_axes():
    model = nn.Sequential(nn.Conv2d(2, 1, (3, 2), (2, 1), (1, 0), (2, 3)))
    field = receptive_field(model, "0", (2, 9, 9))
    assert (field.size, field.stride, field.offset) == ((5, 4), (2, 1), (-1, 0))
    ends = reached(
        nn.Sequential(nn.Conv2d(2, 1, (3, 2), (2, 1), (1, 0), (2, 3))), "0", (2, 9, 9), 1, 2
    ).nonzero()
    assert (ends[0].min(), ends[1].min(), ends[0].max() + 1, ends[1].max() + 1) == field.box(1, 2)


def test_global_pooling_sees_everything():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.ReLU())
    assert receptive_field(model, "2", (1, 9, 7)) == Field.of_everything(9, 7)


def test_dotted_names_and_a_layer_fed_by_an_earlier_one():
    class Branch(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide, self.narrow = nn.Conv2d(1, 1, 5), nn.Conv2d(1, 1, 3)
            self.after = nn.Sequential(nn.ReLU(), nn.Conv2d(1, 1, 3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.wide(x)
            return self.after(self.narrow(x))

    assert receptive_field(Branch(), "wide", SIZE).size == (5, 5)
    assert receptive_field(Branch(), "after.1", SIZE).size == (5, 5)


def test_what_cannot_be_followed_is_said(network):
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.two(self.one(x) + x)

    for model, layer in (
        (Sum(), "two"),
        (nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular")), "0"),
        (nn.Sequential(nn.Softmax(dim=2)), "0"),
    ):
        with pytest.raises(InputError, match=f"layer '{layer}' .*: its receptive field is not known"):
            receptive_field(model, layer, SIZE)
    with pytest.raises(InputError, match="layer 'convolution': the model has no such layer"):
        receptive_field(network, "convolution", SIZE)
    with pytest.raises(InputError, match="layer 'body': it holds other layers"):
        receptive_field(nn.Sequential(OrderedDict(body=nn.Sequential(nn.ReLU()))), "body", SIZE)
