"""An explanation as text, in colours, as LaTeX and as data; what of a long sum is shown; what is refused."""

import io
import json
import re
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from convscope import ops
from convscope.errors import InputError
from convscope.ops.explain import Explanation, Touches, explain, touches

x = np.arange(24.0).reshape(1, 2, 3, 4)
w = np.arange(-8.0, 8).reshape(2, 2, 2, 2) / 4
conv: dict[str, Any] = {"x": x, "w": w, "bias": np.array([0.5, -1]), "padding": 1, "padding_mode": "reflect"}


def lines(shown: Explanation | Touches, **how: Any) -> list[str]:
    return shown.text(**how).splitlines()


def test_a_convolution_is_shown_channel_by_channel_with_its_padding_in_brackets():
    assert str(explain("conv2d", conv, (0, 1, 0, 2))) == (
        "conv2d, cell (0, 1, 0, 2) of a result of 1 x 2 x 4 x 5\n"
        "c=0\n"
        "  x[0, 0, -1:1, 1:3]     w[1, 0, 0:2, 0:2]     product\n"
        "  [5]  [6]                  0   0.25             0  1.5\n"
        "   1    2            *    0.5   0.75       =   0.5  1.5\n"
        "  subtotal: 3.5\n"
        "c=1\n"
        "  x[0, 1, -1:1, 1:3]     w[1, 1, 0:2, 0:2]     product\n"
        "  [17]  [18]                1   1.25             17  22.5\n"
        "   13    14          *    1.5   1.75       =   19.5  24.5\n"
        "  subtotal: 83.5\n"
        "sum of 8 products: 87, with bias -1: 86\n"
        "[ ] padding (reflect), copied: x[0, 0, -1, 1] is x[0, 0, 1, 1], x[0, 0, -1, 2] is x[0, 0, 1, 2], "
        "x[0, 1, -1, 1] is x[0, 1, 1, 1], … 1 more"
    )


def test_a_gradient_is_shown_with_the_kernel_turned():
    inputs = {"input_size": x.shape, "w": w, "grad_output": np.ones((1, 2, 2, 3))}
    assert "  grad_output[0, 0, 0:2, 0:2]     w[0, 1, 1::-1, 1::-1]     product" in lines(
        explain("conv2d_input_grad", inputs, (0, 1, 1, 1))
    )


def test_a_cell_that_no_window_reaches_has_no_gradient():
    inputs = {"input_size": (1, 2, 4, 4), "w": w, "grad_output": np.ones((1, 2, 2, 1)), "stride": (2, 3)}
    e = explain("conv2d_input_grad", inputs, (0, 0, 0, 3))
    assert lines(e)[1:] == ["sum of no products: 0", "no window reaches this cell"]
    assert e.latex().endswith("&= 0 \\\\\n&= 0 \\\\\n&= 0\n\\end{aligned}")


def test_a_gradient_comes_back_over_the_padding():
    inputs = {"input_size": (1, 1, 1, 3), "w": np.ones((1, 1, 1, 2)), "grad_output": np.array([[[[2.0, 3, 5, 7]]]])}
    inputs |= {"padding": (0, 0, 1, 0), "padding_mode": "replicate"}
    inputs["grad_output"] = inputs["grad_output"][..., :3]
    e = explain("conv2d_input_grad", inputs, (0, 0, 0, 0))
    assert lines(e)[2:] == [
        "  grad_output[0, 0, 0, [0, 0, 1]]     w[0, 0, 0, [0, 1, 0]]     product",
        "  [2]   2    3                    *   1   1   1             =   2  2  3",
        "sum of 3 products: 7",
        "[ ] falls on the padding (replicate), where this cell is copied to, and is folded back onto it",
    ]


