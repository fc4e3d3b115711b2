"""Receptive fields against what gradients really reach."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from convscope.errors import InputError
from convscope.geometry import Field, Field1D
from convscope.lens import receptive_field
from convscope.lens.fields import trace
from convscope.lens.probe import probe
from tests.lens.networks import PUBLISHED, ResNet

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
    ends = reached(nn.Sequential(nn.Conv2d(2, 1, (3, 2), (2, 1), (1, 0), (2, 3))), "0", (2, 9, 9), 1, 2).nonzero()
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


def test_what_has_no_field_is_said(network):
    class Aside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bias, self.idle, self.keep = nn.Linear(1, 3), nn.ReLU(), nn.Identity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.keep(x) + self.bias(torch.ones(1, 1)).sum()

    with pytest.raises(InputError, match="layer 'bias': nothing of the input reaches it"):
        receptive_field(Aside(), "bias", SIZE)
    with pytest.raises(InputError, match="layer 'idle' takes no part in the model's forward pass"):
        receptive_field(Aside(), "idle", SIZE)
    with pytest.raises(InputError, match="layer 'convolution': the model has no such layer"):
        receptive_field(network, "convolution", SIZE)
    with pytest.raises(
        InputError, match=r"input of shape \(1, 1, 2, 2\): .* the smallest that it takes has sides of 6"
    ):
        receptive_field(nn.Sequential(nn.Conv2d(1, 1, 5), nn.MaxPool2d(2)), "1", (1, 2, 2))


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sizes(name: str):
    """Araujo et al. 2019, table 1."""
    make, layer, side, size = PUBLISHED[name]
    field = receptive_field(make(), layer, (3, side, side + 7))
    assert (field.size, field.stride, field.even, field.exact) == ((size, size), (32, 32), True, True)
    assert not field.whole


def test_a_stride_on_the_second_convolution_sees_less():
    assert receptive_field(ResNet((3, 4, 6, 3)), "layer4.2", (3, 96, 96)).size == (427, 427)


def test_what_global_pooling_and_linear_layers_leave_is_the_whole_input():
    visits = {visit.name: visit for visit in trace(ResNet((1, 1, 1, 1)), (3, 65, 70))}
    field = visits["fc"].field
    assert field is not None
    assert field.whole
    assert visits["avgpool"].field == field
    assert field.box(0) == field.box(3, 4) == (0, 0, *field.size)
    lost = trace(nn.Sequential(nn.Conv2d(1, 1, 2, 4), nn.AdaptiveAvgPool2d(1)), (1, 12, 9))[-1].field
    assert lost is not None
    assert (lost.whole, lost.size) == (True, (10, 6)), "the last two rows and three columns are read by nobody"


@given(st.lists(st.tuples(*map(st.integers, (1, 1, 0, 1), (4, 3, 3, 3))), min_size=1, max_size=5), st.integers(40, 60))
def test_the_arithmetic_of_chains(layers: list[tuple[int, int, int, int]], length: int):
    field, chain = Field1D(), []
    for kernel, stride, pad, dilation in layers:
        chain.append(nn.Conv1d(1, 1, kernel, stride, pad, dilation))
        field = field.through(kernel, stride, pad, dilation)
    model = nn.Sequential(*chain)
    try:
        model(torch.zeros(1, 1, length))
    except RuntimeError:
        return  # too short for so many layers
    assert receptive_field(model, str(len(chain) - 1), (1, length)).axis(0) == field


def test_upsampling_has_strides_below_one_and_boxes_of_its_own():
    field = receptive_field(nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(1, 1, 3)), "1", SIZE)
    assert (field.size, field.stride, field.even) == ((2, 2), (0.5, 0.5), False)
    assert [field.box(i, 0)[::2] for i in range(3)] == [(0, 2), (0, 2), (1, 3)]


def test_signals_and_volumes():
    signal = receptive_field(nn.Sequential(nn.Conv1d(2, 3, 5, 2, 1), nn.AvgPool1d(2)), "1", (2, 50))
    assert signal == Field((7,), (4,), (-1,))
    assert signal.box(3) == (11, 18)
    volume = receptive_field(nn.Sequential(nn.Conv3d(1, 1, (1, 2, 3), (1, 2, 1))), "0", (1, 4, 6, 5))
    assert volume == Field((1, 2, 3), (1, 2, 1), (0, 0, 0))
    assert volume.box(1, 1, 0) == (1, 2, 0, 2, 4, 3)
    assert receptive_field(nn.Sequential(nn.Linear(4, 2)), "0", (4,)).whole


def test_a_layer_used_twice_is_listed_twice():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.act = nn.Conv2d(2, 2, 3, padding=1), nn.ReLU(inplace=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.act(self.conv(self.act(self.conv(x))))

    visits = trace(Twice(), (2, 9, 8))
    assert [visit.name for visit in visits] == ["conv", "act", "conv@2", "act@2"]
    assert [visit.field.size for visit in visits if visit.field] == [(3, 3), (3, 3), (5, 5), (5, 5)]
    assert receptive_field(Twice(), "conv@2", (2, 9, 8)).size == (5, 5)
    with pytest.raises(InputError, match="'conv@3' runs 2 times in the model's forward pass"):
        receptive_field(Twice(), "conv@3", (2, 9, 8))


def test_tracing_leaves_random_numbers_and_the_model_alone():
    norm = nn.BatchNorm2d(1)
    model = nn.Sequential(nn.Dropout(), norm).train()
    before = torch.get_rng_state()
    assert norm.running_mean is not None
    mean = norm.running_mean.clone()
    trace(model, SIZE)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(norm.running_mean, mean)
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())
