"""Measure everything about a drawing that its verdict rests on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from convscope.errors import InputError
from convscope.lens.credibility.choice import Choice, choose
from convscope.lens.credibility.control import strangeness, twin
from convscope.lens.credibility.eyes import Eyes, eyes
from convscope.lens.credibility.measures import between, kept, likeness, percentile, ratio, selectivity
from convscope.lens.credibility.moves import moved
from convscope.lens.credibility.natural import Natural, Window, excerpts, natural, read, window
from convscope.lens.credibility.paths import follow
from convscope.lens.credibility.verdict import Control, Figures, Reason, Trust, verdict
from convscope.lens.models import AnyModel, Network, network
from convscope.lens.probe import first_line
from convscope.lens.recipes import Drawing, draw

LEAST, MOST = 40, 512  # natural pictures: with fewer, top and bottom examples are no extremes; more only cost time
TOP = 20  # natural pictures at each end, and never more than a quarter of all
TWINS = 9
PORTRAIT = 16  # natural pictures by which a layer is compared with untrained twins
COMPANY = 4  # units drawn again, at least, so that "as those of other units" has a meaning
STEPS = 96  # of drawings made again


Redraw = Callable[[Network, Sequence[int], int], Drawing]


def trust(
    model: AnyModel,
    drawing: Drawing,
    pictures: Any,
    *,
    other: AnyModel | None = None,
    redraw: Redraw | None = None,
    seed: int = 0,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Trust]:
    """Say of each unit in a drawing how far its picture can be believed: "clear", "mixed", "do not trust" or "dead".

    pictures: natural inputs (n, c, ...) of the network's own size and units, at least 40, or something with
    `.batches(size)` that gives them, such as Photos; 512 are used at most. Their largest activations are the measure
    of the drawing's, so they should be of the kind that the network is for.
    other: the independent network that looks at the drawings; by default efficientnet-lite0 or squeezenet, the first
    that is installed and not the judged one, else an untrained convnet.
    redraw: (network, units, seed) -> drawing, for drawings made with other settings than `draw`'s own; it is asked
    for the same units by other seeds, and for drawings of an untrained twin of the network.
    progress: called (done, total, what) after each part.

    Several facets of one unit are judged together, by the best. One Trust for each unit, in the order of the drawing.

    Raises InputError for too few pictures, pictures of another size, and a drawing of another network.
    """
    net = network(model, drawing.input_shape)
    judged = list(dict.fromkeys(int(unit) for unit in drawing.units))
    alive = [unit for unit in judged if not all(drawing.dead[k] for k in _facets(drawing, unit))]
    dead = {
        unit: Trust(drawing.layer, unit, "dead", (Reason("dead", "strongly against"),), None)
        for unit in judged
        if unit not in alive
    }
    if not alive:
        return [dead[unit] for unit in judged]
    steps = iter(range(1, len(alive) + 5))

    def done(what: str) -> None:
        if progress is not None:
            progress(next(steps), len(alive) + 4, what)

    place = None if drawing.place is None else tuple(drawing.place)
    view = window(net.model, drawing.layer, net.input_shape, place)
    seen = natural(net.model, drawing.layer, _inputs(net, pictures), place)
    _check(seen, judged, drawing)
    done("natural pictures")
    case = _Case(net, drawing.layer, view, seen, eyes(net, tuple(drawing.box), other), tuple(drawing.box), seed)
    redraw = redraw or _redraw(drawing)
    company = alive + _company(alive, seen, seed)
    again = [case.described(redraw(net, company, seed + i), company) for i in (1, 2)]
    done("other seeds")
    control = _control(case, redraw, company, len(alive))
    done("an untrained twin")
    # evenly spread, so that pictures ordered by their kind are all represented
    few = seen.pictures[np.linspace(0, len(seen.pictures) - 1, PORTRAIT).astype(int)]
    strange = strangeness(net.model, drawing.layer, few, TWINS, seed)
    done("untrained twins on natural pictures")
    found = dict(dead)
    for unit in alive:
        shown = view.of(torch.as_tensor(drawing.pictures[_facets(drawing, unit)]).float())
        figures = _figures(case, unit, shown, again, company, control, strange)
        label, reasons = verdict(figures)
        found[unit] = Trust(drawing.layer, unit, label, reasons, figures)
        done(f"unit {unit}")
    return [found[unit] for unit in judged]


@dataclass(frozen=True)
class _Case:
    """What stays the same for all units that are judged."""

    net: Network
    layer: str
    window: Window
    seen: Natural
    eyes: Eyes
    box: tuple
    seed: int

    def described(self, drawing: Drawing, units: Sequence[int]) -> list[np.ndarray]:
        """Other eyes' description of one picture for each of the units."""
        first = [_facets(drawing, unit)[0] for unit in units]
        return self.eyes(self.window.of(torch.as_tensor(drawing.pictures[first]).float()))


