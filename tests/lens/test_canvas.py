"""The canvas of a unit: as large as what it sees, and the frame drawn where it really sees."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convscope.lens.canvas import canvas_for
from convscope.lens.fields import Visit, trace
from convscope.lens.objectives import Scene, neuron
from convscope.lens.probe import probe
from convscope.lens.transforms import Affine, Crop, Jitter, apply


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.out = nn.Conv2d(2, 2, 3, stride=2), nn.ReLU()
        self.body = nn.Conv2d(2, 2, (3, 5), padding=(1, 2))

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        return self.out(y + self.body(y))


class Sized(nn.Module):
    """Pads until the sides are a multiple of 8, as networks with skip connections do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.out = nn.Conv2d(2, 3, 3, stride=2), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        down, along = (-x.shape[2] % 8, -x.shape[3] % 8)
        return self.out(self.conv(F.pad(x, (along, 0, down, 0))))


class Fed(nn.Module):
    """Another head, which stands before the layer of interest, takes one size only."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.side, self.out = nn.Conv2d(2, 3, 3), nn.Linear(3 * 9 * 12, 2), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        self.side(y.flatten(1))
        return self.out(y)


class Cut(nn.Module):
    """Leaves the first rows and columns unread."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, kernel)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x[:, :, 2:, 3:])


class Averaged(nn.Module):
    def __init__(self, keep: bool) -> None:
        super().__init__()
        self.conv, self.out, self.keep = nn.Conv2d(2, 3, 3), nn.Identity(), keep

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.conv(x).mean(3, keepdim=self.keep))


CASES = {  # a network, the layer, the input, and the sides of the window
    "chain": (lambda: nn.Sequential(nn.Conv2d(2, 2, 3), nn.ReLU(), nn.Conv2d(2, 3, (2, 4))), "2", (2, 20, 17), (4, 6)),
    "strides with a remainder": (
        lambda: nn.Sequential(nn.Conv2d(2, 2, 3, stride=(2, 3)), nn.MaxPool2d(2), nn.Conv2d(2, 3, 2)), "2",
        (2, 24, 33), (9, 12),
    ),
    "padding": (
        lambda: nn.Sequential(nn.Conv2d(2, 2, 5, padding=2), nn.MaxPool2d(3, 2, 1), nn.Conv2d(2, 3, 3, padding=1)), "2",
        (2, 40, 36), (12, 12),
    ),
    "dilation": (
        lambda: nn.Sequential(nn.Conv2d(2, 2, (3, 2), dilation=(2, 3)), nn.Conv2d(2, 3, 3, dilation=2, padding=2)), "1",
        (2, 21, 19), (9, 8),
    ),
    "groups": (lambda: nn.Sequential(nn.Conv2d(2, 4, 3, groups=2), nn.Conv2d(4, 3, (3, 1))), "1", (2, 15, 11), (5, 3)),
    "residual": (Residual, "out", (2, 31, 28), (7, 11)),
    "larger than the input along one axis": (
        lambda: nn.Sequential(nn.Conv2d(2, 2, 7, padding=3), nn.Conv2d(2, 3, 7, padding=3)), "1", (2, 9, 30), (9, 13),
    ),
    "signal": (lambda: nn.Sequential(nn.Conv1d(2, 2, 5, 2, 2), nn.Conv1d(2, 3, 3, padding=1)), "1", (2, 40), (9,)),
    "volume": (
        lambda: nn.Sequential(nn.Conv3d(2, 2, (2, 3, 1), padding=(1, 1, 0)), nn.Conv3d(2, 3, 2)), "1", (2, 8, 9, 7),
        (3, 4, 2),
    ),
    "cut, one cell": (lambda: Cut(1), "conv", (2, 12, 14), (3, 4)),
    "cut": (lambda: Cut(3), "conv", (2, 12, 14), (5, 6)),
}  # fmt: skip


def target_of(model: nn.Module, layer: str, shape: tuple[int, ...]) -> Visit:
    return next(visit for visit in trace(model, shape) if visit.name == layer)


def canvas(model: nn.Module, layer: str, shape: tuple[int, ...], whole: bool = False, ground=None) -> Any:
    return canvas_for(model, target_of(model, layer, shape), shape, whole, ground)


def answer(model: nn.Module, layer: str, x: Tensor, place: tuple[int, ...]) -> Tensor:
    with torch.no_grad(), probe(model, [layer]) as look:
        return look(x)[layer][0, :, *place]


@pytest.mark.parametrize("name", CASES)
def test_the_unit_sees_just_its_frame(name):
    build, layer, shape, window = CASES[name]
    torch.manual_seed(0)
    model = build().eval()
    for weight in model.parameters():
        weight.data.abs_().add_(0.1)  # so that every cell that is seen counts
    found = canvas(model, layer, shape)
    assert found.window == window
    assert found.place is not None
    x = torch.rand(1, shape[0], *window, generator=torch.Generator().manual_seed(1))
    before = answer(model, layer, x, found.place)
    inside = torch.zeros(x.shape, dtype=torch.bool)
    inside[:, :, *(slice(start, stop) for start, stop in found.seen)] = True
    assert torch.equal(answer(model, layer, torch.where(inside, x, x - 7), found.place), before)
    for axis, (start, stop) in enumerate(found.seen):
        for edge in (start, stop - 1):  # the outermost planes of the frame reach the unit
            moved = x.clone()
            moved.select(axis + 2, edge).add_(inside.select(axis + 2, edge) * 50.0)
            assert not torch.equal(answer(model, layer, moved, found.place), before)


