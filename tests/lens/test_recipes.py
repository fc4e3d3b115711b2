"""Drawings: what `draw` makes of a network, a layer and some units."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from convscope import lens
from convscope.errors import InputError
from convscope.lens import weights_hash
from convscope.lens.images import Box, Prior
from convscope.lens.models import Network, Preprocessing
from convscope.lens.objectives.likeness import gram_matrix
from convscope.lens.probe import probe
from convscope.lens.recipes import Drawing, DrawingStopped
from convscope.lens.transforms import Affine, Jitter
from convscope.pictures import png_recipe
from tests.lens.networks import ViT

SIZE = (1, 12, 10)


def draw(model, layer: str, units=None, **how) -> Drawing:
    """As for pictures on dark paper: nothing around them, and large steps."""
    how = {"box": (0.0, 1.0), "ground": 0.0, "steps": 256, "rate": 0.3, "settled": 0, **how}
    return lens.draw(model, layer, units, **how)


def said_of(model: nn.Module, layer: str, pictures: np.ndarray) -> np.ndarray:
    with torch.no_grad(), probe(model, [layer]) as look:
        return look(torch.from_numpy(pictures))[layer].numpy()


def test_an_edge_detector_draws_its_edge(edge_detector):
    drawing = draw(edge_detector, "0", size=(1, 20, 20))
    picture = drawing.pictures[0, 0]
    assert picture.shape == (6, 6)
    assert np.all(picture[:, :3].mean(1) < 0.2)
    assert np.all(picture[:, 3:].mean(1) > 0.8)
    assert drawing.values[0] > 0.8 * 18
    assert not drawing.dead[0]


def test_one_seed_gives_one_picture_bit_for_bit(network):
    first, again = (draw(network, "fc1", size=SIZE, steps=20, seed=5) for _ in range(2))
    assert first.pictures.tobytes() == again.pictures.tobytes()
    assert first.values.tobytes() == again.values.tobytes()
    assert first.recipe == again.recipe
    other = draw(network, "fc1", size=SIZE, steps=20, seed=6)
    assert not np.allclose(first.pictures, other.pictures, atol=0.05)


@pytest.mark.parametrize("layer", ["conv2", "fc1", "relu3"])
def test_a_picture_does_not_depend_on_its_neighbours(network, layer):
    together = draw(network, layer, size=SIZE, steps=30, l1=0.1)
    for unit in (0, 2, 3):
        alone = draw(network, layer, [unit], size=SIZE, steps=30, l1=0.1)
        np.testing.assert_allclose(alone.pictures[0], together.pictures[unit], atol=1e-4)
        np.testing.assert_allclose(alone.values[0], together.values[unit], atol=1e-4)
    backwards = draw(network, layer, np.array([3, 1]), size=SIZE, steps=30, l1=0.1, batch=1)
    assert backwards.units == (3, 1)
    np.testing.assert_allclose(backwards.pictures, together.pictures[[3, 1]], atol=1e-4)


def test_values_are_what_the_unit_says_of_the_picture(network):
    found = draw(network, "fc2", size=SIZE, steps=20, l1=1, tv=0.5)
    said = said_of(network, "fc2", found.pictures)
    np.testing.assert_allclose(found.values, said[range(5), range(5)], rtol=1e-5)
    margins = draw(network, "fc2", size=SIZE, steps=20, ground=None)
    assert margins.pictures.shape[2:] > margins.seen().shape[2:] == SIZE[1:]
    said = said_of(network, "fc2", margins.seen())
    np.testing.assert_allclose(margins.values, said[range(5), range(5)], rtol=1e-4)


def test_what_is_seen_alone_gives_the_value():
    """Also where the margin is odd: `frame` is the window that was measured."""
    torch.manual_seed(0)
    for sides in ((3, 4), (7, 8), (15, 16)):
        model = nn.Sequential(nn.Conv2d(2, 3, sides))
        found = lens.draw(model, "0", size=(2, 40, 40), box=(0, 1), steps=8)
        assert found.seen().shape == (3, 2, *sides)
        said = said_of(model, "0", found.seen())[:, :, 0, 0]
        np.testing.assert_allclose(found.values, said[range(3), range(3)], rtol=1e-4, atol=1e-5)


def test_pictures_beat_noise_and_stay_in_the_box(network):
    box = (-0.5, 1.5)
    found = draw(network, "fc2", size=SIZE, box=box, transforms=())
    noise = np.random.default_rng(0).uniform(*box, (500, *SIZE)).astype(np.float32)
    assert np.all(found.values > said_of(network, "fc2", noise).max(0))
    assert box[0] <= found.pictures.min() < found.pictures.max() <= box[1] + 1e-6
    assert found.pictures.dtype == found.values.dtype == np.float32


def test_ink_costs(network):
    plain, thrifty = (draw(network, "fc2", size=SIZE, steps=100, l1=weight) for weight in (0, 5))
    assert thrifty.pictures.mean() < 0.5 * plain.pictures.mean()
    # without a ground, ink is what differs from middle grey
    plain, thrifty = (draw(network, "fc2", size=SIZE, steps=100, l1=weight, ground=None) for weight in (0, 5))
    assert np.abs(thrifty.pictures - 0.5).mean() < 0.5 * np.abs(plain.pictures - 0.5).mean()


def test_roughness_costs(network):
    def roughness(pictures: np.ndarray) -> float:
        return np.abs(np.diff(pictures, axis=2)).mean() + np.abs(np.diff(pictures, axis=3)).mean()

    plain, smooth = (draw(network, "fc2", size=SIZE, steps=100, tv=weight) for weight in (0, 2))
    assert roughness(smooth.pictures) < 0.6 * roughness(plain.pictures)


def test_the_canvas_is_what_the_unit_sees(network):
    assert draw(network, "conv1", size=SIZE, steps=2).pictures.shape == (3, 1, 3, 3)
    # conv2 sees 8 x 6; its first unit clear of the padding sees from row 1, column 1 on
    found = draw(network, "conv2", size=SIZE, steps=2)
    assert found.pictures.shape == (4, 1, 8, 6)
    assert (found.place, found.frame) == ((1, 1), None)
    whole = draw(network, "conv2", size=SIZE, steps=2, whole=True)
    assert (whole.pictures.shape, whole.place) == ((4, 1, 12, 10), None)
    np.testing.assert_allclose(
        whole.values, said_of(network, "conv2", whole.pictures).mean((2, 3))[range(4), range(4)], rtol=1e-5
    )
    assert draw(network, "fc1", 2, size=SIZE, steps=2).pictures.shape == (1, 1, 12, 10)
    deep = nn.Sequential(nn.Conv2d(2, 2, 7, padding=3), nn.Conv2d(2, 2, 7, padding=3))
    assert draw(deep, "1", size=(2, 9, 30), steps=2).pictures.shape == (2, 2, 9, 13)


def test_cells_that_no_unit_sees_are_not_in_the_picture(network):
    found = draw(network, "conv2", [1], size=SIZE)
    padded = np.pad(found.pictures, ((0, 0), (0, 0), (1, 0), (1, 0)))
    assert found.values[0] == pytest.approx(said_of(network, "conv2", padded)[0, 1, 1, 1], rel=1e-5)


def test_channels_as_pictures_of_any_number_of_channels():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(5, 2, 3))
    found = draw(model, "0", size=(5, 9, 9), box=[(0.0,) * 5, (1.0, 2.0, 3.0, 4.0, 5.0)], l1=0.01)
    assert found.pictures.shape == (2, 5, 3, 3)
    assert np.all(found.pictures.max((0, 2, 3)) <= [1, 2, 3, 4, 5])
    assert len(list(found.cards())) == 2


@pytest.mark.parametrize(
    ("conv", "size"), [(nn.Conv1d(2, 3, 9), (2, 40)), (nn.Conv3d(1, 3, (2, 4, 3)), (1, 7, 9, 8))]
)
def test_signals_and_volumes(conv, size):
    generator = torch.Generator().manual_seed(0)
    conv.weight.data.normal_(generator=generator)
    conv.bias.data.zero_()
    for ground in (0.0, None):
        found = draw(nn.Sequential(conv), "0", size=size, steps=60, box=(-1.0, 1.0), ground=ground)
        assert found.frame is None
        assert found.place == (0,) * (len(size) - 1)
        assert found.sheet().ndim == 3
    alone = draw(nn.Sequential(conv), "0", size=size, box=(-1.0, 1.0), transforms=())
    most = conv.weight.detach().abs().flatten(1).sum(1).numpy()
    np.testing.assert_allclose(alone.values, most, rtol=0.1)


def test_tokens_of_an_attention_block():
    """Every token sees the whole input: the mean over the tokens is raised, on the full canvas."""
    torch.manual_seed(0)
    model = ViT().eval()
    found = draw(model, "encoder", [1, 6], size=(3, 12, 8), steps=40)
    assert found.pictures.shape == (2, 3, 12, 8)
    assert found.place is None
    tokens = said_of(model, "encoder", found.pictures)  # (n, units, tokens)
    np.testing.assert_allclose(found.values, tokens.mean(2)[[0, 1], [1, 6]], rtol=1e-4)
    noise = np.random.default_rng(0).uniform(0, 1, (200, 3, 12, 8)).astype(np.float32)
    assert np.all(found.values > said_of(model, "encoder", noise).mean(2).max(0)[[1, 6]])


def test_facets_differ_and_still_excite():
    """Compared where the diversity is defined: in the directions of the layer's Gram matrices."""
    torch.manual_seed(3)
    model = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 5, 5, stride=2), nn.ReLU())
    units = [0, 1, 2, 3, 4]

    def drawn(**how) -> Drawing:
        return draw(model, "3", units, size=(1, 20, 17), whole=True, steps=80, rate=0.1, **how)

    def apart(found: Drawing) -> float:
        directions = gram_matrix(torch.from_numpy(said_of(model, "3", found.pictures))).flatten(1)
        directions = nn.functional.normalize(directions, dim=1).reshape(5, 3, -1)
        cosines = (directions @ directions.mT)[:, *np.triu_indices(3, 1)]
        return 1 - float(cosines.mean())

    single, alike, diverse = drawn(), drawn(facets=3, diverse=0), drawn(facets=3, diverse=1)
    assert diverse.units == tuple(np.repeat(units, 3).tolist())
    assert apart(diverse) > 1.5 * apart(alike)
    assert np.all(single.values > 0)
    assert diverse.values.mean() > 0.5 * single.values.mean()
    names = [card.name for card in diverse.cards()]
    assert names[:4] == ["unit-0-0", "unit-0-1", "unit-0-2", "unit-1-0"]