def _figures(
    case: _Case,
    unit: int,
    shown: Tensor,
    again: list[list[np.ndarray]],
    company: list[int],
    control: Control,
    strange: float,
) -> Figures:
    net, seen, view = case.net, case.seen, case.window
    said = read(net.model, case.layer, shown, view.place)
    best = int(said[:, unit].argmax())
    value, values, rest = float(said[best, unit]), seen.value[:, unit], float(seen.mean[unit])
    order, ends = seen.order[:, unit], min(TOP, len(values) // 4)
    top, bottom = (excerpts(seen, unit, which, view) for which in (order[-ends:][::-1], order[:ends]))
    rank, margin = selectivity(said[best], unit, seen.mean, seen.std)
    looks = [case.eyes(some) for some in (shown, top, bottom)]
    seen_by_eyes = _standardised(looks, looks[1:])
    return Figures(
        value=value,
        largest=float(values.max()),
        percentile=percentile(value, values),
        ratio=ratio(value, float(values.max()), rest),
        kept=_kept(case, unit, shown[best : best + 1]),
        kept_natural=_kept(case, unit, top[:4]),
        agreement=_agreement([part[best : best + 1] for part in looks[0]], again, company.index(unit)),
        rank=rank,
        margin=margin,
        units=said.shape[1],
        path=follow(net.model, case.layer, unit, view.place, shown, top, _of_others(case, unit)),
        control=control,
        strangeness=strange,
        choice=choose(*seen_by_eyes, by=case.eyes.name),
        choice_natural=_natural_choice(seen_by_eyes[1], seen_by_eyes[2], case.eyes.name),
    )


def _kept(case: _Case, unit: int, pictures: Tensor) -> float:
    """Of the unit's rise on the pictures, the share left under held-out moves."""
    black, white = (torch.tensor(end, dtype=torch.float32) for end in case.box)
    rest = float(case.seen.mean[unit])
    before = read(case.net.model, case.layer, pictures, case.window.place)[:, unit]
    after = [
        read(case.net.model, case.layer, some, case.window.place)[:, unit]
        for some in moved(pictures, white - black, case.seed)
    ]
    return float(np.mean([kept(each, float(value), rest) for value, each in zip(before, np.array(after).T)]))


def _natural_choice(top: list[np.ndarray], bottom: list[np.ndarray], by: str) -> Choice:
    """The same test with every fourth top picture in the drawing's stead, the others to be told."""
    some = np.arange(len(top[0])) % 4 == 0
    rest = [part[~some] for part in top]
    tests = [choose([part[i : i + 1] for part in top], rest, bottom, by) for i in np.flatnonzero(some)]
    return sorted(tests, key=lambda test: test.accuracy)[len(tests) // 2]


def _standardised(looks: list[list[np.ndarray]], natural: list[list[np.ndarray]]) -> list[list[np.ndarray]]:
    """Descriptions, layer by layer, in the mean and spread of natural ones."""
    done: list[list[np.ndarray]] = [[] for _ in looks]
    for depth in range(len(looks[0])):
        known = np.concatenate([look[depth] for look in natural])
        spread = known.std(0)
        spread = np.where(spread > 0, spread, np.inf)
        for kept_here, look in zip(done, looks, strict=True):
            kept_here.append((look[depth] - known.mean(0)) / spread)
    return done


def _agreement(own: list[np.ndarray], again: list[list[np.ndarray]], which: int) -> float:
    """How like drawings of one unit are: 1 the same, 0 as those of different units.

    own: the unit's drawing; again: all units of the company by other seeds, `which` the unit's place among them.
    Descriptions are told in the mean and spread of all drawings made again, so that what all have in common counts
    for nothing.
    """
    mine, *others = _standardised([own, *again], again)
    same, different = [], []
    for depth, part in enumerate(mine):
        for look in others:
            cosines = likeness(part, look[depth])[0]
            same.append(cosines[which])
            different.append(np.delete(cosines, which).mean())
        first, second = (look[depth] for look in others)
        cosines = likeness(first[which : which + 1], second)[0]
        same.append(cosines[which])
        different.append(np.delete(cosines, which).mean())
    return between(float(np.mean(same)), float(np.mean(different)), 1.0)


def _of_others(case: _Case, unit: int) -> Tensor:
    """Natural pictures that excite other units most: one of each of some units."""
    dice = np.random.default_rng([case.seed, unit])
    alive = np.flatnonzero(case.seen.std > 0)
    alive = alive[alive != unit]
    if not len(alive):  # the layer has one unit: any pictures
        return excerpts(case.seen, unit, dice.permutation(len(case.seen.pictures))[:TOP], case.window)
    chosen = dice.choice(alive, TOP)
    tops = [(int(u), case.seen.order[-1 - dice.integers(4), u]) for u in chosen]
    return torch.cat([excerpts(case.seen, u, np.array([n]), case.window) for u, n in tops])


def _control(case: _Case, redraw: Redraw, company: list[int], judged: int) -> Control:
    """The same recipe for the same units on an untrained twin."""
    bare = twin(case.net.model, case.seen.pictures[:PORTRAIT], case.seed)
    net = Network(bare, case.net.input_shape, case.net.preprocessing)
    seen = natural(bare, case.layer, case.seen.pictures, case.window.place)
    drawings = [redraw(net, company, case.seed + i) for i in (1, 2, 3)]
    first, *again = (case.described(drawing, company) for drawing in drawings)
    figures = []
    for i, unit in enumerate(company[:judged]):
        shown = case.window.of(torch.as_tensor(drawings[0].pictures[_facets(drawings[0], unit)[:1]]).float())
        said = read(bare, case.layer, shown, case.window.place)[0]
        lifted = ratio(float(said[unit]), float(seen.value[:, unit].max()), float(seen.mean[unit]))
        rank, _ = selectivity(said, unit, seen.mean, seen.std)
        figures.append((lifted, _agreement([part[i : i + 1] for part in first], again, i), rank))
    return Control(*(float(figure) for figure in np.median(figures, axis=0)))


def _redraw(drawing: Drawing) -> Redraw:
    """Draw as `draw` does by itself, in the drawing's box and on the same canvas."""

    def redraw(net: Network, units: Sequence[int], seed: int) -> Drawing:
        return draw(net, drawing.layer, units, box=drawing.box, whole=drawing.place is None, steps=STEPS, seed=seed)

    return redraw


def _facets(drawing: Drawing, unit: int) -> list[int]:
    return [k for k, each in enumerate(drawing.units) if int(each) == unit]


def _company(judged: list[int], seen: Natural, seed: int) -> list[int]:
    """Other units of the layer, where few are judged."""
    others = [int(unit) for unit in np.flatnonzero(seen.std > 0) if unit not in judged]
    wanted = max(COMPANY - len(judged), 0)
    return sorted(np.random.default_rng(seed).permutation(others)[:wanted].tolist())


def _inputs(net: Network, pictures: Any) -> Tensor:
    """Natural inputs as one tensor, evenly taken where there are too many."""
    if hasattr(pictures, "batches"):
        parts, count = [], 0
        for batch in pictures.batches(32):
            parts.append(torch.as_tensor(batch))
            count += len(batch)
            if count >= MOST:
                break
        found = torch.cat(parts)[:MOST] if parts else torch.zeros(0, *net.input_shape)
    else:
        try:
            found = torch.as_tensor(pictures)
        except (TypeError, ValueError, RuntimeError) as problem:
            raise InputError(
                f"pictures: a {type(pictures).__name__}, no array of numbers ({first_line(problem)}); "
                "give one (n, c, h, w)"
            ) from None
        if len(found) > MOST:
            found = found[np.linspace(0, len(found) - 1, MOST).astype(int)]
    if tuple(found.shape[1:]) != net.input_shape:
        wanted = ", ".join(map(str, net.input_shape))
        raise InputError(f"pictures of shape {tuple(found.shape)}: give natural inputs (n, {wanted})")
    if len(found) < LEAST:
        raise InputError(f"pictures: {len(found)}; to know a unit's extremes give at least {LEAST} natural inputs")
    return found.float()


def _check(seen: Natural, judged: list[int], drawing: Drawing) -> None:
    units = seen.value.shape[1]
    if max(judged) >= units:
        raise InputError(f"drawing: of unit {max(judged)}; layer {drawing.layer!r} of this model has {units}")
