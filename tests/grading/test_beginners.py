"""Mistakes as beginners make them, in styles of their own, several at once; and what the report says of them."""

import numpy as np
import pytest

from convscope.grading import check, grade


def windows(x, r, s, stride):
    return np.lib.stride_tricks.sliding_window_view(x, (r, s), (2, 3))[:, :, ::stride, ::stride]


def test_columns_reshaped_in_the_wrong_order():
    def conv2d(x, w, stride=1):
        n, m, (r, s) = len(x), len(w), w.shape[2:]
        cut = windows(x, r, s, stride)
        columns = cut.transpose(1, 4, 5, 2, 3, 0).reshape(-1, n * cut.shape[2] * cut.shape[3])
        return (w.reshape(m, -1) @ columns).reshape(n, m, *cut.shape[2:4])  # it is m, rows, columns, n

    part = check(conv2d)["conv2d"]
    assert (part.status, part.mistakes, part.sure) == ("wrong", ("shuffled",), True)


def test_fancy_indices_that_do_not_add_up():
    def conv2d_backward(dout, x, w):
        (r, s), (rows, columns) = w.shape[2:], dout.shape[2:]
        i = np.arange(rows)[:, None, None, None] + np.arange(r)[:, None]
        j = np.arange(columns)[:, None, None] + np.arange(s)
        dx, dw = np.zeros_like(x), np.einsum("ncijuv,nmij->mcuv", windows(x, r, s, 1), dout)
        dx[:, :, i, j] += np.einsum("nmij,mcuv->ncijuv", dout, w)
        return dx, dw

    report = check(conv2d_backward)
    assert report["conv2d.dx"].mistakes == ("overwritten",)
    assert report["conv2d.dw"].status == "right"
    assert "np.add.at" in str(report)


def test_a_slice_that_is_empty_without_padding():
    def conv2d(x, w, padding=0):
        return np.einsum("ncijuv,mcuv->nmij", windows(padded(x, padding), w.shape[2], w.shape[3], 1), w)

    def conv2d_backward(dout, x, w, padding=0):
        dx = padded(np.zeros_like(x), padding)
        for i, j in np.ndindex(dout.shape[2:]):
            dx[:, :, i : i + w.shape[2], j : j + w.shape[3]] += np.einsum("nm,mcuv->ncuv", dout[:, :, i, j], w)
        return dx[:, :, padding:-padding, padding:-padding]

    def padded(x, p):
        return np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))

    report = check(conv2d, conv2d_backward)
    assert report["conv2d"].status == "right"
    part = report["conv2d.dx"]
    assert (part.mistakes, part.sure) == (("only_with_padding",), False)
    assert "it seems that it works only with padding" in str(report)


