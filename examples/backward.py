"""The backward pass of conv -> ReLU against finite differences: right, and with each of its parts forgotten.

Run: python examples/backward.py
"""

import numpy as np

from convscope import ops

Pair = tuple[np.ndarray, np.ndarray]


def differences(loss, at: Pair) -> Pair:
    """Gradients of the loss: every number of the picture and of the kernels moved a little, one after the other."""
    slopes = np.empty_like(at[0]), np.empty_like(at[1])
    for numbers, slope in zip(at, slopes):
        for place in np.ndindex(numbers.shape):
            middle = numbers[place]
            numbers[place] = middle + 1e-6
            above = loss(*at)
            numbers[place] = middle - 1e-6
            slope[place] = (above - loss(*at)) / 2e-6
            numbers[place] = middle
    return slopes


def by_hand(x: np.ndarray, w: np.ndarray, grad: np.ndarray, stride: tuple[int, int], pad: int) -> Pair:
    """Both gradients by one loop over the cells of the result; windows that a mistake puts outside are left out."""
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dx, dw = np.zeros_like(padded), np.zeros_like(w)
    for n, m, i, j in np.ndindex(grad.shape):
        top, left = i * stride[0], j * stride[1]
        window = np.s_[n, :, top : top + w.shape[2], left : left + w.shape[3]]
        if padded[window].shape == w.shape[1:]:
            dx[window] += grad[n, m, i, j] * w[m]
            dw[m] += grad[n, m, i, j] * padded[window]
    return dx[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]], dw


def compare(x: np.ndarray, w: np.ndarray, upstream: np.ndarray, stride: tuple[int, int], pad: int) -> None:
    how = {"stride": stride, "padding": pad}
    true = differences(lambda x, w: float((ops.relu(ops.conv2d(x, w, **how)) * upstream).sum()), (x, w))
    grad = upstream * (ops.conv2d(x, w, **how) > 0)  # the mask: nothing passes where ReLU gave 0
    turned = w[:, :, ::-1, ::-1]
    right = by_hand(x, w, grad, stride, pad)
    by_ops = ops.conv2d_input_grad(x.shape, w, grad, **how), ops.conv2d_weight_grad(x, w.shape, grad, **how)
    print("  relative error of the gradient             picture     kernels")
    for name, found in {
        "complete": right,
        "complete, convscope.ops": by_ops,
        "ReLU mask forgotten": by_hand(x, w, upstream, stride, pad),
        "stride forgotten": by_hand(x, w, grad, (1, 1), pad),
        "padding forgotten": by_hand(x, w, grad, stride, 0),
        "upstream read upside down": by_hand(x, w, grad[:, :, ::-1], stride, pad),
        "kernel turned": by_hand(x, turned, grad, stride, pad),
        "shared weights averaged": (right[0], right[1] / upstream[:, 0].size),
    }.items():
        errors = [np.linalg.norm(mine - slopes) / np.linalg.norm(slopes) for mine, slopes in zip(found, true)]
        print(f"  {name:38} {'  '.join('below 1e-6' if error < 1e-6 else f'{error:10.3f}' for error in errors)}")


rng = np.random.default_rng(0)
x, w, upstream = (rng.standard_normal(shape) for shape in ((2, 2, 8, 9), (3, 2, 3, 2), (2, 3, 4, 4)))
print("stride (2, 3), padding 1, random upstream gradient")
compare(x, w, upstream, (2, 3), 1)
copies = upstream[:, 0].size
print(f"  each weight has {copies} copies: averaged, the learning rate 0.03 acts as {0.03 / copies:.4f}")
print("a test that sees little: stride 1, no padding, all numbers positive, upstream gradient all ones")
compare(np.abs(x), np.abs(w), np.ones((2, 3, 6, 8)), (1, 1), 0)
