"""What is refused, and in what words: argument, value, shapes, the rule, the smallest fix; on one line."""

import inspect

import numpy as np
import pytest

from convscope import ops
from convscope.errors import InputError

X = np.zeros((2, 3, 5, 6), np.float32)
W = np.zeros((4, 3, 2, 3), np.float32)
G = np.zeros((2, 4, 4, 4), np.float32)
V = np.zeros((2, 6), np.float32)
U = np.zeros((3, 6), np.float32)
SIGNAL = np.zeros((2, 3, 6), np.float32)
SIGNAL_W = np.zeros((4, 3, 3), np.float32)
VOLUME = np.zeros((2, 3, 4, 5, 6), np.float32)
VOLUME_W = np.zeros((4, 3, 2, 2, 3), np.float32)
SPREAD_W = np.zeros((3, 2, 2, 3), np.float32)
TARGET = np.zeros(2, np.int64)


class OnlyLooksLikeAnArray:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("not today")


ARRAYS = [
    (
        "conv2d",
        ("abc", W),
        r"x='abc' has dtype <U3: an array of real numbers is needed; give a NumPy array of float32",
    ),
    ("conv2d", (X, [["a", "b"], ["c", "d"]]), r"w=\[\['a', 'b'\], \['c', 'd'\]\] has dtype <U1"),
    ("conv2d", (X.astype(object), W), r"x=array.* has dtype object: an array of real numbers is needed"),
    ("conv2d", (None, W), r"x=None has dtype object"),
    (
        "conv2d",
        ([[1.0, 2.0], [3.0]], W),
        r"x=.* does not make an array .*; give a NumPy array, or lists of equal length",
    ),
    ("conv2d", (OnlyLooksLikeAnArray(), W), r"does not make an array \(not today\)"),
    (
        "conv2d",
        (X.astype(np.int64), W),
        r"x has dtype int64: operators take float32 or float64; use x.astype\(np.float32\)",
    ),
    ("conv2d", (X.astype(bool), W), r"x=array.* has dtype bool"),
    ("conv2d", (X.astype(np.float16), W), r"x has dtype float16: operators take float32 or float64"),
    ("conv2d", (X.astype(np.complex64), W), r"x=array.* has dtype complex64: an array of real numbers"),
    (
        "conv2d",
        (X, W.astype(np.float64)),
        r"x is float32 and w is float64: they must have one dtype; use w.astype\(x.dtype\)",
    ),
    ("conv2d", (X, W, np.zeros(4)), r"x is float32 and bias is float64: .* use bias.astype\(x.dtype\)"),
    (
        "conv2d",
        (X[0], W),
        r"x has shape \(3, 5, 6\): 4 axes \(n, c, h, w\) are needed, not 3; .* as in x\[None\]",
    ),
    (
        "conv2d",
        (X, W[0, 0]),
        r"w has shape \(2, 3\): 4 axes \(m, c, r, s\) are needed, not 2; .* as in w\[None, None\]",
    ),
    ("conv2d", (X[None], W), r"x has shape \(1, 2, 3, 5, 6\): .* not 5; take one, as in x\[0\], or reshape"),
    (
        "conv2d",
        (X, W, np.zeros((4, 1), np.float32)),
        r"bias has shape \(4, 1\): w of shape \(4, 3, 2, 3\) .* asks for \(4,\)",
    ),
    (
        "conv2d",
        (X, W, np.zeros(3, np.float32)),
        r"bias has shape \(3,\): w .* with its 4 output channels asks for \(4,\)",
    ),
    (
        "conv2d",
        (X[:, :0], W),
        r"x has shape \(2, 0, 5, 6\) .* every axis but the batch has at least one cell",
    ),
    ("conv2d", (X, W[:0]), r"w has shape \(0, 3, 2, 3\): every axis but the batch has at least one cell"),
    ("conv2d_bias_grad", (G[0],), r"grad_output has shape \(4, 4, 4\): 4 axes \(n, m, "),
    (
        "conv2d_input_grad",
        (X.shape, W, G[:, :3]),
        r"grad_output has shape \(2, 3, 4, 4\): input_size=\(2, 3, 5, 6\) under w of shape \(4, 3, 2, 3\) "
        r"asks for \(2, 4, 4, 4\)",
    ),
    ("conv2d_input_grad", (X.shape, W.astype(float), G), r"w is float64 and grad_output is float32"),
    ("conv2d_input_grad", ((3, 5, 6), W, G), r"input_size=\(3, 5, 6\): it must be the shape \(n, c, h, w\)"),
    ("conv2d_input_grad", ("2356", W, G), r"input_size='2356': it must be the shape"),
    (
        "conv2d_input_grad",
        ((2, 3, 0, 6), W, G),
        r"input_size=\(2, 3, 0, 6\): every axis but the batch has at least one",
    ),
    (
        "conv2d_weight_grad",
        (X, W.shape, G[..., :3]),
        r"grad_output has shape \(2, 4, 4, 3\): x of shape \(2, 3, 5, 6\) under weight_size=\(4, 3, 2, "
        r"3\) asks for \(2, 4, 4, 4\)",
    ),
    ("conv2d_weight_grad", (X, 3, G), r"weight_size=3: it must be the shape \(m, c, r, s\)"),
    ("max_pool2d", (X[0], 2), r"x has shape \(3, 5, 6\): 4 axes"),
    ("max_pool2d", (X[:, :, :0], 2), r"x has shape \(2, 3, 0, 6\): every axis but the batch"),
    ("avg_pool2d", ("x", 2), r"x='x' has dtype <U1"),
    ("relu", ("x",), r"x='x' has dtype <U1"),
    ("relu", ([1, 2],), r"x has dtype int64: operators take float32 or float64"),
    ("relu_input_grad", (V, U), r"grad_output has shape \(3, 6\): x of shape \(2, 6\) asks for \(2, 6\)"),
    ("softmax", (np.float32(1),), r"x has shape \(\): the last axis, over classes, needs at least one cell"),
    ("log_softmax", (V[:, :0],), r"x has shape \(2, 0\): the last axis"),
    (
        "linear",
        (V, U[:, :5]),
        r"x has shape \(2, 6\) and w has shape \(3, 5\): .* give w of shape \(3, 6\) or x of shape \(2, 5\)",
    ),
    ("linear", (X, U), r"x has shape \(2, 3, 5, 6\): 2 axes \(n, in\) are needed, not 4"),
    (
        "linear",
        (V, U, np.zeros(2, np.float32)),
        r"bias has shape \(2,\): w of shape \(3, 6\) with its 3 outputs asks for \(3,\)",
    ),
    ("linear_input_grad", (U, V), r"grad_output has shape \(2, 6\): w of shape \(3, 6\) asks for \(2, 3\)"),
    ("linear_weight_grad", (V, U), r"grad_output has shape \(3, 6\): x of shape \(2, 6\) asks for \(2, 6\)"),
    ("linear_bias_grad", (V[0],), r"grad_output has shape \(6,\): 2 axes \(n, out\)"),
    ("pad2d", (V, 1), r"x has shape \(2, 6\): 4 axes"),
    (
        "pad2d_input_grad",
        (X.shape, X, 1),
        r"grad_output has shape \(2, 3, 5, 6\): input_size=\(2, 3, 5, 6\) with padding \(1, 1, 1, 1\) "
        r"asks for \(2, 3, 7, 8\)",
    ),
]

