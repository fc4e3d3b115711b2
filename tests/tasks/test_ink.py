"""Photos of digits, made from MNIST's test digits, come back as those digits."""

import contextlib
import functools

import numpy as np
import pytest
from PIL import Image, ImageDraw

from convscope.errors import InputError
from convscope.tasks import digits, ink

MNIST = digits.load()
CHOSEN = [int(np.flatnonzero(MNIST.test_labels == k)[i]) for k in range(10) for i in range(3)]


def photo(
    digit: np.ndarray,
    seed: int,
    size=400,
    share=(0.4, 0.7),
    contrast=(0.4, 0.9),
    grain=4.0,
    shade=0.4,
    turn=5.0,
) -> np.ndarray:
    """Dark ink on light paper: the digit somewhere on it, a little turned, light falling from one side."""
    chance = np.random.default_rng(seed)
    height, width = size, int(size * chance.uniform(0.8, 1.3))
    side = int(min(height, width) * chance.uniform(*share))
    smooth = Image.Resampling.BICUBIC
    written = Image.fromarray(digit).resize((side, side), smooth).rotate(chance.uniform(-turn, turn), smooth)
    sheet = Image.new("L", (width, height))
    sheet.paste(written, (int(chance.uniform(0, width - side)), int(chance.uniform(0, height - side))))
    row, column = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    angle = chance.uniform(0, 2 * np.pi)
    light = 1 - shade * (0.5 + 0.35 * (row * np.sin(angle) + column * np.cos(angle)))
    ink_there = chance.uniform(*contrast) * np.asarray(sheet) / 255
    return np.clip(235 * light * (1 - ink_there) + chance.normal(0, grain, (height, width)), 0, 255)


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Normalised correlation, 0 to 1."""
    a, b = a.astype(float).ravel(), b.astype(float).ravel()
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def nearest(pictures: list[np.ndarray]) -> np.ndarray:
    """Labels of the most similar of 20,000 training digits."""
    asked = np.stack(pictures).reshape(-1, 784).astype(np.float32)
    return MNIST.train_labels[(asked @ known().T).argmax(axis=1)]


@functools.cache
def known() -> np.ndarray:
    pictures = MNIST.train_images[:20_000].reshape(-1, 784).astype(np.float32)
    return pictures / np.linalg.norm(pictures, axis=1, keepdims=True)


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"size": 700, "share": (0.2, 0.4)},
        {"contrast": (0.15, 0.3), "grain": 2},
        {"grain": 12},
        {"shade": 0.7},
        {"turn": 0, "share": (0.97, 0.99)},
    ],
    ids=["usual", "small on the sheet", "pale", "grainy", "deep shade", "fills the picture"],
)
@pytest.mark.parametrize("light_on_dark", [False, True])
def test_photos(conditions, light_on_dark):
    found = []
    for i in CHOSEN:
        sheet = photo(MNIST.test_images[i], seed=i, **conditions).astype(np.float32)
        found.append(ink.to_mnist(255 - sheet if light_on_dark else sheet))
    likenesses = [likeness(picture, MNIST.test_images[i]) for picture, i in zip(found, CHOSEN)]
    assert np.mean(likenesses) > 0.85
    assert (nearest(found) == MNIST.test_labels[CHOSEN]).mean() >= 0.9


def test_a_hard_shadow_seldom_harms():
    likenesses = []
    for i in CHOSEN:
        sheet = photo(MNIST.test_images[i], seed=i).astype(np.float32)
        sheet[:, : sheet.shape[1] // 3] *= 0.6
        try:
            likenesses.append(likeness(ink.to_mnist(sheet), MNIST.test_images[i]))
        except InputError:
            likenesses.append(0)
    assert np.quantile(likenesses, 0.2) > 0.75


def test_mnists_own_pictures_stay_what_they_are(tmp_path):
    found = []
    for i in range(100):
        Image.fromarray(MNIST.test_images[i]).save(tmp_path / "digit.png")
        found.append(digits.read_digit(tmp_path / "digit.png"))
    assert np.mean([likeness(a, b) for a, b in zip(found, MNIST.test_images)]) > 0.95
    assert (nearest(found) == nearest(list(MNIST.test_images[:100]))).mean() >= 0.98


@pytest.mark.parametrize("kind", ["L.png", "L.jpg", "P.png", "RGBA.png", "I;16.png", "CMYK.jpg", "1.png"])
def test_the_file_kind_does_not_matter(tmp_path, kind):
    mode, ending = kind.split(".")
    sheet = photo(MNIST.test_images[0], seed=1, shade=0, turn=0)
    file = tmp_path / f"seven.{ending}"
    if mode == "I;16":
        Image.fromarray((sheet * 257).astype(np.uint16)).save(file)
    elif mode == "RGBA":
        drawn = np.zeros((*sheet.shape, 4), np.uint8)
        drawn[..., 3] = 255 - sheet  # black ink of varying opacity, no paper at all
        Image.fromarray(drawn).save(file)
    else:
        Image.fromarray(sheet.astype(np.uint8)).convert(mode).save(file)
    found = digits.read_digit(file)
    assert likeness(found, MNIST.test_images[0]) > 0.85
    assert nearest([found])[0] == 7


@pytest.mark.parametrize("pen", [2, 6, 20])
def test_scaled_to_20_centred_by_mass_and_drawn_with_a_broad_pen(pen):
    sheet = Image.new("L", (500, 300), 230)
    ImageDraw.Draw(sheet).line([(40, 60), (140, 60), (80, 250)], fill=40, width=pen, joint="curve")
    seven = ink.to_mnist(np.asarray(sheet, np.float32))
    rows, columns = np.flatnonzero(seven.any(1)), np.flatnonzero(seven.any(0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    mass = seven / seven.sum()
    assert abs(mass.sum(1) @ np.arange(28) - 14) <= 0.5
    assert abs(mass.sum(0) @ np.arange(28) - 14) <= 0.5
    assert seven.max() > 200
    assert nearest([seven])[0] == 7


def test_dirt_and_what_comes_in_over_the_border_are_left_out():
    clean = photo(MNIST.test_images[1], seed=2, share=(0.5, 0.6), grain=1).astype(np.float32)
    dirty = clean.copy()
    dirty[:12] = 30
    dirty[-20:-17, 30:33] = 30
    assert likeness(ink.to_mnist(clean), ink.to_mnist(dirty)) > 0.98


def test_pieces_are_found_however_they_wind():
    spiral = np.zeros((40, 40), bool)
    for k in range(0, 20, 4):
        spiral[k : 40 - k, k] = spiral[k, k : 40 - k] = spiral[k : 40 - k, 39 - k] = True
        spiral[39 - k, k + 2 : 40 - k] = True
    apart = np.zeros((45, 40), bool)
    apart[:40] = spiral
    apart[43, 3:9] = True
    numbers = ink._pieces(apart)
    assert (numbers[~apart] == 0).all()
    assert len(np.unique(numbers[43, 3:9])) == 1
    assert numbers[43, 3] not in numbers[:40]
    assert len(np.unique(numbers[:40])) == 1 + 5  # five rings and the paper


@pytest.mark.parametrize("grain", [0, 3, 12])
@pytest.mark.parametrize("size", [28, 400])
@pytest.mark.parametrize("level", [0, 128, 250])
def test_a_blank_sheet(tmp_path, grain, size, level):
    chance = np.random.default_rng(size + grain)
    shade = np.linspace(1, 0.6, size)
    sheet = np.clip(level * shade + chance.normal(0, grain, (size, size)), 0, 255).astype(np.uint8)
    Image.fromarray(sheet).save(tmp_path / "blank.png")
    with pytest.raises(InputError, match=r"blank.png: no ink found: nothing stands out from the paper"):
        digits.read_digit(tmp_path / "blank.png")


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (3, 2), (500, 1)])
def test_pictures_too_small_for_a_digit_give_one_or_are_blank(size):
    picture = np.random.default_rng(0).uniform(0, 255, size).astype(np.float32)
    with contextlib.suppress(InputError):
        assert ink.to_mnist(picture).shape == (28, 28)
