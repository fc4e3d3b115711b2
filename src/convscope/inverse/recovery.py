"""What `recover` answers: a kernel, how sure each tap is, whether to believe it, and why."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from convscope import pictures
from convscope.inverse import shown
from convscope.inverse.reasons import Reason

VERDICTS = {
    "exact": "no more is left over than rounding explains",
    "noisy": "what is left over looks like noise that does not depend on the picture",
    "undetermined": "these pictures cannot tell some taps",
    "too small": "the kernel reaches beyond this size",
    "not a convolution": "no kernel makes this picture, something else does",
    "moved": "the pictures do not lie on each other",
    "unrelated": "the pictures have next to nothing in common",
}
"""Every verdict, and what it means."""

BELIEVABLE = ("exact", "noisy")
"""The verdicts after which the kernel is one to use."""

WIDEST = 110
"""Characters of a table's line; standard errors that do not fit in are summed up under it."""


@dataclass(frozen=True, eq=False)
class Recovery:
    """The kernel that turns `before` into `after`, and what is known about it.

    kernel        (r, s); of several channels (c, 1, r, s) for one a channel, (m, c, r, s) where they mix
    stderr        the same shape: standard errors; infinite where a tap cannot be known
    reach         standard errors that make half of a 95 % interval (1.96, or Student's t)
    bias, bias_stderr   added to every output cell; one for each kernel where there are several
    verdict       one of VERDICTS   reasons   why, one sentence each, with its kind and values
    offset        the first tap's cell from the output's own, (rows, columns); a centred 3 x 3 has (-1, -1)
    residual      root mean square of `after` less what the kernel makes, in grey levels
    rounding      what rounding to whole levels alone would leave over (1/sqrt(12)); 0 for floats
    held_out      the residual on parts of the picture that the kernel was not found from
    explained     share of `after`'s variance
    windows       windows that were counted   clipped  share of cells that were not, being cut off at black or white
    rank          directions of taps that these pictures can tell, of `taps`
    null_space    (taps - rank, channels, r, s): patterns that may be added to the kernel and change nothing
    condition     largest over least eigenvalue of the taps' Gram matrix
    border        what lay beyond the edge: the modes that explain it; empty where none does or none was needed
    largest_size  the largest odd square whose taps these pictures tell within 5 % of the largest tap; `or_more` if
                  larger ones were not tried
    """

    kernel: np.ndarray
    stderr: np.ndarray
    reach: float
    bias: float | np.ndarray
    bias_stderr: float | np.ndarray
    verdict: str
    reasons: tuple[Reason, ...]
    offset: tuple[int, int]
    channels: str
    stride: tuple[int, int]
    residual: float
    rounding: float
    held_out: float
    explained: float
    windows: int
    clipped: float
    rank: int
    taps: int
    null_space: np.ndarray
    condition: float
    border: tuple[str, ...]
    largest_size: int
    or_more: bool

    @property
    def believable(self) -> bool:
        """Whether the kernel is one to use, within its standard errors."""
        return self.verdict in BELIEVABLE

    @property
    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """The 95 % interval of each tap: (low, high)."""
        half = self.reach * self.stderr
        return self.kernel - half, self.kernel + half

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON takes it; a standard error that is infinite is null."""
        fields = {name: _plain(value) for name, value in vars(self).items()}
        return fields | {"believable": self.believable}

    def picture(self) -> pictures.Picture:
        """A page with the kernel, its standard errors and what cannot be known; see `inverse.shown.draw`."""
        return shown.draw(self)

    def _repr_html_(self) -> str:
        return shown.as_html(self)

    def planes(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """(name, taps, standard errors), each (rows, columns): a kernel each, or all mixing weights at once."""
        r, s = self.kernel.shape[-2:]
        if self.kernel.ndim == 2:
            return [("", self.kernel, self.stderr)]
        if r == s == 1:
            return [("outputs down, inputs across", self.kernel[:, :, 0, 0], self.stderr[:, :, 0, 0])]
        named = "channel {0}" if self.channels == "each" else "output {0} from input {1}"
        return [
            (named.format(*at), self.kernel[at], self.stderr[at])
            for at in np.ndindex(self.kernel.shape[0], self.kernel.shape[1])
        ]

    def headline(self) -> list[str]:
        """The verdict, what it means, and why, in lines."""
        return [
            f"verdict: {self.verdict} ({VERDICTS[self.verdict]})",
            *(f"  - {reason}" for reason in self.reasons),
        ]

    def __str__(self) -> str:
        facts = [f"{name:<11}{text}" for name, text in self._facts()]
        return "\n".join([*self.headline(), "", *self._tables(), "", *facts])

    def _tables(self) -> list[str]:
        r, s = self.kernel.shape[-2:]
        what = "kernel" if self.believable else "nearest kernel, not one to use"
        planes = self.planes()
        tables = [_table(taps, errors, True) for _, taps, errors in planes]
        beside = max(len(line) for table in tables for line in table) <= WIDEST
        if not beside:
            tables = [_table(taps, errors, False) for _, taps, errors in planes]
        lines = [f"{what}, {r} x {s}: tap{' ± standard error' if beside else ''}"]
        for (name, _, _), table in zip(planes, tables, strict=True):
            lines += [f"{name}:"] * bool(name) + table
        known = self.stderr[np.isfinite(self.stderr)]
        if not beside and known.size:
            lines.append(f"standard errors from {known.min():.2g} to {known.max():.2g}")
        return lines

    def _facts(self) -> list[tuple[str, str]]:
        facts = []
        bias, spread = np.atleast_1d(self.bias), np.atleast_1d(self.bias_stderr)
        if bias.any():
            facts.append(("bias", ", ".join(f"{b:+.4g} ± {e:.2g}" for b, e in zip(bias, spread, strict=True))))
        unit, rounding = (" grey levels", f"; rounding alone leaves {self.rounding:.3f}") if self.rounding else ("", "")
        facts.append(("residual", f"{self.residual:.4g}{unit} (held out: {self.held_out:.4g}{rounding})"))
        facts.append(("explained", f"{100 * self.explained:.7g} % of the variance, over {self.windows} windows"))
        if self.clipped:
            facts.append(("left out", f"{100 * self.clipped:.2g} % of the cells, cut off at black or white"))
        facts.append(("taps", f"{self.rank} of {self.taps} can be told; condition {self.condition:.2g}"))
        facts.append(("place", self._place()))
        if self.border:
            facts.append(("border", " or ".join(self.border)))
        if self.verdict in (*BELIEVABLE, "undetermined", "too small"):
            most = f"up to {self.largest_size} x {self.largest_size}{' or more' if self.or_more else ''}"
            facts.append(("can tell", f"kernels {most}" if self.largest_size else "no kernel of any size"))
        return facts

    def _place(self) -> str:
        """Where the taps lie about the cell that they make."""
        if all(2 * first == 1 - taps for first, taps in zip(self.offset, self.kernel.shape[-2:], strict=True)):
            return "centred on the cell it makes"
        row, column = (f"{first:+d}" if first else "0" for first in self.offset)
        return f"first tap {row} rows, {column} columns from the cell it makes"


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_plain(one) for one in value] if value.ndim else _plain(value.item())
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def _digits(taps: np.ndarray, errors: np.ndarray) -> int:
    """Decimals that show two digits of the largest standard error that is known, and no more than makes sense."""
    known = errors[np.isfinite(errors)]
    share = 1e-6 if known.size else 1e-2
    least = known.max(initial=0) or max(np.abs(taps).max(), 1e-6) * share
    return int(np.clip(1 - np.floor(np.log10(least)), 2, 7))


def _table(taps: np.ndarray, errors: np.ndarray, beside: bool) -> list[str]:
    """Rows of aligned taps, each with its standard error beside it or not; ? for one that is infinite."""
    digits = _digits(taps, errors)
    cells = [f"{tap:z.{digits}f}" for tap in taps.flat]
    width = max(map(len, cells)) + 1
    cells = [cell.rjust(width) for cell in cells]
    if beside:
        told = [f" ±{error:.{digits}f}" if np.isfinite(error) else " ±?" for error in errors.flat]
        width = max(map(len, told)) + 1
        cells = [cell + one.ljust(width) for cell, one in zip(cells, told, strict=True)]
    columns = taps.shape[1]
    return [" ".join(cells[k : k + columns]).rstrip() for k in range(0, len(cells), columns)]