NUMBERS = [
    ("conv2d", (X, W, None, 0), r"stride=0: it must be at least 1; use stride=1"),
    ("conv2d", (X, W, None, (1, -2)), r"stride=-2: it must be at least 1"),
    ("conv2d", (X, W, None, 1.5), r"stride=1.5: a whole number is needed; use stride=1"),
    ("conv2d", (X, W, None, True), r"stride=True: a whole number is needed"),
    ("conv2d", (X, W, None, "2"), r"stride='2': it must be one whole number or a pair \(rows, columns\)"),
    ("conv2d", (X, W, None, (1, 2, 3)), r"stride=\(1, 2, 3\): it must be one whole number or a pair"),
    ("conv2d", (X, W, None, None), r"stride=None: a whole number is needed"),
    ("conv2d", (X, W, None, 1, -1), r"padding=-1: it must be at least 0; use padding=0"),
    ("conv2d", (X, W, None, 1, "full"), r"padding='full': it must be one of 'valid', 'same'"),
    (
        "conv2d",
        (X, W, None, 1, (1, 2, 3)),
        r"padding=\(1, 2, 3\): it must be .* a pair \(rows, columns\) or \(top, bottom, left, right\)",
    ),
    ("conv2d", (X, W, None, 1, ((1, 1), (2, 2))), r"padding=\(1, 1\): a whole number is needed"),
    ("conv2d", (X, W, None, 1, 0, 0), r"dilation=0: it must be at least 1"),
    (
        "conv2d",
        (X, W, None, 1, 0, 1, 2),
        r"groups=2 with x of shape \(2, 3, 5, 6\) and w of shape \(4, 3, 2, 3\): the 3 input and the 4 "
        r"output channels must both divide into the groups; use groups=1",
    ),
    ("conv2d", (X, W, None, 1, 0, 1, 0), r"groups=0: it must be at least 1"),
    ("conv2d", (X, W, None, 1, 0, 1, [1]), r"groups=\[1\]: a whole number is needed"),
    (
        "conv2d",
        (X, W[:3], None, 1, 0, 1, 3),
        r"x has shape \(2, 3, 5, 6\) and w has shape \(3, 3, 2, 3\) with groups=3: w needs "
        r"channels/groups = 1 on its second axis, not 3; give w of shape \(3, 1, 2, 3\) or x with 9 channels",
    ),
    (
        "conv2d",
        (X[:, :2], W),
        r"w needs channels/groups = 2 .* not 3; give w of shape \(4, 2, 2, 3\) or x with 3 channels",
    ),
    (
        "conv2d",
        (X[:, :, :1], W),
        r"w has shape \(4, 3, 2, 3\), so with dilation=\(1, 1\) the kernel spans 2 x 3 cells, more than "
        r"the 1 x 6 of an image of 1 x 6 with padding=\(0, 0, 0, 0\); use a smaller kernel or more padding",
    ),
    (
        "conv2d",
        (X, W, None, 1, 1, (7, 1)),
        r"the kernel spans 8 x 3 cells, more than the 7 x 8 of an image of 5 x 6 with",
    ),
    (
        "conv2d",
        (X, W, None, 1, 1, 1, 1, "mirror"),
        r"padding_mode='mirror': it must be one of 'zeros', 'reflect', 'replicate', 'circular'",
    ),
    ("conv2d", (X, W, None, 1, 1, 1, 1, None), r"padding_mode=None: it must be one of"),
    (
        "conv2d",
        (X, W, None, 1, (5, 0), 1, 1, "reflect"),
        r"padding=\(5, 5, 0, 0\) \(top, bottom, left, right\) with padding_mode='reflect' on an image of "
        r"5 x 6: the padding must be smaller than the image; use padding=\(4, 0\) or "
        r"padding_mode='replicate'",
    ),
    (
        "conv2d",
        (X, W, None, 1, (0, 0, 0, 7), 1, 1, "circular"),
        r"the padding must be at most the image's size; use padding=\(0, 6\)",
    ),
    (
        "pad2d",
        (X, (0, 6), "reflect"),
        r"padding=\(0, 0, 6, 6\) .* with mode='reflect' on an image of 5 x 6: .* use padding=\(0, 5\) or "
        r"mode='replicate'",
    ),
    ("pad2d", (X, "same", "zeros"), r"padding='same': it must be one whole number, a pair"),
    ("pad2d", (X, 1, "constant"), r"mode='constant': it must be one of 'zeros'"),
    ("pad2d_input_grad", (X.shape, X, -1, "zeros"), r"padding=-1: it must be at least 0"),
    ("max_pool2d", (X, 0), r"kernel_size=0: it must be at least 1; use kernel_size=1"),
    ("max_pool2d", (X, 2, 0), r"stride=0: it must be at least 1"),
    (
        "max_pool2d",
        (X, 3, 2, 2),
        r"padding=\(2, 2, 2, 2\) .* with kernel_size=\(3, 3\): padding is at most half the kernel, .* use "
        r"padding=\(1, 1\)",
    ),
    (
        "avg_pool2d",
        (X, (2, 3), 2, (0, 0, 0, 2)),
        r"padding=\(0, 0, 0, 2\) .* with kernel_size=\(2, 3\): .* use padding=\(1, 1\)",
    ),
    (
        "max_pool2d",
        (X, (6, 2)),
        r"kernel_size=\(6, 2\), so with dilation=\(1, 1\) the kernel spans 6 x 2 cells, more than the 5 x 6",
    ),
    (
        "max_pool2d",
        (X[:, :, :1, :1], 2, 1, 1, 2),
        r"kernel_size=\(2, 2\), padding=\(1, 1, 1, 1\), dilation=\(2, 2\) on x of shape \(2, 3, 1, 1\): a "
        r"window lies with all its cells in the padding; use padding=0 or dilation=1",
    ),
    (
        "max_pool2d_input_grad",
        (X.shape, X, X),
        r"indices has dtype float32: cells are numbered by integers; use max_pool2d\(..., "
        r"return_indices=True\)",
    ),
    (
        "max_pool2d_input_grad",
        (X.shape, X, np.zeros((2, 3, 5, 5), int)),
        r"indices has shape \(2, 3, 5, 5\): grad_output.* asks for \(2, 3, 5, 6\)",
    ),
    (
        "max_pool2d_input_grad",
        (X.shape, X, np.full(X.shape, 30)),
        r"indices go from 30 to 30: a plane of 5 x 6 cells has 0 to 29; give the input_size",
    ),
    (
        "max_pool2d_input_grad",
        ((2, 2, 5, 6), X, np.zeros(X.shape, int)),
        r"grad_output has shape \(2, 3, 5, 6\) and input_size=\(2, 2, 5, 6\): pooling leaves .* use "
        r"input_size=\(2, 3, 5, 6\)",
    ),
    (
        "avg_pool2d_input_grad",
        (X.shape, X, 2),
        r"grad_output has shape \(2, 3, 5, 6\): input_size=\(2, 3, 5, 6\) in 2 x 2 windows asks for \(2, "
        r"3, 2, 3\)",
    ),
    ("cross_entropy", (V, TARGET, "avg"), r"reduction='avg': it must be one of 'mean', 'sum', 'none'"),
    ("cross_entropy_input_grad", (V, TARGET, "none"), r"reduction='none': it must be one of 'mean', 'sum'"),
    (
        "cross_entropy",
        (V, TARGET.astype(float)),
        r"target has dtype float64: it holds class numbers; use target.astype\(np.int64\)",
    ),
    (
        "cross_entropy",
        (V, TARGET[:1]),
        r"target has shape \(1,\): logits of shape \(2, 6\), one class for each row, asks for \(2,\)",
    ),
    (
        "cross_entropy",
        (V, TARGET + 6),
        r"target goes from 6 to 6: logits of shape \(2, 6\) know classes 0 to 5",
    ),
    ("cross_entropy", (V, TARGET - 1), r"target goes from -1 to -1"),
    ("cross_entropy", (V, ["cat", "dog"]), r"target=\['cat', 'dog'\] has dtype <U3"),
    (
        "cross_entropy",
        (V[:0], TARGET[:0]),
        r"logits has shape \(0, 6\): no rows have no mean; use reduction='sum'",
    ),
]

