"""Dreams: what rises, at which sizes, in tiles as in one pass, and what is refused."""

from itertools import pairwise

import numpy as np
import pytest
import skimage.data
import torch
from torch import nn

from convscope import lens
from convscope.errors import InputError
from convscope.lens.anysize import as_photograph, enter, leave, resized
from convscope.lens.dreams import DreamStopped, dream, zooming
from convscope.lens.dreams.octaves import least_side, octaves_of
from convscope.lens.dreams.zoom import magnified
from convscope.lens.models import Network, Preprocessing, load
from convscope.lens.objectives import channel, l1, layer
from convscope.lens.probe import probe


def net(size: tuple[int, int] = (32, 32)) -> Network:
    """Three convolutions with strides and a pool, after a mean and a spread for each channel."""
    torch.manual_seed(3)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 5, stride=2, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(5, 4),
    )  # fmt: skip
    return Network(model, (3, *size), Preprocessing(size, (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)), source="")


def photo(rows: int = 75, columns: int = 94) -> np.ndarray:
    return resized(skimage.data.astronaut(), rows, columns)


def says(network: Network, name: str, picture: np.ndarray) -> torch.Tensor:
    with probe(network.model, [name]) as look, torch.no_grad():
        return look(enter(network, picture))[name]


def test_what_is_asked_for_rises_and_the_picture_stays_the_picture():
    network, picture = net(), photo()
    dreamt = dream(picture, "4", model=network, steps=8)
    before, after = (float(says(network, "4", each).square().mean()) for each in (picture, dreamt.picture))
    assert after > 2 * before
    assert dreamt.picture.shape == picture.shape
    away = np.abs(dreamt.picture.astype(float) - picture).mean() / 255
    assert 0.01 < away < 0.35
    assert np.corrcoef(dreamt.picture.ravel(), picture.ravel())[0, 1] > 0.5
    assert (len(dreamt.values), dreamt.recipe["objective"]) == (6, "layer(4)")


def test_a_mix_of_units_rises():
    network, picture = net(), photo()
    wanted = channel("5", 2) + 0.5 * channel("3", 1)
    dreamt = dream(picture, wanted, model=network, steps=6)
    gain = [
        float(says(network, name, dreamt.picture)[0, unit].mean() - says(network, name, picture)[0, unit].mean())
        for name, unit in (("5", 2), ("3", 1))
    ]
    assert min(gain) > 0


def test_a_guide_draws_the_layer_towards_itself():
    network, picture, guide = net(), photo(), skimage.data.coffee()
    dreamt = dream(picture, "4", like=guide, model=network, steps=8)
    directions = nn.functional.normalize(says(network, "4", resized(guide, 21, 32)).flatten(2)[0], dim=0)

    def likeness(shown: np.ndarray) -> float:
        a = says(network, "4", shown).flatten(2)[0]
        return float((directions.T @ a).max(0).values.mean())

    assert likeness(dreamt.picture) > 1.2 * likeness(picture)
    assert dreamt.recipe["objective"].startswith("attraction(4, ")


def test_one_seed_gives_one_dream():
    network, picture = net(), photo(40, 51)
    first, again, other = (dream(picture, "4", model=network, steps=3, seed=seed).picture for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes()
    assert (first != other).any()


def test_in_tiles_it_is_the_same_dream_without_seams():
    network, picture = net(), photo(150, 133)
    whole, tiled = (dream(picture, "4", model=network, steps=5, octaves=2, tile=side).picture for side in (999, 48))
    away = np.abs(whole.astype(int) - tiled)
    assert np.quantile(away, 0.999) <= 1
    assert away.max() <= 3  # a rounding may tip a ReLU
    # where tiles meet, in the finest octave, neighbours differ no more than elsewhere
    rough = [np.abs(np.diff(each.astype(int), axis=0)).mean((1, 2)) for each in (tiled, whole)]
    assert np.abs(rough[0] - rough[1]).max() < 0.5


def test_a_layer_that_sees_everything_is_dreamt_in_tiles_without_seams():
    network = net()
    plain = np.full((120, 117, 3), 128, np.uint8)
    tiled = dream(plain, channel("8", 1), model=network, steps=4, octaves=1, tile=40).picture.astype(int)
    across = np.abs(np.diff(tiled, axis=0)).mean((1, 2))
    assert across.max() < 4 * np.median(across)


def test_the_default_is_squeezenet_and_a_layer_with_something_to_see():
    picture = photo(60, 72)
    dreamt = dream(picture, steps=2, octaves=1)
    assert dreamt.recipe["objective"] == "layer(features.10)"
    assert (dreamt.picture != picture).any()


def test_a_network_nobody_knows_has_a_default_too():
    dreamt = dream(photo(40, 40), model=net(), steps=1, octaves=1)
    sees = lens.receptive_field(net(), dreamt.recipe["objective"].removeprefix("layer(").removesuffix(")")).size
    assert 15 <= sees[0] <= 32


def test_octaves_end_before_the_network_takes_no_more():
    network = load("squeezenet")
    least = least_side(network.model, ["features.10"], 3, 224)
    with probe(network.model, ["features.10"]) as look, pytest.raises(InputError):
        look(torch.zeros(1, 3, least - 1, least - 1))
    sizes = octaves_of((least + 3, 3 * least), 20, 1.1, least, 90)
    assert min(map(min, sizes)) == least
    assert sizes[-1] == (least + 3, 3 * least)
    dreamt = dream(photo(least, least + 9), steps=1, octaves=5)
    assert dreamt.picture.shape == (least, least + 9, 3)
    assert len(dreamt.values) == 1
    with pytest.raises(InputError, match=rf"picture of {least - 1} x 90: the network takes no side under {least}"):
        dream(photo(least - 1, 90), steps=1)


def test_grey_pictures_and_networks_that_see_grey():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 5, padding=2), nn.ReLU())
    network = Network(model, (1, 28, 28), Preprocessing((28, 28), order="grey"))
    dreamt = dream(skimage.data.camera()[::8, ::8], "1", model=network, steps=3)
    assert (dreamt.picture[..., 0] == dreamt.picture[..., 2]).all()
    assert dream(photo(30, 40)[..., 0], "4", model=net(), steps=1).picture.shape == (30, 40, 3)


