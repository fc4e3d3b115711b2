"""Objectives that compare whole layers, against numbers worked out by hand and finite differences."""

import pytest
import torch

from convscope.errors import InputError
from convscope.lens.objectives import Scene, caricature, diversity, gram, gram_matrix, gram_near, towards

A = torch.randn(4, 3, 5, 2, generator=torch.Generator().manual_seed(0)).double()


def scene(a: torch.Tensor = A, groups: list[int] | None = None, which: list[int] | None = None) -> Scene:
    places = torch.arange(len(a)) if which is None else torch.tensor(which)
    return Scene(torch.zeros(len(a), 1, 1, 1), {"a": a}, places, None if groups is None else torch.tensor(groups))


def test_towards_is_nought_at_the_target_and_below_it_elsewhere():
    found = towards("a", A[:1])(scene())
    assert float(found[0]) == 0
    torch.testing.assert_close(found, -((A - A[:1]) ** 2).mean((1, 2, 3)))
    vectors = torch.tensor([[1.0, 2.0], [3.0, 5.0]])
    torch.testing.assert_close(towards("a", [[1.0, 1.0]])(scene(vectors)), torch.tensor([-0.5, -10.0]))


def test_each_picture_has_its_own_target():
    own = towards("a", A.flip(0))
    assert own.count == 4
    torch.testing.assert_close(own(scene(A[[2]], which=[2])), -((A[[2]] - A[[1]]) ** 2).mean((1, 2, 3)))


def test_a_caricature_grows_with_the_activation():
    target = torch.tensor([[3.0, 4.0]])
    plain, keen = caricature("a", target), caricature("a", target, cosine_power=3)
    same, twice, other = torch.tensor([[3.0, 4.0], [6.0, 8.0], [4.0, -3.0]]).split(1)
    assert plain(scene(same)).tolist() == [12.5]
    assert plain(scene(twice)).tolist() == [25.0]
    assert plain(scene(other)).tolist() == keen(scene(other)).tolist() == [0.0]
    half = torch.tensor([[5.0, 0.0]])  # the cosine with the target is 3/5
    torch.testing.assert_close(keen(scene(half)), torch.tensor([7.5 * 0.6**3]))


def test_gram_matrices_by_hand():
    by_loops = torch.zeros(4, 3, 3).double()
    for n in range(4):
        for i in range(3):
            for j in range(3):
                by_loops[n, i, j] = (A[n, i] * A[n, j]).mean()
    torch.testing.assert_close(gram_matrix(A), by_loops)
    covariance = torch.stack([torch.cov(a.flatten(1), correction=0) for a in A])
    torch.testing.assert_close(gram_matrix(A, centred=True), covariance)
    assert gram_matrix(torch.full((1, 2, 100, 100), 20.0).half()).isfinite().all()


def test_style_does_not_care_where_things_lie():
    order = torch.randperm(10, generator=torch.Generator().manual_seed(1))
    shuffled = A.flatten(2)[..., order].repeat(1, 1, 2)  # another place for everything, on a larger map
    torch.testing.assert_close(gram("a", shuffled)(scene()), torch.zeros(4).double())
    expected = -((gram_matrix(A) - gram_matrix(A[:1])) ** 2).mean((1, 2))
    torch.testing.assert_close(gram("a", A[:1])(scene()), expected)
    assert float(gram("a", A + 1)(scene()).max()) < -0.01
    torch.testing.assert_close(gram("a", A + 1, centred=True)(scene()), torch.zeros(4).double())


def halves(rows: int, columns: int) -> torch.Tensor:
    """Two soft masks that add up to 1 everywhere."""
    share = torch.linspace(0, 1, columns).expand(rows, columns)
    return torch.stack([share, 1 - share])


@pytest.mark.parametrize("centred", [False, True])
def test_regions_by_hand(centred):
    masks = halves(5, 2).double()
    found = gram_matrix(A, centred=centred, regions=masks)
    assert found.shape == (4, 2, 3, 3)
    for n, a in enumerate(A.flatten(2)):
        for r, mask in enumerate(masks.flatten(1)):
            away = a - (a * mask).sum(1, keepdim=True) / mask.sum() * centred
            expected = sum(m * torch.outer(v, v) for m, v in zip(mask, away.T)) / mask.sum()
            torch.testing.assert_close(found[n, r], expected)
    # each twice as large, and of one region alone: nothing changes
    twice = masks.repeat_interleave(2, 1).repeat_interleave(2, 2)
    torch.testing.assert_close(gram_matrix(A, regions=twice), gram_matrix(A, regions=masks))
    torch.testing.assert_close(gram_matrix(A, regions=torch.ones(1, 9, 7))[:, 0], gram_matrix(A))


