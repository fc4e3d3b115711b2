"""An outside judge: the node tests that the ONNX project publishes for convolution and pooling.

Every case found is either run, or skipped by name with the reason. ConvTranspose is the gradient of a
convolution with respect to its input, so its cases judge `conv2d_input_grad`.
"""

from importlib import import_module

import numpy as np
import pytest
from onnx import helper, numpy_helper
from onnx.backend.test.case import node as published

JUDGED = ("Conv", "ConvTranspose", "MaxPool", "AveragePool")

for module in JUDGED:  # importing a module of cases adds them to the list; all of them together take seconds
    import_module(f"{published.__name__}.{module.lower()}")

# A case of one node; the others ("_expanded") spell it out in nodes that are not judged here
CASES = {
    case.name.removeprefix("test_"): case
    for case in published._NodeTestCases
    if len(case.model.graph.node) == 1 and case.model.graph.node[0].op_type in JUDGED
}

SKIPPED = {
    "averagepool_1d_default": "one axis; these operators are for images",
    "averagepool_3d_default": "three axes",
    "averagepool_3d_dilations_small": "three axes",
    "averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_False": "three axes",
    "averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_True": "three axes",
    "averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_False": "three axes",
    "averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True": "three axes",
    "convtranspose_1d": "one axis",
    "convtranspose_3d": "three axes",
    "maxpool_1d_default": "one axis",
    "maxpool_2d_uint8": "uint8; operators take float32 or float64",
    "maxpool_3d_default": "three axes",
    "maxpool_3d_dilations": "three axes",
    "maxpool_3d_dilations_use_ref_impl": "three axes",
    "maxpool_3d_dilations_use_ref_impl_large": "three axes",
}


def attributes(case):
    return {a.name: helper.get_attribute_value(a) for a in case.model.graph.node[0].attribute}