@pytest.mark.parametrize(
    ("op", "inputs", "at", "told"),
    [
        ("max_pool2d", {"x": x % 2, "kernel_size": (1, 4)}, (0, 0, 0, 0), "2 cells are the largest: the first in"),
        ("max_pool2d", {"x": x, "kernel_size": 2, "padding": 1}, (0, 0, 0, 0), "stands for -inf, so that it never"),
        ("avg_pool2d", {"x": x, "kernel_size": 2, "padding": 1}, (0, 0, 0, 0), "padding: counted, as zeros, up to"),
        (
            "avg_pool2d",
            {"x": x, "kernel_size": 2, "padding": 1, "count_include_pad": False},
            (0, 0, 0, 0),
            "padding: not counted",
        ),
        ("relu", {"x": x}, (0, 0, 0, 0), "stopped: x[0, 0, 0, 0] = 0 is not above 0"),
        ("relu_input_grad", {"x": x, "grad_output": x}, (0, 0, 0, 1), "passes: x[0, 0, 0, 1] = 1 is above 0"),
        (
            "max_pool2d_input_grad",
            {"input_size": (1, 1, 1, 3), "grad_output": np.ones((1, 1, 1, 1)), "indices": np.array([[[[2]]]])},
            (0, 0, 0, 1),
            "this cell won no window",
        ),
    ],
)
def test_what_is_particular_is_said(op: str, inputs: dict[str, Any], at: tuple[int, ...], told: str):
    assert told in str(explain(op, inputs, at)).splitlines()[-1]


def test_the_first_of_equal_cells_wins_and_its_share_is_one():
    e = explain("max_pool2d", {"x": x * 0 + 3, "kernel_size": 3}, (0, 1, 0, 0))
    assert [term.factors[1].value for term in e.terms] == [1, 0, 0, 0, 0, 0, 0, 0, 0]


def test_what_a_cell_touches_is_a_table():
    assert lines(touches("max_pool2d", {"x": x, "kernel_size": (1, 2), "stride": 1}, "x", (0, 0, 1, 2))) == [
        "max_pool2d, x[0, 0, 1, 2] = 6: touches 2 outputs",
        "  cell                       gets",
        "  (0, 0, 1, 1)   share = 1      6",
        "  (0, 0, 1, 2)   share = 0      0",
    ]
    assert lines(touches("conv2d", conv | {"padding_mode": "zeros"}, "w", (0, 1, 0, 0)))[2:4] == [
        "  (0, 0, 0, 0)   x = 0 (padding)         0  [ ]",
        "  (0, 0, 0, 1)   x = 0 (padding)         0  [ ]",
    ]
    assert lines(touches("avg_pool2d", {"x": x, "kernel_size": 2}, "x", (0, 0, 2, 0))) == [
        "avg_pool2d, x[0, 0, 2, 0] = 8: touches no outputs"
    ]
    assert lines(touches("conv2d", conv, "bias", (1,)), limit=2)[1:] == [
        "  cell           gets",
        "  (0, 1, 0, 0)     -1",
        "  (0, 1, 0, 1)     -1",
        "  … 18 more, together -18",
    ]


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 4, 5, 9, 17, 64, 1000, None])
def test_of_a_long_sum_the_rest_is_counted_and_nothing_is_lost(limit: int | None):
    rng = np.random.default_rng(1)
    inputs = {"x": rng.integers(1, 9, (1, 20, 5, 13)) * 1.0, "w": np.ones((1, 20, 4, 12))}
    e = explain("conv2d", inputs, (0, 0, 1, 1))
    told = e.text(limit)
    rest = re.findall(r"… (?:(\d+) more products?|\d+ more blocks?: (\d+) products?), together (\S+)", told)
    hidden, together = sum(int(a or b) for a, b, _ in rest), sum(float(total) for *_, total in rest)
    written = products_in(told)
    assert hidden + len(written) == len(e.terms) == 960
    assert together + sum(written) == e.value
    assert len(written) <= max(limit or 960, 1)
    assert e.latex(limit).count(" \\cdot ") == len(written)


def products_in(told: str) -> list[float]:
    """The numbers that stand under "product"."""
    found, column = [], 0
    for line in told.splitlines():
        if line.endswith("product"):
            column = line.index("product") - 2
        elif re.search("[a-z…]", line):
            column = 0
        elif column:
            found += map(float, line[column:].split())
    return found


