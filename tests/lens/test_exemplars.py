"""Real examples against brute force over all activations at once."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from convscope.errors import InputError
from convscope.lens import examples, maps
from convscope.lens.exemplars.summary import _on_device, _on_processor

PICTURES = np.random.default_rng(3).normal(size=(53, 1, 12, 10)).astype(np.float32)


def brute(activation: np.ndarray, k: int, sign: int) -> tuple[np.ndarray, ...]:
    """(index, value, row, column), each (units, k), by sorting everything."""
    found = []
    for unit in range(activation.shape[1]):
        plane = activation[:, unit].reshape(len(activation), -1)
        width = activation.shape[3] if activation.ndim == 4 else 1
        best = sorted(range(len(plane)), key=lambda n: (sign * -plane[n].max(), n))[:k]
        spots = [int(plane[n].argmax()) for n in best]
        found.append(
            (best, [plane[n].max() for n in best], [s // width for s in spots], [s % width for s in spots])
        )
    return tuple(np.array(part) for part in zip(*found))


@pytest.mark.parametrize("k", [1, 4, 9])
@pytest.mark.parametrize("batch", [1, 7, 53])
def test_equal_to_brute_force_however_it_is_streamed(network, k, batch):
    layers = ["conv1", "relu1", "pool1", "conv2", "fc1", "relu3", "fc2"]
    found = examples(network, layers, (PICTURES[i : i + batch] for i in range(0, 53, batch)), k=k)
    everything = maps(network, PICTURES, layers)
    for name in layers:
        assert found[name].shape == everything[name].shape[2:]
        for end, sign in ((found[name].top, 1), (found[name].bottom, -1)):
            index, value, row, column = brute(everything[name], k, sign)
            np.testing.assert_allclose(end.value, value, atol=1e-5)
            if (
                name != "relu3" and batch == 53
            ):  # among zeros and in other batches rounding may swap neighbours
                np.testing.assert_array_equal(end.index, index)
                np.testing.assert_array_equal(end.row, row)
                np.testing.assert_array_equal(end.column, column)


def test_ties_go_to_the_earlier_picture_and_the_first_place(network):
    same = np.repeat(PICTURES[:1], 30, 0)
    same[:] = 0.5
    for weight in network.parameters():  # whole numbers, so that no batch rounds them
        weight.data.mul_(8).round_()
    found = examples(network, ["conv1", "fc1"], [same[:11], same[11:12], same[12:]], k=3)
    for end in (found["fc1"].top, found["fc1"].bottom, found["conv1"].top):
        np.testing.assert_array_equal(end.index, [[0, 1, 2]] * len(end.index))
    assert found["fc1"].top.row.max() == found["fc1"].top.column.max() == 0


def test_an_array_a_tensor_and_batches_are_the_same(network):
    whole = examples(network, ["fc2"], PICTURES)["fc2"]
    for other in (torch.from_numpy(PICTURES), [PICTURES[:20], PICTURES[:0], PICTURES[20:]], iter([PICTURES])):
        np.testing.assert_array_equal(examples(network, ["fc2"], other)["fc2"].top.index, whole.top.index)
    assert whole.top.index.shape == whole.bottom.value.shape == (5, 9)
    assert whole.top.value.dtype == np.float32


def test_fewer_pictures_than_asked_for(network):
    found = examples(network, ["fc2"], PICTURES[:2], k=9)["fc2"]
    assert found.top.index.shape == (5, 2)
    np.testing.assert_array_equal(found.top.index, found.bottom.index[:, ::-1])


def test_only_what_is_kept_is_held(network):
    """A stream is gone through once, batch by batch, and no batch is kept."""
    alive = []

    def stream():
        for i in range(6):
            batch = PICTURES[i : i + 5].copy()
            alive.append(batch)
            yield batch
            alive.pop()
            assert not alive, "one batch at a time"

    assert examples(network, ["conv2"], stream(), k=2)["conv2"].top.index.max() < 30


class TokensLast(nn.Module):
    """A map as tokens (n, tokens, units), which are mixed along the units."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3)
        self.mix = nn.Linear(6, 5)

    def forward(self, x):
        return self.mix(self.conv(x).flatten(2).transpose(1, 2))


