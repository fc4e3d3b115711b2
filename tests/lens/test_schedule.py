"""Steps and clocks: Adam as PyTorch has it, a cosine, and pictures that come to rest when they have settled."""

import pytest
import torch

from convscope.errors import InputError
from convscope.lens.schedule import COOL, WINDOW, Batch, Schedule, pace, rest
from convscope.lens.walks import Adam, adam


def begin(n: int, steps: int, numbers: int = 4) -> Batch:
    zeros = torch.zeros(n, numbers)
    return Batch(
        which=torch.arange(n), moves=torch.zeros(n, steps, 0), parameters=zeros.clone(), mean=zeros.clone(),
        square=zeros.clone(), step=torch.zeros(n, dtype=torch.long), end=torch.full((n,), steps),
        settled_at=torch.full((n,), steps), asleep=torch.zeros(n, dtype=torch.bool), history=torch.zeros(n, steps),
    )  # fmt: skip


def walk(batch: Batch, gradient: torch.Tensor, schedule: Schedule, share: float = 1.0) -> None:
    Adam()(batch, torch.zeros(len(batch)), gradient, pace(batch, schedule, share))


def gradients(step: int) -> torch.Tensor:
    """Of very different sizes from step to step."""
    generator = torch.Generator().manual_seed(step)
    return torch.randn(3, 4, generator=generator) * 10.0 ** (step % 5 - 2)


def torchs(steps: int, rate: float, row: int, since: int = 0) -> torch.Tensor:
    """The same by torch.optim, for one picture that joined at step `since` of the others."""
    theirs = torch.zeros(1, 4, requires_grad=True)
    optimiser = torch.optim.Adam([theirs], lr=rate)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=steps)
    for step in range(since, since + steps):
        theirs.grad = gradients(step)[row : row + 1]
        optimiser.step()
        cosine.step()
    return theirs.detach()


def test_the_steps_are_adams_along_a_cosine():
    batch, schedule = begin(3, 30), Schedule(30, 0.3)
    for step in range(30):
        walk(batch, gradients(step), schedule)
    theirs = torch.cat([torchs(30, 0.3, row) for row in range(3)])
    torch.testing.assert_close(batch.parameters, theirs, rtol=1e-5, atol=5e-5)
    assert batch.step.tolist() == [30, 30, 30]


def test_every_picture_has_its_own_clock():
    schedule = Schedule(12, 0.2)
    batch = begin(2, 12)
    for step in range(5):
        walk(batch, gradients(step)[:2], schedule)
    late = begin(1, 12)
    late.which[:] = 2
    batch = batch.join(late)
    for step in range(5, 12):
        walk(batch, gradients(step), schedule)
    assert batch.step.tolist() == [12, 12, 7]
    assert rest(batch, schedule).tolist() == [True, True, False]
    batch = batch.keep(~rest(batch, schedule))
    assert batch.which.tolist() == [2]
    for step in range(12, 17):
        walk(batch, gradients(step)[2:], schedule)
    torch.testing.assert_close(batch.parameters, torchs(12, 0.2, 2, since=5), rtol=1e-5, atol=5e-5)


def test_a_share_of_a_step_is_a_smaller_rate():
    whole, half = begin(3, 10), begin(3, 10)
    for step in range(10):
        walk(whole, gradients(step), Schedule(10, 0.1))
        walk(half, gradients(step), Schedule(10, 0.2), share=0.5)
    torch.testing.assert_close(half.parameters, whole.parameters)


def test_zero_gradients_move_nothing():
    ours = torch.ones(2, 3)
    still = torch.zeros(2, 3)
    adam(ours, still, still.clone(), still.clone(), torch.tensor([1, 7]), torch.tensor([0.3, 0.3]))
    assert torch.equal(ours, torch.ones(2, 3))


def run(curves: torch.Tensor, settled: float, facets: int = 1, asleep: int | None = None) -> tuple[Batch, list]:
    """Pictures whose objective follows `curves` (n, steps), all with gradient 1; how far each went at every step."""
    n, steps = curves.shape
    batch, schedule, sizes = begin(n, steps), Schedule(steps, 0.1, settled), []
    while not bool(rest(batch, schedule, facets).all()):
        now = batch.step.clamp(max=steps - 1)
        batch.history[torch.arange(n), now] = curves[torch.arange(n), now]
        if asleep is not None:
            batch.asleep[asleep] = True
        before = batch.parameters.clone()
        walk(batch, torch.ones_like(batch.parameters), schedule)
        sizes.append((batch.parameters - before).abs()[:, 0])
    return batch, sizes


STEPS = 160
TIME = torch.arange(STEPS) / STEPS


def test_pictures_that_have_settled_come_to_rest():
    saturating, rising = 1 - torch.exp(-20 * TIME), TIME
    batch, sizes = run(torch.stack([saturating, rising, -1 + 0 * TIME]), 0.02)
    assert batch.settled_at[0] % WINDOW == 0
    assert 3 * WINDOW <= batch.settled_at[0] < STEPS / 2
    assert batch.end[0] == batch.settled_at[0] + COOL
    assert batch.end[1] == STEPS, "it still gains as much as ever"
    assert batch.settled_at[2] == 3 * WINDOW, "no gain at all"
    end = int(batch.end[0])
    last = torch.stack(sizes[end - COOL : end])[:, 0]
    assert (last.diff() < 0).all()
    assert last[-1] < 0.1 * last[0]
    assert all(size[0] == 0 for size in sizes[end:]), "one that is done stays where it is"


def test_a_larger_share_settles_earlier_and_none_never():
    curve = (1 - torch.exp(-12 * TIME))[None]
    ends = [int(run(curve, settled)[0].end) for settled in (0.2, 0.05, 0.01, 0.0)]
    assert ends[0] < ends[1] < ends[2] < ends[3] == STEPS


def test_what_is_gained_counts_not_where_it_started():
    """The same curve, shifted and scaled: an objective may be negative, and of any size."""
    curve = 1 - torch.exp(-12 * TIME)
    batch, _ = run(torch.stack([curve, 40 * curve - 300, curve / 50]), 0.05)
    assert len(set(batch.end.tolist())) == 1


def test_facets_settle_together():
    early, late = 1 - torch.exp(-30 * TIME), 1 - torch.exp(-9 * TIME)
    alone = [int(run(curve[None], 0.02)[0].end) for curve in (early, late)]
    assert alone[0] < alone[1]
    batch, _ = run(torch.stack([early, late, early, early]), 0.02, facets=2)
    assert batch.end.tolist() == [alone[1], alone[1], alone[0], alone[0]]


def test_sleepers_do_not_settle():
    flat = torch.zeros(2, STEPS)
    batch, _ = run(flat, 0.02, asleep=1)
    assert batch.end.tolist() == [3 * WINDOW + COOL, STEPS]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"steps": 0}, "steps=0: it must be at least 1"),
        ({"rate": 0.0}, "rate=0.0: the step size must lie above 0"),
        ({"rate": float("nan")}, "rate=nan"),
        ({"settled": 1.0}, "settled=1.0: a share of the gain"),
        ({"settled": -0.1}, "settled=-0.1"),
    ],
)
def test_settings_out_of_range(given, text):
    with pytest.raises(InputError, match=text):
        Schedule(**given)
