"""Every layer against PyTorch, forward and backward, at awkward sizes and random upstream gradients."""

import numpy as np
import pytest
import torch
from torch import nn as tnn

from convscope import nn
from convscope.errors import InputError
from convscope.ops.fast.compiled import set_threads, threads

PAIRS = {
    "conv": (lambda d: nn.Conv2D(3, 7, (3, 2), dtype=d), lambda: tnn.Conv2d(3, 7, (3, 2))),
    "conv strided": (
        lambda d: nn.Conv2D(3, 5, (2, 5), stride=(3, 2), padding=(1, 2), dtype=d),
        lambda: tnn.Conv2d(3, 5, (2, 5), (3, 2), (1, 2)),
    ),
    "conv dilated, no bias": (
        lambda d: nn.Conv2D(3, 4, 3, dilation=(2, 1), padding=2, bias=False, dtype=d),
        lambda: tnn.Conv2d(3, 4, 3, dilation=(2, 1), padding=2, bias=False),
    ),
    "conv grouped": (
        lambda d: nn.Conv2D(3, 6, 3, groups=3, padding=1, dtype=d),
        lambda: tnn.Conv2d(3, 6, 3, groups=3, padding=1),
    ),
    "max pool": (
        lambda d: nn.MaxPool2D((3, 2), 2, (1, 0), ceil_mode=True),
        lambda: tnn.MaxPool2d((3, 2), 2, (1, 0), ceil_mode=True),
    ),
    "max pool 2x2": (lambda d: nn.MaxPool2D(2), lambda: tnn.MaxPool2d(2)),
    "average pool": (
        lambda d: nn.AvgPool2D(3, 2, 1, count_include_pad=False),
        lambda: tnn.AvgPool2d(3, 2, 1, count_include_pad=False),
    ),
    "relu": (lambda d: nn.ReLU(), lambda: tnn.ReLU()),
    "flatten": (lambda d: nn.Flatten(), lambda: tnn.Flatten()),
    "stack": (
        lambda d: nn.Sequential(
            [
                nn.Conv2D(3, 4, 3, padding=1, dtype=d),
                nn.ReLU(),
                nn.MaxPool2D(2),
                nn.Flatten(),
                nn.Linear(4 * 4 * 5, 6, dtype=d),
            ]
        ),
        lambda: tnn.Sequential(
            tnn.Conv2d(3, 4, 3, padding=1), tnn.ReLU(), tnn.MaxPool2d(2), tnn.Flatten(), tnn.Linear(80, 6)
        ),
    ),
}


@pytest.fixture(params=[1, 2])
def thread_count(request):
    before = threads()
    set_threads(request.param)
    yield request.param
    set_threads(before)


def gradient_of(tensor):
    assert tensor.grad is not None
    return tensor.grad.numpy()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 33, 70, 200])
@pytest.mark.parametrize("name", PAIRS)
def test_agrees_with_pytorch(name, n, dtype, thread_count):
    ours, theirs = PAIRS[name][0](dtype), PAIRS[name][1]().to(torch.float32 if dtype == np.float32 else torch.float64)
    rng = np.random.default_rng(n)
    for own, other in zip(ours.parameters().values(), theirs.parameters(), strict=True):
        own[...] = rng.normal(size=own.shape)
        other.data = torch.from_numpy(own.copy())
    x = rng.normal(size=(n, 3, 9, 11)).astype(dtype).round(1)  # rounded: pooling meets equal cells
    x_torch = torch.from_numpy(x.copy()).requires_grad_()
    y, y_torch = ours(x), theirs(x_torch)
    grad = rng.normal(size=y.shape).astype(dtype)
    y_torch.backward(torch.from_numpy(grad))
    dx = ours.backward(grad)
    near = 1e-10 if dtype == np.float64 else 2e-4
    assert y.dtype == dx.dtype == dtype
    np.testing.assert_allclose(y, y_torch.detach().numpy(), rtol=near, atol=near)
    np.testing.assert_allclose(ours.predict(x), y, rtol=0, atol=0)
    np.testing.assert_allclose(dx, gradient_of(x_torch), rtol=near, atol=near)
    for own, other in zip(ours.gradients().values(), theirs.parameters(), strict=True):
        assert own.dtype == dtype
        np.testing.assert_allclose(own, gradient_of(other), rtol=near, atol=near * n)


