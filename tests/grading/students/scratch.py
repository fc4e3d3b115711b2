"""Layers that are given their weights, and keep the gradients."""

import numpy as np


class Convolution:
    def __init__(self, W, b, stride=1, pad=0):
        self.W, self.b, self.stride, self.pad = W, b, stride, pad

    def forward(self, x):
        self.x, p, t = x, self.pad, self.stride
        r, s = self.W.shape[2:]
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (0, 0), (p, p), (p, p))), (r, s), (2, 3))
        self.col = windows[:, :, ::t, ::t]
        return np.tensordot(self.col, self.W, ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2) + self.b[:, None, None]

    def backward(self, dout):
        p, t = self.pad, self.stride
        r, s = self.W.shape[2:]
        self.db = dout.sum(axis=(0, 2, 3))
        self.dW = np.tensordot(dout, self.col, ((0, 2, 3), (0, 2, 3)))
        h, w = self.x.shape[2] + 2 * p, self.x.shape[3] + 2 * p
        dx = np.zeros((*self.x.shape[:2], h, w), dout.dtype)
        for u in range(r):
            for v in range(s):
                rows, columns = slice(u, u + t * dout.shape[2], t), slice(v, v + t * dout.shape[3], t)
                dx[:, :, rows, columns] += np.tensordot(dout, self.W[:, :, u, v], (1, 0)).transpose(0, 3, 1, 2)
        return dx[:, :, p : h - p, p : w - p]


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        self.dW, self.db = np.dot(self.x.T, dout), np.sum(dout, axis=0)
        return np.dot(dout, self.W.T)