def silent(bias: float) -> nn.Sequential:
    """Units: one that answers to light, one whose weights are all 0, and one held down by its bias."""
    units = nn.Linear(16, 3)
    units.weight.data[:] = torch.tensor([[1.0], [0.0], [1.0]])
    units.bias.data[:] = torch.tensor([0.0, 1.0, bias])
    return nn.Sequential(nn.Flatten(), units, nn.ReLU())


def test_dead_units_are_told():
    found = draw(silent(-100.0), "2", size=(1, 4, 4), steps=30)
    assert found.dead.tolist() == [False, True, True]
    assert found.values.tolist() == pytest.approx([16, 1, 0], abs=0.5)
    captions = [card.caption for card in found.cards()]
    assert captions[0].startswith("0: 1")
    assert captions[1:] == ["1: dead", "2: dead"]
    found = draw(silent(-100.0), "1", size=(1, 4, 4), steps=30)
    assert found.dead.tolist() == [False, True, False], "before the ReLU only the weights of 0 are deaf"


def test_units_that_start_silent_are_woken():
    # middle grey gives 8 - 12 < 0, so that without a redirected gradient there is no way up
    found = draw(silent(-12.0), "2", size=(1, 4, 4), steps=60)
    assert found.dead.tolist() == [False, True, False]
    assert found.values[2] == pytest.approx(4, abs=0.2)


