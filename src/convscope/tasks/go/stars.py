"""The marked points of a board: where it is dotted, and where handicap stones are put."""

from convscope.tasks.go.rules import Point

FEWEST_LINES = 7  # smaller boards have no marked points
NINE_DOTS = 15  # from this size on the middles of the sides are dotted too


def star_points(size: int) -> tuple[Point, ...]:
    """The dots on a board, (row, column) each: four near the corners; on odd sizes the centre; on large ones the sides.

    >>> star_points(9)
    ((6, 2), (2, 6), (2, 2), (6, 6), (4, 4))
    """
    corners, sides, centre = _marks(size)
    return corners + (centre + sides if size >= NINE_DOTS else centre)


def handicap_points(size: int, stones: int) -> tuple[Point, ...] | None:
    """Where so many handicap stones are put by custom; None where there is no custom for that number.

    Source: Farnebäck, Specification of the Go Text Protocol, version 2 (2002), section 4.1.1.

    >>> handicap_points(19, 2)
    ((15, 3), (3, 15))
    """
    corners, sides, centre = _marks(size)
    most = len(corners + sides + centre) if size > FEWEST_LINES else len(corners)
    if not 2 <= stones <= most:
        return None
    if stones <= len(corners):
        return corners[:stones]
    return corners + sides[: stones // 2 * 2 - 4] + (centre if stones % 2 else ())


def _marks(size: int) -> tuple[tuple[Point, ...], tuple[Point, ...], tuple[Point, ...]]:
    """Corners in the order in which they are taken, sides, centre; empty where the board has none."""
    if size < FEWEST_LINES:
        return (), (), ()
    near = 3 if size >= 13 else 2
    far, middle = size - 1 - near, size // 2
    corners = ((far, near), (near, far), (near, near), (far, far))
    if size % 2 == 0:
        return corners, (), ()
    sides = ((middle, near), (middle, far), (near, middle), (far, middle))
    return corners, sides, ((middle, middle),)