def same_lower(size, kernel, stride, dilation=1):
    """SAME_LOWER puts an odd cell before the image, where "same" (SAME_UPPER) puts it after."""
    total = max((-(-size // stride) - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
    return total - total // 2, total // 2


def padding_of(given, size, kernel):
    """ONNX's pads are (top, left, bottom, right), ours (top, bottom, left, right)."""
    auto_pad = given.get("auto_pad", b"NOTSET")
    if auto_pad == b"SAME_UPPER":
        return "same"
    if auto_pad == b"VALID":
        return "valid"
    if auto_pad == b"SAME_LOWER":
        strides, dilations = given.get("strides", (1, 1)), given.get("dilations", (1, 1))
        rows, columns = (same_lower(size[k], kernel[k], strides[k], dilations[k]) for k in (0, 1))
        return *rows, *columns
    top, left, bottom, right = given.get("pads", (0, 0, 0, 0))
    return top, bottom, left, right


def conv(ops, given, x, w, bias=None):
    padding = padding_of(given, x.shape[2:], w.shape[2:])
    stride, dilation = given.get("strides", 1), given.get("dilations", 1)
    return [ops.conv2d(x, w, bias, stride, padding, dilation, given.get("group", 1))]


def conv_transpose(ops, given, x, w):
    stride, dilation = given.get("strides", (1, 1)), given.get("dilations", (1, 1))
    extra, groups = given.get("output_padding", (0, 0)), given.get("group", 1)
    spans = [dilation[k] * (w.shape[2 + k] - 1) + 1 for k in (0, 1)]
    full = [stride[k] * (x.shape[2 + k] - 1) + spans[k] for k in (0, 1)]
    top, bottom, left, right = padding = (
        (0, 0, 0, 0) if "auto_pad" in given else padding_of(given, x.shape[2:], w.shape[2:])
    )
    size = [full[0] + extra[0] - top - bottom, full[1] + extra[1] - left - right]
    if given.get("auto_pad") == b"SAME_UPPER":
        size = [stride[k] * x.shape[2 + k] for k in (0, 1)]
        cut = [max(full[k] - size[k], 0) for k in (0, 1)]
        padding = (cut[0] // 2, cut[0] - cut[0] // 2, cut[1] // 2, cut[1] - cut[1] // 2)
    size = given.get("output_shape", size)
    input_size = (x.shape[0], w.shape[1] * groups, *size)
    return [ops.conv2d_input_grad(input_size, w, x, stride, padding, dilation, groups)]


def wider_than_half(padding, kernel):
    """ONNX allows more padding than half a window; we, as PyTorch, do not."""
    return 2 * max(padding[:2]) > kernel[0] or 2 * max(padding[2:]) > kernel[1]


def max_pool(ops, given, x):
    kernel, stride = given["kernel_shape"], given.get("strides", 1)
    padding = padding_of(given, x.shape[2:], kernel)
    if not isinstance(padding, str) and wider_than_half(padding, kernel):
        x, padding = np.pad(x, [(0, 0), (0, 0), padding[:2], padding[2:]], constant_values=-np.inf), 0
    dilation, ceil_mode = given.get("dilations", 1), bool(given.get("ceil_mode", 0))
    y, indices = ops.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode, return_indices=True)
    h, w = x.shape[2:]
    if given.get("storage_order", 0):  # ONNX can count down columns instead of along rows
        indices = indices % w * h + indices // w
    planes = np.arange(x.shape[0] * x.shape[1]).reshape(x.shape[0], x.shape[1], 1, 1)
    return [y, indices + planes * h * w]  # and counts through the whole batch


def average_pool(ops, given, x):
    kernel, stride = given["kernel_shape"], given.get("strides", 1)
    padding = padding_of(given, x.shape[2:], kernel)
    ceil_mode, with_pad = bool(given.get("ceil_mode", 0)), bool(given.get("count_include_pad", 0))
    if "dilations" in given:
        # the mean of spread cells is a convolution of each channel with a kernel of equal weights
        w = np.full((x.shape[1], 1, *kernel), 1 / np.prod(kernel), x.dtype)
        return [ops.conv2d(x, w, None, stride, padding, given["dilations"], groups=x.shape[1])]
    if not isinstance(padding, str) and wider_than_half(padding, kernel):
        # the mean of the cells that are image: mean with zeros around / mean of ones with zeros around
        sums = ops.avg_pool2d(ops.pad2d(x, padding, "zeros"), kernel, stride, 0, ceil_mode)
        share = ops.avg_pool2d(ops.pad2d(np.ones_like(x), padding, "zeros"), kernel, stride, 0, ceil_mode)
        return [sums if with_pad else sums / share]
    return [ops.avg_pool2d(x, kernel, stride, padding, ceil_mode, with_pad)]


ADAPTERS = {"Conv": conv, "ConvTranspose": conv_transpose, "MaxPool": max_pool, "AveragePool": average_pool}
RUN = sorted(CASES.keys() - SKIPPED.keys())


def test_every_published_case_is_run_or_skipped_for_a_reason():
    assert SKIPPED.keys() <= CASES.keys()
    assert len(RUN) + len(SKIPPED) == len(CASES)
    per_operator = [
        sum(CASES[name].model.graph.node[0].op_type == judged for name in RUN) for judged in JUDGED
    ]
    assert per_operator == [6, 9, 13, 13]


@pytest.mark.parametrize("name", RUN)
def test_published_case(impl, name):
    case = CASES[name]
    adapter = ADAPTERS[case.model.graph.node[0].op_type]
    for inputs, outputs in case.data_sets:
        arrays, wanted = (
            [a if isinstance(a, np.ndarray) else numpy_helper.to_array(a) for a in side]
            for side in (inputs, outputs)
        )
        made = adapter(impl, attributes(case), *arrays)
        for ours, theirs in zip(made, wanted, strict=False):  # indices are compared where the case has them
            assert ours.dtype == theirs.dtype
            np.testing.assert_allclose(ours, theirs, rtol=case.rtol, atol=case.atol)