@pytest.mark.parametrize("name", [name for name in CASES if name != "larger than the input along one axis"])
def test_the_window_answers_as_the_middle_of_a_full_input(name):
    """What is drawn on the small canvas works in the network's own input, wherever the unit is clear of padding."""
    build, layer, shape, window = CASES[name]
    torch.manual_seed(0)
    model = build().eval()
    found = canvas(model, layer, shape)
    x = torch.randn(1, *shape, generator=torch.Generator().manual_seed(1))
    small = x[:, :, *(slice(0, side) for side in window)]
    torch.testing.assert_close(
        answer(model, layer, small, found.place), answer(model, layer, x, found.place), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("build", [Sized, Fed, lambda: Averaged(True), lambda: Averaged(False)])
def test_networks_that_a_small_window_would_change_get_their_full_input(build):
    torch.manual_seed(0)
    layer, shape = "out", (2, 11, 14)
    found = canvas(build().eval(), layer, shape)
    assert (found.window, found.place, found.seen) == ((11, 14), None, ((0, 11), (0, 14)))


def test_later_layers_that_take_one_size_only_do_not_matter(network):
    assert canvas(network, "conv2", (1, 12, 10)).window == (9, 7)
    found = canvas(network, "fc1", (1, 12, 10))
    assert (found.window, found.place) == ((12, 10), None)
    found = canvas(network, "conv2", (1, 12, 10), whole=True)
    assert (found.window, found.place) == ((12, 10), None)


@pytest.mark.parametrize("sides", [(3, 3), (4, 5), (7, 8), (14, 6), (23, 31), (65, 40), (70, 71)])
def test_margins_are_as_wide_as_the_moves_reach(sides):
    """Moved as far as it goes, the window still draws on the picture: nothing is filled in."""
    model = nn.Sequential(nn.Conv2d(1, 1, sides, bias=False))
    found = canvas(model, "0", (1, 90, 90))
    assert found.window == sides
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 1 - 1e-6])] * 4)
    ones = torch.ones(len(corners), 1, *found.size)
    moved = apply([found.moves], ones, corners)
    assert moved.shape[2:] == sides
    torch.testing.assert_close(moved, torch.ones_like(moved))


@pytest.mark.parametrize("sides", [(3, 3), (4, 5), (7, 8), (8, 7), (14, 6), (23, 31)])
def test_window_moves_and_frame_mean_the_same_cells(sides):
    """The moves that do not move, the view and the frame, also where a margin is odd."""
    found = canvas(nn.Sequential(nn.Conv2d(1, 1, sides)), "0", (1, 60, 60))
    picture = torch.randn(1, 1, *found.size, generator=torch.Generator().manual_seed(0))
    top, left, bottom, right = found.frame
    framed = picture[:, :, top:bottom, left:right]
    assert framed.shape[2:] == sides
    still = Affine(found.moves.jitter, (1.0, 1.0), 0.0, out=found.window)
    torch.testing.assert_close(still(picture, torch.full((1, 4), 0.5)), framed, rtol=0, atol=1e-4)
    assert torch.equal(found.view(picture, torch.full((1, 2), 0.5 - 1e-6)), framed)


def test_the_picture_is_never_smaller_than_its_window_and_transforms_fast():
    for name, (build, layer, shape, window) in CASES.items():
        found = canvas(build(), layer, shape)
        if len(window) != 2:  # what is only shifted has room for the shift, a fourteenth, and no more
            assert found.size == tuple(side + 2 * (side // 14) for side in window), name
            continue
        assert all(size > side for size, side in zip(found.size, window, strict=True)), name
        assert all(any(size % prime == 0 for prime in (2, 3, 5, 7)) for size in found.size), name
        assert found.frame is not None


def test_a_ground_takes_the_place_of_the_margin():
    model = nn.Sequential(nn.Conv2d(2, 2, (5, 4)))
    found = canvas(model, "0", (2, 20, 17), ground=(0.5, -1.0))
    assert (found.size, found.frame) == ((5, 4), (0, 0, 5, 4))
    assert found.moves.fill == (0.5, -1.0)
    signal = canvas(nn.Sequential(nn.Conv1d(1, 2, 30)), "0", (1, 50), ground=0.0)
    assert (signal.size, signal.moves) == ((30,), Jitter(2, fill=0.0))
    assert isinstance(canvas(nn.Sequential(nn.Conv1d(1, 2, 30)), "0", (1, 50)).moves, Crop)


def test_units_at_the_place_are_what_objectives_raise():
    """`place` counts in the map of the window, with one number an axis."""
    torch.manual_seed(0)
    build, layer, shape, window = CASES["padding"]
    model = build()
    found = canvas(model, layer, shape)
    x = torch.randn(2, 2, *window)
    with torch.no_grad(), probe(model, [layer]) as look:
        map_ = look(x)[layer]
    assert all(0 <= place < cells for place, cells in zip(found.place, map_.shape[2:], strict=True))
    value = neuron(layer, 1, place=found.place)(Scene(x, {layer: map_}, torch.arange(2)))
    np.testing.assert_array_equal(value, map_[:, 1, *found.place])
