"""Does pooling hurt on a board? The same budget for every kind of network, trained and tested on the same games."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from convscope.pictures import Picture
from convscope.tasks.charts import bars
from convscope.tasks.comparing import Comparison, Run
from convscope.tasks.fitting import Machines, Recipe
from convscope.tasks.go.baselines import top_k
from convscope.tasks.go.games import split
from convscope.tasks.go.network import KINDS, Policy, Settings, weights_of, widened
from convscope.tasks.go.positions import Positions
from convscope.tasks.go.sgf import Game
from convscope.tasks.go.training import score, train
from convscope.tasks.runs import Figures, Kept

Progress = Callable[[int, int, str], None]
SMALL = Settings(features="board", width=24, depth=6)
"""Of the bare board, as the claim was made for it."""
SHORT = Recipe(epochs=1, batch=128, rate=3e-3, decay=1e-2)
MOST = 4000
"""Positions a test is made of, spread evenly over all that are held out: enough for half a point either way."""


def kinds(settings: Settings = SMALL) -> dict[str, Settings]:
    """Every kind of network, as wide as an equal number of weights lets it be."""
    weights = weights_of(Policy(replace(settings, kind="no pooling")))
    return {kind: widened(replace(settings, kind=kind), weights) for kind in KINDS}


def ablate(
    games: Sequence[Game],
    seeds: Sequence[int] = (0, 1, 2),
    settings: Settings = SMALL,
    recipe: Recipe = SHORT,
    *,
    machines: Machines | None = None,
    kept: Kept | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Top-1 in percent of every kind of network, at equal weights and equal epochs, on games held out.

    A seed draws the weights and the order; the games are parted alike for all. kept: finished runs, by kind and seed.
    """
    kept = kept or Kept()
    test = split([game for game in games if game.size == settings.size])[2]
    shown = Positions(test, settings.size, settings.features)
    places = range(0, len(shown), max(len(shown) // MOST, 1))
    runs, built = [], kinds(settings)

    def figures(own: Settings, seed: int) -> Figures:
        if progress is not None:
            progress(len(runs), len(seeds) * len(built), f"{own.kind}, seed {seed}")
        trained = train(games, own, replace(recipe, seed=seed), machines=machines)
        hits = top_k(score(trained.model, shown, places), shown.targets[places])
        return {"first": float(100 * hits[:, 0].mean())}

    for seed in seeds:
        for kind, own in built.items():
            found = kept.run(f"{kind}, seed {seed}", partial(figures, own, seed))
            runs.append(Run(kind, seed, "", found["first"]))
    weights = ", ".join(f"{kind} {weights_of(Policy(own)):,}" for kind, own in built.items())
    what = f"Go {settings.size}x{settings.size}, top-1 of {len(places):,} held-out positions; weights: {weights}"
    return Comparison(what, tuple(runs))


def told(comparison: Comparison) -> str:
    """The table beside the network without pooling, and what it says of each of the others."""
    plain, *others = comparison.rows
    return "\n".join([comparison.beside(plain), "", *(f"{comparison.compare(plain, other)}." for other in others)])


def chart(comparison: Comparison) -> Picture:
    """The same as bars."""
    rows = {row: (comparison.mean(row), comparison.spread(row)) for row in comparison.rows}
    return bars(rows, "Next move named first, by how the network pools", "top-1 in percent")