def test_watching_and_progress():
    seen, told = [], []
    dreamt = dream(
        photo(), "4", model=net(), steps=3, octaves=2, watch=lambda glimpse: seen.append((glimpse, glimpse.picture())),
        progress=lambda *all_of_it: told.append(all_of_it),
    )  # fmt: skip
    assert [(each.octave, each.step) for each, _ in seen] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert [shown.shape for _, shown in seen] == [(54, 67, 3)] * 3 + [(75, 94, 3)] * 3
    assert told[-1] == (6, 6, "octave 2 of 2")
    assert dreamt.values[1] > seen[3][0].value


@pytest.mark.parametrize("when", [0, 2, 4])
def test_ctrl_c_gives_what_there_is_in_full_size(when):
    def stop(done: int, total: int, what: str) -> None:
        if done > when:
            raise KeyboardInterrupt

    with pytest.raises(DreamStopped) as stopped:
        dream(photo(), "4", model=net(), steps=3, octaves=2, progress=stop)
    left = stopped.value.dream
    assert left is not None
    assert left.picture.shape == (75, 94, 3)
    assert ((left.picture != photo()).mean() > 0.5) == (when > 0)
    assert len(left.values) == when // 3


def test_the_network_is_left_as_it_was():
    network = net()
    network.model.train()
    before = {name: values.clone() for name, values in network.model.state_dict().items()}
    dream(photo(40, 40), "4", model=network, steps=2)
    assert network.model.training
    assert all(torch.equal(values, before[name]) for name, values in network.model.state_dict().items())


def refused(match: str, *given: object, **settings: object) -> None:
    with pytest.raises(InputError, match=match):
        dream(*given, **{"model": net(), "steps": 1, **settings})  # type: ignore[arg-type]


def test_what_cannot_be_dreamt_is_refused_in_a_line():
    picture = photo(40, 40)
    refused("layer '44': the model has no such layer; did you mean '4'", picture, "44")
    refused(r"channel\('3'\): unit 9 of 8", picture, channel("3", 9))
    refused(r"objective=l1\(0\): it looks at no layer; name one", picture, l1())
    refused(r"objective=layer\(4\) and like: give one of them", picture, layer("4"), like=picture)
    refused("steps=0, strength=0.08, tile=None", picture, "4", steps=0)
    refused("strength=2", picture, "4", strength=2.0)
    refused("octaves=0", picture, "4", octaves=0)
    refused("scale=1:", picture, "4", scale=1)
    refused("size=0", picture, "4", size=0)
    refused("nosuch.jpg: no such file", "nosuch.jpg", "4")
    refused(r"picture: float64 of shape \(4, 4\)", np.zeros((4, 4)), "4")
    bare = Network(net().model, (3, 32, 32))
    refused("preprocessing: not known", picture, "4", model=bare)
    torch.manual_seed(0)
    broken = net()
    broken.model[0].weight.data[0] = torch.nan  # type: ignore[index,union-attr]
    refused("holds NaN or infinity", picture, "4", model=broken)


def test_a_film_falls_into_the_middle():
    network, picture = net(), photo(48, 60)
    frames = list(zooming(picture, "4", frames=3, by=1.1, model=network, steps=3, octaves=2))
    assert [frame.shape for frame in frames] == [(48, 60, 3)] * 3
    assert frames[0].tobytes() == dream(picture, "4", model=network, steps=3, octaves=2).picture.tobytes()
    # each frame is the one before, enlarged, and a little more
    for last, frame in pairwise(frames):
        still, enlarged_ = (np.abs(frame.astype(int) - each).mean() for each in (last, magnified(last, 1.1)))
        assert enlarged_ < still
    with pytest.raises(InputError, match="frames=2, by=1:"):
        zooming(picture, "4", frames=2, by=1, model=network)
    with pytest.raises(InputError, match="the network takes no side under"):
        zooming(photo(2, 2), "4", frames=2, model=network)


def test_pictures_go_in_and_out_of_a_network_unchanged():
    network, picture = net(), photo(31, 300)
    x = enter(network, picture)
    assert x.shape == (1, 3, 31, 300)
    np.testing.assert_array_equal(leave(network, x), picture)
    np.testing.assert_array_equal(as_photograph(picture), picture)
