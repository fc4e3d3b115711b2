"""Small loops of training, in place: one pass over memory where NumPy would need several and temporaries."""

import numpy as np

from convscope.ops.fast.compiled import compiled


@compiled
def relu_in_place(x):
    """x = max(x, 0); NaN stays NaN."""
    for k in range(x.size):
        x[k] = 0 if x[k] < 0 else x[k]


@compiled
def relu_mask_in_place(grad, y):
    """grad = 0 where y, a ReLU's output, is 0."""
    for k in range(grad.size):
        grad[k] = 0 if y[k] <= 0 else grad[k]


@compiled
def add_row_sums(x, out):
    """out[m] += sum over p of x[m, p]."""
    for m in range(x.shape[0]):
        total = out[m]
        for p in range(x.shape[1]):
            total += x[m, p]
        out[m] = total


@compiled
def cross_entropy_columns(logits, labels, count, grad):
    """Summed loss and right answers of the first len(labels) columns of logits (classes, v); writes grad/count."""
    loss, right = 0.0, 0
    classes = logits.shape[0]
    grad[:] = 0
    for n in range(labels.shape[0]):
        best = 0
        for k in range(1, classes):
            if logits[k, n] > logits[best, n]:
                best = k
        total = 0.0
        for k in range(classes):
            total += np.exp(logits[k, n] - logits[best, n])
        for k in range(classes):
            grad[k, n] = (np.exp(logits[k, n] - logits[best, n]) / total - (k == labels[n])) / count
        loss += np.log(total) - (logits[labels[n], n] - logits[best, n])
        right += best == labels[n]
    return loss, right


@compiled
def sgd_step(vector, velocity, gradient, rate, momentum, decay, nesterov):
    """One step of stochastic gradient descent with momentum and weight decay, as `nn.optim.SGD` states it."""
    for k in range(vector.size):
        push = gradient[k] + decay * vector[k]
        velocity[k] = momentum * velocity[k] + push
        vector[k] -= rate * (push + momentum * velocity[k] if nesterov else velocity[k])
