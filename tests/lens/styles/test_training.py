"""Training a fast style: the loss falls, a stop costs nothing, divergence is caught, bad input is said."""

import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch import nn

from convscope.errors import InputError
from convscope.lens.models import Network, Preprocessing, load
from convscope.lens.objectives import gram_matrix
from convscope.lens.photos import Photos
from convscope.lens.probe import probe
from convscope.lens.styles import fastloss, training
from convscope.lens.styles.fastloss import Crops, PerceptualLoss, fast_terms
from convscope.lens.styles.feedforward import FastStyle, as_shares
from convscope.lens.styles.terms import Terms
from convscope.lens.styles.training import TrainingStopped, train_style
from convscope.lens.workshop import Workshop

TERMS = Terms({"3": 1.0}, {"1": 1.0, "3": 2.0}, tv=0.1)


def network(order="RGB") -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 3, 2, padding=1), nn.ReLU())
    return Network(model.eval(), (3, 40, 40), Preprocessing((40, 40), (0.4, 0.5, 0.6), (0.2, 0.3, 0.25), order=order))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Photographs of awkward sizes, one smaller than a crop, and one that is broken."""
    folder = tmp_path_factory.mktemp("photos")
    pictures = [data.chelsea(), data.coffee()[::3, ::2], data.rocket()[:200], data.astronaut()[100:130, 200:223]]
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{i}.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    return folder


def train(photos, style=None, **given) -> FastStyle:
    usual = {"model": network(), "terms": TERMS, "size": 32, "batch": 2, "steps": 12, "width": 2, "blocks": 1}
    style = data.immunohistochemistry()[:60, :70] if style is None else style
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "1 of 5 photographs were left out")
        return train_style(style, photos, **{**usual, **given})


def weights(fast: FastStyle) -> list[torch.Tensor]:
    return list(fast.net.state_dict().values())


def same(one: FastStyle, other: FastStyle) -> bool:
    return all(torch.equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))


def test_all_losses_are_told_and_their_sum_falls(photos):
    seen = []
    fast = train(
        photos, steps=40, rate=0.01, width=4, strength=5, watch=lambda step, losses: seen.append((step, losses))
    )
    assert [step for step, _ in seen] == list(range(1, 41))
    assert list(seen[0][1]) == ["style 1", "style 3", "content 3", "roughness"]
    start, end = ({name: values[k] for name, values in fast.recipe["losses"].items()} for k in (0, 1))
    assert start["style 1"] == pytest.approx(np.mean([losses["style 1"] for _, losses in seen[:10]]))
    assert end["style 3"] < 0.5 * start["style 3"]


def test_squeezenet_teaches_too(photos):
    fast = train(photos, data.astronaut()[:70, :80], model="squeezenet", terms=None, steps=6, size=64, batch=1)
    start, end = np.array(list(fast.recipe["losses"].values())).T
    assert np.isfinite([start, end]).all()
    assert fast.recipe["source"] == "squeezenet"


def test_the_style_is_nearer_than_in_the_photograph(photos):
    """What the trained network makes of a picture it never saw has Gram matrices nearer to the style's."""
    painting = data.immunohistochemistry()[:90, :110]
    fast = train(photos, painting, steps=60, rate=0.02, width=4, strength=20)
    unseen = data.astronaut()[:120, :150]
    net = network()
    with probe(net.model, TERMS.layers) as look:
        loss = PerceptualLoss(net, Workshop(net.model, torch.float32), look, TERMS, 1.0, painting)
        before, after = (loss(as_shares(p[None]), as_shares(unseen[None])) for p in (unseen, fast(unseen)))
        other = loss(as_shares(data.rocket()[None, :120, :150]), as_shares(unseen[None]))
    assert (after[:2] < before[:2]).all()
    assert after[:2].sum() < 0.5 * before[:2].sum()  # each by half on some processors, on others one by more
    assert after[2] < other[2]  # and its content nearer than that of another photograph


@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_the_loss_of_the_style_itself_is_nothing(order):
    painting, net = data.chelsea()[:41, :53], network(order)
    with probe(net.model, TERMS.layers) as look:
        loss = PerceptualLoss(net, Workshop(net.model, torch.float32), look, TERMS, 3.0, painting)
        shares = as_shares(painting[None])
        parts = loss(shares, shares)
    assert parts[:3].abs().max() < 1e-9
    assert parts[3] == pytest.approx(sum(np.abs(np.diff(painting / 255.0, axis=k)).mean() for k in (0, 1)), rel=1e-4)
    assert loss.weights.tolist() == pytest.approx([1, 2, 1, 0.1])


