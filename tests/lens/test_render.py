import numpy as np
import pytest
import torch
from torch import nn

from convscope.errors import InputError
from convscope import lens
from convscope.lens import weights_hash
from convscope.lens.images import Box, Fourier, Pixels
from convscope.lens.objectives import l1, neuron
from convscope.lens.render import render
from convscope.lens.schedule import adam
from convscope.lens.transforms import Affine

SIZE = (1, 12, 10)


def draw(model, layer, units=None, **how):
    """As for pictures on dark paper: nothing around them, and large steps."""
    how = {"box": (0.0, 1.0), "ground": 0.0, "steps": 256, "rate": 0.3, "settled": 0, **how}
    return lens.draw(model, layer, units, **how)


def test_an_edge_detector_draws_its_edge(edge_detector):
    rendering = draw(edge_detector, "0", size=(1, 20, 20))
    picture = rendering.pictures[0, 0]
    assert picture.shape == (6, 6)
    assert np.all(picture[:, :3].mean(1) < 0.2)
    assert np.all(picture[:, 3:].mean(1) > 0.8)
    assert rendering.values[0] > 0.8 * 18
    assert not rendering.dead[0]


@pytest.mark.parametrize("kind", [Pixels, Fourier])
@pytest.mark.parametrize("by", ["sigmoid", "clip"])
def test_every_parameterisation_climbs(edge_detector, kind, by):
    image = kind((1, 6, 6), Box(-1.0, 2.0, by))
    found = render(edge_detector, neuron("0", 0, 0, 0), image, [0], steps=200, rate=0.3)
    assert found.values[0] == pytest.approx(18 * 3, rel=0.1)


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
    np.testing.assert_allclose(backwards.pictures, together.pictures[[3, 1]], atol=1e-4)


def test_values_are_what_the_unit_says_of_the_picture(network):
    found = draw(network, "fc2", size=SIZE, steps=20, l1=1, tv=0.5)
    with torch.no_grad():
        said = network(torch.from_numpy(found.pictures)).numpy()
    np.testing.assert_allclose(found.values, said[range(5), range(5)], rtol=1e-5)


def test_pictures_beat_noise_and_stay_in_the_box(network):
    box = (-0.5, 1.5)
    found = draw(network, "fc2", size=SIZE, box=box, transforms=())
    with torch.no_grad():
        noise = network(
            torch.from_numpy(np.random.default_rng(0).uniform(*box, (500, *SIZE)).astype(np.float32))
        )
    assert np.all(found.values > noise.amax(0).numpy())
    assert box[0] <= found.pictures.min() < found.pictures.max() <= box[1] + 1e-6
    assert found.pictures.dtype == found.values.dtype == np.float32


def test_ink_costs(network):
    plain, thrifty = (draw(network, "fc2", size=SIZE, l1=weight).pictures.mean() for weight in (0, 5))
    assert thrifty < 0.5 * plain


def test_the_canvas_is_what_the_unit_sees(network):
    assert draw(network, "conv1", size=SIZE, steps=2).pictures.shape == (3, 1, 3, 3)
    # conv2 sees 8 x 6; its first unit clear of the padding sees from row 1, column 1 on
    assert draw(network, "conv2", size=SIZE, steps=2).pictures.shape == (4, 1, 8, 6)
    assert draw(network, "conv2", size=SIZE, steps=2, whole=True).pictures.shape == (4, 1, 12, 10)
    assert draw(network, "fc1", 2, size=SIZE, steps=2).pictures.shape == (1, 1, 12, 10)
    deep = nn.Sequential(nn.Conv2d(2, 2, 7, padding=3), nn.Conv2d(2, 2, 7, padding=3))
    assert draw(deep, "1", size=(2, 9, 30), steps=2).pictures.shape == (2, 2, 9, 13)


def test_cells_that_no_unit_sees_are_not_in_the_picture(network):
    found = draw(network, "conv2", [1], size=SIZE)
    padded = torch.zeros(1, 1, 9, 7)
    padded[..., 1:, 1:] = torch.from_numpy(found.pictures)
    with torch.no_grad():
        assert found.values[0] == pytest.approx(float(network[:4](padded)[0, 1, 1, 1]), rel=1e-5)


