"""SciPy on batches, and its 2-D function on one plane."""

import numpy as np
from scipy.signal import correlate2d


def conv_forward(X, W, b):
    y = np.stack([[sum(map(correlate2d, image, kernel, ["valid"] * len(image))) for kernel in W] for image in X])
    return y + b.reshape(1, -1, 1, 1)


def cross_correlation(picture, kernel):
    return correlate2d(picture, kernel, mode="valid")
