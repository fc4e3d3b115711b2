"""One shifted and scaled copy of the picture for each tap of the kernel."""

import numpy as np


def my_conv2d(x, w, stride=1, pad=0, dilation=1, groups=1):
    n, _, h, width = x.shape
    m, per_group, r, s = w.shape
    out_h = (h + 2 * pad - dilation * (r - 1) - 1) // stride + 1
    out_w = (width + 2 * pad - dilation * (s - 1) - 1) // stride + 1
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    y = np.zeros((n, m, out_h, out_w), x.dtype)
    outputs = m // groups
    for group in range(groups):
        ours = slice(group * outputs, (group + 1) * outputs)
        seen = xp[:, group * per_group : (group + 1) * per_group]
        for u, v in np.ndindex(r, s):
            top, left = u * dilation, v * dilation
            rows, columns = slice(top, top + stride * out_h, stride), slice(left, left + stride * out_w, stride)
            y[:, ours] += np.einsum("nchw,mc->nmhw", seen[:, :, rows, columns], w[ours, :, u, v])
    return y


def my_max_pool(x, pool_h, pool_w, stride):
    out_h, out_w = (x.shape[2] - pool_h) // stride + 1, (x.shape[3] - pool_w) // stride + 1
    shifted = [
        x[:, :, u : u + stride * out_h : stride, v : v + stride * out_w : stride]
        for u in range(pool_h)
        for v in range(pool_w)
    ]
    return np.max(shifted, 0)


def mean_pool(x):
    h, w = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
    x = x[:, :, :h, :w]
    return (x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]) / 4
