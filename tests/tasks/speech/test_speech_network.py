import pytest
import torch

from convscope.errors import InputError
from convscope.tasks.speech.ablate import KINDS
from convscope.tasks.speech.melspectrogram import BANDS, FRAMES, edges
from convscope.tasks.speech.network import Settings, build, count
from convscope.tasks.speech.vary import Vary


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("classes", "weights"), [(2, 10_000), (10, 40_000), (35, 120_000)])
def test_all_kinds_have_equally_many_weights(kind: str, classes: int, weights: int):
    network = build(Settings(classes, weights=weights, **KINDS[kind]))
    assert abs(count(network) - weights) <= 0.02 * weights
    assert network(torch.zeros(2, 1, BANDS, FRAMES)).shape == (2, classes)


def test_pooling_changes_no_weight():
    pooled, thinned = (build(Settings(3, pool=pool)) for pool in (True, False))
    assert all(torch.equal(a, b) for a, b in zip(pooled.parameters(), thinned.parameters(), strict=True))
    x = torch.rand(2, 1, BANDS, FRAMES)
    assert not torch.allclose(pooled.eval()(x), thinned.eval()(x))


@pytest.mark.parametrize(("kernels", "axis", "other"), [("frequency", 2, 3), ("time", 3, 2)])
def test_the_first_layer_moves_along_one_axis_only(kernels: str, axis: int, other: int):
    layer = build(Settings(3, kernels))[0]
    x = torch.zeros(1, 1, BANDS, FRAMES)
    x[:, :, 15:20, 20:25] = torch.rand(1, 1, 5, 5)
    answer, moved = layer(x), layer(x.roll(4, axis))
    assert answer.shape[other] == 1
    assert answer.shape[axis] == x.shape[axis]
    torch.testing.assert_close(moved, answer.roll(4, axis))
    assert not torch.allclose(layer(x.roll(4, other)), answer, atol=1e-3)


def test_sections_have_weights_of_their_own():
    layer = build(Settings(3, sections=4))[0]
    x = torch.zeros(1, 1, BANDS, FRAMES)
    x[:, :, 3:6, 20:25] = 1
    within, across = layer(x.roll(1, 2)), layer(x.roll(10, 2))
    torch.testing.assert_close(within[:, :, 1:8], layer(x)[:, :, :7])
    assert not torch.allclose(across[:, :, 10:20], layer(x)[:, :, :10], atol=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kernels": "space"}, "give one of frequency, time, both, connected"),
        ({"kernels": "time", "sections": 4}, "sections=4"),
        ({"sections": 3}, "sections=3"),
        ({"weights": 10}, "weights 10000 or more"),
        ({"classes": 1}, "classes must be 2 or more"),
    ],
)
def test_settings_that_make_no_network(settings: dict, message: str):
    with pytest.raises(InputError, match=message):
        Settings(**{"classes": 3, **settings})


def test_one_seed_gives_one_network_and_leaves_chance_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first = build(Settings(3), seed=1)
    assert torch.equal(torch.rand(1), expected)
    again, other = build(Settings(3), seed=1), build(Settings(3), seed=2)
    same = [torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True)]
    assert all(same)
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


NOTHING = {"warp": 0, "stretch": 0, "shift": 0, "tilt": 0, "noise": 0, "bands": 0, "frames": 0}


def varied(x: torch.Tensor, seed: int = 0, **how: float) -> torch.Tensor:
    targets = torch.arange(len(x))
    out, same = Vary(**{**NOTHING, **how})(x, targets, torch.Generator().manual_seed(seed))  # type: ignore[arg-type]
    assert same is targets
    assert out.shape == x.shape
    return out


def test_varying_by_nothing_changes_nothing_and_one_seed_gives_one_result():
    x = torch.rand(4, 1, BANDS, FRAMES)
    torch.testing.assert_close(varied(x), x, atol=1e-5, rtol=0)
    assert torch.equal(varied(x, 1, warp=0.2, bands=6), varied(x, 1, warp=0.2, bands=6))
    assert not torch.equal(varied(x, 1, warp=0.2), varied(x, 2, warp=0.2))


def test_a_warp_moves_along_frequency_and_a_shift_along_time():
    x = torch.zeros(64, 1, BANDS, FRAMES)
    x[:, :, 20, 24] = 1
    x[:, :, 19, 24] = x[:, :, 21, 24] = 0.5
    warped = varied(x, warp=0.15)[:, 0]
    assert warped.amax((1,)).argmax(1).unique().tolist() == [24]
    rows = warped.amax((2,)).argmax(1)
    middles = torch.from_numpy(edges()[1:-1])
    ratio = middles[rows] / middles[20]
    assert 0.82 < ratio.min() < 0.95
    assert 1.05 < ratio.max() < 1.22
    shifted = varied(x, shift=4)[:, 0]
    assert shifted.amax((2,)).argmax(1).unique().tolist() == [20]
    columns = shifted.amax((1,)).argmax(1)
    assert int(columns.min()) in range(20, 23)
    assert int(columns.max()) in range(26, 29)


def test_masks_hide_one_run_and_noise_and_tilt_stay_within_the_range():
    x = torch.ones(50, 1, BANDS, FRAMES)
    hidden = varied(x, bands=6)[:, 0] == 0
    assert (hidden.all(2) == hidden.any(2)).all()
    assert 4 <= hidden.any(2).sum(1).max() <= 6
    hidden = varied(x, frames=8)[:, 0] == 0
    assert (hidden.all(1) == hidden.any(1)).all()
    assert 6 <= hidden.any(1).sum(1).max() <= 8
    tilted = varied(x, tilt=0.1)
    assert 0.9 <= tilted.min() < 0.95 < 1.05 < tilted.max() <= 1.1
    silent = varied(0 * x, tilt=0.1)
    assert silent.abs().max() == 0
    noise = varied(0 * x, noise=0.3)
    assert 0 <= noise.min() < 0.05 < 0.25 < noise.max() <= 0.33
