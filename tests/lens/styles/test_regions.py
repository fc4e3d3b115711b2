"""Masks whose colours are labels: exact ones, noisy ones, and those that do not fit."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from convscope.errors import InputError
from convscope.lens.styles.regions import regions

PAGE, PAINTING = np.zeros((60, 80, 3), np.uint8), np.zeros((50, 90, 3), np.uint8)
SKY, SEA, SAND = (40, 90, 250), (0, 120, 60), (250, 220, 120)


def stripes(height: int, width: int, *colours: tuple[int, int, int]) -> np.ndarray:
    """Horizontal stripes of these colours, the first twice as high as each other."""
    mask = np.empty((height, width, 3), np.uint8)
    first = 2 * height // (len(colours) + 1)
    mask[:] = colours[0]
    for k, colour in enumerate(colours[1:]):
        mask[first + k * (height - first) // (len(colours) - 1) :] = colour
    return mask


def jpeg(mask: np.ndarray) -> Image.Image:
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "JPEG", quality=70)
    return Image.open(file)


def test_each_colour_is_a_region():
    found = regions(stripes(60, 80, SKY, SEA, SAND), stripes(50, 90, SAND, SKY, SEA), PAGE, [PAINTING])
    assert sorted(found.labels) == ["#00783c", "#285afa", "#fadc78"]
    assert (found.content.shape, [mask.shape for mask in found.styles]) == ((3, 60, 80), [(3, 50, 90)])
    for masks in (found.content, *found.styles):
        assert torch.equal(masks.sum(0), torch.ones(masks.shape[1:]))
    sky = found.labels.index("#285afa")
    assert found.content[sky].mean(1).tolist() == [1] * 30 + [0] * 30
    assert found.styles[0][sky].mean(1).nonzero().flatten().tolist() == list(range(25, 37))


def test_grey_levels_paths_and_several_styles(tmp_path):
    mask = np.zeros((60, 80), np.uint8)
    mask[:, 30:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    Image.fromarray(mask[:50, :]).resize((90, 50)).save(tmp_path / "theirs.png")
    theirs = [tmp_path / "theirs.png", mask]
    found = regions(str(tmp_path / "mask.png"), theirs, PAGE, [PAINTING, PAGE])
    assert found.labels == ("#ffffff", "#000000")
    assert len(found.styles) == 2
    assert torch.equal(found.content, found.styles[1])
    assert torch.equal(found.content[0].bool(), torch.from_numpy(mask > 0))


def test_noise_and_blends_go_to_the_nearest_label():
    clean = stripes(60, 80, SKY, SEA, SAND)
    exact = regions(clean, stripes(50, 90, SAND, SKY, SEA), PAGE, [PAINTING])
    noisy = regions(jpeg(clean), jpeg(stripes(50, 90, SAND, SKY, SEA)), PAGE, [PAINTING])
    assert len(noisy.labels) == 3
    order = [
        min(range(3), key=lambda k: float((noisy.content[k] - masks).abs().sum())) for masks in exact.content
    ]
    assert sorted(order) == [0, 1, 2]
    assert float((noisy.content[order] - exact.content).abs().mean()) < 0.02  # the seams alone
    blended = clean.copy()
    blended[10, 20] = (145, 105, 155)  # one pixel of 4800
    assert regions(blended, stripes(50, 90, SAND, SKY, SEA), PAGE, [PAINTING]).labels == exact.labels


def test_masks_of_the_same_proportions_are_resized():
    large = stripes(181, 241, SKY, SEA)
    found = regions(large, stripes(50, 90, SEA, SKY), PAGE, [PAINTING])
    assert found.content.shape == (2, 60, 80)
    assert found.content[found.labels.index("#285afa")].mean(1).tolist() == [1] * 40 + [0] * 20
    with pytest.raises(InputError, match=r"content mask: 60 x 83 pixels for a picture of 60 x 80; give a mask of that"):
        regions(stripes(60, 83, SKY, SEA), stripes(50, 90, SEA, SKY), PAGE, [PAINTING])


def test_a_region_that_is_missing(tmp_path):
    both, one = stripes(60, 80, SKY, SEA), stripes(50, 90, SKY, SAND)
    with pytest.raises(InputError, match=r"^style mask: no region of #00783c, which content mask has; paint one"):
        regions(both, stripes(50, 90, SKY), PAGE, [PAINTING])
    Image.fromarray(stripes(60, 80, SKY)).save(tmp_path / "sky.png")
    with pytest.raises(InputError, match=r"^content mask .*sky.png: no region of #fadc78, which style mask has"):
        regions(tmp_path / "sky.png", one, PAGE, [PAINTING])
    one = stripes(50, 90, SKY)
    one[0, :3] = SEA  # three pixels are no region
    with pytest.raises(InputError, match="style mask: no region of #00783c"):
        regions(both, one, PAGE, [PAINTING])


def test_masks_that_are_photographs_and_too_few_masks():
    photograph = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    with pytest.raises(InputError, match=r"^style mask: less than half of it is of plain colours; give a label"):
        regions(stripes(60, 80, SKY, SEA), photograph, PAGE, [PAGE])
    tiles = np.random.default_rng(0).integers(0, 256, (6, 8, 3)).astype(np.uint8).repeat(10, 0).repeat(10, 1)
    with pytest.raises(InputError, match=r"^content mask: more than 20 colours; give a label picture"):
        regions(tiles, stripes(60, 80, SKY, SEA), PAGE, [PAGE])
    ramp = np.linspace(0, 255, 80, dtype=np.uint8)[None].repeat(60, 0)
    assert len(regions(ramp, ramp, PAGE, [PAGE]).labels) == 10  # a ramp is cut into bands
    with pytest.raises(InputError, match="masks: 1 for 2 style pictures; give each style picture one mask"):
        regions(ramp, ramp, PAGE, [PAGE, PAGE])
