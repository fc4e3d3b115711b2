"""The chain of shapes through a stack of layers; where it breaks, why, and the smallest fixes."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from convscope import geometry
from convscope.errors import InputError
from convscope.geometry import Field
from convscope.ops import shapes, values
from convscope.ops.explain.layers import Spec, named, read

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """One layer that fits.

    shape       of one picture after it
    parameters  how many numbers it learns
    lost        rows at the bottom and columns at the right that its stride leaves unread
    sees        the part of the input that one of its units sees
    """

    layer: Spec
    shape: Shape
    parameters: int
    lost: tuple[int, int]
    sees: Field


@dataclass(frozen=True)
class Chain:
    """Shapes of one picture, layer by layer; `str(chain)` is a table.

    failed  the layer that does not fit (None: all do), why, and the smallest fixes
    """

    shape: Shape
    steps: tuple[Step, ...]
    failed: Spec | None = None
    why: str = ""
    fixes: tuple[str, ...] = ()

    def __str__(self) -> str:
        rows = [["input", "", _size(self.shape), "", ""]]
        for step in self.steps:
            lost = [_count(n, what) for n, what in zip(step.lost, ("row", "column")) if n]
            sees = "sees all" if step.sees.whole else f"sees {step.sees.size[0]} x {step.sees.size[1]}"
            count = f"{step.parameters:,} parameters" if step.parameters else ""
            told = f"{sees}; {' and '.join(lost)} lost" if lost else sees
            rows.append([step.layer.name, str(step.layer), _size(step.shape), count, told])
        if self.failed:
            rows.append([self.failed.name, str(self.failed), "does not fit", "", ""])
        widths = [max(len(row[k]) for row in rows) for k in range(5)]
        right = (False, False, False, True, False)
        lines = [
            "   ".join(cell.rjust(width) if end else cell.ljust(width) for cell, width, end in zip(row, widths, right))
            for row in rows
        ]
        if self.failed:
            lines += [f"{self.failed.name}: {self.why}", *(f"  fix: {fix}" for fix in self.fixes)]
        else:
            lines.append(f"{sum(step.parameters for step in self.steps):,} parameters in all")
        return "\n".join(line.rstrip() for line in lines)

    def to_dict(self) -> dict[str, Any]:
        """As plain values that JSON can hold."""
        return {
            "input": list(self.shape),
            "layers": [
                {
                    "name": step.layer.name,
                    "layer": str(step.layer),
                    "shape": list(step.shape),
                    "parameters": step.parameters,
                    "lost": list(step.lost),
                    "sees": list(step.sees.size),
                }
                for step in self.steps
            ],
            "failed": self.failed and self.failed.name,
            "why": self.why,
            "fixes": list(self.fixes),
        }


def chain(shape: Any, layers: Any) -> Chain:
    """The shape of one picture after each layer, up to the first that does not fit.

    shape   of a picture, (c, h, w), or (features,)
    layers  a network of `convscope.nn`, a `torch.nn.Sequential`, a dict or a list of layers; a layer is an object of
            either library, its name ("relu", "flatten"), or a dict, as {"type": "Conv2D", "in_channels": 1, ...}

    A shape that does not fit is no error here: the chain says so, and how to mend it. Raises InputError for a layer
    that is not known and for numbers that are none.

    >>> print(chain((1, 8, 8), [{"type": "MaxPool2D", "kernel_size": 3}, "flatten",
    ...                         {"type": "Linear", "in_features": 9, "out_features": 2}]))
    input                  1 x 8 x 8
    0       MaxPool2D(3)   1 x 2 x 2         sees 3 x 3; 2 rows and 2 columns lost
    1       flatten()      4                 sees all
    2       Linear(9, 2)   does not fit
    2: Linear(9, 2) takes 9 inputs, and gets 4
      fix: Linear(4, 2)
      fix: pictures of 1 x 9 x 9
    """
    shape = values.integers(shape, "shape", (1, 3), "the shape (c, h, w) of a picture, or (features,)", 1)
    specs = [read(name, layer) for name, layer in named(layers)]
    return _with_fixes(_run(shape, specs), specs)


def _run(shape: Shape, specs: Sequence[Spec]) -> Chain:
    start, steps = shape, []
    sees = Field() if len(shape) == 3 else Field.of_everything(1, 1)
    for spec in specs:
        try:
            after, lost = _through(shape, spec)
        except InputError as problem:
            return Chain(start, tuple(steps), spec, str(problem))
        if spec.kind in ("flatten", "linear"):
            sees = Field.of_everything(*(start[1:] if len(start) == 3 else (1, 1)))
        elif spec.kind != "pointwise":
            pads = _pads(shape, spec)
            sees = sees.through(spec.kernel, spec.stride, (pads[0], pads[2]), spec.dilation)
        steps.append(Step(spec, after, spec.parameters, lost, sees))
        shape = after
    return Chain(start, tuple(steps))


def _through(shape: Shape, spec: Spec) -> tuple[Shape, tuple[int, int]]:
    """The shape after a layer, and rows and columns lost. Raises InputError, the reason, where it does not fit."""
    if spec.kind == "pointwise":
        return shape, (0, 0)
    if spec.kind == "flatten":
        return (math.prod(shape),), (0, 0)
    if spec.kind == "linear":
        if shape != (spec.inputs,):
            flat = "" if len(shape) == 1 else f" of {math.prod(shape)} numbers, not flattened"
            raise InputError(f"{spec} takes {_count(spec.inputs, 'input')}, and gets {_size(shape)}{flat}")
        return (spec.outputs,), (0, 0)
    if len(shape) != 3:
        raise InputError(f"{spec} takes pictures, and gets {_size(shape)} numbers, already flattened")
    pads = _pads(shape, spec)
    padded = shape[1] + sum(pads[:2]), shape[2] + sum(pads[2:])
    spans = tuple(geometry.span(spec.kernel[k], spec.dilation[k]) for k in (0, 1))
    if not spec.ceil_mode and (spans[0] > padded[0] or spans[1] > padded[1]):  # else it may hang over
        raise InputError(f"{spec} spans {_size(spans)} cells, and gets {_size(padded)}, padding included")
    if spec.kind == "conv":
        if shape[0] != spec.inputs:
            raise InputError(f"{spec} takes {_count(spec.inputs, 'channel')}, and gets {shape[0]} ({_size(shape)})")
        weight = spec.outputs, spec.inputs // spec.groups, *spec.kernel
        options = spec.stride, spec.padding, spec.dilation, spec.groups, "zeros", False
        out = shapes.conv_geometry((1, *shape), weight, *options).output_size[1:]
    else:
        options = spec.kernel, spec.stride, spec.padding, spec.dilation, spec.ceil_mode
        out = shapes.pool_geometry((1, *shape), *options).output_size[1:]
    if spec.ceil_mode:
        return out, (0, 0)
    rows, columns = (
        geometry.remainder(
            shape[1 + k], spec.kernel[k], spec.stride[k], (pads[2 * k], pads[2 * k + 1]), spec.dilation[k]
        )
        for k in (0, 1)
    )
    return out, (rows, columns)


def _pads(shape: Shape, spec: Spec) -> Shape:
    """Cells added at the top, bottom, left and right."""
    if spec.padding == "same":
        axes = (geometry.same_padding(shape[1 + k], spec.kernel[k], spec.stride[k], spec.dilation[k]) for k in (0, 1))
        return tuple(one for axis in axes for one in axis)
    return (0, 0, 0, 0) if isinstance(spec.padding, str) else spec.padding


def _with_fixes(broken: Chain, specs: Sequence[Spec]) -> Chain:
    """The smallest changes after which the layer that failed fits: of itself, of one layer before it, of the input."""
    if broken.failed is None:
        return broken
    start, failed, before = broken.shape, broken.failed, list(specs[: len(broken.steps)])
    shape = broken.steps[-1].shape if before else start
    fixes = [fix for fix, changed in _own_fixes(shape, failed) if _fits(shape, changed)]
    for k, spec in enumerate(before):
        others = before[:k], [*before[k + 1 :], failed]
        if spec.kind == "flatten" and _fits(start, [*others[0], *others[1]]):
            fixes.append(f"leave out {spec.name}: {spec}")
        if spec.kind == "conv" and failed.kind == "linear":
            now = _pads(start, spec)[0] if spec.padding != "same" else 0
            for pad in sorted(range(max(spec.kernel) + 1), key=lambda pad: abs(pad - now)):
                changed = replace(spec, padding=(pad,) * 4)
                if changed != spec and _fits(start, [*others[0], changed, *others[1]]):
                    fixes.append(f"padding={pad} in {spec.name}: {changed}")
                    break
    if len(start) == 3:
        channels, height, width = start
        for more in sorted(range(1 - min(height, width), 65), key=abs):
            larger = channels, height + more, width + more
            if more and _fits(larger, [*before, failed]):
                fixes.append(f"pictures of {_size(larger)}")
                break
    return replace(broken, fixes=tuple(fixes))


def _own_fixes(shape: Shape, spec: Spec) -> Iterator[tuple[str, list[Spec]]]:
    """What could be written for this one layer, and the layers that then stand there."""
    if spec.kind == "linear":
        changed = replace(spec, inputs=math.prod(shape))
        if len(shape) == 1:
            yield str(changed), [changed]
        else:
            flatten = Spec("", "flatten", "Flatten")
            yield "Flatten() before it", [flatten, spec]
            yield f"Flatten() before it, and {changed}", [flatten, changed]
    elif len(shape) == 3:
        if spec.kind == "conv" and shape[0] != spec.inputs:
            groups = spec.groups if shape[0] % spec.groups == 0 else 1
            changed = replace(spec, inputs=shape[0], groups=groups)
            yield str(changed), [changed]
        for pad in range(1, max(spec.kernel) * max(spec.dilation)):
            changed = replace(spec, padding=(pad,) * 4)
            if _fits(shape, [changed]):
                yield str(changed), [changed]
                break
        for size in range(max(spec.kernel) - 1, 0, -1):
            kernel = min(spec.kernel[0], size), min(spec.kernel[1], size)
            stride = kernel if spec.stride == spec.kernel else spec.stride
            changed = replace(spec, kernel=kernel, stride=stride)
            if _fits(shape, [changed]):
                yield str(changed), [changed]
                break


def _fits(shape: Shape, specs: Sequence[Spec]) -> bool:
    return _run(shape, specs).failed is None


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _size(shape: Shape) -> str:
    return " x ".join(map(str, shape))