def test_too_much_of_a_style_costs_as_much_as_too_little():
    """Three times the activations or a third of them: Gram matrices nine times as large, or a ninth, cost the same."""
    gram = gram_matrix(torch.rand(2, 5, 6, 7, generator=torch.Generator().manual_seed(0)))
    for factor in (1.0, 9.0, 1 / 9):
        assert fastloss._apart(factor * gram, gram) == pytest.approx(2 * (factor - 1) ** 2 / (factor**2 + 1), abs=1e-5)


def test_content_is_asked_of_finer_detail_than_the_deepest_style():
    terms = fast_terms(load("squeezenet"))
    assert terms.content == {"features.7": 1.0}
    assert list(terms.style) == ["features.1", "features.4", "features.7", "features.10"]
    lone = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    assert fast_terms(Network(lone, (3, 20, 24))).content == {"1": 1.0}


def test_one_seed_gives_one_network_and_leaves_the_generators_alone(photos):
    drawn = torch.random.get_rng_state()
    one, two, other = train(photos), train(photos), train(photos, seed=1)
    assert same(one, two)
    assert not same(one, other)
    assert torch.equal(torch.random.get_rng_state(), drawn)


def test_a_stopped_training_goes_on_to_the_very_same_network(photos, tmp_path):
    keep = tmp_path / "state"
    whole = train(photos, steps=32)

    def stop(step, losses):
        if step == 17:
            raise KeyboardInterrupt

    with pytest.raises(TrainingStopped) as stopped:
        train(photos, steps=32, keep=keep, watch=stop)
    assert stopped.value.steps == 10
    assert stopped.value.fast.recipe["steps"] == 10
    assert stopped.value.fast(data.chelsea()[:30, :41]).shape == (30, 41, 3)
    seen = []
    again = train(photos, steps=32, keep=keep, watch=lambda step, losses: seen.append(step))
    assert seen == list(range(11, 33))
    assert same(again, whole)
    assert again.recipe == whole.recipe
    assert not keep.exists()


def test_the_state_is_also_written_while_it_runs(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "SECONDS", -1)
    there = []
    train(photos, keep=tmp_path / "state", watch=lambda step, losses: there.append((tmp_path / "state").exists()))
    assert there == [False] + [True] * 11


def test_the_state_of_another_training_is_refused(photos, tmp_path):
    def stop(step, losses):
        raise KeyboardInterrupt

    with pytest.raises(TrainingStopped):
        train(photos, keep=tmp_path / "state", watch=stop)
    kept = (tmp_path / "state").read_bytes()
    with pytest.raises(InputError, match=r"not the state of this training \(.*settings.* differ\); name another file"):
        train(photos, keep=tmp_path / "state", rate=0.5)
    with pytest.raises(InputError, match=r"style differ"):
        train(photos, data.chelsea()[:50, :60], keep=tmp_path / "state")
    with pytest.raises(InputError, match="not a fast style"):
        FastStyle.load(tmp_path / "state")
    assert (tmp_path / "state").read_bytes() == kept
    (tmp_path / "state").write_bytes(b"something else")
    with pytest.raises(InputError, match="not a safetensors file"):
        train(photos, keep=tmp_path / "state")


def test_divergence_goes_back_and_halves_the_rate(photos, monkeypatch):
    """A gradient of NaN at step 15, once: the network stays finite, and the steps from 10 on are taken again."""
    learn, spoilt = training.Training.learn, []

    def once(self, contents):
        if self.done == 14 and not spoilt:
            spoilt.append(True)
            contents = contents * torch.nan
        return learn(self, contents)

    monkeypatch.setattr(training.Training, "learn", once)
    seen = []
    with pytest.warns(UserWarning, match="not finite: back to step 10, with the rate halved to 0.001"):
        fast = train(photos, steps=20, watch=lambda step, losses: seen.append(step))
    assert seen == [*range(1, 15), *range(11, 21)]
    assert all(bool(weight.isfinite().all()) for weight in weights(fast))


