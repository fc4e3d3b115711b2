"""What an ablation found: every run, means with their spread, and the sentence that the figures support."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import inf, isfinite, nan, sqrt
from typing import Any

import numpy as np
from scipy import stats

from convscope.errors import InputError
from convscope.lens.shown.results import Listed, as_text

CERTAINTY = 0.95


@dataclass(frozen=True)
class Run:
    """One training, measured once: `value` in percent, more is better. `part` is a fold, a speaker, a shift; or ""."""

    row: str
    seed: int
    part: str
    value: float


@dataclass(frozen=True)
class Paired:
    """The mean of `n` differences in points, and where it lies with a certainty of 95 %: `low` to `high`.

    Of a single difference the interval is without ends.
    """

    difference: float
    low: float
    high: float
    n: int

    @property
    def told(self) -> str:
        """The interval and the number of pairs."""
        return f"95 %: {_points(self.low)} to {_points(self.high)}, {self.n} pairs"


@dataclass(frozen=True)
class Comparison(Listed):
    """Runs of several rows (networks, methods), with equal seeds and parts where they are to be compared.

    Raises InputError where there are no runs, for a value that is no number, and for two runs of one row, seed and
    part.
    """

    what: str
    runs: tuple[Run, ...]

    def __post_init__(self) -> None:
        if not self.runs:
            raise InputError(f"{self.what}: no runs to compare; give at least one")
        seen = set[tuple[str, int, str]]()
        for run in self.runs:
            key = (run.row, run.seed, run.part)
            if key in seen or not isfinite(run.value):
                wrong = "is there twice" if key in seen else f"has the value {run.value}"
                raise InputError(f"{self.what}: the run {key} {wrong}; give each once, with a number")
            seen.add(key)

    @property
    def rows(self) -> tuple[str, ...]:
        """As first met, as are parts and seeds."""
        return tuple(dict.fromkeys(run.row for run in self.runs))

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(run.part for run in self.runs))

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(run.seed for run in self.runs))

    def mean(self, row: str, part: str | None = None) -> float:
        """Over seeds, of the mean over parts; of one part if it is named. Raises InputError where nothing was run."""
        return float(np.mean(self._of_seeds(row, part)))

    def spread(self, row: str, part: str | None = None) -> float:
        """Standard deviation (n - 1) over seeds of the mean over parts; NaN with one seed."""
        values = self._of_seeds(row, part)
        return float(np.std(values, ddof=1)) if len(values) > 1 else nan

    def paired(self, a: str, b: str, part: str | None = None) -> Paired:
        """a minus b over equal seeds and parts, with Student's t interval.

        The interval takes the pairs for independent: those of one seed and several parts of the same test data are
        not, so name the `part` there.

        Raises InputError where there is no pair.
        """
        first, second = self._of(a, part), self._of(b, part)
        differences = [value - second[key] for key, value in first.items() if key in second]
        if not differences:
            raise InputError(f"{self.what}: {a} and {b} have no seed and part in common; run both with the same seeds")
        n, mean = len(differences), float(np.mean(differences))
        if n == 1:
            return Paired(mean, -inf, inf, 1)
        half = float(stats.t.ppf((1 + CERTAINTY) / 2, n - 1) * np.std(differences, ddof=1)) / sqrt(n)
        return Paired(mean, mean - half, mean + half, n)

    def compare(self, a: str, b: str, part: str | None = None) -> str:
        """The sentence that the paired figures support, without a full stop.

        >>> runs = [Run(row, seed, "", value + seed) for row, value in (("A", 80), ("B", 77)) for seed in range(3)]
        >>> Comparison("accuracy", tuple(runs)).compare("B", "A")
        'B is worse than A by 3.0 points (95 %: 3.0 to 3.0, 3 pairs)'
        """
        found = self.paired(a, b, part)
        if found.n == 1:
            return (
                f"no difference between {a} and {b} can be shown by one pair "
                f"({self.mean(a, part):.1f} and {self.mean(b, part):.1f} %)"
            )
        if _nothing(found.low) and _nothing(found.high):
            return f"{a} and {b} are equal in all {found.n} pairs"
        if found.low > 0:
            return f"{a} is better than {b} by {_points(found.difference)} points ({found.told})"
        if found.high < 0:
            turned = Paired(-found.difference, -found.high, -found.low, found.n)
            return f"{a} is worse than {b} by {_points(turned.difference)} points ({turned.told})"
        return f"no difference between {a} and {b} is shown: {_points(found.difference)} points ({found.told})"

    def by_part(self) -> "Comparison":
        """The means over seeds: several trainings for one part are no independent evidence about other parts.

        >>> runs = [Run(row, seed, part, seed) for row in "AB" for seed in range(3) for part in ("x", "y")]
        >>> Comparison("accuracy", tuple(runs)).by_part().paired("A", "B").n
        2
        """
        cells = dict.fromkeys((run.row, run.part) for run in self.runs)
        return Comparison(self.what, tuple(Run(row, 0, part, self.mean(row, part)) for row, part in cells))

    def table(self, by_part: bool = False) -> tuple[list[str], list[list[str]]]:
        """Columns' names and rows: each row's mean and spread, and with `by_part` those of every part too."""
        shown = self.parts if by_part else ()
        head = ["", "mean", *shown]
        return head, [[row, self._cell(row, None), *(self._cell(row, part) for part in shown)] for row in self.rows]

    def __str__(self) -> str:
        return f"{self.what}\n{as_text(*self.table())}\n{self._told()}"

    def beside(self, reference: str) -> str:
        """The table in text, with each row's difference to one of them."""
        rows = []
        for row in self.rows:
            cells = [row, self._cell(row, None)]
            if row != reference:
                found = self.paired(row, reference)
                cells += [f"{found.difference:+.1f}", found.told if found.n > 1 else "one pair"]
            rows.append(cells + [""] * (4 - len(cells)))
        return f"{self.what}\n{as_text(['', 'mean', f'to {reference}', ''], rows)}\n{self._told()}"

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON; a spread of one seed is None."""

        def figures(row: str, part: str | None = None) -> dict[str, float | None]:
            spread = self.spread(row, part)
            return {"mean": self.mean(row, part), "spread": spread if isfinite(spread) else None}

        parts = {row: dict.fromkeys(run.part for run in self.runs if run.row == row) for row in self.rows}
        rows = [
            {"row": row, **figures(row), "parts": {part: figures(row, part) for part in parts[row]}}
            for row in self.rows
        ]
        return {"what": self.what, "rows": rows, "runs": [asdict(run) for run in self.runs]}

    def _of(self, row: str, part: str | None) -> dict[tuple[int, str], float]:
        found = {(r.seed, r.part): r.value for r in self.runs if r.row == row and part in (None, r.part)}
        if not found:
            where = "" if part is None else f" in part {part!r}"
            raise InputError(
                f"{self.what}: no run of {row!r}{where}; the rows are {_listed(self.rows)}, "
                f"the parts {_listed(self.parts)}"
            )
        return found

    def _of_seeds(self, row: str, part: str | None) -> list[float]:
        found = self._of(row, part)
        return [float(np.mean([v for (s, _), v in found.items() if s == seed])) for seed in {s for s, _ in found}]

    def _cell(self, row: str, part: str | None) -> str:
        if not any(run.row == row and part in (None, run.part) for run in self.runs):
            return "-"
        spread = self.spread(row, part)
        return f"{self.mean(row, part):.1f}" + (f" ± {spread:.1f}" if isfinite(spread) else "")

    def _told(self) -> str:
        n = len(self.seeds)
        return f"mean ± standard deviation over {n} seeds, in %" if n > 1 else "of one seed, in %"


def _points(value: float) -> str:
    """With one decimal, or with as many as it takes to tell a small number from none."""
    return f"{value:.1f}" if abs(value) >= 0.05 or _nothing(value) else f"{value:.1g}"


def _nothing(value: float) -> bool:
    return abs(value) < 1e-9  # what rounding leaves of equal figures


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
