"""The lens on a trained network, offline: what SqueezeNet's layers see, look for and find in pictures of stripes.

Run: python examples/lens.py
"""

import numpy as np

import convscope as cs
from convscope import lens
from convscope.lens.models.network import preprocessing_of

COLOURS = {"white": (1, 1, 1), "red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)}
ANGLES = (0, 45, 90, 135)
WIDTHS = (4, 8, 16)


def stripes(colour: tuple[float, ...], angle: float, width: int, side: int = 224) -> np.ndarray:
    """Coloured stripes on black, (h, w, 3) from 0 to 255; at angle 0 they lie level."""
    rows, columns = np.mgrid[:side, :side]
    turn = np.radians(angle)
    wave = np.sin(np.pi * (rows * np.cos(turn) + columns * np.sin(turn)) / width)
    return np.round(255 * (wave[..., None] + 1) / 2 * colour).astype(np.uint8)


network = cs.load("squeezenet")
names = [f"{colour}, {angle} degrees, {width} wide" for colour in COLOURS for angle in ANGLES for width in WIDTHS]
pictures = [stripes(COLOURS[colour], angle, width) for colour in COLOURS for angle in ANGLES for width in WIDTHS]
inputs = preprocessing_of(network).to_inputs(np.stack(pictures))

print("What a unit sees, exactly, and the side of a square that holds 95 % of what moves it:")
for layer in ("features.0", "features.3", "features.6", "features.9"):
    field = cs.receptive_field(network, layer)
    measured = lens.effective_field(network, layer, inputs[::12])
    print(f"  {layer}: {field.size[0]} x {field.size[1]}, every {field.stride[0]} cells; {measured.size:.0f}")

layer, units = "features.3", [0, 1, 2, 3]
found = cs.examples(network, [layer], inputs, k=1)[layer]
drawing = cs.draw(network, layer, units, seed=1)
print(f"{layer}: which stripes excite a unit most, and does its drawing excite it more?")
for unit, value in zip(drawing.units, drawing.values, strict=True):
    best = found.top.value[unit, 0]
    print(f"  unit {unit}: {names[found.top.index[unit, 0]]}; {'yes' if value > best else 'no'}")

again = cs.draw(network, layer, units, seed=1)
print(f"The same seed gives the same pictures: {np.array_equal(drawing.pictures, again.pictures)}")
print(f"The command that draws them: {drawing.recipe['command']}")

told = lens.account(network, inputs[7], "features.9", k=5)
share = told.contributions.sum() / (told.value - told.at_rest)
print(f"{names[7]}: taken for {told.of}")
print(f"  units of features.9 that carried it: {', '.join(map(str, told.top))}; all add up to {share:.0%}")