def test_moves_are_the_pictures_own(network):
    moves = [Affine(jitter=2), Affine(rotate=10.0)]
    shaken = draw(network, "fc1", size=SIZE, steps=20, transforms=moves)
    alone = draw(network, "fc1", [6], size=SIZE, steps=20, transforms=moves)
    np.testing.assert_allclose(alone.pictures[0], shaken.pictures[6], atol=1e-4)


def test_the_recipe_is_plain_and_complete(network):
    recipe = draw(network, "fc1", [1, 4], size=SIZE, l1=0.25, steps=3, seed=9).recipe
    assert recipe["layer"] == "fc1"
    assert recipe["objective"] == "neuron(fc1, [1, 4]) - 0.25 * l1(0)"
    assert recipe["measure"] == "neuron(fc1, [1, 4])"
    assert (recipe["seed"], recipe["steps"], recipe["rate"], recipe["keys"]) == (9, 3, 0.3, [1, 4])
    assert recipe["transforms"] == ["Affine(jitter=1, scale=(0.75, 1.25), rotate=20.0, fill=0.0)"]
    assert recipe["image"].startswith("Fourier(size=(1, 12, 10), box=Box(low=0.0, high=1.0, by='clip')")
    assert recipe["weights"] == weights_hash(network)


def test_the_command_makes_the_same_bytes_again(network):
    how = {"l1": 0.25, "tv": 0.01, "facets": 2, "settled": 0.1, "transforms": [Affine(jitter=2), Jitter(1)], "seed": 4}
    found = draw(network, "fc1", [4, 1], size=SIZE, steps=60, **how)
    again = eval(found.recipe["command"], {"lens": lens, "model": network, "Affine": Affine, "Jitter": Jitter})
    assert again.pictures.tobytes() == found.pictures.tobytes()
    assert again.recipe == found.recipe


