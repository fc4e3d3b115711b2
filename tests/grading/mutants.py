"""Mistakes made on purpose: what is replaced in a right file of `students/`, and what it has to be called."""

from dataclasses import dataclass
from pathlib import Path

STUDENTS = Path(__file__).parent / "students"


@dataclass(frozen=True)
class Mutant:
    mistake: str
    target: str
    old: str
    new: str
    file: str = "loops"

    def __str__(self) -> str:
        return f"{self.target}-{self.mistake}-{self.file}"

    def text(self) -> str:
        """The file with the mistake; what is replaced stands in it, in the function it is meant for."""
        right = (STUDENTS / f"{self.file}.py").read_text()
        op, _, part = self.target.partition(".")
        heads = {
            "loops": f"def {op}_backward(" if part else f"def {op}(",
            "classes": {"conv2d": "class Conv2D", "max_pool2d": "class MaxPool2D", "linear": "class Dense"}.get(
                op, "class ReLU"
            ),
            "planes": "def corr2d_backward(" if part else "def corr2d(",
            "windows": f"def convolve_{part}(" if part else "def convolve(",
            "im2col": "def conv_backward" if part else "def conv_forward",
        }
        start = right.index(heads[self.file])
        assert right.count(self.old, start), self
        wrong = right[:start] + right[start:].replace(self.old, self.new, 1)
        if self.file != "loops":
            return wrong
        head, *functions = wrong.split("\n\n\ndef ")
        return "\n\n\ndef ".join([head, *(each for each in functions if each.startswith(op))])


STEP = "row, column = i * stride + u * dilation, j * stride + v * dilation"
GROW = "dxp[k, e, row, column] += dout[k, o, i, j] * w[o, e, u, v]"
GROW_W = "dw[o, e, u, v] += dout[k, o, i, j] * xp[k, e, row, column]"
CUT = "dxp[:, :, padding : padding + h, padding : padding + width]"

