"""A picture in another's style: what falls, what stays, what is refused, and how work goes on after a stop."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from skimage.data import astronaut, chelsea, coffee
from torch import nn

from convscope.errors import InputError
from convscope.lens.anysize import enter, resized
from convscope.lens.models import Network, Preprocessing, load
from convscope.lens.objectives import gram_matrix
from convscope.lens.probe import probe
from convscope.lens.styles import Styled, StyleStopped, Terms, keeping, scales, style
from convscope.lens.styles.styling import within

CAT, CUP, FACE = chelsea()[20:280, 40:430], coffee()[:, 60:500], astronaut()[:250, 100:350]
TERMS = Terms({"4": 1}, {"1": 1, "4": 2}, tv=0.01)


class Once(nn.Module):
    """Gives infinity at its run number `at`, and then `times` - 1 more."""

    def __init__(self, at: int, times: int = 1) -> None:
        super().__init__()
        self.at, self.times = at, times

    def __deepcopy__(self, memo) -> "Once":
        return self

    runs = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.runs += 1
        return x * torch.inf if self.at <= self.runs < self.at + self.times else x


def small(last: nn.Module | None = None, channels: int = 3) -> Network:
    torch.manual_seed(2)
    layers = [nn.Conv2d(channels, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 12, 3), nn.ReLU()]
    net = nn.Sequential(*layers, *([] if last is None else [last]))
    order = "RGB" if channels == 3 else "grey" if channels == 1 else f"channels:{channels}"
    return Network(net, (channels, 40, 56), Preprocessing((40, 56), (0.5,), (0.5,), order=order))


def quick(content=CAT, painting=CUP, **settings) -> Styled:
    return style(content, painting, **{"model": small(), "terms": TERMS, "size": 56, "steps": 15, **settings})


def seen(net: Network, picture: np.ndarray, layers, size: int) -> dict[str, torch.Tensor]:
    """As the work sees it, with the margin: a shift by one pixel shows other phases of the strides."""
    with probe(net.model, layers) as look, torch.no_grad():
        return look(scales.MARGIN(enter(net, resized(picture, *within(picture, size))), torch.empty(0)))


def apart(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).square().mean() / b.square().mean())


def test_squeezenet_paints_the_content_in_the_style():
    net, size = load("squeezenet"), 96
    found = style(CAT, CUP, model=net, size=size, steps=40, scales=2)
    assert found.picture.shape == (64, 96, 3)
    assert [each.size for each in found.scales] == [(32, 48), (64, 96)]
    for each in found.scales:
        assert each.end["total"] < each.start["total"] / 2
        assert list(each.end) == ["content features.10", *(f"style features.{n}" for n in (1, 4, 7, 10)), "roughness", "total"]  # noqa: E501
    layers = ["features.4", "features.7", "features.10"]
    made, cup, cat, face = (seen(net, picture, layers, size) for picture in (found.picture, CUP, CAT, FACE))
    grams = {name: [gram_matrix(of[name]) for of in (made, cup, cat, face)] for name in layers[:2]}
    for own, wanted, *others in grams.values():
        assert apart(own, wanted) < min(apart(other, wanted) for other in others) / 2
    unrelated = [seen(net, resized(picture, 64, 96), ["features.10"], size)["features.10"] for picture in (CUP, FACE)]
    content = [apart(other, cat["features.10"]) for other in (made["features.10"], *unrelated)]
    assert content[0] < min(content[1:]) / 1.5, content


def test_losses_are_relative():
    with pytest.warns(UserWarning, match="the style is the content itself"):
        same = quick(painting=CAT, scales=1, steps=1, tv=0).scales[0].start
    assert same["total"] < 1e-6
    black = np.zeros_like(CAT)
    net = small()
    net.model.get_parameter("0.bias").data.zero_()
    net = Network(net.model, net.input_shape, Preprocessing((40, 56)))  # black is 0
    nothing = quick(painting=CUP, start=black, model=net, scales=1, steps=1).scales[0].start
    assert nothing["style 1"] == pytest.approx(1)


@pytest.mark.parametrize(
    "settings",
    [
        {"centred": True},
        {"pooling": "average"},
        {"optimiser": "adam", "steps": 40},
        {"start": "noise", "steps": 40},
        {"start": FACE},
        {"style_scale": 0.7},
        {"scales": 3},
        {"tile": 24},
    ],
    ids=str,
)
def test_losses_fall_whatever_is_set(settings):
    found = quick(**settings)
    assert found.picture.shape == (37, 56, 3)
    for each in found.scales:
        assert each.end["total"] < 0.7 * each.start["total"]
        assert each.end["style 1"] < each.start["style 1"]


def test_the_network_is_left_as_found_and_pools_are_averages_in_a_copy():
    net = small()
    net.model.train()
    before = {name: value.clone() for name, value in net.model.state_dict().items()}
    mean = quick(model=net, pooling="average")
    assert isinstance(net.model.get_submodule("2"), nn.MaxPool2d)
    assert net.model.training
    assert all(torch.equal(value, before[name]) for name, value in net.model.state_dict().items())
    assert not np.array_equal(mean.picture, quick(model=net).picture)
    twin = small()
    twin.model.set_submodule("2", nn.AvgPool2d(2))
    np.testing.assert_array_equal(quick(model=twin).picture, mean.picture)


def test_one_seed_gives_one_picture():
    np.testing.assert_array_equal(quick(start="noise", seed=3).picture, quick(start="noise", seed=3).picture)
    assert not np.array_equal(quick(start="noise", seed=3).picture, quick(start="noise", seed=4).picture)


def test_a_mix_goes_between_its_styles():
    def distance(mix: Sequence[float], to: np.ndarray) -> float:
        found = quick(painting=[CUP, FACE], mix=mix, steps=30, strength=300, scales=1)
        own, wanted = (gram_matrix(seen(small(), picture, ["4"], 56)["4"]) for picture in (found.picture, to))
        return apart(own, wanted)

    to_cup = [distance(mix, CUP) for mix in ([1, 0], [1, 1], [0, 2])]
    assert to_cup == sorted(to_cup)
    np.testing.assert_array_equal(quick(painting=[CUP, FACE], mix=[2, 0]).picture, quick().picture)


def test_the_colours_of_the_content_stay():
    found = quick(colours="content", strength=100)
    page = resized(CAT, 37, 56).astype(int)
    chroma = found.picture.astype(int) - page
    inside = ((found.picture > 0) & (found.picture < 255)).all(2)
    assert inside.mean() > 0.5
    assert np.ptp(chroma[inside], axis=1).max() <= 1  # the same is added to red, green and blue
    assert np.abs(chroma).mean() > 3


def test_regions_take_their_own_style():
    """Left half of the content after the dark style, right half after the light one."""
    half = np.zeros((260, 390, 3), np.uint8)
    half[:, 195:] = 255
    painting = np.concatenate([CUP // 4, 255 - CUP // 4], 1)
    over = np.zeros_like(painting)
    over[:, CUP.shape[1] :] = 255
    found = quick(painting=painting, masks=(half, over), steps=25, strength=300).picture.astype(float)
    assert found[:, 32:].mean() > found[:, :24].mean() + 80
    swapped = quick(painting=painting, masks=(half, 255 - over), steps=25, strength=300).picture.astype(float)
    assert swapped[:, 32:].mean() < swapped[:, :24].mean() - 80


def test_photorealism_keeps_to_affine_changes_of_colour():
    plain = quick(strength=100, steps=30)
    held = quick(strength=100, steps=30, photorealistic=1e4, smooth=False)
    assert held.losses["photorealism"] < held.scales[0].start["total"]
    assert "photorealism" not in plain.losses
    smoothed = quick(strength=100, steps=30, photorealistic=1e4)
    assert not np.array_equal(smoothed.picture, held.picture)


def test_stages_and_progress_are_told():
    stages, told = [], []
    found = quick(scales=2, watch=stages.append, progress=lambda *now: told.append(now))
    assert [(one.scale, one.step) for one in stages] == [(k, step) for k in (0, 1) for step in range(15)]
    assert stages[-1].picture.shape == found.picture.shape
    assert stages[0].picture.shape == (18, 28, 3)
    assert stages[0].losses == found.scales[0].start
    assert told[0][:2] == (0, 30)
    assert told[-1][:2] == (30, 30)


def test_the_recipe_says_all():
    recipe = quick(strength=7, mix=[2], start=FACE).recipe
    assert recipe["settings"]["strength"] == 7
    assert "seed" not in recipe["settings"]
    assert recipe["scales"][-1]["size"] == [37, 56]
    assert "strength=7" in recipe["command"]


def stop_at(scale: int, step: int):
    def watch(stage) -> None:
        if (stage.scale, stage.step) == (scale, step):
            raise KeyboardInterrupt

    return watch


@pytest.mark.parametrize(("scale", "step"), [(0, 0), (1, 9)])
def test_a_stop_gives_the_best_picture_so_far_in_full_size(scale, step):
    with pytest.raises(StyleStopped) as stopped:
        quick(scales=2, watch=stop_at(scale, step))
    assert stopped.value.styled is not None
    assert stopped.value.styled.picture.shape == (37, 56, 3)
    assert len(stopped.value.styled.scales) == scale


def test_the_same_call_goes_on_and_another_is_refused(tmp_path):
    state = tmp_path / "state"
    with pytest.raises(StyleStopped):
        quick(scales=2, keep=state, watch=stop_at(1, 9))
    with pytest.raises(InputError, match="the state of other pictures or settings; remove it"):
        quick(scales=2, keep=state, strength=3)
    with pytest.raises(InputError, match="the state of other pictures or settings; remove it"):
        quick(content=FACE, scales=2, keep=state)
    stages = []
    found = quick(scales=2, keep=state, watch=stages.append)
    assert stages[0].scale == 1
    assert stages[0].step == 9
    assert found.picture.shape == (37, 56, 3)
    assert not state.exists()
    quick(scales=2, keep=state)
    assert not state.exists()
    state.write_bytes(b"something else")
    with pytest.raises(InputError, match="not the state of unfinished style"):
        quick(keep=state)


def test_the_state_is_written_as_time_goes_by(tmp_path, monkeypatch):
    monkeypatch.setattr(keeping, "EVERY", 0.0)
    state, found = tmp_path / "state", []
    quick(keep=state, scales=1, watch=lambda stage: found.append(state.exists()))
    assert all(found)
    assert not state.exists()


def test_numbers_that_are_not_finite_are_survived():
    with pytest.warns(UserWarning, match="not finite after step .* with steps of half the size"):
        found = quick(model=small(Once(at=20)), terms=Terms({"5": 1}, {"1": 1, "5": 1}), scales=1)
    assert found.losses["total"] < found.scales[0].start["total"] / 2
    with pytest.warns(UserWarning, match="not finite") as told:
        quick(model=small(Once(at=20, times=3)), terms=Terms({"5": 1}, {"1": 1, "5": 1}), scales=1)
    assert ["with Adam" in str(each.message) for each in told] == [False, False, True]
    with pytest.warns(UserWarning, match="not finite"):
        kept = quick(model=small(Once(at=20, times=10**6)), terms=Terms({"5": 1}, {"1": 1, "5": 1}), scales=1)
    assert kept.losses["total"] < kept.scales[0].start["total"]


def test_a_network_of_nan_is_refused():
    broken = small()
    next(broken.model.parameters()).data[0] = torch.nan
    with pytest.raises(InputError, match="NaN or infinity"):
        quick(model=broken)


def test_sizes_that_the_coarse_scales_are_too_small_for_are_left_out():
    found = quick(size=24, scales=4)
    assert len(found.scales) < 4
    assert found.picture.shape == (16, 24, 3)


def test_grey_pictures_and_other_sizes():
    assert quick(content=CAT[..., 0], painting=CUP[::9, ::9, 1]).picture.shape == (37, 56, 3)
    assert quick(content=CAT[::10, ::10], size=None, scales=1).picture.shape == (26, 39, 3)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"mix": [1, 2]}, "mix: 2 weights for 1 styles; give one for each"),
        ({"mix": [0]}, r"mix=\[0.0\]: weights of 0 or more, one of them above 0"),
        ({"painting": []}, r"style=\[\]: give one picture"),
        ({"terms": Terms({"9": 1}, {"1": 1})}, "layer '9': the model has no such layer"),
        ({"size": 3}, "model cannot take it.* sides of"),
        ({"size": 0}, "size=0: it must be at least 1"),
        ({"strength": -1}, "strength=-1: a weight of 0 or more"),
        ({"photorealistic": float("nan")}, "photorealistic=nan: a weight"),
        ({"style_scale": 0}, "style_scale=0: a size above 0"),
        ({"pooling": "mean"}, "pooling='mean'; use 'max' or 'average'"),
        ({"optimiser": "sgd"}, "optimiser='sgd'; use 'lbfgs' or 'adam'"),
        ({"model": small(channels=1)}, "model: it takes grey; give one that takes red, green and blue"),
        ({"model": small(channels=4)}, "model: it takes channels:4; give one"),
        ({"start": "/no/such.png"}, "no such file"),
        ({"masks": (CAT[:50], CUP)}, "mask"),
        ({"keep": "/proc/no/state"}, "/proc/no/state"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_input_is_one_line(settings, text):
    with pytest.raises(InputError, match=text) as caught:
        quick(**settings)
    assert "\n" not in str(caught.value)


def test_pools_that_no_average_replaces_are_said():
    bare = Network(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), (3, 20, 20), Preprocessing((20, 20)))
    with pytest.raises(InputError, match=r"Sequential has no nn\.MaxPool2d to replace"):
        quick(model=bare, terms=Terms({"1": 1}, {"1": 1}), pooling="average")


def test_large_pictures_are_seen_in_tiles(monkeypatch):
    whole = quick(scales=1, steps=4)
    monkeypatch.setattr(scales, "ONE_PASS", 40)
    monkeypatch.setattr(scales, "TILE", 20)
    tiled = quick(scales=1, steps=4)
    assert tiled.losses["total"] == pytest.approx(whole.losses["total"], rel=1e-3)
