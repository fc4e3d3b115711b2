"""Tile by tile gives what one pass gives."""

from collections.abc import Sequence

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import convscope as cs
from convscope.errors import InputError
from convscope.lens.objectives import (
    Objective,
    Scene,
    channel,
    direction,
    diversity,
    each,
    gram,
    layer,
    neuron,
    total_variation,
    towards,
)
from convscope.lens.probe import probe
from convscope.lens.tiles import Tiling, _blend, tile, tiled


def stack(*modules: nn.Module, seed: int = 0) -> nn.Sequential:
    """In float64, with weights that keep the activations' size."""
    torch.manual_seed(seed)
    model = nn.Sequential(*modules).double()
    for module in model:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    return model


def small() -> nn.Sequential:
    """Padding, strides, a pool whose last window hangs over, dilation and a kernel that is not square."""
    return stack(
        nn.Conv2d(2, 4, (5, 3), stride=(2, 1), padding=(2, 0)),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(4, 5, 3, dilation=2, padding=2),
        nn.ReLU(),
        nn.AvgPool2d(2, padding=1, count_include_pad=False),
        nn.Conv2d(5, 3, 3, padding=1),
    )


def windows(tiling: Tiling) -> list[tuple[int, int, int, int]]:
    return [each_tile.window for each_tile in tiling.tiles]


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def at_once(
    model: nn.Module, layers: Sequence[str], objective: Objective, pictures: Tensor, groups: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The value, and the gradient with respect to pictures that the network sees as they are, in one pass."""
    x = pictures.clone().requires_grad_()
    with probe(model, layers) as look:
        value = objective(Scene(x, look(x), torch.arange(len(x)), groups))
        return value.detach(), torch.autograd.grad(value.sum(), x)[0]


def by_tiles(
    model: nn.Module, tiling: Tiling, layers: Sequence[str], objective: Objective, pictures: Tensor, groups=None
) -> tuple[Tensor, Tensor]:
    with probe(model, layers) as look:
        value, *ways = tiled(look, tiling, objective, pictures, pictures, torch.arange(len(pictures)), groups)
    return value, sum((way for way in ways if way is not None), start=torch.zeros_like(pictures))


def check(model: nn.Module, layers: Sequence[str], objective: Objective, x: Tensor, side: int, groups=None) -> Tiling:
    h, w = x.shape[2:]
    tiling = tile(model, layers, (x.shape[1], h, w), side)
    assert tiling is not None
    assert tiling.exact
    assert len(tiling.tiles) > 1
    assert all(0 <= top < bottom <= h and 0 <= left < right <= w for top, left, bottom, right in windows(tiling))
    rtol, atol = (1e-4, 1e-5) if x.dtype == torch.float32 else (1e-9, 1e-12)
    ours, true = by_tiles(model, tiling, layers, objective, x, groups), at_once(model, layers, objective, x, groups)
    assert bool(true[1].any())
    torch.testing.assert_close(ours[0], true[0], rtol=rtol, atol=atol)
    scale = true[1].abs().max()
    torch.testing.assert_close(ours[1] / scale, true[1] / scale, rtol=rtol, atol=atol)
    return tiling


OBJECTIVES = {
    "a channel": channel("6", 1),
    "each its own channel": channel("6", [2, 0]),
    "a direction": direction("3", [1.0, -2.0, 0.5, 0.0, 3.0], cosine_power=2),
    "layers of several strides": layer("6") - 0.5 * channel("1", 2) + 2 * (channel("3", 0) - 1),
    "one position": neuron("3", 2, 12, 20),
    "style": gram("3", noise(1, 5, 4, 6)) + gram("1", noise(1, 4, 3, 5), centred=True) - 0.3 * total_variation(),
    "a product": layer("6") * channel("3", 1) - layer("1"),
    "a product with the picture": layer("6") * total_variation(),
    "no layer at all": -total_variation(),
    "one objective each": each([channel("6", 1), layer("3") - total_variation()]),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_values_and_gradients_are_those_of_one_pass(name):
    objective = OBJECTIVES[name]
    check(small(), ["1", "3", "6"], objective, noise(2, 2, 109, 83), 32)


@pytest.mark.parametrize("size", [(98, 105), (99, 41), (66, 120), (97, 96), (110, 33), (33, 109), (128, 64)])
@pytest.mark.parametrize("side", [16, 32, 50])
def test_at_any_size_and_side(size, side):
    model, objective = small(), layer("6") + channel("4", 1)
    x = noise(1, 2, *size)
    check(model, ["4", "6"], objective, x, side)


def test_targets_and_groups_that_need_the_whole_maps():
    model, x = small(), noise(4, 2, 80, 61)
    with probe(model, ["4"]) as look:
        there = look(noise(1, 2, 80, 61))["4"]
    groups = torch.tensor([0, 0, 1, 1])
    check(model, ["4"], towards("4", there) + 0.1 * diversity("4"), x, 24, groups)


def test_pads_that_follow_the_size_of_the_input():
    class Same(nn.Conv2d):
        """As many outputs as strides, as TensorFlow pads: by the remainder of the size."""

        def forward(self, input: Tensor) -> Tensor:
            pads: list[int] = []
            for cells, kernel, stride in zip(input.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1]):
                short = max((-(-cells // stride) - 1) * stride + kernel - cells, 0)
                pads += [short // 2, short - short // 2]
            return super().forward(nn.functional.pad(input, pads))

    model = stack(Same(1, 3, 3, stride=2), nn.ReLU(), Same(3, 4, 5, stride=2))
    for size in ((101, 66), (100, 67), (99, 64), (98, 65)):
        check(model, ["2"], layer("2"), noise(1, 1, *size), 32)


def test_positions_that_see_nothing_but_padding():
    """The tiles at the border own only such, and their windows are no smaller than the network takes."""
    model = stack(nn.Conv2d(1, 2, 3, padding=21), nn.ReLU(), nn.Conv2d(2, 2, 5))
    check(model, ["0", "2"], layer("2") + layer("0"), noise(1, 1, 77, 50), 8)


def test_pictures_that_are_moved_before_they_are_seen():
    """The two gradients come apart: of what the picture's own terms see, and of what the network sees."""
    model, objective = small(), layer("6") - total_variation()
    pictures, moved = noise(1, 2, 90, 71), noise(1, 2, 90, 71).roll(3, -1)
    tiling = tile(model, ["6"], (2, 90, 71), 32)
    assert tiling is not None
    p, m = pictures.clone().requires_grad_(), moved.clone().requires_grad_()
    with probe(model, ["6"]) as look:
        value = objective(Scene(p, look(m), torch.arange(1)))
        true = torch.autograd.grad(value.sum(), [p, m])
        ours = tiled(look, tiling, objective, pictures, moved, torch.arange(1))
        only = tiled(look, tiling, objective, pictures, moved, torch.arange(1), gradient=False)
    torch.testing.assert_close(ours, (value.detach(), *true))
    assert only[1:] == (None, None)
    torch.testing.assert_close(only[0], value.detach())


@pytest.mark.parametrize(
    ("name", "layers", "objective"),
    [
        ("squeezenet", ["features.4", "features.9"], layer("features.9") + channel("features.4", 3)),
        ("efficientnet-lite0", ["_blocks.3"], channel("_blocks.3", 5) - total_variation()),
    ],
)
def test_the_networks_that_come_with_the_package(name, layers, objective):
    x = torch.randn(1, 3, 150, 203, generator=torch.Generator().manual_seed(0))
    check(cs.load(name).model, layers, objective, x, 64)


@st.composite
def stacks(draw: st.DrawFn) -> nn.Sequential:
    modules: list[nn.Module] = []
    for _ in range(draw(st.integers(1, 4))):
        kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 4)))
        stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 2)))
        if draw(st.booleans()):
            pad = draw(st.tuples(st.integers(0, 4), st.integers(0, 3)))
            dilation = draw(st.integers(1, 2))
            modules += [nn.Conv2d(2, 2, kernel, stride, pad, dilation), nn.Tanh()]
        else:
            pad = draw(st.tuples(st.integers(0, kernel[0] // 2), st.integers(0, kernel[1] // 2)))
            kind = draw(st.sampled_from([nn.MaxPool2d, nn.AvgPool2d]))
            modules.append(kind(kernel, stride, pad, ceil_mode=draw(st.booleans())))
    return stack(*modules, seed=draw(st.integers(0, 9)))


@settings(max_examples=15)
@given(stacks(), st.integers(70, 130), st.integers(40, 90), st.integers(8, 60), st.booleans())
def test_random_stacks_of_windows(model, h, w, side, whole_maps):
    middle, last = str(len(model) // 2), str(len(model) - 1)
    tiling = tile(model, [middle, last], (2, h, w), side)
    assume(tiling is not None)
    objective = layer(last) * channel(middle, 1) if whole_maps else layer(last) - channel(middle, 1)
    assume(bool(at_once(model, [middle, last], objective, noise(1, 2, h, w))[1].any()))
    check(model, [middle, last], objective, noise(1, 2, h, w), side)


def test_every_position_is_owned_once():
    model = small()
    tiling = tile(model, ["0", "3", "6"], (2, 157, 94), 32)
    assert tiling is not None
    with probe(model, ["0", "3", "6"]) as look:
        maps = look(noise(1, 2, 157, 94))
    for name, shape in tiling.shapes.items():
        assert shape == maps[name].shape[2:]
        owned = torch.zeros(shape)
        for each_tile in tiling.tiles:
            if name in each_tile.own:
                owned[each_tile.own[name][1]] += 1
        assert bool((owned == 1).all())


def test_memory_is_that_of_a_tile():
    """What enters the network does not grow with the picture, and maps are not put together for local terms."""
    model, side = small(), 40
    largest = []
    for size in ((150, 130), (600, 450)):
        tiling = tile(model, ["3", "6"], (2, *size), side)
        assert tiling is not None
        seen: list[int] = []
        x = noise(1, 2, *size)
        with probe(model, ["3", "6"]) as look:

            def watched(part: Tensor, look=look, seen=seen) -> dict[str, Tensor]:
                seen.append(part.shape[2] * part.shape[3])
                return look(part)

            tiled(watched, tiling, layer("6") + channel("3", 1) - total_variation(), x, x, torch.arange(1))
        assert len(seen) == len(tiling.tiles)
        largest.append(max(seen))
    assert largest[1] <= 1.2 * largest[0] < 150 * 130 / 2


class Everywhere(nn.Module):
    """Each cell less the mean of its channel: what behind it sees the whole picture."""

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean((2, 3), keepdim=True)


def uneven() -> nn.Sequential:
    return stack(nn.Conv2d(2, 4, 3, padding=1), Everywhere(), nn.Conv2d(4, 3, 5, padding=2))


def test_networks_that_see_everything_get_overlapping_pictures():
    model = uneven()
    tiling = tile(model, ["2"], (2, 150, 91), 40)
    assert tiling is not None
    assert not tiling.exact
    assert not tiling.shapes
    x, total = noise(1, 2, 150, 91), torch.zeros(150, 91, dtype=torch.float64)
    blend = _blend(tiling, x)
    for each_tile in tiling.tiles:
        top, left, bottom, right = each_tile.window
        assert (bottom - top, right - left) == (40, 40)
        assert bool((blend(each_tile) > 0).all())
        total[top:bottom, left:right] += blend(each_tile)
    torch.testing.assert_close(total, torch.ones_like(total))

    objective = layer("2") - 0.1 * total_variation()
    value, gradient = by_tiles(model, tiling, ["2"], objective, x)
    parts = [at_once(model, ["2"], layer("2"), each_tile.of(x))[0] for each_tile in tiling.tiles]
    roughness = total_variation()(Scene(x, {}, torch.arange(1)))
    torch.testing.assert_close(value, sum(parts) / len(parts) - 0.1 * roughness)
    assert bool(gradient.isfinite().all())


def test_blended_gradients_have_no_seams():
    """On a picture of one smooth ramp the gradient's steps at the edges of tiles are like those elsewhere."""
    model = uneven()
    h, w = 160, 120
    row, column = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    x = (torch.sin(row / 9) + torch.cos(column / 7)).double().expand(1, 2, h, w).clone()
    tiling = tile(model, ["2"], (2, h, w), 48)
    assert tiling is not None
    _, gradient = by_tiles(model, tiling, ["2"], layer("2"), x)
    steps = gradient.diff(dim=2).abs().amax((0, 1, 3))[8:-8]  # padding is felt at the picture's own border
    edges = {end - 1 - 8 for each_tile in tiling.tiles for end in (each_tile.window[0], each_tile.window[2])}
    edges = [k for k in edges if 0 <= k < len(steps)]
    inside = [k for k in range(len(steps)) if all(abs(k - edge) > 4 for edge in edges)]
    assert edges
    assert float(steps[edges].max()) <= 1.5 * float(steps[inside].max())


class Cropped(nn.Module):
    """The first cells, however many there are."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, :20, :20]


class Turned(nn.Module):
    """Right becomes left."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flip(3)


class Spread(nn.Conv2d):
    """Taps further apart in larger pictures."""

    def forward(self, input: Tensor) -> Tensor:
        apart = input.shape[2] // 15
        return nn.functional.conv2d(input, self.weight, self.bias, padding=apart, dilation=apart)


@pytest.mark.parametrize("model", [
    stack(nn.Conv2d(2, 3, 3), nn.ReflectionPad2d(2), nn.Conv2d(3, 3, 3)),
    stack(nn.Conv2d(2, 3, 3, stride=2), nn.Upsample(scale_factor=2), nn.Conv2d(3, 3, 3)),
    stack(nn.Conv2d(2, 3, 3), nn.AdaptiveAvgPool2d(30), nn.Conv2d(3, 3, 3)),
    stack(nn.Conv2d(2, 3, 3), nn.InstanceNorm2d(3), nn.Conv2d(3, 3, 3)),
    stack(nn.Conv2d(2, 3, 3), Cropped(), nn.Conv2d(3, 3, 3)),
    stack(nn.Conv2d(2, 3, 3), nn.ReLU(), Spread(3, 3, 3)),
    stack(nn.Conv2d(2, 3, 3), Turned(), nn.Conv2d(3, 3, 3)),
], ids=["reflected", "upsampled", "pooled to one size", "normalised", "cropped", "spread", "turned"])  # fmt: skip
def test_what_is_not_even_is_not_called_exact(model):
    tiling = tile(model, ["2"], (2, 200, 150), 80)
    assert tiling is not None
    assert not tiling.exact
    _, gradient = by_tiles(model, tiling, ["2"], layer("2"), noise(1, 2, 200, 150))
    assert bool(gradient.isfinite().all())
    assert bool(gradient.any())


def test_one_pass_does_where_tiles_would_save_nothing():
    assert tile(small(), ["6"], (2, 40, 32), 40) is None
    assert tile(stack(nn.Conv2d(2, 3, 65, padding=32)), ["0"], (2, 50, 40), 40) is None


def test_settings_that_make_no_tiles():
    with pytest.raises(InputError, match=r"side=0: a tile has at least 1 row and column; use side=512"):
        tile(small(), ["6"], (2, 90, 90), 0)
    with pytest.raises(InputError, match=r"layer 'seven': the model has no such layer"):
        tile(small(), ["seven"], (2, 90, 90), 40)


def test_what_is_local():
    assert (2 * channel("a", 1) - layer("b")).local
    assert (direction("a", [1.0, 0.0]) + 3).local
    assert not direction("a", [1.0, 0.0], place=(1, 1)).local
    assert not neuron("a", 1).local
    assert not (channel("a", 1) * layer("a")).local
    assert not (channel("a", 1) - total_variation()).local
    assert not total_variation().local
