"""im2col and one matrix product, with a settings dict and a cache between forward and backward."""

import numpy as np


def im2col_indices(shape, r, s, stride, pad):
    _, c, h, w = shape
    out_h, out_w = (h + 2 * pad - r) // stride + 1, (w + 2 * pad - s) // stride + 1
    i0 = np.tile(np.repeat(np.arange(r), s), c)
    j0 = np.tile(np.arange(s), r * c)
    i = i0[:, None] + stride * np.repeat(np.arange(out_h), out_w)[None]
    j = j0[:, None] + stride * np.tile(np.arange(out_w), out_h)[None]
    return np.repeat(np.arange(c), r * s)[:, None], i, j, out_h, out_w


def conv_forward_im2col(x, w, b, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    f, _, hh, ww = w.shape
    k, i, j, out_h, out_w = im2col_indices(x.shape, hh, ww, stride, pad)
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    cols = xp[:, k, i, j]  # (n, c*hh*ww, out_h*out_w)
    out = (w.reshape(f, -1) @ cols + b[:, None]).reshape(len(x), f, out_h, out_w)
    return out, (x.shape, w, conv_param, cols)


def conv_backward_im2col(dout, cache):
    (n, c, h, width), w, conv_param, cols = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    f, _, hh, ww = w.shape
    flat = dout.reshape(n, f, -1)
    db = flat.sum((0, 2))
    dw = np.einsum("nfp,nkp->fk", flat, cols).reshape(w.shape)
    dcols = w.reshape(f, -1).T @ flat
    k, i, j, _, _ = im2col_indices((n, c, h, width), hh, ww, stride, pad)
    dxp = np.zeros((n, c, h + 2 * pad, width + 2 * pad), dout.dtype)
    for picture, columns in zip(dxp, dcols):
        np.add.at(picture, (k, i, j), columns)
    return dxp[:, :, pad : pad + h, pad : pad + width], dw, db


def max_pool_forward(x, pool_param):
    hh, ww, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    n, c, h, w = x.shape
    out = np.empty((n, c, (h - hh) // stride + 1, (w - ww) // stride + 1), x.dtype)
    for i, j in np.ndindex(*out.shape[2:]):
        out[:, :, i, j] = x[:, :, i * stride : i * stride + hh, j * stride : j * stride + ww].max((2, 3))
    return out, (x, pool_param)


def max_pool_backward(dout, cache):
    x, pool_param = cache
    hh, ww, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(dout.shape):
        window = x[n, c, i * stride : i * stride + hh, j * stride : j * stride + ww]
        a, b = divmod(int(window.argmax()), ww)
        dx[n, c, i * stride + a, j * stride + b] += dout[n, c, i, j]
    return dx


def affine_forward(x, w, b):
    return x.reshape(len(x), -1) @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return (dout @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ dout, dout.sum(0)


def relu_forward(x):
    return np.maximum(0, x), x


def relu_backward(dout, cache):
    return np.where(cache > 0, dout, 0)