def test_channels_as_pictures_of_any_number_of_channels():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(5, 2, 3))
    found = draw(model, "0", size=(5, 9, 9), box=[(0.0,) * 5, (1.0, 2.0, 3.0, 4.0, 5.0)], l1=0.01)
    assert found.pictures.shape == (2, 5, 3, 3)
    assert np.all(found.pictures.max((0, 2, 3)) <= [1, 2, 3, 4, 5])


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
    found = draw(silent(-100.0), "1", size=(1, 4, 4), steps=30)
    assert found.dead.tolist() == [False, True, False], "before the ReLU only the weights of 0 are deaf"


def test_units_that_start_silent_are_woken():
    # middle grey gives 8 - 12 < 0, so that without a redirected gradient there is no way up
    found = draw(silent(-12.0), "2", size=(1, 4, 4), steps=60)
    assert found.dead.tolist() == [False, True, False]
    assert found.values[2] == pytest.approx(4, abs=0.2)


def test_dead_ones_are_tried_with_other_noise():
    class Finicky(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.out = nn.Identity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            dark = (x[:, :, 0, 0] < 0.5).float()  # answers only if the first cell happens to start dark
            return self.out(dark * x.mean((2, 3)))

    def count(retries: int) -> int:
        image = Pixels((1, 3, 3), Box(0.0, 1.0, "clip"), spread=0.01)
        return int(
            render(
                Finicky(), neuron("out", 0), image, range(40), steps=1, rate=1e-4, retries=retries
            ).dead.sum()
        )

    assert 10 < count(0) < 30
    assert count(6) < 5


def test_the_recipe_is_plain_and_complete(network):
    recipe = draw(network, "fc1", [1, 4], size=SIZE, l1=0.25, steps=3, seed=9).recipe
    assert recipe["layer"] == "fc1"
    assert recipe["objective"] == "neuron(fc1, [1, 4]) - 0.25 * l1(0)"
    assert recipe["measure"] == "neuron(fc1, [1, 4])"
    assert (recipe["seed"], recipe["steps"], recipe["rate"], recipe["keys"]) == (9, 3, 0.3, [1, 4])
    assert recipe["transforms"] == ["Affine(jitter=1, scale=(0.75, 1.25), rotate=20.0, fill=0.0)"]
    assert recipe["image"].startswith("Fourier(size=(1, 12, 10), box=Box(low=0.0, high=1.0, by='clip')")
    assert recipe["weights"] == weights_hash(network)


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
        ({"rate": 0.0}, "rate=0.0: the step size must lie above 0"),
        ({"box": (1.0, 0.0)}, "box: low=1.0, high=0.0"),
    ],
)
def test_bad_requests_are_one_line(network, asked, text):
    with pytest.raises(InputError, match=text) as caught:
        draw(network, **{"layer": "fc2", "size": SIZE, "steps": 2, **asked})
    assert "\n" not in str(caught.value)


def test_weights_that_are_not_finite_and_keys_that_do_not_fit(network):
    network.fc2.weight.data[0, 0] = float("nan")
    with pytest.raises(
        InputError, match="is nan for a picture: the model's weights or the objective are not finite"
    ):
        draw(network, "fc2", size=SIZE, steps=2)
    with pytest.raises(InputError, match="it speaks of 2 pictures, not of 3; give it as many keys"):
        render(network, neuron("fc1", [0, 1]) - l1(), Pixels(SIZE), range(3))


def test_moves_are_the_pictures_own(network):
    shaken = draw(network, "fc1", size=SIZE, steps=20, transforms=[Affine(jitter=2), Affine(rotate=10.0)])
    alone = draw(network, "fc1", [6], size=SIZE, steps=20, transforms=[Affine(jitter=2), Affine(rotate=10.0)])
    np.testing.assert_allclose(alone.pictures[0], shaken.pictures[6], atol=1e-4)


def test_the_steps_are_adams():
    generator = torch.Generator().manual_seed(0)
    ours = torch.randn(3, 4, generator=generator)
    theirs = ours.clone().requires_grad_()
    optimiser = torch.optim.Adam([theirs], lr=0.3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=30)
    mean, square = torch.zeros_like(ours), torch.zeros_like(ours)
    for step in range(30):
        gradient = torch.randn(3, 4, generator=generator) * 10.0 ** (step % 5 - 2)
        now, rate = torch.full((3,), step + 1), torch.full((3,), float(schedule.get_last_lr()[0]))
        adam(ours, gradient, mean, square, now, rate)
        theirs.grad = gradient
        optimiser.step()
        schedule.step()
    torch.testing.assert_close(ours, theirs.detach())
