"""Why convolution: networks with equal numbers of weights learn centred digits and read shifted ones.

Three claims for convolution, each with its own measurement:

anywhere     digits learned at the centre are read 0 to 8 pixels away from it, by networks that are fully connected,
             convolve, pool. They lie on black canvases of 44 x 44, so that no pixel of a digit is ever lost.
small        networks that see small windows only, and not where those lie, read digits of 28 x 28.
subsampled   digits of 28 x 28, 14 x 14 and 7 x 7 are learned and read.

Convolution gives the same features at another place; that it reads the same digit there, takes a layer after it which
does not ask for the place: pooling over all of them. Pooling over 2 x 2 windows forgives a pixel (LeCun et al. 1998,
section II.A), and is the same only under shifts by its stride (Zhang 2019, "Making convolutional networks
shift-invariant again"). Beyond some 5 pixels the edge of the canvas takes windows away from global pooling too.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from jaxtyping import UInt8

from convscope.errors import InputError
from convscope.nn.init import kaiming_uniform
from convscope.nn.layer import Layer
from convscope.nn.layers import Conv2D, Flatten, Linear, MaxPool2D, ReLU
from convscope.nn.sequential import Sequential
from convscope.nn.train import Recipe, Step, train
from convscope.pictures import Picture
from convscope.tasks import charts, digits
from convscope.tasks.comparing import Comparison, Run
from convscope.tasks.imagesets import ImageData
from convscope.tasks.runs import Figures, Kept

FARTHEST = 8
_DIRECTIONS = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]

Features = Callable[[np.random.Generator], list[Layer]]
View = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Budget:
    """What every network gets: training and test digits, epochs, highest rate, and weights within one per cent."""

    train: int = 3000
    validation: int = 1000
    test: int = 2000
    epochs: int = 5
    rate: float = 0.03
    weights: int = 58_420  # which all of them can come near: a fully connected one with 30 hidden units, 44 x 44


def _convolved(kernel: int, between: int = 1, after: int = 1, padding: int = 0) -> Features:
    """Two convolutions, with max pooling over windows of `between` and of `after` cells a side."""

    def layers(rng: np.random.Generator) -> list[Layer]:
        first, second = Conv2D(1, 8, kernel, padding=padding, rng=rng), Conv2D(8, 32, kernel, padding=padding, rng=rng)
        made = [first, ReLU(), MaxPool2D(between), second, ReLU(), MaxPool2D(after)]
        return [layer for layer in made if not (isinstance(layer, MaxPool2D) and layer.kernel_size == (1, 1))]

    return layers


def _narrowed(rng: np.random.Generator) -> list[Layer]:
    """Without pooling there are so many places that only two maps of them go into the head."""
    return [*_convolved(5)(rng), Conv2D(32, 2, 1, rng=rng), ReLU()]


def _nothing(rng: np.random.Generator) -> list[Layer]:
    return []


ANYWHERE: dict[str, Features] = {
    "fully connected": _nothing,
    "convolution": _narrowed,
    "convolution with 2 x 2 pooling": _convolved(5, 2, 2),
    "convolution with global pooling": _convolved(5, 1, 36),
    "convolution with both poolings": _convolved(5, 2, 16),
}
SMALL: dict[str, Features] = {
    "the whole picture": _nothing,
    "windows of 3 x 3": _convolved(2, 1, 26),
    "windows of 5 x 5": _convolved(3, 1, 24),
    "windows of 9 x 9": _convolved(5, 1, 20),
}
SUBSAMPLED: dict[str, View] = {
    "28 x 28": lambda images: images,
    "14 x 14, every second pixel": lambda images: images[:, ::2, ::2],
    "14 x 14, means of 2 x 2": lambda images: _means(images, 2),
    "7 x 7, every fourth pixel": lambda images: images[:, ::4, ::4],
    "7 x 7, means of 4 x 4": lambda images: _means(images, 4),
}


def _means(images: np.ndarray, side: int) -> np.ndarray:
    n, h, w = images.shape
    return images.reshape(n, h // side, side, w // side, side).mean(axis=(2, 4)).round().astype(np.uint8)


def network(features: Features, side: int, classes: int, weights: int, seed: int) -> Sequential:
    """`features` of pictures of side x side, then a hidden layer as wide as makes `weights` in all, then the classes.

    The head starts small: after pooling over hundreds of places its inputs are large, and the first steps would
    silence all convolutions.
    """
    rng = np.random.default_rng(seed)
    layers: list[Layer] = [*features(rng), Flatten()]
    below = Sequential(layers)
    (inputs,) = below.output_shape((1, side, side))
    hidden = max(1, round((weights - below.vector.size - classes) / (inputs + 1 + classes)))

    def small(size: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        return 0.1 * kaiming_uniform(size, rng)

    head = [Linear(inputs, hidden, init=small, rng=rng), ReLU(), Linear(hidden, classes, init=small, rng=rng)]
    return Sequential([*layers, *head])


def on_canvas(
    images: UInt8[np.ndarray, "n h w"], shift: int = 0, margin: int = FARTHEST
) -> UInt8[np.ndarray, "n hm wm"]:
    """Digits with `margin` black pixels around them, `shift` pixels from the centre.

    One after another they go in the eight directions, straight and oblique; an oblique shift is `shift` rows and
    `shift` columns.
    """
    n, h, w = images.shape
    canvas = np.zeros((n, h + 2 * margin, w + 2 * margin), np.uint8)
    for k, (i, j) in enumerate(_DIRECTIONS):
        top, left = margin + i * shift, margin + j * shift
        canvas[k :: len(_DIRECTIONS), top : top + h, left : left + w] = images[k :: len(_DIRECTIONS)]
    return canvas


@dataclass(frozen=True)
class Study:
    """The three measurements; `weights` says how many each network has."""

    anywhere: Comparison
    small: Comparison
    subsampled: Comparison
    weights: dict[str, int]
    budget: Budget
    data: str

    def sentences(self) -> list[str]:
        """What the figures support."""
        full, plain, local, whole, both = ANYWHERE
        said = []
        for a, b, shifts in ((plain, full, "028"), (local, plain, "028"), (whole, local, "028"), (both, local, "28")):
            for shift in shifts:
                where = "centred" if shift == "0" else f"shifted by {shift} pixels"
                said.append(f"{where}: {self.anywhere.compare(a, b, shift)}")
        for row in ANYWHERE:
            near, far = (self.anywhere.mean(row, shift) for shift in ("0", str(FARTHEST)))
            said.append(f"{row}: {near:.1f} % where the digits were learned, {far:.1f} % {FARTHEST} pixels away")
        pictures, *windows = SMALL
        said += [f"small: {self.small.compare(row, pictures)}" for row in windows]
        pixels, *fewer = SUBSAMPLED
        return said + [f"subsampled: {self.subsampled.compare(row, pixels)}" for row in fewer]

    def chart(self) -> Picture:
        """Accuracy over shift, a line for each network."""

        def line(row: str) -> list[tuple[float, float, float]]:
            shifts = self.anywhere.parts
            return [(int(s), self.anywhere.mean(row, s), self.anywhere.spread(row, s)) for s in shifts]

        title = f"Learned at the centre, read elsewhere: about {self.budget.weights:,} weights each"
        series = {row: line(row) for row in self.anywhere.rows}
        return charts.lines(series, title, "shift in pixels", f"{self.data} test digits read rightly, %")

    def __str__(self) -> str:
        b, found = self.budget, (self.anywhere, self.small, self.subsampled)
        trained = f"each network learned {b.train:,} digits of {self.data} (epochs: {b.epochs}) and reads {b.test:,}"
        weights = [f"  {count:,} {row}" for row, count in self.weights.items()]
        first = "\n".join((self.anywhere.what, *_aligned(self.anywhere)))
        tables = [first, *map(str, found[1:])]
        return "\n\n".join((trained, *tables, "\n".join(("weights:", *weights)), "\n".join(self.sentences())))

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        found = {name: getattr(self, name).as_dict() for name in ("anywhere", "small", "subsampled")}
        told = {"sentences": self.sentences(), "weights": self.weights, "budget": asdict(self.budget)}
        return {"data": self.data, **found, **told}


def study(
    pictures: ImageData,
    seeds: int = 3,
    budget: Budget | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    kept: Kept | None = None,
) -> Study:
    """Train all networks once for each seed, which also chooses the training digits, and read the first test digits.

    Of a smaller set fewer digits are taken. One number of seeds gives one result, with one number of threads. kept:
    finished runs, by claim, row and seed.
    """
    budget, kept = _fitting(budget or Budget(), pictures), kept or Kept()
    jobs = list(_jobs())
    share = budget.epochs * budget.train  # of the progress
    runs: dict[str, list[Run]] = {"anywhere": [], "small": [], "subsampled": []}
    weights: dict[str, int] = {}
    for place, (seed, job) in enumerate(product(range(seeds), jobs)):

        def tell(step: Step, before: int = place * share, row: str = job.row) -> None:
            if progress is not None:
                progress(before + step.done, seeds * len(jobs) * share, row)

        found = kept.run(f"{job.claim}, {job.row}, seed {seed}", partial(_measured, pictures, budget, job, seed, tell))
        weights[job.row] = round(found.pop("weights"))
        runs[job.claim] += (Run(job.row, seed, part, value) for part, value in found.items())
    return Study(
        Comparison("anywhere: accuracy after a shift by so many pixels", tuple(runs["anywhere"])),
        Comparison("small patterns: accuracy of seeing windows only, wherever they lie", tuple(runs["small"])),
        Comparison("subsampled: accuracy with fewer pixels", tuple(runs["subsampled"])),
        weights,
        budget,
        pictures.name,
    )


@dataclass(frozen=True)
class _Job:
    """A network, how it sees what it learns from, and how it is tested, by part."""

    claim: str
    row: str
    features: Features
    view: View
    tests: dict[str, View]


def _jobs() -> Iterator[_Job]:
    shifts: dict[str, View] = {str(s): lambda images, s=s: on_canvas(images, s) for s in range(FARTHEST + 1)}
    for row, features in ANYWHERE.items():
        yield _Job("anywhere", row, features, on_canvas, shifts)
    for row, features in SMALL.items():
        yield _Job("small", row, features, SUBSAMPLED["28 x 28"], {"": SUBSAMPLED["28 x 28"]})
    for row, view in SUBSAMPLED.items():
        yield _Job("subsampled", row, _convolved(5, 2, 2, padding=2), view, {"": view})


def _measured(
    pictures: ImageData, budget: Budget, job: _Job, seed: int, tell: Callable[[Step], None]
) -> Figures:
    """Accuracy in percent by part, and under "weights" how many the network has."""
    # 14: any number would do; with this one docs/worlds.md was measured
    chosen = np.random.default_rng([seed, 14]).permutation(len(pictures.train_labels))
    learned, held = chosen[: budget.train], chosen[budget.train : budget.train + budget.validation]
    x, v = (digits.normalise(job.view(pictures.train_images[places])) for places in (learned, held))
    net = network(job.features, x.shape[2], len(pictures.classes), budget.weights, seed)
    recipe = Recipe(epochs=budget.epochs, rate=budget.rate, seed=seed)
    labels = pictures.train_labels
    train(net, lambda places, _: x[places], labels[learned], (v, labels[held]), recipe, tell=tell)
    test, true = pictures.test_images[: budget.test], pictures.test_labels[: budget.test]
    found = {"weights": float(net.vector.size)}
    for part, view in job.tests.items():
        right = net.predict(digits.normalise(view(test))).argmax(axis=1) == true
        found[part] = 100 * float(right.mean())
    return found


def _fitting(budget: Budget, pictures: ImageData) -> Budget:
    """The budget, as far as the set goes; a quarter of a small one is for validation."""
    n = len(pictures.train_labels)
    if n < 2:
        raise InputError(f"{pictures.name}: {n} training pictures; give at least two, one of them to validate by")
    held = min(budget.validation, max(1, n // 4))
    test = min(budget.test, len(pictures.test_labels))
    return replace(budget, train=min(budget.train, n - held), validation=held, test=test)


def _aligned(found: Comparison) -> list[str]:
    """By part, means only: nine columns with their spreads are wider than a terminal."""
    width = max(map(len, found.rows))
    head = " " * width + "".join(f"{part:>6}" for part in found.parts)
    rows = [f"{row:<{width}}" + "".join(f"{found.mean(row, part):6.1f}" for part in found.parts) for row in found.rows]
    if len(found.seeds) == 1:
        return [head, *rows, "of one seed, in %"]
    widest = max(found.spread(row, part) for row in found.rows for part in found.parts)
    return [head, *rows, f"mean over {len(found.seeds)} seeds, in %; standard deviation at most {widest:.1f}"]
