"""Style, offline: a cat painted like a cup of coffee; what the losses say, and what keeps it a photograph.

Run: python examples/style.py
"""

import numpy as np
import torch
from jaxtyping import UInt8
from skimage.data import chelsea, coffee

import convscope as cs
from convscope.lens.anysize import resized
from convscope.lens.styles import style
from convscope.lens.styles.matting import Affinity

ROWS, COLUMNS = 64, 96
network = cs.load("squeezenet")
cat, cup = (resized(picture, ROWS, COLUMNS) for picture in (chelsea(), coffee()))


def residual(picture: UInt8[np.ndarray, "h w 3"]) -> float:
    """Of 255 levels, root mean square: what no locally affine change of the cat's colours explains."""
    of, made = (torch.from_numpy(each.copy()).permute(2, 0, 1).double() / 255 for each in (cat, picture))
    return 255 * float(Affinity.of(of).energy(made[None]).sqrt())


painted = style(cat, cup, model=network, size=COLUMNS, steps=40)
print("losses of the photograph, and what is left of them:")
for name, last in painted.losses.items():
    first = painted.scales[-1].start[name]
    if name.startswith("style"):
        print(f"  {name}: {first:.1f}; {'less than half' if last < first / 2 else 'half or more'}")

photographic = style(cat, cup, model=network, size=COLUMNS, steps=40, photorealistic=1e4)
print("what is no change of the photograph's colours, of 255 levels:")
for name, made in {"painted": painted, "photorealistic": photographic}.items():
    print(f"  {name}: {residual(made.picture):.0f}")