MUTANTS = [
    # the forward pass of a convolution
    Mutant("kernel_flipped", "conv2d", "w[o, e, u, v]", "w[o, e, r - 1 - u, s - 1 - v]"),
    Mutant("kernel_transposed", "conv2d", "w[o, e, u, v]", "w[o, e].T[u, v]"),
    Mutant("kernel_half_flipped", "conv2d", "w[o, e, u, v]", "w[o, e, r - 1 - u, v]"),
    Mutant("channels_transposed", "conv2d", "w[o, e, u, v]", "w[e, o, u, v]"),
    Mutant("channels_not_summed", "conv2d", "for e in range(c):", "for e in range(1):"),
    Mutant(
        "channels_not_summed",
        "conv2d",
        "for e in range(c):\n",
        "for e in range(c):\n                        total = 0\n",
    ),
    Mutant("stride_missing", "conv2d", STEP, "row, column = i + u * dilation, j + v * dilation"),
    Mutant("stride_missing", "conv2d", "n, c, h, width = x.shape", "stride = 1\n    n, c, h, width = x.shape"),
    Mutant("padding_missing", "conv2d", "n, c, h, width = x.shape", "padding = 0\n    n, c, h, width = x.shape"),
    Mutant(
        "padding_missing",
        "conv2d",
        "xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))",
        "xp = x",
    ),  # an IndexError
    Mutant(
        "padding_one_side", "conv2d", "(padding, padding), (padding, padding)", "(2 * padding, 0), (2 * padding, 0)"
    ),
    Mutant(
        "padding_one_side",
        "conv2d",
        "out_h = (h + 2 * padding - dilation * (r - 1) - 1) // stride + 1\n    out_w = (width + 2 * padding",
        "out_h = (h + padding - dilation * (r - 1) - 1) // stride + 1\n    out_w = (width + padding",
    ),
    Mutant("dilation_missing", "conv2d", STEP, "row, column = i * stride + u, j * stride + v"),
    Mutant("bias_missing", "conv2d", "total + b[o]", "total"),
    Mutant("bias_repeated", "conv2d", "* w[o, e, u, v]\n", "* w[o, e, u, v] + b[o]\n"),
    Mutant("bias_subtracted", "conv2d", "total + b[o]", "total - b[o]"),
    Mutant("output_too_small", "conv2d", "y = np.zeros", "out_h, out_w = out_h - 1, out_w - 1\n    y = np.zeros"),
    Mutant("output_too_large", "conv2d", "np.zeros((n, m, out_h, out_w)", "np.zeros((n, m, out_h + 1, out_w + 1)"),
    Mutant("output_as_input", "conv2d", "np.zeros((n, m, out_h, out_w)", "np.zeros((n, m, h, width)"),
    Mutant(
        "output_as_input",
        "conv2d",
        "    return Y",
        "    whole = np.zeros_like(X)\n    whole[: len(Y), : Y.shape[1]] = Y\n    return whole",
        "planes",
    ),
    Mutant("output_as_input", "conv2d", "(X.shape[0] - h + 1, X.shape[1] - w + 1)", "X.shape", "planes"),
    Mutant(
        "output_rounded_up",
        "conv2d",
        "out_h = (h + 2 * padding - dilation * (r - 1) - 1) // stride + 1\n"
        "    out_w = (width + 2 * padding - dilation * (s - 1) - 1) // stride + 1",
        "out_h = -(-(h + 2 * padding - dilation * (r - 1) - 1) // stride) + 1\n"
        "    out_w = -(-(width + 2 * padding - dilation * (s - 1) - 1) // stride) + 1\n"
        "    xp = np.pad(xp, ((0, 0), (0, 0), (0, stride), (0, stride)))",
    ),
    Mutant("square_kernels_only", "conv2d", "m, _, r, s = w.shape", "m, _, r, _ = w.shape\n    s = r"),
    Mutant("square_pictures_only", "conv2d", "n, c, h, width = x.shape", "n, c, h, _ = x.shape\n    width = h"),
    Mutant(
        "dividing_strides_only",
        "conv2d",
        "y = np.zeros",
        "assert (h + 2 * padding - dilation * (r - 1) - 1) % stride == 0\n    y = np.zeros",
    ),
    Mutant("one_image", "conv2d", "    return y", "    y[1:] = 0\n    return y"),
    Mutant("window_averaged", "conv2d", "total + b[o]", "total / (r * s) + b[o]"),
    Mutant("in_place", "conv2d", "    return y", "    x *= 2\n    return y"),
    Mutant(
        "whole_numbers_only", "conv2d", "np.zeros((n, m, out_h, out_w), x.dtype)", "np.zeros((n, m, out_h, out_w), int)"
    ),
    Mutant(
        "state_kept",
        "conv2d",
        "    return y",
        "    np.seterr\n    conv2d.kept = getattr(conv2d, 'kept', 0) + 1\n    return y * conv2d.kept",
    ),
    Mutant("no_array", "conv2d", "    return y", "    print(y)"),
    Mutant("not_finite", "conv2d", "    return y", "    return y / np.where(y > 20, 0.0, 1.0)"),
    # its gradients
    Mutant("kernel_flipped", "conv2d.dx", "w[o, e, u, v]", "w[o, e, r - 1 - u, s - 1 - v]"),
    Mutant("stride_missing", "conv2d.dx", GROW, GROW.replace("row, column", "i + u * dilation, j + v * dilation")),
    Mutant("padding_missing", "conv2d.dx", CUT, "dxp"),
    Mutant("padding_missing", "conv2d.dx", CUT, "dxp[:, :, :h, :width]"),
    Mutant("overwritten", "conv2d.dx", GROW, GROW.replace("+=", "=")),
    Mutant("overwritten", "conv2d.dx", "+= dY[i, j] * K", "= dY[i, j] * K", "planes"),
    Mutant(
        "channels_not_summed",
        "conv2d.dx",
        GROW,
        "dxp[k, e, row, column] += (o == 0) * dout[k, o, i, j] * w[o, e, u, v]",
    ),
    Mutant("batch_averaged", "conv2d.dx", CUT, CUT + " / n"),
    Mutant("gradient_missing", "conv2d.dx", GROW, "pass"),
    Mutant("kernel_flipped", "conv2d.dx", "kernels[:, :, ::-1, ::-1]", "kernels", "windows"),
    Mutant("kernel_flipped", "conv2d.dw", "dw[o, e, u, v] +=", "dw[o, e, r - 1 - u, s - 1 - v] +="),
    Mutant("stride_missing", "conv2d.dw", GROW_W, GROW_W.replace("row, column", "i + u * dilation, j + v * dilation")),
    Mutant("stride_missing", "conv2d.dw", "sh * stride, sw * stride", "sh, sw", "windows"),
    Mutant(
        "padding_missing",
        "conv2d.dw",
        GROW_W,
        "xq = np.pad(x, ((0, 0), (0, 0), (0, 9), (0, 9)))\n"
        "                                dw[o, e, u, v] += dout[k, o, i, j] * xq[k, e, row, column]",
    ),
    Mutant("padding_missing", "conv2d.dw", GROW_W, GROW_W.replace("xp[", "x[")),  # an IndexError
    Mutant("batch_averaged", "conv2d.dw", "dx = dxp", "dw = dw / n\n    dx = dxp"),
    Mutant("batch_averaged", "conv2d.db", "dx = dxp", "db = db / n\n    dx = dxp"),
    Mutant("batch_averaged", "conv2d.db", "dy.sum((0, 2, 3))", "dy.mean(0).sum((1, 2))", "classes"),
    Mutant("one_image", "conv2d.dw", "for o in range(m):", "dw[:] = 0\n        for o in range(m):"),
    Mutant("one_image", "conv2d.db", "for o in range(m):", "db[:] = 0\n        for o in range(m):"),
    Mutant("positions_averaged", "conv2d.dw", "dx = dxp", "dw = dw / dout[0, 0].size\n    dx = dxp"),
    Mutant("overwritten", "conv2d.dw", GROW_W, GROW_W.replace("+=", "=")),
    Mutant("overwritten", "conv2d.dw", "self.dW +=", "self.dW =", "classes"),
    Mutant("overwritten", "conv2d.db", "db[o] += ", "db[o] = "),
    Mutant("channels_transposed", "conv2d.dw", "return dx, dw, db", "return dx, dw.swapaxes(0, 1), db"),
    Mutant("gradient_missing", "conv2d.db", "db[o] += dout[k, o, i, j]", "pass"),
    Mutant(
        "state_kept",
        "conv2d.dw",
        "dx, self.dW = np.zeros_like(self.x), np.zeros_like(self.W)",
        "dx = np.zeros_like(self.x)\n        self.dW = np.zeros_like(self.W) if self.dW is None else self.dW",
        "classes",
    ),
    # pooling
    Mutant("padded_with_zeros", "max_pool2d", "-np.inf", "0"),
    Mutant("mean_for_max", "max_pool2d", ".max((2, 3))", ".mean((2, 3))", "classes"),
    Mutant(
        "min_for_max",
        "max_pool2d",
        "n, c, h, width = x.shape",
        "return -max_pool2d_(-x, kernel_size, stride, padding)\n\n\n"
        "def max_pool2d_(x, kernel_size, stride=None, padding=0):\n    n, c, h, width = x.shape",
    ),
    Mutant("stride_missing", "max_pool2d", "stride = stride or kernel_size", "stride = 1"),
    Mutant("output_too_small", "max_pool2d", "y = np.zeros", "out_h, out_w = out_h - 1, out_w - 1\n    y = np.zeros"),
    Mutant(
        "dividing_strides_only",
        "max_pool2d",
        "y = np.zeros",
        "assert (h + 2 * padding - kernel_size) % stride == 0\n"
        "    assert (width + 2 * padding - kernel_size) % stride == 0\n    y = np.zeros",
    ),
    Mutant("overwritten", "max_pool2d.dx", "+= dout", "= dout"),
    Mutant("padded_with_zeros", "max_pool2d.dx", "-np.inf", "0"),
    Mutant(
        "ties_all",
        "max_pool2d.dx",
        "u, v = np.unravel_index(window.argmax(), window.shape)\n"
        "                    dxp[k, e, top + u, left + v] += dout[k, e, i, j]",
        "mask = window == window.max()\n"
        "                    dxp[k, e, top : top + kernel_size, left : left + kernel_size] += "
        "mask * dout[k, e, i, j]",
    ),
    Mutant("stride_missing", "max_pool2d.dx", "i * stride, j * stride", "i, j"),
    Mutant("padding_missing", "max_pool2d.dx", CUT, "dxp"),
    Mutant(
        "padding_not_counted",
        "avg_pool2d",
        "window.mean((2, 3))",
        "window.sum((2, 3)) / np.count_nonzero(window[0, 0])",
    ),
    Mutant("not_divided", "avg_pool2d", "window.mean", "window.sum"),
    Mutant("divided_by_one_side", "avg_pool2d", "window.mean((2, 3))", "window.sum((2, 3)) / kernel_size"),
    Mutant("max_for_mean", "avg_pool2d", "window.mean", "window.max"),
    Mutant("overwritten", "avg_pool2d.dx", "+= share", "= share"),
    Mutant("not_divided", "avg_pool2d.dx", " / kernel_size**2", ""),
    Mutant(
        "stride_missing",
        "avg_pool2d.dx",
        "i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size",
        "i : i + kernel_size, j : j + kernel_size",
    ),
    # linear and ReLU
    Mutant("bias_missing", "linear", " + b", ""),
    Mutant("bias_repeated", "linear", " + b", " + b * x.shape[1]"),
    Mutant("batch_averaged", "linear.dw", "dout.T @ x", "dout.T @ x / len(x)"),
    Mutant("batch_averaged", "linear.db", "dout.sum(0)", "dout.mean(0)"),
    Mutant("batch_not_summed", "linear.db", "dout.sum(0)", "dout"),
    Mutant("one_image", "linear.db", "dout.sum(0)", "dout[-1]"),
    Mutant("relu_absolute", "relu", "np.where(x > 0, x, 0)", "abs(x)"),
    Mutant("relu_missing", "relu", "np.where(x > 0, x, 0)", "x"),
    Mutant("relu_leaky", "relu", "np.where(x > 0, x, 0)", "np.where(x > 0, x, 0.01 * x)"),
    Mutant("in_place", "relu", "return", "x[x < 0] = 0\n    return"),
    Mutant("mask_missing", "relu.dx", "dout * (x > 0)", "dout"),
    Mutant("mask_missing", "relu.dx", "dout * self.mask", "dout", "classes"),
    Mutant("mask_by_gradient", "relu.dx", "dout * (x > 0)", "dout * (dout > 0)"),
    Mutant("mask_at_zero", "relu.dx", "(x > 0)", "(x >= 0)"),
    Mutant("mask_inverted", "relu.dx", "(x > 0)", "(x < 0)"),
    Mutant("mask_without_gradient", "relu.dx", "dout * (x > 0)", "(x > 0) * 1.0"),
    Mutant("mask_times_input", "relu.dx", "dout * (x > 0)", "dout * np.maximum(x, 0)"),
    Mutant("in_place", "relu.dx", "return dout * (x > 0)", "dout[x <= 0] = 0\n    return dout"),
]
