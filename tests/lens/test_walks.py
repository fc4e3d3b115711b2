"""Steps downhill: plain ones of one size, L-BFGS as PyTorch has it; and the loop that takes them."""

import numpy as np
import pytest
import torch
from torch import nn

from convscope.errors import InputError
from convscope.lens.images import Box, Photo
from convscope.lens.objectives import channel, l2
from convscope.lens.render import Moment, render
from convscope.lens.schedule import Batch, Schedule
from convscope.lens.walks import LBFGS, Adam, Normalised


def batch_of(parameters: torch.Tensor) -> Batch:
    n = len(parameters)
    whole = torch.zeros(n, dtype=torch.long)
    return Batch(
        which=whole.clone(), moves=torch.zeros(n, 1, 0), parameters=parameters, mean=parameters[:, :0],
        square=parameters[:, :0], step=whole.clone(), end=whole.clone(), settled_at=whole.clone(),
        asleep=whole > 0, history=torch.zeros(n, 1),
    )  # fmt: skip


def moved(walk: Normalised, gradient: torch.Tensor, rate: float = 0.1) -> torch.Tensor:
    batch = batch_of(torch.zeros_like(gradient))
    walk(batch, torch.zeros(len(gradient)), gradient.clone(), torch.full((len(gradient),), rate))
    return batch.parameters


def slopes(seed: int = 0) -> torch.Tensor:
    return torch.randn(2, 3, 23, 31, generator=torch.Generator().manual_seed(seed)) * torch.tensor([1e-6, 1e4]).reshape(
        2, 1, 1, 1
    )


def test_a_plain_step_goes_against_the_gradient_as_far_as_the_rate_says():
    gradient = slopes()
    step = moved(Normalised(), gradient)
    torch.testing.assert_close(step, -0.1 * gradient / gradient.abs().mean((1, 2, 3), keepdim=True))
    torch.testing.assert_close(step.abs().mean((1, 2, 3)), torch.tensor([0.1, 0.1]))
    assert torch.equal(moved(Normalised((1.0,), 0.5), torch.zeros(1, 3, 8, 9)), torch.zeros(1, 3, 8, 9))


def test_blurred_steps_leave_single_cells_out():
    gradient = slopes()
    step = moved(Normalised((1.0, 2.0)), gradient)
    rough = step.diff(dim=3).abs().mean() / step.abs().mean()
    assert rough < 0.7 * gradient[0].diff(dim=2).abs().mean() / gradient[0].abs().mean()
    one, other = (moved(Normalised((width,)), gradient) for width in (1.0, 2.0))
    mean = one + other  # each blurred gradient counts the same
    torch.testing.assert_close(step, 0.1 * mean / mean.abs().mean((1, 2, 3), keepdim=True))


def test_evening_lets_weak_regions_move():
    gradient = torch.ones(1, 3, 128, 128)
    gradient[..., 64:] = 1e-3
    plain, even = moved(Normalised(), gradient), moved(Normalised((), 1.0, 8.0), gradient)
    weak, strong = (slice(112, None), slice(0, 16))
    assert plain[..., weak].mean() / plain[..., strong].mean() < 0.01
    assert even[..., weak].mean() / even[..., strong].mean() > 0.5


def test_lbfgs_is_pytorchs_and_forgets_the_picture_before():
    def rosenbrock(x: torch.Tensor) -> torch.Tensor:
        return (100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2).sum()

    def slope(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        free = x.detach().requires_grad_()
        value = rosenbrock(free)
        return value.detach(), torch.autograd.grad(value, free)[0]

    walk = LBFGS(5)
    ends = []
    for _ in range(2):
        walk.begin()
        batch = batch_of(torch.tensor([[-0.5, 0.3, 0.9]]))
        for _ in range(30):
            value, gradient = slope(batch.parameters)
            walk(batch, -value[None], gradient, torch.tensor([0.5]))
        ends.append(batch.parameters)
    theirs = torch.tensor([[-0.5, 0.3, 0.9]], requires_grad=True)
    optimiser = torch.optim.LBFGS([theirs], lr=0.5, max_iter=1, history_size=5, tolerance_grad=0, tolerance_change=0)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        value = rosenbrock(theirs)
        value.backward()
        return value

    for _ in range(30):
        optimiser.step(closure)
    assert torch.equal(ends[0], ends[1])
    torch.testing.assert_close(ends[0], theirs.detach())


@pytest.mark.parametrize(("walk", "rate"), [(Adam(), 0.1), (Normalised(), 0.05), (LBFGS(), 1.0)])
def test_each_walk_climbs_in_the_loop_and_stays_in_the_box(walk, rate):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3))
    start = torch.rand(1, 3, 14, 17) * 4 - 2
    objective, image = channel("1", 1) - 0.01 * l2(), Photo(start, Box(-2.0, 2.0))
    made = render(model, objective, image, [0], steps=25, rate=rate, walk=walk)
    before = float(made.history[0, 0])
    assert float(made.values[0]) > before + 0.1 * abs(before)
    assert np.abs(made.pictures).max() <= 2
    assert made.recipe["walk"] == repr(walk)
    assert np.isfinite(made.history).all()
    assert made.history.shape == (1, 25)


def test_lbfgs_makes_several_pictures_one_after_the_other():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3))
    image = Photo(torch.rand(1, 3, 9, 8), Box())
    both = render(model, channel("0", [0, 2]), image, [0, 2], steps=5, rate=1.0, walk=LBFGS())
    alone = render(model, channel("0", [2]), image, [2], steps=5, rate=1.0, walk=LBFGS())
    np.testing.assert_array_equal(both.pictures[1], alone.pictures[0])


def test_whoever_watches_sees_every_step_and_may_end_it():
    model = nn.Sequential(nn.Conv2d(3, 4, 3))
    start = torch.rand(1, 3, 9, 8)
    seen: list[tuple[int, float, torch.Tensor]] = []

    def watch(moment: Moment) -> None:
        seen.append((int(moment.step[0]), float(moment.values[0]), moment.pictures))
        if len(seen) == 4:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        render(model, channel("0", 0), Photo(start, Box()), [0], steps=9, walk=Normalised(), watch=watch)
    assert [step for step, *_ in seen] == [0, 1, 2, 3]
    torch.testing.assert_close(seen[0][2], start)
    values = [value for _, value, _ in seen]
    assert values == sorted(values)


def test_a_photograph_starts_as_it_is_cut_to_the_box():
    picture = torch.tensor([[[[-3.0, -1.0, 0.5, 7.0]]]])
    photo = Photo(picture, Box((-1.0,), (3.0,)))
    shares = photo.initial(torch.zeros(2))
    torch.testing.assert_close(photo(shares), torch.tensor([[[[-1.0, -1.0, 0.5, 3.0]]]]).repeat(2, 1, 1, 1))
    assert torch.equal(picture, torch.tensor([[[[-3.0, -1.0, 0.5, 7.0]]]]))


@pytest.mark.parametrize("settings", [{"evening": 1.5}, {"reach": 0.0}, {"blurs": (1.0, 0.0)}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(InputError, match="a share from 0 to 1"):
        Normalised(**settings)


def test_steps_that_do_not_cool_stay_as_long():
    warm, cool = Schedule(10, 0.5, cools=False), Schedule(10, 0.5)
    steps = torch.tensor([0, 5, 9])
    assert warm.factor(steps).tolist() == [0.5, 0.5, 0.5]
    assert cool.factor(steps)[0] == 0.5
    assert cool.factor(steps)[2] < 0.02
