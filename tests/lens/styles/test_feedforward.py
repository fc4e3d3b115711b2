"""One pass: any size, no seams, borders right, and the file."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save
from skimage import data

from convscope.errors import InputError
from convscope.lens.styles.fastnet import StyleNet, reach
from convscope.lens.styles.feedforward import FastStyle, as_shares, statistics


def fast(width=3, blocks=1, seed=0) -> FastStyle:
    """A style that nobody trained, but that changes every pixel."""
    torch.manual_seed(seed)
    net = StyleNet(width, blocks).requires_grad_(False)
    for weight in net.last.parameters():
        weight.normal_(std=0.1)
    for shift in net.shifts:
        shift.normal_(std=0.3)
    return FastStyle(net, {"made": "train_style", "seed": seed})


@pytest.mark.parametrize(("rows", "columns"), [(5, 5), (5, 64), (31, 6), (33, 46), (64, 47)])
def test_every_size_is_kept(rows, columns):
    picture = data.astronaut()[100 : 100 + rows, 150 : 150 + columns]
    styled = fast()(picture)
    assert styled.shape == picture.shape
    assert styled.dtype == np.uint8
    assert np.abs(styled.astype(int) - picture).mean() > 2


def test_grey_pictures_and_files_go_through(tmp_path):
    grey = data.camera()[:40, :52]
    assert (fast()(grey) == fast()(np.stack([grey] * 3, -1))).all()


@pytest.mark.parametrize("shape", [(4, 50, 3), (50, 1, 3)])
def test_a_thin_picture_is_refused(shape):
    with pytest.raises(InputError, match=rf"{shape[0]} x {shape[1]} pixels; a fast style takes sides of at least 5"):
        fast()(np.zeros(shape, np.uint8))


def test_a_tile_of_nothing_is_refused():
    with pytest.raises(InputError, match="tile=0: use at least 4"):
        fast()(data.chelsea(), tile=0)


@pytest.mark.parametrize("level", [0, 90, 255])
def test_a_constant_picture_stays_constant_up_to_its_border(level):
    styled = fast()(np.full((37, 50, 3), level, np.uint8)).astype(int)
    assert (styled.max((0, 1)) - styled.min((0, 1)) <= 1).all()


def test_the_border_is_no_louder_than_the_middle():
    noise = np.random.default_rng(1).integers(0, 256, (96, 120, 3)).astype(np.uint8)
    change = np.abs(fast(4, 2)(noise).astype(float) - noise).mean(2)
    inside = change[12:-12, 12:-12]
    for border in (change[:3], change[-3:], change[:, :3], change[:, -3:]):
        assert border.mean() == pytest.approx(inside.mean(), rel=0.2)


def test_it_begins_with_the_colours_of_the_style():
    """Before any training: mean and covariance of what comes before the sigmoid, and most of what the photograph was.

    The photograph's own colours are made uncorrelated along the network's axes, so that both are nearly exact.
    """
    painting, net = data.coffee()[::5, ::7], StyleNet(4, 1).requires_grad_(False)
    net.begin_with(as_shares(painting[None])[0])
    net.last.weight[:, :-3] = 0  # the small random part that training starts from
    noise = torch.randn(3, 60 * 71, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    noise -= noise.mean(1, keepdim=True)
    noise = torch.linalg.solve_triangular(torch.linalg.cholesky(torch.cov(noise)), noise, upper=False)
    photo = (0.5 + 5 * torch.einsum("oc,on->cn", net.axes.double(), noise)).reshape(1, 3, 60, 71).float()
    found = net(photo).logit().flatten(2)[0]
    wanted = as_shares(painting[None]).clamp(0.02, 0.98).logit().flatten(2)[0]
    assert found.mean(1).numpy() == pytest.approx(wanted.mean(1).numpy(), abs=0.05)
    assert torch.cov(found).numpy() == pytest.approx(torch.cov(wanted).numpy(), abs=0.05 * float(wanted.var()))
    same = [float(torch.corrcoef(torch.stack([a, b]))[0, 1]) for a, b in zip(found, photo.flatten(2)[0], strict=True)]
    assert min(same) > 0.5


@pytest.mark.parametrize("blocks", [1, 3])
def test_reach_is_how_far_a_pixel_is_felt_when_statistics_are_given(blocks):
    style = fast(4, blocks)
    far = reach(blocks)
    side = 2 * far + 9
    picture = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    seen: list = []
    net = style.net.double()
    net(picture, seen=seen)
    other = picture.clone()
    other[..., :, 0] = 1 - other[..., :, 0]
    moved = (net(picture, seen) - net(other, seen)).abs().amax((0, 1, 2)) > 0
    felt = int(moved.nonzero().max())
    assert far - 8 <= felt <= far


@pytest.mark.parametrize("tile", [24, 50, 64])
def test_tiles_equal_one_pass_with_the_same_statistics(tile):
    style, picture = fast(3, 2), data.coffee()[100:233, 200:291]
    with torch.no_grad():
        whole = style.net(as_shares(picture[None]), statistics(style.net, picture, tile))[0]
    whole = (whole * 255).permute(1, 2, 0).numpy()
    assert np.abs(style(picture, tile=tile) - whole).max() < 0.51  # half a level is what rounding to whole levels does
    assert np.abs(style(picture, tile=tile) - whole.round()).max() <= 1


def test_statistics_of_the_smaller_picture_come_near_its_own():
    style, picture = fast(3, 1), data.astronaut()
    own = style(picture).astype(float)
    tiled = style(picture, tile=300)
    assert np.abs(tiled - own).mean() < 0.1 * np.abs(own - picture).mean()


def test_a_long_thin_picture_goes_through_in_tiles():
    picture = data.coffee()[100:106, :400]
    assert fast()(picture, tile=40).shape == picture.shape


def test_applying_leaves_the_network_and_the_generators_as_they_were():
    style = fast()
    before = {name: weight.clone() for name, weight in style.net.state_dict().items()}
    drawn = torch.random.get_rng_state()
    style(data.chelsea()[:90, :100], tile=40)
    assert all(torch.equal(weight, before[name]) for name, weight in style.net.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), drawn)


def test_a_saved_style_gives_the_same_pictures(tmp_path):
    style, picture = fast(4, 2), data.chelsea()[:63, :81]
    path = style.save(tmp_path / "new" / "style.safetensors")
    again = FastStyle.load(path)
    assert (again(picture) == style(picture)).all()
    assert again.recipe == style.recipe
    assert (again.net.width, again.net.blocks) == (4, 2)
    assert FastStyle.load(path).save(tmp_path / "b").read_bytes() == path.read_bytes()


def _file(weights, **recipe) -> bytes:
    return save(weights, {"convscope": json.dumps(recipe)})


STRANGERS = {
    "text": b"no such thing",
    "empty": b"",
    "weights of something else": save({"weight": torch.zeros(3)}),
    "a name and no weights": _file({"weight": torch.zeros(3)}, made="train_style"),
    "one axis": _file({"last.weight": torch.zeros(3)}, made="train_style"),
    "one weight": _file({"last.weight": torch.zeros(3, 50000, 5, 5)[:, :9].contiguous()}, made="train_style"),
    "notes that are a list": save({"weight": torch.zeros(3)}, {"convscope": "[1, 2]"}),
    "unfinished": _file({"net.last.weight": torch.zeros(3, 2, 5, 5)}, made="train_style, unfinished"),
}


@pytest.mark.parametrize("stranger", STRANGERS)
def test_other_files_are_refused(stranger, tmp_path):
    (tmp_path / "f").write_bytes(STRANGERS[stranger])
    with pytest.raises(InputError, match=r"f: not a (safetensors file|fast style)"):
        FastStyle.load(tmp_path / "f")


def test_a_missing_file_and_broken_weights_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        FastStyle.load(tmp_path / "none")
    style = fast()
    style.net.gains[0][:] = torch.nan
    with pytest.raises(InputError, match=r"gains.0 .* NaN"):
        FastStyle.load(style.save(tmp_path / "f"))


@pytest.mark.parametrize("size", [{"width": 0}, {"blocks": -1}])
def test_a_network_of_nothing_is_refused(size):
    with pytest.raises(InputError, match="use at least 1"):
        StyleNet(**size)
