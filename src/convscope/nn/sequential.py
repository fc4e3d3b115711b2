"""Layers one after another, and the parameters of all of them in one vector."""

from typing import Any

import numpy as np

from convscope.errors import InputError
from convscope.nn.layer import Gradients, Layer, Shape, Tile, Workspace


class Sequential(Layer):
    """Layers run in order: `Sequential({"conv1": Conv2D(1, 6, 5), ...})`, or a list, whose layers are named 0, 1, 2...

    All parameters lie in the one array `vector`; each layer's are views of it, named "layer.parameter" as in PyTorch.
    """

    def __init__(self, layers: dict[str, Layer] | list[Layer]) -> None:
        super().__init__()
        self.layers = dict(layers) if isinstance(layers, dict) else {str(k): layer for k, layer in enumerate(layers)}
        if not self.layers:
            raise InputError("layers is empty: a network has at least one layer")
        arrays = self.parameters()
        dtype = next((array.dtype for array in arrays.values()), np.dtype(np.float32))
        self.adopt_vector(np.concatenate([np.zeros(0, dtype), *(array.ravel() for array in arrays.values())]))

    def parameters(self) -> dict[str, np.ndarray]:
        return {
            f"{name}.{own}": array for name, layer in self.layers.items() for own, array in layer.parameters().items()
        }

    def adopt_vector(self, vector: np.ndarray) -> None:
        """Hold all parameters in `vector` from now on."""
        self.vector = vector
        self.adopt(self.split(vector))

    def adopt(self, arrays: dict[str, np.ndarray]) -> None:
        for name, layer in self.layers.items():
            layer.adopt({key[len(name) + 1 :]: array for key, array in arrays.items() if key.startswith(name + ".")})

    def split(self, vector: np.ndarray) -> dict[str, np.ndarray]:
        """Views of `vector`, one for each parameter."""
        views, start = {}, 0
        for name, array in self.parameters().items():
            views[name] = vector[start : start + array.size].reshape(array.shape)
            start += array.size
        return views

    def state(self) -> dict[str, np.ndarray]:
        """Copies of all parameters, under PyTorch's names and in its shapes."""
        return {name: array.copy() for name, array in self.parameters().items()}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Take over parameters made by `state`. Raises InputError where a name or a shape differs."""
        own = self.parameters()
        if state.keys() != own.keys():
            raise InputError(
                f"the weights are named {', '.join(state) or 'nothing'}, and the network's are {', '.join(own)}: "
                f"load weights of the same network"
            )
        for name, array in own.items():
            if np.shape(state[name]) != array.shape:
                raise InputError(
                    f"{name} has shape {np.shape(state[name])} in the weights and {array.shape} in the network: "
                    f"load weights of the same network"
                )
        for name, array in own.items():
            array[...] = state[name]

    def shapes(self, shape: Shape) -> dict[str, Shape]:
        """The shape of one picture after each layer. Raises InputError naming the layer where it does not fit."""
        after = {}
        for name, layer in self.layers.items():
            try:
                shape = layer.output_shape(shape)
            except InputError as error:
                raise InputError(f"layer {name}: {error}") from None
            after[name] = shape
        return after

    def output_shape(self, shape: Shape) -> Shape:
        return list(self.shapes(shape).values())[-1]

    def prepare(self, shape: Shape) -> list[Any]:
        inputs = [shape, *self.shapes(shape).values()]
        return [layer.prepare(one) for layer, one in zip(self.layers.values(), inputs, strict=False)]

    def forward_tile(self, x: Tile, prepared: list[Any], space: Workspace) -> tuple[Tile, list[Any]]:
        saved = []
        for layer, own in zip(self.layers.values(), prepared, strict=True):
            x, needed = layer.forward_tile(x, own, space)
            saved.append(needed)
        return x, saved

    def backward_tile(
        self, grad: Tile, saved: Any, prepared: Any, gradients: Gradients, wants_input: bool, space: Workspace
    ) -> Tile | None:
        steps = list(zip(self.layers.items(), saved, prepared, strict=True))
        # below the first layer with parameters nobody asks for the gradient, unless the caller does
        lowest = 0 if wants_input else next((k for k, ((_, layer), _, _) in enumerate(steps) if layer.parameters()), 0)
        for k in range(len(steps) - 1, lowest - 1, -1):
            (name, layer), needed, own = steps[k]
            mine = {key: gradients[f"{name}.{key}"] for key in layer.parameters()}
            step = layer.backward_tile(grad, needed, own, mine, wants_input or k > lowest, space)
            if step is None:
                return None
            grad = step
        return grad
