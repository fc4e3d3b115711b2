"""Training a feed-forward network for one style on a folder of photographs."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from inspect import signature
from pathlib import Path
from typing import Any, SupportsFloat
from warnings import warn

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import save
from torch import Tensor

from convscope.errors import InputError
from convscope.files import AnyPath, check_can_write, write_whole
from convscope.imagefiles import quiet
from convscope.lens.anysize import AnyPicture, as_photograph, enter, shrunk
from convscope.lens.models import AnyModel, Preprocessing, network, preprocessing_of
from convscope.lens.photos import Photos
from convscope.lens.probe import own_randomness, probe
from convscope.lens.shown.again import recipe_of
from convscope.lens.styles.fastloss import Crops, PerceptualLoss, fast_terms
from convscope.lens.styles.fastnet import StyleNet
from convscope.lens.styles.feedforward import MADE, FastStyle, as_shares, read_tensors
from convscope.lens.styles.terms import Terms
from convscope.lens.workshop import workshop
from convscope.pictures import METADATA_KEY

MARK = 10
"""Steps between two marks: what divergence and Ctrl-C go back to."""

SECONDS = 30
"""Between two writings of the state."""

HALVINGS = 8
"""How often divergence may halve the rate."""

SHIFTS = 16
"""The loss network looks from a corner fewer pixels in, at random: else patterns in step with its stride would pay."""

STATE = "train_style, unfinished"

Losses = dict[str, float]


class TrainingStopped(KeyboardInterrupt):
    """Ctrl-C came while a style was trained; `fast` is what it had become, `steps` how many it took."""

    def __init__(self, fast: FastStyle, steps: int) -> None:
        super().__init__("stopped")
        self.fast, self.steps = fast, steps


def train_style(
    style: AnyPicture,
    photos: AnyPath | Photos | Iterable[AnyPath],
    *,
    model: AnyModel = "squeezenet",
    terms: Terms | None = None,
    strength: SupportsFloat = 4.0,
    size: int = 128,
    style_size: int | None = None,
    batch: int = 1,
    steps: int = 2000,
    rate: SupportsFloat = 3e-3,
    width: int = 16,
    blocks: int = 3,
    seed: int = 0,
    keep: AnyPath | None = None,
    preprocessing: Preprocessing | str | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    watch: Callable[[int, Losses], None] | None = None,
) -> FastStyle:
    """Train a network that turns any photograph into one in the style of `style`, in one pass.

    photos: a folder, a pattern or files; broken ones are left out. Step k sees `batch` of them, drawn by (seed, k):
    cut to a square, resized to sides of 2 * size, whatever they were, and of that a random part of `size` x `size`,
    flipped or not.
    model, terms: the loss network and which of its layers count, as in `style`; default: `fast_terms`. strength: of
    the style against the content; each loss is relative (`PerceptualLoss`). The network begins with the style's
    colours (`StyleNet.begin_with`) and learns its strokes.
    style_size: the longest side that the style is taken at, which says how coarse its strokes become; default:
    3 * size.
    rate: of Adam, falling to 0 as half a cosine wave does. width, blocks: see StyleNet.
    keep: a file for the state, written about every 30 seconds and on Ctrl-C. The same call goes on from it, and
    comes to the same result as one that was never stopped; once finished, the file is removed.
    progress(done, steps, "steps") and watch(step, losses by name) are called at every step.

    A loss that is not finite sets the training back by at most ten steps and halves the rate; a warning says so.

    Raises InputError for settings out of range, no photographs, a style too small for the network, a network that
    does not take three colours, the state of another training; TrainingStopped for Ctrl-C.
    (After Johnson, Alahi, Fei-Fei: Perceptual losses for real-time style transfer, 2016.)
    """
    least = {"size": (size, 32), "style_size": (style_size, 1), "batch": (batch, 1), "steps": (steps, 1)}
    for name, (value, lowest) in {**least, "seed": (seed, 0)}.items():
        if value is not None and value < lowest:
            raise InputError(f"{name}={value}: use at least {lowest}")
    for name, value in {"rate": float(rate), "strength": float(strength)}.items():
        if not 0 < value < math.inf:
            raise InputError(f"{name}={value:.4g}: use a number above 0")
    given = network(model, preprocessing=preprocessing)
    if preprocessing_of(given).order not in ("RGB", "BGR"):
        raise InputError(f"model: takes {preprocessing_of(given).order}; give a network that takes RGB or BGR")
    terms = terms or fast_terms(given)
    painting = shrunk(as_photograph(style), style_size or 3 * size)
    crops = Crops(photos, size, batch, seed)
    settings = _unusual(locals())
    words = ["style", "photos", f"model={given.source!r}" if given.source else "model=model"]
    words += [f"{name}={value!r}" for name, value in settings.items()]
    recipe = {
        **recipe_of(given, MADE, ["STYLE", "PHOTOS"], settings),
        "command": f"lens.styles.training.train_style({', '.join(words)})",
        "terms": asdict(terms),
        "style": hashlib.sha256(painting.tobytes()).hexdigest(),
        "photos": crops.digest,
    }
    with own_randomness():
        torch.manual_seed(seed)
        net = StyleNet(width, blocks)
        net.begin_with(as_shares(painting[None])[0])
    plan = workshop(given.model, terms.layers, enter(given, painting))
    with probe(plan.model, terms.layers) as look, quiet():
        loss = PerceptualLoss(given, plan, look, terms, float(strength), painting)
        training = Training(net.to(loss.device), loss, float(rate), steps)
        if keep is not None:
            _take_up(training, keep, recipe)
        mark, written = training.mark(), time.monotonic()
        try:
            while training.done < steps:
                for pictures in crops.batches(training.done, steps):
                    if not training.learn(as_shares(pictures)):
                        training.back(mark)
                        training.halve()
                        mark = training.mark()
                        break
                    if progress is not None:
                        progress(training.done, steps, "steps")
                    if watch is not None:
                        watch(training.done, dict(zip(loss.names, training.rows[-1], strict=True)))
                    if training.done % MARK == 0:
                        mark = training.mark()
                    if keep is not None and time.monotonic() - written > SECONDS:
                        _keep(mark, keep, recipe)
                        written = time.monotonic()
        except KeyboardInterrupt:
            training.back(mark)
            if keep is not None:
                _keep(mark, keep, recipe)
            raise TrainingStopped(_finished(training, recipe, crops), training.done) from None
    if keep is not None:
        Path(keep).unlink(missing_ok=True)
    return _finished(training, recipe, crops)


class Training:
    """A network, its optimiser and how far they have come."""

    def __init__(self, net: StyleNet, loss: PerceptualLoss, rate: float, steps: int) -> None:
        self.net, self.loss, self._rate, self._steps = net, loss, rate, steps
        self._adam = torch.optim.Adam(net.parameters(), lr=rate)
        self.halvings = 0
        self.rows: list[list[float]] = []  # the losses of every step

    @property
    def done(self) -> int:
        """Steps taken."""
        return len(self.rows)

    def learn(self, contents: Float[Tensor, "n 3 h w"]) -> bool:
        """Take one step; False, and nothing is changed, where the loss or its gradient is not finite."""
        contents = contents.to(self.loss.device)
        top, left = np.random.default_rng(self.done).integers(min(SHIFTS, contents.shape[-1] // 4), size=2)
        made = self.net(contents)
        parts = self.loss(made[..., top:, left:], contents[..., top:, left:])
        self._adam.zero_grad()
        (parts @ self.loss.weights).backward()
        slopes = [weight.grad for weight in self.net.parameters() if weight.grad is not None]
        if not all(bool(each.isfinite().all()) for each in (parts, *slopes)):
            return False
        for group in self._adam.param_groups:
            group["lr"] = self._rate / 2**self.halvings * (1 + math.cos(math.pi * self.done / self._steps)) / 2
        self._adam.step()
        self.rows.append(parts.tolist())
        return True

    def halve(self) -> None:
        """Halve the rate. Raises InputError where that was done too often."""
        self.halvings += 1
        rate = self._rate / 2**self.halvings
        if self.halvings > HALVINGS:
            raise InputError(
                f"rate={self._rate:.4g}: the loss is not finite, even at {2 * rate:.2g}; give a model whose weights "
                "and activations are finite"
            )
        warn(f"the loss is not finite: back to step {self.done}, with the rate halved to {rate:.2g}", stacklevel=3)

    def mark(self) -> dict[str, Tensor]:
        """All that it takes to come back to this step, copied."""
        tensors = {f"net.{name}": weight.detach() for name, weight in self.net.state_dict().items()}
        for i, kept in self._adam.state_dict()["state"].items():
            tensors |= {f"adam.{i}.{name}": value for name, value in kept.items()}
        tensors["rows"] = torch.tensor(self.rows, dtype=torch.float64).reshape(-1, len(self.loss.names))
        tensors["halvings"] = torch.tensor(self.halvings)
        return {name: tensor.clone() for name, tensor in tensors.items()}

    def back(self, mark: dict[str, Tensor]) -> None:
        """Come back to a marked step."""
        self.net.load_state_dict({name: mark[f"net.{name}"] for name in self.net.state_dict()})
        state: dict[int, dict[str, Tensor]] = {}
        for name in mark:
            if name.startswith("adam."):
                _, i, part = name.split(".")
                state.setdefault(int(i), {})[part] = mark[name].clone()
        self._adam.load_state_dict({**self._adam.state_dict(), "state": state})
        self.rows, self.halvings = mark["rows"].tolist(), int(mark["halvings"])


def _keep(mark: dict[str, Tensor], path: AnyPath, recipe: dict[str, Any]) -> None:
    tensors = {name: tensor.cpu().contiguous() for name, tensor in mark.items()}
    write_whole(path, save(tensors, {METADATA_KEY: json.dumps({**recipe, "made": STATE})}))


def _take_up(training: Training, path: AnyPath, recipe: dict[str, Any]) -> None:
    """Go on from the state in a file, if there is one; say now that it could not be written."""
    check_can_write(path)
    if not Path(path).exists():
        return
    mark, kept = read_tensors(path)
    wanted = json.loads(json.dumps({**recipe, "made": STATE}))
    other = [name for name, value in wanted.items() if kept.get(name) != value]
    if other:
        raise InputError(f"keep={path}: not the state of this training ({', '.join(other)} differ); name another file")
    training.back(mark)


def _finished(training: Training, recipe: dict[str, Any], crops: Crops) -> FastStyle:
    if crops.broken:
        first = next(iter(crops.broken.values()))
        warn(f"{len(crops.broken)} of {len(crops.files)} photographs were left out: {first}", stacklevel=3)
    rows = np.array(training.rows)
    ends = {
        name: [float(rows[:MARK, i].mean()), float(rows[-MARK:, i].mean())]
        for i, name in enumerate(training.loss.names if len(rows) else ())
    }
    return FastStyle(training.net.requires_grad_(False), {**recipe, "steps": training.done, "losses": ends})


def _unusual(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that the result depends on and that are not as they are by default."""
    usual = {name: each.default for name, each in signature(train_style).parameters.items()}
    numbers = ("strength", "size", "style_size", "batch", "steps", "rate", "width", "blocks", "seed")
    return {name: values[name] for name in numbers if values[name] != usual[name]}
