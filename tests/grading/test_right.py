"""Right implementations in many styles pass, without any finding."""

import numpy as np
import pytest
from mutants import STUDENTS

from convscope.grading import Report, assert_right, check, grade

EXPECTED = {
    "loops": "conv2d conv2d.dx conv2d.dw conv2d.db max_pool2d max_pool2d.dx avg_pool2d avg_pool2d.dx "
    "linear linear.dx linear.dw linear.db relu relu.dx",
    "im2col": "conv2d conv2d.dx conv2d.dw conv2d.db max_pool2d max_pool2d.dx linear linear.dx linear.dw linear.db "
    "relu relu.dx",
    "windows": "conv2d conv2d.dx conv2d.dw conv2d.db avg_pool2d",
    "tensors": "conv2d conv2d.dx conv2d.dw max_pool2d avg_pool2d linear relu",
    "shifts": "conv2d max_pool2d avg_pool2d",
    "scipy_planes": "conv2d",
    "classes": "conv2d conv2d.dx conv2d.dw conv2d.db max_pool2d max_pool2d.dx linear linear.dx linear.dw linear.db "
    "relu relu.dx",
    "planes": "conv2d conv2d.dx conv2d.dw max_pool2d",
    "fourier": "conv2d conv2d.dx",
    "channels_last": "conv2d conv2d.dx conv2d.dw conv2d.db max_pool2d",
    "scratch": "conv2d conv2d.dx conv2d.dw conv2d.db linear linear.dx linear.dw linear.db",
}


def found(report: Report) -> set[str]:
    return {part.target for part in report.parts if part.status != "not found"}


def test_all_files_are_tried():
    assert {path.stem for path in STUDENTS.glob("*.py")} == {*EXPECTED, "mathematics"}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_right_implementation_passes_without_a_finding(name: str):
    report = grade(STUDENTS / f"{name}.py")
    assert report.right, str(report)
    assert found(report) == set(EXPECTED[name].split())
    assert [part.target for part in report.parts if part.remarks or part.mistakes] == []
    assert all(part.passed == part.checks > 0 for part in report.parts if part.status == "right")


def test_every_feature_that_is_offered_is_asked_for():
    report = grade(STUDENTS / "tensors.py")
    assert report["conv2d"].checks == 18  # all there are: stride, padding, dilation and groups are its arguments
    plain = grade(STUDENTS / "fourier.py")
    assert plain["conv2d"].checks == 8  # neither stride nor padding, dilation or groups


def test_strict_convolution_is_right_if_asked_for():
    file = STUDENTS / "mathematics.py"
    assert grade(file)["conv2d"].mistakes == ("kernel_flipped",)
    assert grade(file, flip=True).right
    assert grade(STUDENTS / "loops.py", flip=True)["conv2d"].mistakes == ("kernel_flipped",)


def test_a_file_is_left_as_it_was_and_gets_no_cache_beside_it(tmp_path):
    file = tmp_path / "my_conv.py"
    file.write_text((STUDENTS / "planes.py").read_text())
    assert_right(file)
    assert [path.name for path in tmp_path.iterdir()] == ["my_conv.py"]


def test_assert_right_says_what_is_wrong(tmp_path):
    file = tmp_path / "my_conv.py"
    file.write_text((STUDENTS / "planes.py").read_text().replace(") * K", ") + K").replace("] * K", "] + K"))
    with pytest.raises(AssertionError, match=r"conv2d\s+corr2d\s+WRONG"):
        assert_right(file)
    with pytest.raises(AssertionError, match=r"conv2d\.db"):
        assert_right(STUDENTS / "planes.py", needs=["conv2d.db"])


def test_functions_of_this_process_are_checked_without_a_file():
    def sieve(values):
        return np.maximum(values, 0)

    def conv2d(x, w):
        return np.einsum("ncijuv,mcuv->nmij", np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3)), w)

    report = check(conv2d, relu=sieve)
    assert report.right
    assert found(report) == {"conv2d", "relu"}
    assert report["relu"].function == "sieve"


def test_float64_creep_is_remarked_and_not_held_against_anybody():
    def relu(x):
        return np.maximum(x, np.zeros(x.shape))

    report = check(relu)
    assert report.right
    assert report["relu"].remarks == ("float64_creep",)
    assert "remark: float32 becomes float64" in str(report)