def test_colours_change_no_letter():
    e = explain("conv2d", conv | {"x": -x}, (0, 1, 0, 2))
    plain, coloured = io.StringIO(), io.StringIO()
    Console(file=plain, width=200).print(e)
    Console(file=coloured, width=200, force_terminal=True, color_system="standard").print(e)
    assert plain.getvalue() == f"{e}\n"
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured.getvalue()) == f"{e}\n"
    assert re.search(r"\x1b\[34m *-22.5\x1b\[0m", coloured.getvalue())  # blue is below zero, as in the pictures
    assert "\x1b[31m" not in coloured.getvalue()
    assert re.search(r"\x1b\[2m *\[-5\]\x1b\[0m", coloured.getvalue())


def balanced(latex: str) -> bool:
    depth = 0
    for sign in re.sub(r"\\[{}]", "", latex):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    begun, ended = (re.findall(rf"\\{word}{{(\w+)}}", latex) for word in ("begin", "end"))
    return depth == 0 and sorted(begun) == sorted(ended) and latex.count("\\left(") == latex.count("\\right)")


def test_latex_has_the_matrices_and_the_sum_written_out():
    e = explain("conv2d", {"x": x[:, :1], "w": w[:1, :1], "padding": (1, 0), "bias": np.array([-3.0])}, (0, 0, 0, 0))
    assert e.latex() == (
        "\\begin{aligned}\n"
        "\\texttt{conv2d}_{(0, 0, 0, 0)} &= \\sum \\left( \\begin{bmatrix} \\boxed{0} & \\boxed{0} \\\\ 0 & 1 "
        "\\end{bmatrix} \\odot \\begin{bmatrix} -2 & -1.75 \\\\ -1.5 & -1.25 \\end{bmatrix} \\right) + (-3) \\\\\n"
        "&= 0 \\cdot (-2) + 0 \\cdot (-1.75) + 0 \\cdot (-1.5) + 1 \\cdot (-1.25) + (-3) \\\\\n"
        "&= -4.25\n"
        "\\end{aligned}"
    )
    assert e._repr_latex_() == f"$\\displaystyle {e.latex()}$"


@pytest.mark.parametrize("limit", [1, 5, None])
def test_latex_is_balanced(limit: int | None):
    grad = {"input_size": x.shape, "w": w, "grad_output": np.ones((1, 2, 2, 3))}
    for shown in (
        explain("conv2d", conv, (0, 1, 0, 2)),
        explain("conv2d_input_grad", grad, (0, 1, 1, 1)),
        explain("avg_pool2d", {"x": x, "kernel_size": 3}, (0, 1, 0, 0)),
        explain("linear", (x.reshape(2, 12), np.ones((3, 12))), (1, 2)),
        touches("conv2d", conv, "x", (0, 0, 1, 1)),
        touches("conv2d", conv, "bias", (1,)),
    ):
        assert balanced(shown.latex(limit))


def test_the_sum_in_latex_adds_up_to_the_value():
    written = explain("conv2d", conv, (0, 1, 0, 2)).latex(None).splitlines()[2]
    python = written.removeprefix("&= ").removesuffix(" \\\\").replace("\\cdot", "*")
    assert eval(python) == 86


def test_latex_writes_what_are_no_plain_decimals():
    far = np.array([[np.inf, -2.5e-7], [np.nan, 1e12]])
    lines = explain("corr2d", (far, np.ones((2, 2))), (0, 0)).latex().splitlines()
    assert lines[2] == (
        r"&= \infty \cdot 1 + (-2.5 \times 10^{-7}) \cdot 1 + \mathrm{NaN} \cdot 1 + 1 \times 10^{12} \cdot 1 \\"
    )
    assert lines[3] == r"&= \mathrm{NaN}"


