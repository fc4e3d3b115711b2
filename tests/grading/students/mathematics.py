"""Strict convolution, the kernel turned."""

from scipy.signal import convolve2d


def convolution(image, kernel):
    return convolve2d(image, kernel, mode="valid")
