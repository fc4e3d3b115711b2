"""A network as a list with lanes beside it, as version control draws branches: which row, which lane, which lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush


@dataclass(frozen=True)
class Map:
    """Where each layer stands. All are places in the list of layers given.

    order: layers from top to bottom, parents before children. lanes: of each layer, counted from 0 at the left.
    edges: (parent, child), each once; a parent's output runs down its own lane as far as its last child.
    skips: of each edge, whether the data also come the long way round. width: lanes in all.
    """

    order: tuple[int, ...]
    lanes: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]
    skips: tuple[bool, ...]
    width: int


def lay_out(parents: Sequence[Sequence[int]]) -> Map:
    """Rows and lanes of a network whose layer `i` takes what `parents[i]` give.

    Rows keep the order of the list wherever a parent does not stand behind its child; of a loop, the line that goes
    back up is left out. A layer goes on in the leftmost lane that ends with it, so that a chain is one straight line
    and a skip stands beside what it skips.

    >>> lay_out([[], [0], [0, 1]])
    Map(order=(0, 1, 2), lanes=(0, 1, 0), edges=((0, 1), (0, 2), (1, 2)), skips=(False, True, False), width=2)
    """
    order = _sorted(parents)
    row = {layer: k for k, layer in enumerate(order)}
    edges = tuple(
        (parent, child)
        for child in order
        for parent in sorted({p for p in parents[child] if row[p] < row[child]}, key=row.__getitem__)
    )
    last = dict(edges)  # children come in the order of rows, so the last one stays
    lanes: dict[int, int] = {}
    taken: list[int | None] = []  # of each lane, the layer whose output runs in it
    for child in order:
        ending = [k for k, layer in enumerate(taken) if layer is not None and last.get(layer) == child]
        for k in ending:
            taken[k] = None
        lane = ending[0] if ending else next((k for k, layer in enumerate(taken) if layer is None), len(taken))
        if lane == len(taken):
            taken.append(None)
        lanes[child] = lane
        taken[lane] = child if child in last else None
    return Map(tuple(order), tuple(lanes[k] for k in range(len(parents))), edges, _skips(edges), max(len(taken), 1))


def _skips(edges: Sequence[tuple[int, int]]) -> tuple[bool, ...]:
    """Of each edge, whether its parent stands above another parent of its child too. Edges: children top to bottom."""
    above: dict[int, int] = {}  # layer -> all layers that it depends on, one bit each
    for parent, child in edges:
        above[child] = above.get(child, 0) | above.get(parent, 0) | 1 << parent
    parents: dict[int, list[int]] = {}
    for parent, child in edges:
        parents.setdefault(child, []).append(parent)
    return tuple(any(above.get(other, 0) >> parent & 1 for other in parents[child]) for parent, child in edges)


def _sorted(parents: Sequence[Sequence[int]]) -> list[int]:
    """Parents before children, else as listed; where layers wait for each other, the first of them goes."""
    waiting = [{p for p in some if p != child} for child, some in enumerate(parents)]
    children: list[list[int]] = [[] for _ in parents]
    for child, some in enumerate(waiting):
        for parent in some:
            children[parent].append(child)
    ready = [child for child, some in enumerate(waiting) if not some]
    heapify(ready)
    left = set(range(len(parents)))
    order = []
    while left:
        child = heappop(ready) if ready else min(left)
        if child not in left:
            continue
        left.remove(child)
        order.append(child)
        for other in children[child]:
            waiting[other].discard(child)
            if not waiting[other] and other in left:
                heappush(ready, other)
    return order