def test_input_is_left_alone():
    x = np.random.default_rng(0).normal(size=(4, 2, 5, 5)).astype(np.float32)
    before = x.copy()
    layer = nn.ReLU()
    grad = np.ones_like(x)
    layer.backward(layer(x) * 0 + grad)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(grad, 1)


def test_an_empty_batch_comes_out_empty():
    net = nn.LeNet5()
    assert net(np.zeros((0, 1, 28, 28), np.float32)).shape == (0, 10)
    assert net.backward(np.zeros((0, 10), np.float32)).shape == (0, 1, 28, 28)
    assert all((gradient == 0).all() for gradient in net.gradients().values())


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: nn.Conv2D(1, 6, 5)(np.zeros((2, 3, 9, 9), np.float32)), "w needs channels/groups = 3"),
        (lambda: nn.Conv2D(1, 6, 5)(np.zeros((2, 1, 4, 9), np.float32)), "use a smaller kernel or more padding"),
        (lambda: nn.Conv2D(1, 6, 5)(np.zeros((2, 1, 9, 9))), "use x.astype\\(np.float32\\)"),
        (lambda: nn.Conv2D(1, 6, 5)(np.zeros((2, 9), np.float32)), "put it before Flatten"),
        (lambda: nn.Conv2D(3, 4, 5, groups=2), "must divide into the groups; use groups=1"),
        (lambda: nn.Linear(5, 2)(np.zeros((2, 1, 9, 9), np.float32)), "use Flatten before it, or in_features=81"),
        (lambda: nn.ReLU()(np.zeros(3, np.float32)), "a layer takes"),
        (lambda: nn.ReLU().backward(np.zeros((1, 2), np.float32)), "call forward"),
        (lambda: nn.Sequential({}), "at least one layer"),
        (lambda: nn.LeNet5()(np.zeros((2, 1, 32, 32), np.float32)), "layer fc1: each picture comes to Linear as"),
        (lambda: nn.LeNet5()("seven"), "x"),
        (lambda: nn.LeNet5().load_state({"a": np.zeros(1)}), "load weights of the same network"),
    ],
)
def test_what_does_not_fit_is_one_line(make, text):
    with pytest.raises(InputError, match=text) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_lenet5_is_lenet5():
    net = nn.LeNet5(seed=3)
    assert net.vector.size == 61_706
    assert list(net.shapes((1, 28, 28)).values()) == [
        (6, 28, 28), (6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 10, 10), (16, 5, 5),
        (400,), (120,), (120,), (84,), (84,), (10,),
    ]  # fmt: skip
    again = nn.LeNet5(seed=3)
    np.testing.assert_array_equal(net.vector, again.vector)
    assert not np.array_equal(net.vector, nn.LeNet5(seed=4).vector)


def test_state_is_a_copy_and_comes_back():
    net, other = nn.LeNet5(seed=0), nn.LeNet5(seed=1)
    state = net.state()
    state["conv1.bias"][:] = 7
    assert not net.parameters()["conv1.bias"].any()
    other.load_state(state)
    assert (other.parameters()["conv1.bias"] == 7).all()
    bias = other.layers["conv1"].parameters()["bias"]
    assert (bias == 7).all()
    assert bias.base is other.vector


@pytest.mark.parametrize("make", [nn.init.kaiming_uniform, nn.init.kaiming_normal, nn.init.lecun_normal])
def test_signals_keep_their_size(make):
    """Through ten layers the mean square neither dies nor explodes."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(512, 256))
    for _ in range(10):
        y = x @ make((256, 256), rng).T
        x = y if make is nn.init.lecun_normal else np.maximum(y, 0)
    assert 0.3 < (x**2).mean() < 3