def test_an_empty_region_is_nought():
    masks = torch.stack([torch.ones(5, 2), torch.zeros(5, 2)])
    found = gram_matrix(A, regions=masks)
    assert float(found[:, 1].abs().max()) == 0
    assert bool(found.isfinite().all())


def test_a_style_may_be_given_as_its_matrix():
    torch.testing.assert_close(gram_near("a", gram_matrix(A[:1]))(scene()), gram("a", A[:1])(scene()))
    own = gram_near("a", gram_matrix(A.flip(0)))
    assert own.count == 4
    torch.testing.assert_close(own(scene(A[[2]], which=[2])), gram("a", A[[1]])(scene(A[[2]])))


def test_regions_count_by_their_areas():
    masks = torch.zeros(2, 5, 2)
    masks[0, :4], masks[1, 4:] = 1, 1
    target = gram_matrix(A[:1], regions=masks)
    away = (gram_matrix(A, regions=masks) - target).square().mean((2, 3))
    expected = -(0.8 * away[:, 0] + 0.2 * away[:, 1])
    torch.testing.assert_close(gram_near("a", target, regions=masks)(scene()), expected)
    with pytest.raises(InputError, match="2 matrices for 3 regions; give as many"):
        gram_near("a", target, regions=torch.ones(3, 5, 2))


def test_diversity_by_hand():
    flat = gram_matrix(A).flatten(1)
    cosine = torch.nn.functional.cosine_similarity(flat[:, None], flat, dim=-1)
    found = diversity("a")(scene(groups=[7, 7, 3, 7]))
    expected = [-(cosine[0, 1] + cosine[0, 3]) / 2, -(cosine[1, 0] + cosine[1, 3]) / 2, 0, -cosine[3, :2].mean()]
    torch.testing.assert_close(found, torch.tensor(expected).double())
    alike = diversity("a")(scene(A[[0, 0, 1]], groups=[0, 0, 1]))
    torch.testing.assert_close(alike, torch.tensor([-1.0, -1.0, 0.0]).double())
    assert diversity("a")(scene()).tolist() == [0] * 4


def test_groups_do_not_see_each_other():
    together, apart = A.clone().requires_grad_(), A[:2].clone().requires_grad_()
    diversity("a")(scene(together, [0, 0, 1, 1]))[:2].sum().backward()
    diversity("a")(scene(apart, [0, 0])).sum().backward()
    assert together.grad is not None
    assert apart.grad is not None
    torch.testing.assert_close(together.grad[:2], apart.grad)
    assert float(apart.grad.abs().max()) > 0.001
    assert bool((together.grad[2:] == 0).all())


@pytest.mark.parametrize(
    "objective",
    [
        towards("a", A.flip(0)),
        caricature("a", A[:1], cosine_power=2),
        gram("a", A[1:2]),
        gram("a", A[:, :, :3] + 0.5, centred=True),
        gram_near("a", gram_matrix(A[:1], centred=True, regions=halves(6, 4)), centred=True, regions=halves(6, 4)),
        diversity("a"),
    ],
    ids=str,
)
def test_gradients_are_those_of_finite_differences(objective):
    start = (A + 0.3).requires_grad_()
    assert torch.autograd.gradcheck(lambda a: objective(scene(a, [0, 0, 1, 0])), [start])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: towards("a", A[:1, :, :4])(scene()), r"shape \(3, 4, 2\) for a layer that gives \(3, 5, 2\) here"),
        (lambda: gram("a", A[:1, :2])(scene()), r"shape \(2, 2\) for a layer that gives \(3, 3\) here"),
        (lambda: towards("a", "picture"), "the target is no array of numbers"),
        (lambda: caricature("a", A, cosine_power=-2), "cosine_power=-2; use 0 or more"),
    ],
)
def test_targets_that_do_not_fit_are_said(make, text):
    with pytest.raises(InputError, match=text) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("regions", [None, torch.tensor([[[1.0, 0.2], [0.0, 0.5]], [[0.0, 0.8], [1.0, 0.5]]])])
def test_gram_matrices_have_the_gradient_of_finite_differences(centred: bool, regions: torch.Tensor | None):
    a = torch.randn(2, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: gram_matrix(x, centred=centred, regions=regions), a)
    last = a.detach().contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(gram_matrix(last, centred=centred), gram_matrix(a.detach(), centred=centred))
