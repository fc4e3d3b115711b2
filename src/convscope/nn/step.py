"""One step of training: every tile of a batch goes forward and back on its own, then their gradients are added."""

from dataclasses import dataclass
from typing import Any

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


class _Slot:
    """What one tile of every batch works with."""

    def __init__(self, net: Sequential) -> None:
        self.space = Workspace()
        self.vector = np.zeros_like(net.vector)
        self.gradients = net.split(self.vector)


class Stepper:
    """Gradients of `net` on one batch after another; keeps the memory they need."""

    def __init__(self, net: Sequential) -> None:
        self._net = net
        self._slots: list[_Slot] = []
        self._prepared: dict[tuple[int, ...], Any] = {}  # by shape; refers to the parameters, does not copy them

    def __call__(self, x: np.ndarray, labels: np.ndarray) -> Batch:
        """Mean cross-entropy of a batch x (n, c, h, w) with class numbers `labels` (n,), and its gradient.

        Tiles are added in their order, so that the result does not depend on which thread was first. The gradient is
        overwritten by the next call.
        """
        net, v, shape = self._net, pictures(len(x)), x.shape[1:]
        if shape not in self._prepared:
            self._prepared[shape] = net.prepare(shape)
        prepared = self._prepared[shape]
        while len(self._slots) < tile_count(len(x)):
            self._slots.append(_Slot(net))

        def one(k: int) -> tuple[float, int]:
            slot, own = self._slots[k], labels[k * v : (k + 1) * v]
            logits, saved = net.forward_tile(to_tile(x, k), prepared, slot.space)
            grad = slot.space.array(self, "loss", logits.shape, logits.dtype)
            columns, count = logits.reshape(-1, v), logits.dtype.type(len(x))
            loss, right = cross_entropy_columns(columns, own, count, grad.reshape(-1, v))
            slot.vector[:] = 0
            net.backward_tile(grad, saved, prepared, slot.gradients, False, slot.space)
            return loss, right

        answers = over_tiles(len(x), one)
        total = self._slots[0].vector
        for slot in self._slots[1 : len(answers)]:
            total += slot.vector
        return Batch(sum(loss for loss, _ in answers) / len(x), sum(right for _, right in answers), total)