def test_plain_settings_make_the_same_bytes_again_from_a_file(network, tmp_path):
    found = draw(network, "conv2", [2], size=SIZE, steps=20, whole=True, seed=2)
    recipe = png_recipe(found.save(tmp_path / "units.png")[0].read_bytes())
    assert recipe is not None
    again = lens.draw(network, recipe["layer"], **recipe["settings"])
    assert again.pictures.tobytes() == found.pictures.tobytes()


def test_networks_of_a_known_source_give_a_command_for_the_shell(network):
    preprocessing = Preprocessing((12, 10), (0.3,), (0.5,), order="grey")
    known = Network(network, SIZE, preprocessing, source="python:a.b:c")
    found = lens.draw(known, "fc1", [4, 1], steps=9, seed=3)
    assert found.recipe["command"] == "convscope draw python:a.b:c fc1 --units 4,1 --steps 9 --seed 3"
    assert found.recipe["image"].endswith("prior=Prior(natural, grey))")
    assert found.box == (preprocessing.black, preprocessing.full)


def test_drawings_with_priors_and_transforms_can_be_saved(network, tmp_path):
    prior = Prior.fit(np.random.default_rng(0).uniform(0, 1, (9, 1, 12, 10)), Box(), name="noise")
    found = draw(network, "fc1", [1], size=SIZE, steps=2, prior=prior, transforms=[Jitter(1)])
    (path,) = found.save(tmp_path / "one.png")
    recipe: Any = png_recipe(path.read_bytes())
    settings = recipe["settings"]
    assert settings["prior"] == "Prior(noise)"
    assert settings["transforms"] == ["Jitter(pixels=1, fill=0.0, by='fill')"]