@pytest.mark.parametrize("way", ["late", "split"])
def test_another_choice_among_equal_maxima_is_a_remark(way: str):
    def max_pool2d_backward(dout, x, kernel_size, stride):
        dx = np.zeros_like(x)
        for n, c, i, j in np.ndindex(dout.shape):
            rows, columns = (slice(k * stride, k * stride + kernel_size) for k in (i, j))
            mask = (x[n, c, rows, columns] == x[n, c, rows, columns].max()) * 1.0
            if way == "split":
                mask /= mask.sum()
            else:
                last = np.flatnonzero(mask)[-1]
                mask[:] = (np.arange(mask.size) == last).reshape(mask.shape)
            dx[n, c, rows, columns] += mask * dout[n, c, i, j]
        return dx

    part = check(max_pool2d_backward)["max_pool2d.dx"]
    assert (part.status, part.remarks) == ("right", ("ties_otherwise",))


def test_a_function_of_one_number_and_a_derivative_are_relu_too():
    def relu(x):
        return x if x > 0 else 0

    def relu_derivative(x):
        return np.where(x > 0, 1, 0).astype(x.dtype)

    report = check(relu, relu_derivative)
    assert report.right, str(report)
    assert found(report) == {"relu", "relu.dx"}


def test_a_step_of_training_in_the_backward_pass_changes_nothing():
    class Linear:
        def __init__(self, n_in, n_out):
            self.weights, self.bias = np.zeros((n_in, n_out)), np.zeros(n_out)

        def forward(self, x):
            self.x = x
            return x @ self.weights + self.bias

        def backward(self, grad, learning_rate):
            dx = grad @ self.weights.T
            self.weights = self.weights - learning_rate * self.x.T @ grad
            return dx

    report = check(Linear)
    assert report.right, str(report)
    assert found(report) == {"linear", "linear.dx"}


def test_a_layer_made_without_a_bias_is_asked_without_one():
    class Linear:
        def __init__(self, in_features, out_features, bias=False):
            self.weight, self.bias = np.zeros((out_features, in_features)), None
            if bias:
                self.bias = np.zeros(out_features)

        def forward(self, x):
            return x @ self.weight.T

    assert check(Linear).right


def test_lambdas_are_checked_under_the_name_they_are_given():
    report = check(relu=lambda x: np.maximum(x, 0), linear=lambda x, w: x @ w.T, linear__dx=lambda dy, w: dy @ w)
    assert report.right, str(report)
    assert found(report) == {"relu", "linear", "linear.dx"}


@pytest.mark.parametrize("order", ["dx, dw, db", "db, dw, dx", "dw, db, dx"])
def test_gradients_in_any_order_are_told_apart_by_their_shapes(order: str):
    def linear_backward(dy, x, w):
        dx, dw, db = dy @ w, dy.T @ x, dy.sum(0)
        return {"dx, dw, db": (dx, dw, db), "db, dw, dx": (db, dw, dx), "dw, db, dx": (dw, db, dx)}[order]

    assert check(linear_backward).right


def test_a_layer_that_keeps_its_results_and_returns_nothing():
    class Layer_Dense:
        def __init__(self, n_inputs, n_neurons):
            self.weights, self.biases = np.zeros((n_inputs, n_neurons)), np.zeros((1, n_neurons))

        def forward(self, inputs):
            self.inputs = inputs
            self.output = inputs @ self.weights + self.biases

        def backward(self, dvalues):
            self.dweights, self.dbiases = self.inputs.T @ dvalues, dvalues.sum(0, keepdims=True)
            self.dinputs = dvalues @ self.weights.T

    class Activation_ReLU:
        def forward(self, inputs):
            self.output = np.maximum(inputs, 0)

        def backward(self, dvalues):
            return dvalues * (self.output > 0)

    report = check(Layer_Dense, Activation_ReLU)
    assert report.right, str(report)
    assert found(report) == {"linear", "linear.dx", "linear.dw", "linear.db", "relu", "relu.dx"}


def test_what_a_layer_keeps_does_not_hide_a_gradient_that_is_not_returned():
    class ReLU:
        def forward(self, x):
            self.out = np.maximum(x, 0)
            return self.out

        def backward(self, dy):
            self.passed = dy * (self.out > 0)

    report = check(ReLU)
    assert report["relu"].status == "right"
    assert report["relu.dx"].mistakes == ("no_array",)