# Along one axis nobody is told of pictures, along three nobody of two
AXES = [
    ("conv1d", (X, SIGNAL_W), r"x has shape \(2, 3, 5, 6\): 3 axes \(n, c, w\) are needed, not 4; take one"),
    ("conv1d", (SIGNAL, W), r"w has shape \(4, 3, 2, 3\): 3 axes \(m, c, s\) are needed, not 4"),
    (
        "conv1d",
        (SIGNAL[:, :, :2], SIGNAL_W),
        r"w has shape \(4, 3, 3\), so with dilation=1 the kernel spans 3 cells, more than the 2 of a signal of 2 with "
        r"padding=\(0, 0\); use a smaller kernel or more padding",
    ),
    ("conv1d", (SIGNAL, SIGNAL_W, None, (1, 2)), r"stride=\(1, 2\): it must be one whole number$"),
    ("conv1d", (SIGNAL, SIGNAL_W, None, 1, (1, 2, 3)), r"padding=.*: it must be one whole number or \(left, right\)$"),
    (
        "conv1d",
        (SIGNAL, SIGNAL_W, None, 1, 6, 1, 1, "reflect"),
        r"padding=\(6, 6\) \(left, right\) with padding_mode='reflect' on a signal of 6: the padding must be smaller "
        r"than the signal; use padding=5 or padding_mode='replicate'",
    ),
    ("conv1d_bias_grad", (X,), r"grad_output has shape \(2, 3, 5, 6\): 3 axes \(n, m, out_w\)"),
    ("conv1d_input_grad", ((2, 3), SIGNAL_W, SIGNAL), r"input_size=\(2, 3\): it must be the shape \(n, c, w\)"),
    (
        "conv1d_weight_grad",
        (SIGNAL, (4, 3, 3), SIGNAL),
        r"grad_output has shape \(2, 3, 6\): x of shape \(2, 3, 6\) under weight_size=\(4, 3, 3\) asks for \(2, 4, 4\)",
    ),
    ("conv3d", (X, VOLUME_W), r"x has shape \(2, 3, 5, 6\): 5 axes \(n, c, d, h, w\) are needed, not 4"),
    ("conv3d", (VOLUME, W), r"w has shape \(4, 3, 2, 3\): 5 axes \(m, c, t, r, s\)"),
    (
        "conv3d",
        (VOLUME, VOLUME_W, None, 1, 0, (4, 1, 1)),
        r"with dilation=\(4, 1, 1\) the kernel spans 5 x 2 x 3 cells, more than the 4 x 5 x 6 of a volume of 4 x 5 x 6 "
        r"with padding=\(0, 0, 0, 0, 0, 0\)",
    ),
    (
        "conv3d",
        (VOLUME, VOLUME_W, None, (1, 2)),
        r"stride=\(1, 2\): it must be one whole number or three \(planes, rows, columns\)",
    ),
    (
        "conv3d",
        (VOLUME, VOLUME_W, None, 1, (1, 2)),
        r"padding=\(1, 2\): .* three \(planes, rows, columns\) or \(front, back, top, bottom, left, right\)",
    ),
    (
        "conv3d",
        (VOLUME, VOLUME_W, None, 1, (5, 0, 0), 1, 1, "circular"),
        r"\(front, back, top, bottom, left, right\) with padding_mode='circular' on a volume of 4 x 5 x 6: the padding "
        r"must be at most the volume's size; use padding=\(4, 0, 0\)",
    ),
    (
        "conv_transpose2d",
        (X, W),
        r"x has shape \(2, 3, 5, 6\) and w has shape \(4, 3, 2, 3\): w needs the 3 channels of x on its first axis, "
        r"not 4; give w of shape \(3, 3, 2, 3\) or x with 4 channels",
    ),
    ("conv_transpose2d", (X, W[0]), r"w has shape \(3, 2, 3\): 4 axes \(c, m, r, s\) are needed, not 3"),
    ("conv_transpose2d", (X, SPREAD_W.astype(float)), r"x is float32 and w is float64"),
    ("conv_transpose2d", (X, SPREAD_W[:, :0]), r"every axis but the batch has at least one cell"),
    (
        "conv_transpose2d",
        (X, SPREAD_W, np.zeros(3, np.float32)),
        r"bias has shape \(3,\): w of shape \(3, 2, 2, 3\) with its 2 output channels asks for \(2,\)",
    ),
    (
        "conv_transpose2d",
        (X, SPREAD_W, None, 1, 0, 0, 2),
        r"groups=2 with x of shape \(2, 3, 5, 6\): its 3 channels must divide into the groups; use groups=1",
    ),
    (
        "conv_transpose2d",
        (X, SPREAD_W, None, (2, 1), 0, (1, 1)),
        r"output_padding=\(1, 1\) with stride=\(2, 1\): .* it must be smaller than the stride; use output_padding=0",
    ),
    ("conv_transpose2d", (X, SPREAD_W, None, 2, 0, -1), r"output_padding=-1: it must be at least 0"),
    (
        "conv_transpose2d",
        (X, SPREAD_W, None, 2, "same", 1),
        r"output_padding=\(1, 1\) with padding='same': the result has size\*stride cells; use output_padding=0",
    ),
    (
        "conv_transpose2d",
        (X, SPREAD_W, None, 1, (3, 0)),
        r"padding=\(3, 3, 0, 0\) \(top, bottom, left, right\) takes all of the 6 x 8 cells that x of shape "
        r"\(2, 3, 5, 6\) makes under w of shape \(3, 2, 2, 3\); use less padding",
    ),
    (
        "conv_transpose2d",
        (X, SPREAD_W, None, 1, (2, 0), 0, 1, 1, "reflect"),
        r"padding=\(2, 2, 0, 0\) .* with padding_mode='reflect' on an image of 2 x 8: .* use padding=\(1, 0\)",
    ),
    (
        "conv_transpose2d_input_grad",
        (X.shape, SPREAD_W, X),
        r"grad_output has shape \(2, 3, 5, 6\): input_size=\(2, 3, 5, 6\) under w of shape \(3, 2, 2, 3\) asks for "
        r"\(2, 2, 6, 8\)",
    ),
    (
        "conv_transpose2d_weight_grad",
        (X, SPREAD_W.shape, X),
        r"x of shape \(2, 3, 5, 6\) under weight_size=\(3, 2, 2, 3\) asks for \(2, 2, 6, 8\)",
    ),
    ("conv_transpose1d", (SIGNAL, SIGNAL_W), r"w needs the 3 channels of x .* give w of shape \(3, 3, 3\) or"),
    (
        "conv_transpose1d",
        (SIGNAL, SIGNAL_W[:3], None, 1, 0, 1),
        r"output_padding=1 with stride=1: it chooses among results .* smaller than the stride",
    ),
    ("conv_transpose3d", (VOLUME, SPREAD_W), r"w has shape \(3, 2, 2, 3\): 5 axes \(c, m, t, r, s\)"),
    ("conv_transpose3d_bias_grad", (X,), r"5 axes \(n, m, out_d, out_h, out_w\)"),
]


@pytest.mark.parametrize(("name", "arguments", "text"), ARRAYS + NUMBERS + AXES)
def test_refused_in_one_line(impl, name, arguments, text):
    with pytest.raises(InputError, match=text) as caught:
        getattr(impl, name)(*arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [n for n in ops.__all__ if n != "reference"])
def test_every_operator_refuses_text(impl, name):
    operator = getattr(impl, name)
    needed = [p for p in inspect.signature(operator).parameters.values() if p.default is p.empty]
    with pytest.raises(InputError, match=r"'text'"):
        operator(*["text"] * len(needed))


def test_whole_numbers_of_numpy_are_whole_numbers(impl):
    wanted = impl.conv2d(X, W, stride=(2, 1), padding=1)
    given = impl.conv2d(X, W, stride=np.array([2, 1]), padding=np.int32(1), dilation=[1, np.int64(1)])
    np.testing.assert_array_equal(given, wanted)


def test_lists_of_numbers_are_arrays_of_float64(impl):
    y = impl.conv2d([[[[1.0, 2.0, 4.0]]]], [[[[-1.0, 1.0]]]])
    assert y.dtype == np.float64
    np.testing.assert_array_equal(y, [[[[1, 2]]]])
