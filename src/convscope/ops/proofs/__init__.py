"""One operator, many faces: the same convolution in seven forms, shown equal, with what each costs.

windows          sliding windows: a view of the image with two more axes
shifts           shifted products: the image once for each tap
im2col           the windows as columns of a matrix, and one product of matrices
fft              products of spectra
winograd         F(2x2, 3x3): four output cells with 16 multiplications
sparse           one sparse matrix W times the image as a vector
fully_connected  a fully connected layer with sparse and shared weights

Each has the arguments of `ops.conv2d`, takes integers too, and is exact on them. Their fast and their readable twin are
`ops.conv2d` and `ops.reference.conv2d`. `python -m convscope.ops.proofs` shows it all on a small example.

>>> import numpy as np
>>> from convscope.ops import proofs
>>> x, w = np.arange(30).reshape(1, 1, 5, 6), np.array([[[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]]])
>>> proofs.prove(x, w, padding=1).holds
True
"""

from convscope.ops.proofs.cost import Cost, costs
from convscope.ops.proofs.matrices import fully_connected, matrix, sparse
from convscope.ops.proofs.report import FORMS, Proof, Verdict, prove
from convscope.ops.proofs.sharing import averaged, copy_gradients, summed
from convscope.ops.proofs.sliding import im2col, shifts, windows
from convscope.ops.proofs.transformed import fft, winograd
from convscope.ops.proofs.wiring import Connections, connections, pattern

__all__ = [
    "FORMS",
    "Connections",
    "Cost",
    "Proof",
    "Verdict",
    "averaged",
    "connections",
    "copy_gradients",
    "costs",
    "fft",
    "fully_connected",
    "im2col",
    "matrix",
    "pattern",
    "prove",
    "shifts",
    "sparse",
    "summed",
    "windows",
    "winograd",
]