def test_a_backward_pass_that_always_raises_is_called_as_its_forward_pass_is():
    """Channels last, and a slice that is empty in all probes that tell layouts apart."""

    def conv_forward(A_prev, W, b, hparameters):
        stride, pad, (f, g) = hparameters["stride"], hparameters["pad"], W.shape[:2]
        x = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        cut = np.lib.stride_tricks.sliding_window_view(x, (f, g), (1, 2))[:, ::stride, ::stride]
        return np.einsum("nijcuv,uvcm->nijm", cut, W) + b, (A_prev, W, b, hparameters)

    def conv_backward(dZ, cache):
        A_prev, W, _, hparameters = cache
        stride, pad = hparameters["stride"], hparameters["pad"]
        dA = np.zeros_like(A_prev)
        x = np.pad(dA, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        for i, j in np.ndindex(dZ.shape[1:3]):
            rows, columns = (slice(k * stride, k * stride + size) for k, size in zip((i, j), W.shape))
            x[:, rows, columns] += np.einsum("nm,uvcm->nuvc", dZ[:, i, j], W)
        dA[:] = x[:, pad:-pad, pad:-pad]
        return dA, np.zeros_like(W), dZ.sum((0, 1, 2))

    part = check(conv_forward, conv_backward)["conv2d.dx"]
    assert part.mistakes == ("only_with_padding",)
    assert "could not broadcast" in part.message


@pytest.mark.parametrize("axes", [(1, 2, 3), (0, 1, 3), (0, 1, 2)])
def test_a_bias_gradient_along_the_wrong_axes(axes):
    def conv2d_backward(d, x, w, b):
        return np.full_like(x, np.nan), np.full_like(w, np.nan), d.sum(axes)

    part = check(conv2d_backward)["conv2d.db"]
    assert part.mistakes == ("axis_wrong",)


def test_a_linear_layer_with_softmax_inside_and_its_wrong_axis():
    class Dense:
        def __init__(self, n_in, n_out):
            self.W, self.b = np.zeros((n_in, n_out)), np.zeros(n_out)

        def forward(self, x):
            self.x = x
            z = np.exp(x @ self.W + self.b)
            return z / z.sum(1, keepdims=True)

        def backward(self, dout):
            self.dW, self.db = self.x.T @ dout / len(dout), dout.sum(1)
            return dout @ self.W.T

    report = check(Dense)
    found = [part.mistakes for part in report.parts]
    assert found == [("activation_inside",), (), ("batch_averaged",), ("axis_wrong",)]


def test_a_maximum_that_starts_at_0_and_a_window_that_hangs_over():
    def maxpool(image, n):
        result = []
        for i in range(0, len(image), n):
            result.append([])
            for j in range(0, len(image[0]), n):
                largest = 0
                for u in range(n):
                    for v in range(n):
                        largest = max(largest, image[i + u][j + v])
                result[-1].append(largest)
        return result

    report = check(maxpool)
    part = report["max_pool2d"]
    assert (part.mistakes, part.sure) == (("maximum_from_zero", "dividing_strides_only"), False)
    assert "IndexError" in part.message
    assert part.example is not None
    assert part.example.case.x.shape == (1, 1, 2, 2)


def test_argmax_over_one_axis_of_the_window():
    def max_pool2d_backward(dout, x, kernel_size, stride):
        dx = np.zeros_like(x)
        for n, c, i, j in np.ndindex(dout.shape):
            top, left = i * stride, j * stride
            window = x[n, c, top : top + kernel_size, left : left + kernel_size]
            dx[n, c, top + window.argmax(0)[0], left + window.argmax(1)[0]] += dout[n, c, i, j]
        return dx

    part = check(max_pool2d_backward)["max_pool2d.dx"]
    assert (part.status, part.mistakes) == ("wrong", ("wrong_cell",))


def test_stride_and_ties_at_once():
    def max_pool2d_backward(dout, x, kernel_size, stride):
        dx = np.zeros_like(x)
        for n, c, i, j in np.ndindex(dout.shape):
            window = np.s_[n, c, i : i + kernel_size, j : j + kernel_size]
            dx[window] += dout[n, c, i, j] * (x[window] == x[window].max())
        return dx

    assert set(check(max_pool2d_backward)["max_pool2d.dx"].mistakes) == {"stride_missing", "ties_all"}


def test_a_transposed_convolution_not_turned_and_without_the_remainder():
    def conv2d_dx(d, w, stride):
        n, _, rows, columns = d.shape
        _, c, r, s = w.shape
        dx = np.zeros((n, c, (rows - 1) * stride + r, (columns - 1) * stride + s))
        for i, j in np.ndindex(rows, columns):
            window = np.s_[:, :, i * stride : i * stride + r, j * stride : j * stride + s]
            dx[window] += np.einsum("nm,mcuv->ncuv", d[:, :, i, j], w[:, :, ::-1, ::-1])
        return dx

    assert set(check(conv2d_dx)["conv2d.dx"].mistakes) == {"kernel_flipped", "dividing_strides_only"}


def test_a_mistake_is_named_though_one_call_raises():
    def conv2d_dw(d, x, w):
        if d.shape[2] != d.shape[3]:
            raise ValueError("square gradients only")
        cut = np.lib.stride_tricks.sliding_window_view(x, d.shape[2:], (2, 3))
        return np.einsum("ncuvij,nmij->mcuv", cut, d)[:, :, ::-1, ::-1] / len(x)

    part = check(conv2d_dw)["conv2d.dw"]
    assert set(part.mistakes) >= {"kernel_flipped", "batch_averaged"}
    assert not part.sure
    assert "square gradients only" in part.message


def test_a_size_that_counts_the_padding_twice():
    def conv2d(image, kernel, padding=0):
        image = np.pad(image, padding)
        (h, w), (r, s) = image.shape, kernel.shape
        out = np.zeros((h + 2 * padding - r + 1, w + 2 * padding - s + 1))
        for i, j in np.ndindex(out.shape):
            patch = image[i : i + r, j : j + s]
            if patch.shape == kernel.shape:
                out[i, j] = (patch * kernel).sum()
        return out

    assert check(conv2d)["conv2d"].mistakes == ("padding_twice",)


def test_a_backward_loop_that_ends_one_window_early():
    def conv2d_backward(dout, x, w):
        dx, dw, (r, s) = np.zeros_like(x), np.zeros_like(w), w.shape[2:]
        for i, j in np.ndindex(x.shape[2] - r, x.shape[3] - s):
            dx[:, :, i : i + r, j : j + s] += np.einsum("nm,mcuv->ncuv", dout[:, :, i, j], w)
            dw += np.einsum("nm,ncuv->mcuv", dout[:, :, i, j], x[:, :, i : i + r, j : j + s])
        return dx, dw

    report = check(conv2d_backward)
    assert report["conv2d.dx"].mistakes == report["conv2d.dw"].mistakes == ("output_too_small",)


def test_a_gradient_overwritten_and_left_with_its_padding():
    def conv2d_dx(grad, w, x_shape, stride=1, padding=0, groups=1):
        (n, c, h, width), (m, _, r, s) = x_shape, w.shape
        dx = np.zeros((n, c, h + 2 * padding, width + 2 * padding))
        for i, j in np.ndindex(grad.shape[2:]):
            for k in range(groups):
                mine, seen = (slice(k * all_ // groups, (k + 1) * all_ // groups) for all_ in (m, c))
                rows, columns = (slice(at * stride, at * stride + size) for at, size in ((i, r), (j, s)))
                dx[:, seen, rows, columns] = np.einsum("nm,mcuv->ncuv", grad[:, mine, i, j], w[mine])
        return dx

    assert set(check(conv2d_dx)["conv2d.dx"].mistakes) == {"overwritten", "padding_missing"}


def test_tensors_are_of_the_dtype_that_torch_makes(tmp_path):
    lines = [
        "import torch",
        "def conv2d(x, w):",
        "    y = torch.zeros(len(x), len(w), x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1)",
        "    for i in range(y.shape[2]):",
        "        for j in range(y.shape[3]):",
        "            window = torch.zeros(len(x), *w.shape[1:])",
        "            window += x[:, :, i : i + w.shape[2], j : j + w.shape[3]]",
        "            y[:, :, i, j] = window.flatten(1) @ w.flatten(1).T",
        "    return y",
    ]
    (tmp_path / "my_conv.py").write_text("\n".join(lines))
    report = grade(tmp_path / "my_conv.py")
    assert report.right, str(report)
    assert report["conv2d"].checks == 8
