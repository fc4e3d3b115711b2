from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from convscope.errors import InputError
from convscope.tasks.text.ablate import shapes
from convscope.tasks.text.network import KERNELS, Sentences, Shape, permuted

SMALL = Shape(words=20, classes=3, dim=7, windows=(2, 3), filters=5, longest=12)


def model(kernels: str = "sequence", seed: int = 0, **changes) -> Sentences:
    torch.manual_seed(seed)
    return Sentences(replace(SMALL, kernels=kernels, **changes)).eval()


def test_kernels_are_named_and_see_words_by_all_of_their_numbers():
    modules = dict(model().named_modules())
    kernels = modules["body.windows.3"]
    assert isinstance(kernels, nn.Conv1d)
    assert kernels.weight.shape == (5, 7, 3)
    assert model().embed(torch.zeros(2, 4, dtype=torch.long)).shape == (2, 7, 4)


@pytest.mark.parametrize("kernels", KERNELS)
@given(length=st.integers(1, 8), more=st.integers(1, 4), seed=st.integers(0, 9))
def test_padding_changes_nothing(kernels: str, length: int, more: int, seed: int):
    network = model(kernels, seed)
    numbers = torch.randint(1, 20, (2, length))
    longer = nn.functional.pad(numbers, (0, more))
    with torch.no_grad():
        torch.testing.assert_close(network(longer), network(numbers), rtol=1e-5, atol=1e-6)


@given(seed=st.integers(0, 20))
def test_along_the_sequence_the_order_of_a_vectors_numbers_is_nothing(seed: int):
    network = model(seed=seed)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(seed)).tolist()
    numbers = torch.randint(1, 20, (4, 9))
    with torch.no_grad():
        before, after = network(numbers), permuted(network, order, kernels=True)(numbers)
    torch.testing.assert_close(after, before, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kernels", KERNELS[1:])
def test_elsewhere_there_are_no_weights_to_put_in_order(kernels: str):
    network = model(kernels)
    with pytest.raises(InputError, match="their weights belong to no number of a vector"):
        permuted(network, range(7), kernels=True)
    numbers = torch.randint(1, 20, (4, 9))
    same = permuted(network, range(7), kernels=False)
    other = permuted(network, [3, 6, 0, 5, 1, 4, 2], kernels=False)
    with torch.no_grad():
        assert torch.equal(same(numbers), network(numbers))
        assert not torch.allclose(other(numbers), network(numbers), atol=1e-3)


def test_along_the_embedding_what_stands_behind_is_not_seen():
    network = model("embedding", longest=4)
    numbers = torch.randint(1, 20, (2, 9))
    with torch.no_grad():
        assert torch.equal(network(numbers), network(numbers[:, :4]))


def test_the_norm_of_a_class_is_limited_to_what_was_asked():
    network = model(norm=0.5)
    with torch.no_grad():
        network.body.head.weight[0] *= 100
        network.body.head.weight[1] = 0.01
    before = network.body.head.weight.clone()
    network.limit()
    after = network.body.head.weight
    assert after[0].norm().item() == pytest.approx(0.5, rel=1e-4)
    assert torch.equal(after[1], before[1])
    free = model(norm=0)
    with torch.no_grad():
        free.body.head.weight[:] = 9
    free.limit()
    assert free.body.head.weight.min().item() == 9


@pytest.mark.parametrize("classes", [2, 5])
def test_the_kinds_have_equal_numbers_of_weights(classes: int):
    weights = [Sentences(shape).weights() for shape in shapes(50, classes).values()]
    assert max(weights) / min(weights) < 1.01


def test_a_shape_goes_through_json():
    import json

    assert Shape.told(json.loads(json.dumps(SMALL.as_dict()))) == SMALL


@pytest.mark.parametrize(
    "wrong",
    [{"dim": 0}, {"windows": ()}, {"windows": (3, 3)}, {"dropout": 1.0}, {"norm": -1.0}, {"classes": 1}, {"words": 2}],
    ids=str,
)
def test_shapes_out_of_range(wrong: dict):
    with pytest.raises(InputError, match="sizes must be at least 1"):
        replace(SMALL, **wrong)


def test_unknown_kernels():
    with pytest.raises(InputError, match="kernels='round': unknown; use sequence, embedding, plane"):
        replace(SMALL, kernels="round")