def test_ctrl_c_keeps_the_units_that_are_finished(network):
    def stop(done: int, total: int, what: str) -> None:
        if done == 4:
            raise KeyboardInterrupt

    how = {"size": SIZE, "steps": 5, "batch": 2, "ground": None}
    true = draw(network, "conv2", [3, 1, 0, 2], **how)
    with pytest.raises(DrawingStopped) as caught:
        draw(network, "fc1", [3, 1, 0, 2, 6], progress=stop, **how)
    assert caught.value.drawing is not None
    assert caught.value.drawing.units == (3, 1, 0, 2)
    with pytest.raises(DrawingStopped) as caught:
        draw(network, "conv2", [3, 1, 0, 2, 2, 2], progress=stop, **how)
    stopped = caught.value.drawing
    assert stopped is not None
    np.testing.assert_allclose(stopped.pictures, true.pictures, atol=1e-4)
    assert (stopped.frame, stopped.place) == (true.frame, true.place)
    assert stopped.recipe["steps"] == 5
    assert stopped.recipe["command"].startswith("lens.draw(")

    def at_once(done: int, total: int, what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(DrawingStopped) as caught:
        draw(network, "conv2", progress=at_once, **how)
    assert caught.value.drawing is None


def test_networks_without_preprocessing_are_told_how_black_and_white_are_meant(network):
    with pytest.warns(UserWarning, match="black is drawn as 0 and white as 1; give preprocessing= or box="):
        found = lens.draw(network, "conv1", [0], size=SIZE, steps=1)
    assert found.box == (0.0, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lens.draw(network, "conv1", [0], size=SIZE, steps=1, preprocessing=Preprocessing((12, 10), order="grey"))


def test_a_layer_that_runs_twice_is_drawn_at_either_run():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(2, 2, (3, 2))

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(self.conv(x).relu())

    torch.manual_seed(0)
    model = Twice()
    shapes = [draw(model, name, size=(2, 9, 8), steps=2).pictures.shape for name in ("conv", "conv@2")]
    assert shapes == [(2, 2, 3, 2), (2, 2, 5, 3)]


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"layer": "fc3"}, "layer 'fc3': the model has no such layer; did you mean 'fc"),
        ({"units": [0, 5]}, r"units: 5 of layer 'fc2', which has 5; units are 0 to 4"),
        ({"units": -1}, r"units: -1 of layer 'fc2'"),
        ({"units": []}, "keys: none given"),
        ({"size": (1, 13, 20)}, r"input of shape \(1, 1, 13, 20\): the model cannot take it"),
        ({"size": (1, 2, 2)}, r"input of shape \(1, 1, 2, 2\): the model cannot take it"),
        ({"steps": 0}, "steps=0: it must be at least 1"),
        ({"seed": -1}, "seed=-1: it must be at least 0"),
        ({"batch": 0}, "batch=0: it must be at least 1"),
        ({"facets": 0}, "facets=0: it must be at least 1"),
        ({"rate": 0.0}, "rate=0.0: the step size must lie above 0"),
        ({"box": (1.0, 0.0)}, "box: low=1.0, high=0.0"),
        ({"box": (1.0,)}, r"box=\(1.0,\): give two, the inputs for black and white"),
        ({"box": ((0.0, 0.0), 1.0)}, "box: 2 bounds for 1 channels"),
    ],
)
def test_bad_requests_are_one_line(network, asked, text):
    with pytest.raises(InputError, match=text) as caught:
        draw(network, **{"layer": "fc2", "size": SIZE, "steps": 2, **asked})
    assert "\n" not in str(caught.value)


def test_weights_that_are_not_finite_are_named(network):
    network.fc2.weight.data[0, 0] = float("nan")
    with pytest.raises(InputError, match=r"model: fc2.weight of shape \(5, 7\) holds NaN or infinity"):
        draw(network, "fc2", size=SIZE, steps=2)
