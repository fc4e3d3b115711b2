"""Layers as classes: what they need is kept from forward to backward."""

import numpy as np


class Conv2D:
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        self.stride, self.padding = stride, padding
        self.W = np.random.default_rng(0).normal(size=(out_channels, in_channels, kernel_size, kernel_size))
        self.b = np.zeros((out_channels, 1))
        self.dW = self.db = None

    def forward(self, x):
        p, t = self.padding, self.stride
        self.x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        r, s = self.W.shape[2:]
        out_h, out_w = (self.x.shape[2] - r) // t + 1, (self.x.shape[3] - s) // t + 1
        y = np.zeros((len(x), len(self.W), out_h, out_w), x.dtype)
        for i, j in np.ndindex(out_h, out_w):
            window = self.x[:, None, :, i * t : i * t + r, j * t : j * t + s]
            y[:, :, i, j] = (window * self.W).sum((2, 3, 4)) + self.b.T
        return y

    def backward(self, dy):
        p, t = self.padding, self.stride
        r, s = self.W.shape[2:]
        dx, self.dW = np.zeros_like(self.x), np.zeros_like(self.W)
        for i, j in np.ndindex(*dy.shape[2:]):
            rows, columns = slice(i * t, i * t + r), slice(j * t, j * t + s)
            dx[:, :, rows, columns] += np.tensordot(dy[:, :, i, j], self.W, 1)
            self.dW += np.tensordot(dy[:, :, i, j], self.x[:, :, rows, columns], (0, 0))
        self.db = dy.sum((0, 2, 3)).reshape(self.b.shape)
        return dx[:, :, p : dx.shape[2] - p, p : dx.shape[3] - p]


class MaxPool2D:
    def __init__(self, pool_size=2, stride=2):
        self.size, self.stride = pool_size, stride

    def __call__(self, x):
        k, t = self.size, self.stride
        self.x = x
        out_h, out_w = (x.shape[2] - k) // t + 1, (x.shape[3] - k) // t + 1
        y = np.zeros((*x.shape[:2], out_h, out_w), x.dtype)
        for i, j in np.ndindex(out_h, out_w):
            y[:, :, i, j] = x[:, :, i * t : i * t + k, j * t : j * t + k].max((2, 3))
        return y

    def backward(self, dy):
        k, t = self.size, self.stride
        dx = np.zeros_like(self.x)
        for n, c, i, j in np.ndindex(dy.shape):
            window = self.x[n, c, i * t : i * t + k, j * t : j * t + k]
            u, v = np.unravel_index(window.argmax(), window.shape)
            dx[n, c, i * t + u, j * t + v] += dy[n, c, i, j]
        return dx


class Dense:
    def __init__(self, n_in, n_out):
        self.params = {"W": np.zeros((n_in, n_out)), "b": np.zeros((1, n_out))}
        self.grads = {}

    def forward(self, x):
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, grad):
        self.grads["W"] = self.x.T @ grad
        self.grads["b"] = grad.sum(0, keepdims=True)
        return grad @ self.params["W"].T


class ReLU:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask
