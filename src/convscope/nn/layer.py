"""What every layer is: parameters, and a way forward and back over tiles; the tiles of a batch run on several threads.

A layer works on tiles (c, h, w, v), a few pictures with the picture index innermost: so a pass of a whole network
over a tile stays in one core's cache, and every inner loop runs over contiguous numbers. Only the doors,
`Layer.forward` and `Layer.backward`, know batches (n, c, h, w). Pictures that have been flattened are (n, features)
outside, and tiles (features, 1, 1, v) inside.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from convscope.errors import InputError
from convscope.ops.fast import tiles
from convscope.ops.fast.compiled import share, threads
from convscope.ops.values import floats

T = TypeVar("T")
Tile = Float[np.ndarray, "_c _h _w _v"]  # (c, h, w, v)
Shape = tuple[int, ...]  # of one picture: (c, h, w), or (features,)
Gradients = dict[str, np.ndarray]


class Workspace:
    """Arrays that a tile's passes use again and again, so that memory is not given back and fetched anew at each step.

    An array belongs to a layer, a name and a shape: whoever asks for it again finds it as it was left.
    """

    def __init__(self) -> None:
        self._arrays: dict[tuple[Any, ...], np.ndarray] = {}

    def array(self, owner: Any, name: str, shape: tuple[int, ...], dtype: Any, make: Any = np.empty) -> np.ndarray:
        """The array of that owner, name and shape; the first time, one that `make(shape, dtype)` has made."""
        key = (id(owner), name, shape, np.dtype(dtype).char)
        if key not in self._arrays:
            self._arrays[key] = make(shape, dtype)
        return self._arrays[key]


class Layer(ABC):
    """One step of a network: `layer(x)`, the same as `layer.forward(x)`, and then `layer.backward(gradient)`.

    After `backward`, `gradients()` holds the gradient of each parameter, summed over the batch.
    """

    def __init__(self) -> None:
        self._passes: list[Any] = []  # of each tile: what was prepared, what was saved, its workspace
        self._in_shape: Shape = ()
        self._gradients: dict[str, np.ndarray] = {}

    def parameters(self) -> dict[str, np.ndarray]:
        """The arrays that are learned, by name; writing into them changes the layer."""
        return {}

    def adopt(self, arrays: dict[str, np.ndarray]) -> None:
        """Hold the parameters in these arrays from now on."""
        for name, array in arrays.items():
            setattr(self, name, array)

    @abstractmethod
    def output_shape(self, shape: Shape) -> Shape:
        """The shape that one picture of this shape comes out with. Raises InputError where it does not fit."""

    def prepare(self, shape: Shape) -> Any:
        """What a pass over pictures of this shape needs of the parameters, worked out once for all tiles."""
        return None

    @abstractmethod
    def forward_tile(self, x: Tile, prepared: Any, space: Workspace) -> tuple[Tile, Any]:
        """The output for a tile, and what `backward_tile` will need. May overwrite x."""

    @abstractmethod
    def backward_tile(
        self, grad: Tile, saved: Any, prepared: Any, gradients: Gradients, wants_input: bool, space: Workspace
    ) -> Tile | None:
        """The gradient in the tile's input, None if not wanted; adds to each of `gradients`. May overwrite grad."""

    def forward(self, x: ArrayLike) -> np.ndarray:
        """The output for a batch; remembers what `backward` needs."""
        x, out_shape = self._checked(x)
        prepared, v = self.prepare(x.shape[1:]), pictures(len(x))
        out = np.empty((tile_count(len(x)) * v, *out_shape), x.dtype)
        self._passes, self._in_shape = [None] * tile_count(len(x)), x.shape[1:]

        def one(k: int) -> None:
            space = Workspace()
            tile, saved = self.forward_tile(to_tile(x, k), prepared, space)
            from_tile(tile, out, k)
            self._passes[k] = prepared, saved, space

        over_tiles(len(x), one)
        return out[: len(x)]

    __call__ = forward

    def predict(self, x: ArrayLike) -> np.ndarray:
        """The output for a batch of any size, remembering nothing."""
        x, out_shape = self._checked(x)
        prepared, v = self.prepare(x.shape[1:]), pictures(len(x))
        out = np.empty((tile_count(len(x)) * v, *out_shape), x.dtype)

        def work(first: int, last: int) -> None:
            space = Workspace()
            for k in range(first, last):
                from_tile(self.forward_tile(to_tile(x, k), prepared, space)[0], out, k)

        share(work, tile_count(len(x)))
        return out[: len(x)]

    def backward(self, grad_output: ArrayLike) -> np.ndarray:
        """The gradient in the input of the last `forward`, from the gradient in its output."""
        if not self._in_shape:
            raise InputError("backward needs what a forward has seen, once each: call forward(x) first")
        grad_output = floats(grad_output, "grad_output")
        n, out_shape = len(grad_output), self.output_shape(self._in_shape)
        if grad_output.shape[1:] != out_shape or tile_count(n) != len(self._passes):
            raise InputError(
                f"grad_output has shape {grad_output.shape} where each picture came out as {out_shape}: give it the "
                f"shape of what forward gave"
            )
        grad_input = np.empty((tile_count(n) * pictures(n), *self._in_shape), grad_output.dtype)
        sums = [{name: np.zeros_like(array) for name, array in self.parameters().items()} for _ in self._passes]

        def one(k: int) -> None:
            prepared, saved, space = self._passes[k]
            from_tile(self.backward_tile(to_tile(grad_output, k), saved, prepared, sums[k], True, space), grad_input, k)

        over_tiles(n, one)
        self._gradients = {
            name: np.sum([each[name] for each in sums], axis=0, dtype=array.dtype) if sums else np.zeros_like(array)
            for name, array in self.parameters().items()
        }
        self._passes, self._in_shape = [], ()  # used up: layers write into what they saved
        return grad_input[:n]

    def gradients(self) -> dict[str, np.ndarray]:
        """The gradient of each parameter at the last `backward`, summed over its batch."""
        return self._gradients

    def _checked(self, x: ArrayLike) -> tuple[np.ndarray, Shape]:
        x = floats(x, "x")
        if x.ndim not in (2, 4):
            raise InputError(f"x has shape {x.shape}: a layer takes (n, c, h, w), or (n, features) once flattened")
        for name, array in self.parameters().items():
            if array.dtype != x.dtype:
                raise InputError(
                    f"x has dtype {x.dtype} and {name} has {array.dtype}: a network keeps to one; "
                    f"use x.astype(np.{array.dtype})"
                )
        return x, self.output_shape(x.shape[1:])


def pictures(n: int) -> int:
    """Pictures of a tile for a batch of n: many, for long inner loops, yet so that there is a tile for each thread."""
    return 64 if n >= 64 * threads() else 32


def tile_count(n: int) -> int:
    """Tiles that n pictures fill."""
    return -(-n // pictures(n))


def over_tiles(n: int, one: Callable[[int], T]) -> list[T]:
    """`one(k)` for each tile k of n pictures, on several threads."""
    results: list[Any] = [None] * tile_count(n)

    def work(first: int, last: int) -> None:
        for k in range(first, last):
            results[k] = one(k)

    share(work, len(results))
    return results


def to_tile(batch: np.ndarray, k: int) -> Tile:
    """Pictures of tile k from a batch (n, c, h, w) or (n, features); filled up with blank ones."""
    v = pictures(len(batch))
    own = batch[k * v : (k + 1) * v].reshape(-1, *(batch.shape[1:] if batch.ndim == 4 else (batch.shape[1], 1, 1)))
    tile = np.empty((1, *own.shape[1:], v), own.dtype)
    tile[..., len(own) :] = 0
    tiles.interleave(np.ascontiguousarray(own), tile, 0, 1)
    return tile[0]


def from_tile(tile: Tile | None, batch: np.ndarray, k: int) -> None:
    """Write tile k to its pictures of the batch (n, c, h, w) or (n, features), n full tiles."""
    assert tile is not None
    v = tile.shape[3]
    tiles.separate(tile[None], batch[k * v : (k + 1) * v].reshape(v, *tile.shape[:3]), 0, 1)
