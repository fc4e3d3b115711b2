"""Names and signatures as people write them find their operator, part and roles."""

from typing import Any

import pytest

from convscope.grading.matching import Function, functions
from convscope.grading.worker import describe


def read(code: str, **mapped: str) -> list[Function]:
    names: dict[str, Any] = {"__name__": "student"}
    exec(code, names)
    told = {"functions": describe(names, lambda thing: getattr(thing, "__module__", "") == "student"), "others": []}
    return functions(told, mapped, {})


@pytest.mark.parametrize(
    ("head", "target", "roles"),
    [
        ("conv2d(x, w, b, stride, pad)", "conv2d.forward", "x w b stride padding"),
        ("conv(image, kernel)", "conv2d.forward", "x w"),
        ("convolve(inp, filt, s=1, p=0)", "conv2d.forward", "x w stride padding"),
        ("convolution_2d(X, K)", "conv2d.forward", "x w"),
        ("Conv2dForward(data, weights, bias, padding, strides)", "conv2d.forward", "x w b padding stride"),
        ("my_conv2d(a, foo, bar)", "conv2d.forward", "x w b"),
        ("conv_forward_naive(x, w, b, conv_param)", "conv2d.forward", "x w b settings"),
        ("conv(a, b)", "conv2d.forward", "x w"),
        ("cross_correlation(signal, kernel)", "conv2d.forward", "x w"),
        ("conv_backward(dout, cache)", "conv2d.dx,dw,db", "dy cache"),
        ("conv2d_backward(grad_output, x, weight, stride=1)", "conv2d.dx,dw,db", "dy x w stride"),
        ("conv_dw(dY, X, w_shape)", "conv2d.dw", "dy x w_shape"),
        ("conv_grad_input(dz, W, input_shape)", "conv2d.dx", "dy w x_shape"),
        ("conv2d_weight_grad(x, dout, kernel_size)", "conv2d.dw", "x dy kernel"),
        ("conv2d_bias_grad(dout)", "conv2d.db", "dy"),
        ("dconv_dx(g, w)", "conv2d.dx", "dy w"),
        ("maxpool(x, k, s)", "max_pool2d.forward", "x kernel stride"),
        ("MaxPooling2D(img, pool_h, pool_w, stride)", "max_pool2d.forward", "x kernel_h kernel_w stride"),
        ("max_pool_backward(dout, x, size, stride)", "max_pool2d.dx", "dy x kernel stride"),
        ("average_pooling(x, f)", "avg_pool2d.forward", "x kernel"),
        ("pool_forward(A_prev, hparameters, mode)", "max_pool2d.forward", "x settings mode"),
        ("affine_forward(x, w, b)", "linear.forward", "x w b"),
        ("fully_connected(x, weights, biases)", "linear.forward", "x w b"),
        ("relu(z)", "relu.forward", "x"),
        ("ReLU_backward(dA, Z)", "relu.dx", "dy x"),
        ("drelu(dout, x)", "relu.dx", "dy x"),
    ],
)
def test_names_say_what_is_meant(head: str, target: str, roles: str):
    (function,) = read(f"def {head}: pass")
    assert f"{function.op}.{','.join(function.parts)}" == target
    assert [each.role for each in function.arguments] == roles.split()


@pytest.mark.parametrize(
    "head", ["conv1d(x, w)", "im2col(x)", "conv_output_size(h, r)", "leaky_relu(x)", "conv_single_step(a, W, b)",
             "softmax(x)", "test_conv(x)", "conv_relu(x, w)", "_conv2d(x, w)", "convert(x)", "conv_transpose2d(x, w)",
             "average(x)", "corrupt(x)"]
)  # fmt: skip
def test_other_names_are_left_alone(head: str):
    assert read(f"def {head}: pass") == []


def test_a_mapped_name_comes_before_all_others():
    code = "def conv2d(x, w): pass\ndef other(p, q): pass\ndef conv2d_backward(dy, x, w): pass"
    found = read(code, conv2d="other")
    assert [each.name for each in found] == ["other", "conv2d_backward"]
    assert [each.role for each in found[0].arguments] == ["x", "w"]


def test_a_backward_pass_knows_the_forward_pass_of_its_name():
    code = "def conv_naive(x, w): pass\ndef conv_fast_forward(x, w): pass\ndef conv_fast_backward(dout, cache): pass"
    *_, backward = read(code)
    assert backward.forward is not None
    assert backward.forward.name == "conv_fast_forward"


def test_classes_are_read_by_their_constructor_and_methods():
    code = """class Conv2D:
    def __init__(self, c_in, n_filters, kernel_size=(3, 3), stride=1): pass
    def __call__(self, x): pass
    def backward(self, dout): pass"""
    (layer,) = read(code)
    assert layer.init is not None
    assert [each.role for each in layer.init] == ["in_channels", "out_channels", "kernel", "stride"]
    assert layer.parts == ("forward", "dx", "dw", "db")
    assert layer.methods == ("__call__", "backward")
