"""Batches with channels last, settings in a dict, kernels (r, s, c, m)."""

import numpy as np


def conv_forward(A_prev, W, b, hparameters):
    stride, pad = hparameters["stride"], hparameters["pad"]
    n, h_prev, w_prev, _ = A_prev.shape
    f, f2, _, n_c = W.shape
    padded = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    h, w = (h_prev - f + 2 * pad) // stride + 1, (w_prev - f2 + 2 * pad) // stride + 1
    Z = np.zeros((n, h, w, n_c), A_prev.dtype)
    for i in range(n):
        for a in range(h):
            for d in range(w):
                part = padded[i, a * stride : a * stride + f, d * stride : d * stride + f2]
                for o in range(n_c):
                    Z[i, a, d, o] = (part * W[..., o]).sum() + b[0, 0, 0, o]
    return Z, (A_prev, W, b, hparameters)


def conv_backward(dZ, cache):
    A_prev, W, b, hparameters = cache
    stride, pad = hparameters["stride"], hparameters["pad"]
    f, f2 = W.shape[:2]
    padded = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    dA, dW, db = np.zeros_like(padded), np.zeros_like(W), np.zeros_like(b)
    for i, a, d, o in np.ndindex(dZ.shape):
        rows, columns = slice(a * stride, a * stride + f), slice(d * stride, d * stride + f2)
        dA[i, rows, columns] += W[..., o] * dZ[i, a, d, o]
        dW[..., o] += padded[i, rows, columns] * dZ[i, a, d, o]
        db[..., o] += dZ[i, a, d, o]
    return dA[:, pad : pad + A_prev.shape[1], pad : pad + A_prev.shape[2]], dW, db


def pool_forward(A_prev, hparameters, mode="max"):
    f, stride = hparameters["f"], hparameters["stride"]
    n, h_prev, w_prev, c = A_prev.shape
    A = np.zeros((n, (h_prev - f) // stride + 1, (w_prev - f) // stride + 1, c), A_prev.dtype)
    for a, d in np.ndindex(*A.shape[1:3]):
        part = A_prev[:, a * stride : a * stride + f, d * stride : d * stride + f]
        A[:, a, d] = part.max((1, 2)) if mode == "max" else part.mean((1, 2))
    return A, (A_prev, hparameters)
