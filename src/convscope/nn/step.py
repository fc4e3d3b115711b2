"""One step of training: every tile of a batch goes forward and back on its own, then their gradients are added."""

from dataclasses import dataclass

import numpy as np

from convscope.nn.layer import Workspace, over_tiles, pictures, tile_count, to_tile
from convscope.nn.sequential import Sequential
from convscope.ops.fast.loops import cross_entropy_columns


@dataclass(frozen=True)
class Batch:
    """What a batch gave: its mean loss, how many pictures were read rightly, the gradient of the mean loss."""

    loss: float
    right: int
    gradient: np.ndarray


class Stepper:
    """Gradients of `net` on one batch after another; keeps the memory they need."""

    def __init__(self, net: Sequential) -> None:
        self._net = net
        self._spaces: list[Workspace] = []

    def __call__(self, x: np.ndarray, labels: np.ndarray) -> Batch:
        """Mean cross-entropy of a batch x (n, c, h, w) with class numbers `labels` (n,), and its gradient.

        Tiles are added in their order, so that the result does not depend on which thread was first. The gradient is
        overwritten by the next call.
        """
        net, v = self._net, pictures(len(x))
        prepared = net.prepare(x.shape[1:])
        while len(self._spaces) < tile_count(len(x)):
            self._spaces.append(Workspace())

        def one(k: int) -> tuple[float, int, np.ndarray]:
            space, own = self._spaces[k], labels[k * v : (k + 1) * v]
            logits, saved = net.forward_tile(to_tile(x, k), prepared, space)
            grad = space.array(self, "loss", logits.shape, logits.dtype)
            columns, count = logits.reshape(-1, v), logits.dtype.type(len(x))
            loss, right = cross_entropy_columns(columns, own, count, grad.reshape(-1, v))
            vector = space.array(self, "gradient", net.vector.shape, net.vector.dtype)
            vector[:] = 0
            net.backward_tile(grad, saved, prepared, net.split(vector), False, space)
            return loss, right, vector

        tiles = over_tiles(len(x), one)
        total = tiles[0][2]
        for _, _, vector in tiles[1:]:
            total += vector
        return Batch(sum(loss for loss, _, _ in tiles) / len(x), sum(right for _, right, _ in tiles), total)
