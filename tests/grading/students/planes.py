"""One picture and one kernel, both planes; and lists of numbers, without NumPy."""

import numpy as np


def corr2d(X, K):
    h, w = K.shape
    Y = np.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1), X.dtype)
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()
    return Y


def corr2d_backward(dY, X, K):
    h, w = K.shape
    dX, dK = np.zeros_like(X), np.zeros_like(K)
    for i in range(dY.shape[0]):
        for j in range(dY.shape[1]):
            dX[i : i + h, j : j + w] += dY[i, j] * K
            dK += dY[i, j] * X[i : i + h, j : j + w]
    return {"dX": dX, "dK": dK}


def max_pool(image, size=2, stride=2):
    rows = range(0, len(image) - size + 1, stride)
    columns = range(0, len(image[0]) - size + 1, stride)
    return [[max(image[i + u][j + v] for u in range(size) for v in range(size)) for j in columns] for i in rows]