def test_a_network_that_never_gives_numbers_is_refused(photos):
    net = network()
    next(net.model.parameters()).data[0] = torch.nan
    with pytest.raises(InputError, match=r"0.weight .* NaN"):
        train(photos, model=net)


def test_a_loss_that_is_never_finite_ends_it(photos):
    huge = Terms(TERMS.content, TERMS.style, tv=3e38)
    with pytest.warns(UserWarning, match="halved"), pytest.raises(InputError, match="not finite, even at"):
        train(photos, terms=huge, strength=1e38)


def test_the_loss_network_is_left_as_it_was(photos):
    net = network()
    before = [weight.clone() for weight in net.model.parameters()]
    train(photos, model=net, steps=2)
    assert all(map(torch.equal, net.model.parameters(), before))
    assert all(weight.requires_grad and weight.grad is None for weight in net.model.parameters())


def test_broken_photographs_are_counted_and_small_ones_enlarged(photos):
    crops = Crops(photos, 32, 3, seed=0)
    stacks = list(crops.batches(0, 12))
    assert [stack.shape for stack in stacks] == [(3, 32, 32, 3)] * 12
    assert list(crops.broken) == [4]
    assert "broken.jpg" in crops.broken[4]
    assert all((stack == crops.at(step)).all() for step, stack in enumerate(stacks))
    with pytest.warns(UserWarning, match=r"1 of 5 photographs were left out: .*broken.jpg"):
        train_style(
            data.chelsea()[:60, :70], photos, model=network(), terms=TERMS, size=32, steps=8, width=1, blocks=1
        )


def test_crops_come_from_everywhere_and_both_ways(tmp_path):
    ramp = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1))
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    stacks = np.concatenate(list(Crops(tmp_path, 32, 4, seed=5).batches(0, 12))).astype(int)
    rising = stacks[:, 0, -1, 0] > stacks[:, 0, 0, 0]
    assert 10 < rising.sum() < 38
    assert stacks.min((1, 2, 3)).std() > 20


def test_photos_may_be_files_or_photos(photos):
    taken = Photos(photos, Preprocessing((10, 10)))
    assert Crops(taken, 32, 2, 0).files == Crops(sorted(photos.iterdir()), 32, 2, 0).files


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"size": 31}, "size=31: use at least 32"),
        ({"batch": 0}, "batch=0: use at least 1"),
        ({"steps": 0}, "steps=0"),
        ({"style_size": 0}, "style_size=0: use at least 1"),
        ({"seed": -1}, "seed=-1: use at least 0"),
        ({"rate": 0}, "rate=0: use a number above 0"),
        ({"strength": float("nan")}, "strength=nan"),
        ({"terms": Terms({"9": 1.0}, {"1": 1.0})}, "layer '9'"),
        ({"style": np.zeros((2, 2), np.uint8), "model": "squeezenet", "terms": None}, "smallest that it takes"),
        ({"style": "none.png"}, "none.png: no such file"),
        ({"preprocessing": "order=grey", "model": nn.Sequential(nn.Conv2d(1, 2, 3))}, "takes grey; give a network"),
        ({"model": nn.Sequential(nn.Conv2d(3, 2, 3))}, "preprocessing: not known"),
    ],
)
def test_bad_settings_are_said(wrong, says, photos):
    with pytest.raises(InputError, match=says) as problem:
        train(photos, **wrong)
    assert "\n" not in str(problem.value)


def test_folders_without_photographs_are_said(tmp_path):
    with pytest.raises(InputError, match="pictures: none found"):
        train(tmp_path)
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "b.jpg").write_bytes(b"y")
    with pytest.raises(InputError, match="photos: none of 2 files is a picture"):
        train(tmp_path)


def test_the_recipe_tells_what_it_was_made_of(photos):
    fast = train(photos, seed=4)
    assert fast.recipe["command"].startswith("lens.styles.training.train_style(style, photos, model=model, size=32, ")
    assert fast.recipe["made"] == "train_style"
    assert fast.recipe["steps"] == 12
    assert fast.recipe["settings"]["seed"] == 4
    assert len(fast.recipe["weights"]) == len(fast.recipe["style"]) == 64
    assert fast.recipe["terms"]["style"] == {"1": 1.0, "3": 2.0}
