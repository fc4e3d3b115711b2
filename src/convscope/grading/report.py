"""What was found: a verdict for each part, with the mistake's name and the smallest case that shows it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from convscope.grading.cases import OPS, PARTS, Case, call
from convscope.grading.texts import texts
from convscope.ops.explain import explain


@dataclass(frozen=True, eq=False)
class Example:
    """The smallest case with a wrong answer; `at` is the first cell that differs, if it is not the shape alone."""

    case: Case
    part: str
    wanted: np.ndarray
    got: np.ndarray | None
    at: tuple[int, ...] | None

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """The arrays that were given, by their names in the report."""
        case = self.case
        if self.part == "forward":
            names = ["x", "w", "b"]
        elif case.op.endswith("pool2d"):
            names = ["x", "dy"]
        else:
            names = {"dx": ["w", "dy"], "dw": ["x", "dy"], "db": ["dy"]}[self.part]
            names = ["x", "dy"] if case.op == "relu" else names
        return {name: array for name in names if (array := getattr(case, name)) is not None}

    @property
    def settings(self) -> dict[str, Any]:
        """How the operator was to be run."""
        case = self.case
        usual = {"stride": case.kernel[0] if case.op.endswith("pool2d") else 1, "padding": 0, "dilation": 1}
        told = {name: getattr(case, name) for name, value in (usual | {"groups": 1}).items()}
        told = {name: value for name, value in told.items() if value != (usual | {"groups": 1})[name]}
        return {"kernel": list(case.kernel)} | told if case.op.endswith("pool2d") else told

    @property
    def explained(self) -> str:
        """How the cell `at` comes about, product by product; "" without one."""
        name, given = call(self.case, self.part)
        return "" if self.at is None else str(explain(name, given, self.at))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "inputs": {name: array.tolist() for name, array in self.inputs.items()},
            "settings": self.settings,
            "expected": self.wanted.tolist(),
            "got": None if self.got is None else _finite(self.got),
            "at": self.at,
            "explained": self.explained,
        }


@dataclass(frozen=True, eq=False)
class Part:
    """A verdict on one part of one function.

    op, part   as "conv2d" and "forward", "dx", "dw" or "db"
    function   the name in the file; "" where none was found
    status     "right", "wrong", "not found" or "crashed"
    mistakes   names of the catalogue; none when it is wrong in an unknown way
    sure       the mistake explains every answer; False: only where answers are wrong speaks for it
    message    what was raised, or how the process ended
    checks     how many probes were asked, of which `passed` right
    remarks    names of the catalogue that are not counted as wrong
    """

    op: str
    part: str
    function: str
    status: str
    mistakes: tuple[str, ...] = ()
    sure: bool = True
    message: str = ""
    checks: int = 0
    passed: int = 0
    example: Example | None = None
    remarks: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        """`conv2d` or `conv2d.dx`, as `grade` and the command line take it."""
        return self.op if self.part == "forward" else f"{self.op}.{self.part}"

    def why(self, mistake: str, language: str = "en") -> str:
        """What speaks for a mistake, or is wrong about it."""
        said = texts(language)
        return said["mistakes"][mistake]["why"] if self.sure else said["report"]["only_there"]

    def as_dict(self, language: str = "en") -> dict[str, Any]:
        """For JSON."""
        said = texts(language)["mistakes"]
        return {
            "part": self.target,
            "function": self.function or None,
            "status": self.status,
            "mistakes": [{"id": name, **said[name], "why": self.why(name, language)} for name in self.mistakes],
            "sure": self.sure,
            "message": self.message,
            "checks": self.checks,
            "passed": self.passed,
            "remarks": [{"id": name, **said[name]} for name in self.remarks],
            "example": None if self.example is None else self.example.as_dict(),
        }


@dataclass(frozen=True, eq=False)
class Report:
    """All verdicts about a file; `print(report)` shows them.

    needs  parts that must be there (`conv2d`, `conv2d.dx`, ...)
    """

    file: str
    parts: tuple[Part, ...]
    needs: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        """Whether all that was found is right, and all that is needed was found."""
        return all(part.status in ("right", "not found") for part in self.parts) and not self.needed

    @property
    def needed(self) -> tuple[str, ...]:
        """Parts that have to be there and are not."""
        return tuple(target for target in self.needs if target in self.missing)

    @property
    def missing(self) -> tuple[str, ...]:
        """Parts that no function was found for."""
        found = {part.target for part in self.parts if part.status != "not found"}
        return tuple(target for target in TARGETS if target not in found)

    def __getitem__(self, target: str) -> Part:
        """The verdict on a part, as in `report["conv2d.dx"]`."""
        for part in self.parts:
            if part.target == target:
                return part
        raise KeyError(target)

    def as_dict(self, language: str = "en") -> dict[str, Any]:
        """For JSON."""
        parts = [part.as_dict(language) for part in self.parts]
        return {"file": self.file, "right": self.right, "missing": list(self.missing), "parts": parts}

    def __str__(self) -> str:
        return self.text()

    def text(self, language: str = "en") -> str:
        """The report for people."""
        return "\n".join(_lines(self, language))


TARGETS = tuple(op if part == "forward" else f"{op}.{part}" for op in OPS for part in PARTS[op])


def _finite(array: np.ndarray) -> Any:
    """Nested lists, with None for what JSON has no number for."""
    if array.dtype.kind == "c":
        return str(array.tolist())
    values = array.astype(object)
    values[~np.isfinite(array)] = None
    return values.tolist()


def _lines(report: Report, language: str) -> Iterator[str]:
    words, mistakes = (texts(language)[each] for each in ("report", "mistakes"))
    found = [part for part in report.parts if part.status != "not found"]
    yield report.file
    wide = max((len(part.target) for part in found), default=0)
    named = max((len(part.function) for part in found), default=0)
    for part in found:
        verdict = words[part.status].format(checks=part.checks, passed=part.passed)
        yield f"  {part.target:<{wide}}  {part.function:<{named}}  {verdict}"
        if part.status == "wrong" and not part.mistakes:
            yield "      " + words["unknown"]
        for name in part.mistakes:
            lead = "" if part.sure else words["looks_like"]
            yield f"      {lead}{mistakes[name]['name']}"
            yield f"      {part.why(name, language)}"
            yield f"      {words['fix']}{mistakes[name]['fix']}"
        if part.message:
            yield f"      {part.message}"
        for name in part.remarks:
            yield f"      {words['remark']}{mistakes[name]['name']}: {mistakes[name]['fix']}"
        if part.example is not None:
            yield from (f"      {line}".rstrip() for line in _shown(part.example, words))
    for part in report.parts:
        if part.status == "not found" and part.message:
            yield f"  {part.target}  {part.function}  {words['not_called']}{part.message}"
    if report.needed:
        yield f"  {words['needed']}{', '.join(report.needed)}"
    if report.missing:
        yield f"  {words['not found']}{', '.join(report.missing)}"


def _shown(example: Example, words: dict[str, str]) -> Iterator[str]:
    """The smallest case, its arrays without their axes of one cell."""
    settings = "".join(f", {name} {value}" for name, value in example.settings.items() if name != "kernel")
    if example.case.op.endswith("pool2d"):
        settings = f", kernel {example.case.kernel[0]} x {example.case.kernel[1]}{settings}"
    yield words["example"] + settings.removeprefix(",")
    arrays = {**example.inputs, words["expected"]: example.wanted}
    if example.got is not None:
        arrays[words["got"]] = example.got
    wide = max(len(name) for name in arrays)
    for name, array in arrays.items():
        lines = _numbers(array)
        shape = " x ".join(map(str, array.shape)) or "1"
        yield f"  {name:<{wide}} ({shape})" + (f"  {lines[0]}" if len(lines) == 1 else "")
        if len(lines) > 1:
            yield from (f"  {'':<{wide}}   {line}" for line in lines)
    if example.at is not None and example.got is not None:
        place = ", ".join(map(str, example.at))
        wanted, got = example.wanted[example.at], example.got[example.at]
        yield words["differs"].format(at=place, wanted=f"{wanted:.6g}", got=f"{got:.6g}")
        yield from (f"  {line}" for line in example.explained.splitlines())


def _numbers(array: np.ndarray) -> list[str]:
    if array.size > 200:
        return ["..."]
    squeezed = np.squeeze(array)
    return np.array2string(squeezed + 0, precision=4, suppress_small=True, max_line_width=100).splitlines()