def test_data_goes_through_json():
    e = explain("conv2d", conv, (0, 1, 0, 2))
    told = json.loads(json.dumps(e.to_dict(), allow_nan=False))
    assert (told["op"], told["at"], told["sum"], told["bias"], told["value"]) == ("conv2d", [0, 1, 0, 2], 87, -1, 86)
    assert told["terms"][0] == {
        "output": [0, 1, 0, 2],
        "factors": [
            {"array": "x", "cell": [0, 0, 1, 1], "value": 5},
            {"array": "w", "cell": [1, 0, 0, 0], "value": 0},
        ],
        "product": 0,
        "place": [0, 0, -1, 1],
        "padding": True,
    }
    t = json.loads(json.dumps(touches("conv2d", conv, "x", (0, 0, 1, 1)).to_dict(), allow_nan=False))
    assert (t["array"], t["cell"], t["value"], len(t["terms"])) == ("x", [0, 0, 1, 1], 5, 24)
    padded = explain("max_pool2d", {"x": x, "kernel_size": 2, "padding": 1}, (0, 0, 0, 0)).to_dict()
    assert padded["terms"][0]["factors"][0] == {"array": "x", "cell": None, "value": None}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: explain("conv2d", conv, (0, 0, 4, 0)),
            "result of shape (1, 2, 4, 5), whose last cell is (0, 1, 3, 4)",
        ),
        (lambda: explain("conv2d", conv, (0, 0)), "at=(0, 0): it must be 4 whole numbers, as (0, 1, 3, 4)"),
        (lambda: explain("conv2d", conv, (0, 0, 0, -1)), "at=-1: it must be at least 0"),
        (lambda: explain("conv2d", conv, "here"), "at='here': it must be 4 whole numbers"),
        (lambda: explain("conv2d", conv | {"x": x[:0]}, (0, 0, 0, 0)), "(0, 2, 4, 5), which has no cells"),
        (lambda: explain("conv2", conv, (0, 0, 0, 0)), "op='conv2': not an operator that can be explained; did you"),
        (lambda: explain("conv", conv, (0, 0)), "did you mean 'conv1d' or 'conv2d' or 'conv3d'?"),
        (lambda: explain("softmax", conv, (0, 0)), "conv_transpose3d and their gradients can"),
        (lambda: explain(None, conv, (0, 0)), "op='None': not an operator"),  # pyright: ignore[reportArgumentType]
        (lambda: explain(conv2d, conv, (0, 0)), "not convscope's own conv2d"),
        (lambda: explain("conv2d", x, (0,)), "inputs is a ndarray: give conv2d's"),  # pyright: ignore
        (lambda: explain("conv2d", {"x": x}, (0,)), "inputs of conv2d: missing a required argument: 'w'; it takes x,"),
        (lambda: explain("conv2d", conv | {"k": 1}, (0,)), "unexpected keyword argument 'k'; it takes x, w, bias"),
        (lambda: explain("conv2d", conv | {"stride": 0}, (0,)), "stride=0: it must be at least 1"),
        (lambda: explain("corr2d", (np.full((2, 2), 99, np.int8), np.ones((2, 2), np.int8)), (0, 0)), "the sum 396"),
        (lambda: touches("conv2d", {"x": x, "w": w}, "bias", (0,)), "array='bias': conv2d has x, w to ask about"),
        (lambda: touches("conv2d", conv, [1], (0,)), "array=[1]: conv2d has x, w, bias to ask about"),  # pyright: ignore
        (lambda: touches("conv2d", conv, "w", (2, 0, 0, 0)), "cell=(2, 0, 0, 0): w has shape (2, 2, 2, 2), whose last"),
    ],
)
def test_mistakes_are_told_in_one_line(call: Any, message: str):
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        call()
    assert "\n" not in str(caught.value)


def conv2d(x: Any) -> Any:
    return x


def test_operators_are_given_by_name_or_themselves_and_arguments_by_name_or_in_order():
    e = explain("conv2d", {"x": x, "w": w, "stride": 2}, (0, 1, 0, 1))
    assert e == explain(ops.conv2d, (x, w, None, 2), (0, 1, 0, 1))
    assert e == explain(ops.reference.conv2d, [x, w, None, (2, 2)], [0, 1, 0, np.int64(1)])  # pyright: ignore
