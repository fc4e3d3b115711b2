"""The same in Python: code that runs as it is and comes to the same numbers."""

from convscope.web.rooms.sees.arithmetic import OPERATORS, Cell, inputs
from convscope.web.rooms.sees.network import DRAWING, FILE, network
from convscope.web.sources import Source


def python(picture: Source, cell: Cell) -> str:
    """What makes the maps of every layer, the probabilities, and explains the cell."""
    imports, drawing = picture.python().split("\n\n", 1)
    return f"""\
from importlib.resources import files

{imports}

import convscope as cs
from convscope import ops
from convscope.tasks import digits, trained

{drawing}

network = trained.load(files("convscope") / "{FILE}").network
x = digits.normalise(picture[None])
maps = {{"{DRAWING}": x}}
for name, layer in network.layers.items():
    x = maps[name] = layer.predict(x)
print(ops.softmax(x)[0].round(4))

{_cell(cell)}
"""


def _cell(cell: Cell) -> str:
    level, index = cell.level, ", ".join(map(str, cell.index))
    if level.name == DRAWING:
        return f'print(maps["{DRAWING}"][{index}])'
    names = list(network().layers)
    below = DRAWING if level.name == names[0] else names[names.index(level.name) - 1]
    given = {"x": f'maps["{below}"]'}
    for name, value in inputs(level).items():
        parameter = {"w": "weight", "bias": "bias"}.get(name)
        given[name] = f'weights["{level.name}.{parameter}"]' if parameter else repr(value)
    arguments = ", ".join(f'"{name}": {value}' for name, value in given.items())
    return f"""\
weights = network.parameters()
explanation = cs.explain("{OPERATORS[level.kind]}", {{{arguments}}}, at=({index}))
print(explanation)"""
