"""Plain loops over batches: every part, right. The mutants are made from this file."""

import numpy as np


def conv2d(x, w, b, stride=1, padding=0, dilation=1):
    n, c, h, width = x.shape
    m, _, r, s = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    out_h = (h + 2 * padding - dilation * (r - 1) - 1) // stride + 1
    out_w = (width + 2 * padding - dilation * (s - 1) - 1) // stride + 1
    y = np.zeros((n, m, out_h, out_w), x.dtype)
    for k in range(n):
        for o in range(m):
            for i in range(out_h):
                for j in range(out_w):
                    total = 0
                    for e in range(c):
                        for u in range(r):
                            for v in range(s):
                                row, column = i * stride + u * dilation, j * stride + v * dilation
                                total += xp[k, e, row, column] * w[o, e, u, v]
                    y[k, o, i, j] = total + b[o]
    return y


def conv2d_backward(dout, x, w, stride=1, padding=0, dilation=1):
    n, c, h, width = x.shape
    m, _, r, s = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dxp = np.zeros_like(xp)
    dw = np.zeros_like(w)
    db = np.zeros(m, x.dtype)
    for k in range(n):
        for o in range(m):
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    db[o] += dout[k, o, i, j]
                    for e in range(c):
                        for u in range(r):
                            for v in range(s):
                                row, column = i * stride + u * dilation, j * stride + v * dilation
                                dxp[k, e, row, column] += dout[k, o, i, j] * w[o, e, u, v]
                                dw[o, e, u, v] += dout[k, o, i, j] * xp[k, e, row, column]
    dx = dxp[:, :, padding : padding + h, padding : padding + width]
    return dx, dw, db


def max_pool2d(x, kernel_size, stride=None, padding=0):
    stride = stride or kernel_size
    n, c, h, width = x.shape
    xp = np.full((n, c, h + 2 * padding, width + 2 * padding), -np.inf, x.dtype)
    xp[:, :, padding : padding + h, padding : padding + width] = x
    out_h = (h + 2 * padding - kernel_size) // stride + 1
    out_w = (width + 2 * padding - kernel_size) // stride + 1
    y = np.zeros((n, c, out_h, out_w), x.dtype)
    for i in range(out_h):
        for j in range(out_w):
            window = xp[:, :, i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size]
            y[:, :, i, j] = window.max((2, 3))
    return y


def max_pool2d_backward(dout, x, kernel_size, stride=None, padding=0):
    stride = stride or kernel_size
    n, c, h, width = x.shape
    xp = np.full((n, c, h + 2 * padding, width + 2 * padding), -np.inf, x.dtype)
    xp[:, :, padding : padding + h, padding : padding + width] = x
    dxp = np.zeros_like(xp)
    for k in range(n):
        for e in range(c):
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    top, left = i * stride, j * stride
                    window = xp[k, e, top : top + kernel_size, left : left + kernel_size]
                    u, v = np.unravel_index(window.argmax(), window.shape)
                    dxp[k, e, top + u, left + v] += dout[k, e, i, j]
    return dxp[:, :, padding : padding + h, padding : padding + width]


def avg_pool2d(x, kernel_size, stride=None, padding=0):
    stride = stride or kernel_size
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    out_h = (x.shape[2] + 2 * padding - kernel_size) // stride + 1
    out_w = (x.shape[3] + 2 * padding - kernel_size) // stride + 1
    y = np.zeros((*x.shape[:2], out_h, out_w), x.dtype)
    for i in range(out_h):
        for j in range(out_w):
            window = xp[:, :, i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size]
            y[:, :, i, j] = window.mean((2, 3))
    return y


def avg_pool2d_backward(dout, x, kernel_size, stride=None, padding=0):
    stride = stride or kernel_size
    h, width = x.shape[2:]
    dxp = np.zeros((*x.shape[:2], h + 2 * padding, width + 2 * padding), x.dtype)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            share = dout[:, :, i : i + 1, j : j + 1] / kernel_size**2
            dxp[:, :, i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size] += share
    return dxp[:, :, padding : padding + h, padding : padding + width]


def linear(x, w, b):
    return x @ w.T + b


def linear_backward(dout, x, w):
    return dout @ w, dout.T @ x, dout.sum(0)


def relu(x):
    return np.where(x > 0, x, 0).astype(x.dtype)


def relu_backward(dout, x):
    return dout * (x > 0)
