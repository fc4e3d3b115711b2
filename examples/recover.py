"""Which kernel made one photo from another: found, with how sure it is; and refused where there is none.

Run: python examples/recover.py
"""

import io

import numpy as np
from PIL import Image, ImageFilter
from skimage import data

import convscope as cs
from convscope import ops

photo = Image.fromarray(data.camera()[100:400, 60:440])
before = np.asarray(photo)
sharper = np.asarray(photo.filter(ImageFilter.SHARPEN))

print("a photo of 300 x 380, sharpened by Pillow, 8 bits: the size is found out")
found = cs.recover(before, sharper)
print(found)

true = np.array([[-2, -2, -2], [-2, 32, -2], [-2, -2, -2]]) / 16
low, high = found.interval
inside = ((low <= true) & (true <= high)).sum()
print(f"  Pillow's kernel is -0.125 around 2: {inside} of {true.size} taps lie in their 95 % intervals")
print(f"  it sums eighths and rounds halves up: 1 cell in 8 by half a level, a bias of {1 / 8 / 2}")

print("the same, 100 times with noise of 4 levels")
rng, hits = np.random.default_rng(0), 0
clear = ops.corr2d(before[100:164, 100:180].astype(float), true)
for _ in range(100):
    again = cs.recover(before[100:164, 100:180].astype(float), clear + rng.normal(0, 4, clear.shape), size=3)
    low, high = again.interval
    hits += ((low <= true) & (true <= high)).sum()
print(f"  the 95 % intervals hold {hits / true.size:.1f} % of the true taps")

print("a JPEG file of it, quality 85")
file = io.BytesIO()
Image.fromarray(sharper).save(file, "JPEG", quality=85)
stored = Image.open(file)
table = np.array(stored.quantization[0]).reshape(8, 8)  # pyright: ignore[reportAttributeAccessIssue]
for name, jpeg in (("as if it were noise", None), ("by the bounds of its coefficients", table)):
    found = cs.recover(before, np.asarray(stored), size=3, jpeg=jpeg)
    away = np.abs(found.kernel - true).max()
    print(f"  {name}: middle tap {found.kernel[1, 1]:.4f}, furthest tap off by {away:.4f}")
    print(f"    standard errors up to {found.stderr.max():.4f}")

print("what is no convolution")
gamma = (255 * (before / 255) ** 0.6).round().astype(np.uint8)
for name, after in (
    ("a median", np.asarray(photo.filter(ImageFilter.MedianFilter(3)))),
    ("a tone curve", gamma),
    ("a mirror image", np.asarray(Image.fromarray(sharper[:, ::-1].copy()))),
):
    found = cs.recover(before, after, size=3)
    print(f"  {name}: {found.verdict}; {found.reasons[0]}")

print("what cannot be known: stripes, all rows alike")
stripes = np.tile(rng.integers(60, 190, 80).astype(float), (60, 1))
found = cs.recover(stripes, ops.corr2d(stripes, true), size=3)
print(f"  {found.verdict}: {found.rank} of {found.taps} directions can be told")
print(f"  {found.reasons[1]}")
column_sums = found.kernel.sum(0)
print(f"  what can: the sums of the columns, {np.array2string(column_sums, precision=3)}")