@pytest.mark.parametrize(
    ("model", "shape", "layer", "positions"),
    [
        (nn.Sequential(nn.Conv1d(2, 5, 3), nn.ReLU()), (2, 17), "0", (15,)),
        (nn.Sequential(nn.Conv3d(1, 5, (2, 3, 1)), nn.ReLU()), (1, 5, 6, 4), "1", (4, 4, 4)),
        (nn.Sequential(nn.Linear(7, 5)), (7,), "0", ()),
        (nn.Sequential(nn.Conv2d(1, 5, 3), nn.ReLU(inplace=True)), (1, 23, 22), "0", (21, 20)),
        (TokensLast(), (1, 6, 5), "mix", (12,)),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_maps_of_any_rank_and_type(model, shape, layer, positions, dtype):
    torch.manual_seed(4)
    model = copy.deepcopy(model).to(dtype)
    for weight in model.parameters():
        nn.init.normal_(weight)
    pictures = torch.randn(19, *shape).to(dtype)
    found = examples(model, [layer], pictures, k=4, batch=7)[layer]
    flat = maps(model, pictures, [layer])[layer].astype(np.float64).reshape(19, 5, -1)
    assert found.shape == positions
    assert found.top.place.shape == (5, 4, len(positions))
    assert found.top.value.dtype == (np.float64 if dtype == torch.float64 else np.float32)
    for end, sign in ((found.top, 1), (found.bottom, -1)):
        best = np.sort(sign * flat.max(2), axis=0)[::-1][:4].T * sign
        np.testing.assert_allclose(end.value, best, rtol=1e-2 if dtype == torch.bfloat16 else 1e-5)
        for unit in range(5):
            for index, place, value in zip(end.index[unit], end.place[unit], end.value[unit]):
                there = flat[index, unit].reshape(positions)[tuple(place)]
                np.testing.assert_allclose(there, value, rtol=1e-2 if dtype == torch.bfloat16 else 1e-5)


def test_all_leaf_layers_when_none_is_named(network):
    found = examples(network, None, PICTURES[:5])
    assert list(found) == ["conv1", "relu1", "pool1", "conv2", "relu2", "flatten", "fc1", "relu3", "fc2"]
    near, far = found["conv1"].field, found["fc1"].field
    assert near is not None
    assert near.size == (3, 3)
    assert far is not None
    assert far.whole
    assert found.pictures == 5
    assert found.complete
    assert found.recipe["k"] == 9
    assert examples(network, "fc2", PICTURES[:5]).recipe["layers"] == ["fc2"]


def test_both_ways_to_reduce_agree():
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.integers(-3, 4, (5, 6, 13, 11)).astype(np.float32))  # many ties
    shift = rng.normal(size=6).astype(np.float32)
    fast, plain = _on_processor(x, shift), _on_device(x, shift)
    for one, other in zip(fast, plain):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    np.testing.assert_array_equal(fast[1], x.flatten(2).numpy().argmax(2))
    assert fast[1].dtype == plain[1].dtype


def test_bad_requests(network):
    with pytest.raises(InputError, match="k=0: at least 1 example is needed"):
        examples(network, ["fc2"], PICTURES, k=0)
    with pytest.raises(InputError, match="batch=0: at least 1 picture"):
        examples(network, ["fc2"], PICTURES, batch=0)
    with pytest.raises(InputError, match="pictures: there are none"):
        examples(network, ["fc2"], PICTURES[:0])
    with pytest.raises(InputError, match="pictures: there are none"):
        examples(network, ["fc2"], [])
    with pytest.raises(InputError, match=r"pictures of shape \(12,\): give an array \(n, c, h, w\)"):
        examples(network, ["fc2"], PICTURES[0, 0, :, 0])
    with pytest.raises(InputError, match="layer 'fc9': the model has no such layer"):
        examples(network, ["fc9"], PICTURES)
    with pytest.raises(InputError, match=r"layer 'conv1': maps of \(9, 10\) after \(12, 10\); give pictures of one"):
        examples(network, ["conv1"], [PICTURES, PICTURES[:, :, 3:]])
    broken = PICTURES.copy()
    broken[7, 0, 3, 3] = np.nan
    with pytest.raises(InputError, match="layer 'conv1': an activation is not finite"):
        examples(network, ["conv1"], broken)
    broken[7, 0, 3, 3] = np.inf
    with pytest.raises(InputError, match="layer 'conv1': an activation is not finite"):
        examples(network, ["conv1"], broken)
