"""Asks one function all probes, compares, and finds which known mistake answers just as it does."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from convscope.errors import InputError
from convscope.grading import calling
from convscope.grading.calling import CannotCall, Convention, Given
from convscope.grading.cases import Case, cases, right
from convscope.grading.matching import Function
from convscope.grading.mistakes import CHOICES, SLIPS, Slip, answer
from convscope.grading.process import Died
from convscope.grading.report import Example, Part

TOLERANCE = 1e-4
"""Of the largest number in the right answer: float32 is well within, and no known mistake is."""

PATTERNS = {
    "padding": "padding_missing",
    "no padding": "only_with_padding",
    "stride": "stride_missing",
    "dilation": "dilation_missing",
    "groups": "groups_missing",
    "kernel not square": "square_kernels_only",
    "picture not square": "square_pictures_only",
    "left over": "dividing_strides_only",
    "several images": "one_image",
    "several channels": "one_channel",
    "several outputs": "one_output",
}
"""What somebody seems to have missed who is wrong just where a feature is asked for."""

IF_RAISED = {"kernel of several cells": "output_as_input"}
"""The same, of somebody whose function raises an exception there: its windows run over the end."""


class Runner(Protocol):
    """`process.Child` or `process.Here`."""

    def start(self) -> dict[str, Any]: ...

    def run(self, program: dict[str, Any]) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Outcome:
    """One probe, its right answer, and what came instead: an array, or a line that says why there is none."""

    case: Case
    wanted: np.ndarray
    got: np.ndarray | None
    raised: str = ""

    @property
    def is_right(self) -> bool:
        return self.got is not None and alike(self.got, self.wanted)


def alike(got: np.ndarray, wanted: np.ndarray) -> bool:
    """Equal in shape, and in numbers up to rounding."""
    if got.shape != wanted.shape or got.dtype.kind == "c":
        return False
    return bool(np.allclose(got, wanted, rtol=0, atol=_tolerance(wanted)))


def _tolerance(wanted: np.ndarray) -> float:
    return TOLERANCE * float(abs(wanted[np.isfinite(wanted)]).max(initial=1))


def judge(runner: Runner, function: Function, *, torch: bool, flip: bool) -> list[Part]:
    """A verdict on each part of a function."""
    try:
        convention = _convention(runner, function, torch, flip)
    except CannotCall as problem:
        hint = f"what its argument {problem} is cannot be told"
        return [Part(function.op, part, function.name, "not found", message=hint) for part in function.parts]
    except (Died, InputError) as problem:
        told = _told(problem)
        return [Part(function.op, part, function.name, "crashed", message=told) for part in function.parts]
    asked = [each for case in _cases(function.op, flip) if (each := calling.asked(function, convention, case))]
    answers: list[tuple[Case, Given]] = []
    for case in asked:
        given = _run(runner, function, convention, case)
        answers.append((case, given))
        if given.died:
            break
    return [_part(runner, function, convention, part, answers) for part in function.parts]


def _told(problem: Died | InputError) -> str:
    return f"it {problem}" if isinstance(problem, Died) else str(problem)


def _cases(op: str, flip: bool) -> tuple[Case, ...]:
    return tuple(case.but(flip=flip) for case in cases(op))


def _run(runner: Runner, function: Function, convention: Convention, case: Case, times: int = 1) -> Given:
    try:
        told = runner.run(calling.program(function, convention, case, times=times))
    except (Died, InputError) as problem:
        return Given({}, _told(problem), died=True)
    return calling.read(function, convention, case, told)


def _convention(runner: Runner, function: Function, torch: bool, flip: bool) -> Convention:
    """The way of calling that gives the best answers: right ones, of the right shape, or arrays at all."""
    best, most = None, -1.0
    for convention in calling.conventions(function, torch):
        few = [case for case in _cases(function.op, flip) if convention.layout.fits(case)]
        several = [case for case in few if any(case.has(each) for each in ("several channels", "several images"))]
        scores = []
        for case in (few[0], *several[:2]):
            convention, score = _first_call(runner, function, convention, case)
            scores.extend(() if score is None else (score,))
        score = float(np.mean(scores)) if scores else 0.0
        if score > most:
            best, most = convention, score
        if most == 3:
            break
    assert best is not None
    if most == 0 and function.forward is not None:  # nothing comes back: it is called as its forward function is
        return _convention(runner, function.forward, torch, flip)
    return best


def _first_call(
    runner: Runner, function: Function, convention: Convention, case: Case
) -> tuple[Convention, float | None]:
    """How well a call goes, None where it cannot be made; the convention then knows where weights are."""
    if function.init is not None:
        told = runner.run(calling.attributes_program(function, convention, case))
        if "raised" in told:
            return convention, 0.0
        w, b = calling.find_weights(told["outputs"][0], convention, case)
        convention = replace(convention, w=w, b=b)
    asked = calling.asked(function, convention, case)
    if asked is None:
        return convention, None
    given = calling.read(function, convention, asked, runner.run(calling.program(function, convention, asked)))
    return replace(convention, read=convention.read | given.read), _score(given, function, asked)


def _score(given: Given, function: Function, case: Case) -> float:
    points = []
    for part in function.parts:
        got, wanted = given.arrays.get(part), right(case, part)
        points.append(0 if got is None else 3 if alike(got, wanted) else 2 if got.shape == wanted.shape else 1)
    return max(points)


def _part(
    runner: Runner, function: Function, convention: Convention, part: str, answers: list[tuple[Case, Given]]
) -> Part:
    def told(status: str, **more: Any) -> Part:
        return Part(function.op, part, function.name, status, checks=len(outcomes), passed=passed, **more)

    outcomes = [
        Outcome(case, right(case, part), given.arrays.get(part), given.raised or given.strange)
        for case, given in answers
        if not (part == "db" and case.op in ("conv2d", "linear") and case.b is None and part not in given.arrays)
    ]
    passed = sum(each.is_right for each in outcomes)
    if not outcomes or all(each.got is None and not each.raised for each in outcomes):
        return told("not found")
    if all(each.got is None for each in outcomes):
        example = _example(outcomes[0], part)
        if any(given.raised for _, given in answers):
            return told("crashed", message=outcomes[0].raised, example=example)
        return told("wrong", mistakes=("no_array",), message=outcomes[0].raised, example=example)
    wrong = next((each for each in outcomes if not each.is_right), None)
    if wrong is None:
        return _all_right(runner, function, convention, part, answers, told)
    if (function.op, part) == ("max_pool2d", "dx") and (choice := _exact(CHOICES, outcomes, part)):
        return told("right", remarks=choice)
    mistakes, sure = _name(function.op, part, outcomes)
    if not mistakes and hasattr(runner, "stop"):
        runner.stop()  # pyright: ignore[reportAttributeAccessIssue]
        again = _run(runner, function, convention, wrong.case).arrays.get(part)
        if again is not None and alike(again, wrong.wanted):
            mistakes = ("state_kept",)
    if not mistakes and wrong.raised:
        return told("crashed", message=wrong.raised, example=_example(wrong, part))
    if not mistakes and wrong.got is not None and not np.isfinite(wrong.got).all():
        mistakes = ("not_finite",)
    raised = next((each.raised for each in outcomes if each.raised), "")
    return told("wrong", mistakes=mistakes, sure=sure, message=raised, example=_example(wrong, part))


def _all_right(runner, function, convention, part, answers, told) -> Part:
    """What a right answer can still have: inputs changed, a memory, a dtype of its own."""
    case, first = answers[0]
    changed = sorted({name for _, given in answers for name in given.changed})
    gradients = [each for each in function.parts if each != "forward"]
    blamed = {"dy": gradients[0]} if gradients else {}
    mine = [name for name in changed if blamed.get(name, function.parts[0]) == part]
    if mine:
        arrays = "the gradient from above" if mine == ["dy"] else ", ".join(mine)
        return told("wrong", mistakes=("in_place",), message=f"changes {arrays}")
    again = _run(runner, function, convention, case, times=2).arrays.get(part)
    if again is None or not alike(again, first.arrays[part]):
        outcome = Outcome(case, first.arrays[part], again)
        return told("wrong", mistakes=("state_kept",), example=_example(outcome, part))
    small = calling.asked(function, convention, _fractions(case))
    assert small is not None
    outcome = Outcome(small, right(small, part), _run(runner, function, convention, small).arrays.get(part))
    if not outcome.is_right:
        return told("wrong", mistakes=("whole_numbers_only",), example=_example(outcome, part))
    assert outcome.got is not None
    return told("right", remarks=("float64_creep",) if outcome.got.dtype == np.float64 else ())


def _fractions(case: Case) -> Case:
    """The same in float32, the numbers no longer whole."""
    arrays = {name: getattr(case, name) for name in ("x", "w", "b", "dy")}
    return case.but(**{name: (0.3 * array).astype(np.float32) for name, array in arrays.items() if array is not None})


def _name(op: str, part: str, outcomes: list[Outcome]) -> tuple[tuple[str, ...], bool]:
    """The mistakes that explain every answer, and whether they do; or what the wrong answers have in common."""
    slips = SLIPS[op, part]
    if named := _exact(slips, outcomes, part):
        return named, True
    for slip in slips:
        if _explains((slip,), outcomes, part, crashes=True):
            return (slip.name,), True
    shuffled = _all_wrong(outcomes, lambda got, wanted: alike(np.sort(got, axis=None), np.sort(wanted, axis=None)))
    if not shuffled and (pattern := _pattern(outcomes, [not each.is_right for each in outcomes])):
        return pattern, False
    if named := _exact(slips, outcomes, part, at_once=2):
        return named, True
    if (op, part) == ("max_pool2d", "dx") and _all_wrong(outcomes, _adds_up):
        return ("wrong_cell",), True
    if shuffled:
        return ("shuffled",), True
    answered = [each for each in outcomes if each.got is not None]
    if named := _exact(slips, answered, part) or _exact(slips, answered, part, at_once=2):
        return named + _pattern(outcomes, [each.got is None for each in outcomes]), False
    return (), False


def _all_wrong(outcomes: list[Outcome], test: Callable[[np.ndarray, np.ndarray], bool]) -> bool:
    """Whether it holds of every wrong answer and its right one; not where there is no answer."""
    wrong = [each for each in outcomes if not each.is_right]
    return all(each.got is not None and test(each.got, each.wanted) for each in wrong)


def _adds_up(got: np.ndarray, wanted: np.ndarray) -> bool:
    return got.shape == wanted.shape and alike(got.sum((2, 3)), wanted.sum((2, 3)))


def _pattern(outcomes: list[Outcome], wrong: list[bool]) -> tuple[str, ...]:
    """The feature that all wrong answers have in common, if they are most of those that have it; or just two."""
    blamed = {k for k, is_wrong in enumerate(wrong) if is_wrong}
    raised = all(outcomes[k].raised.startswith(("IndexError", "ValueError")) for k in blamed)
    having = {
        name: {k for k, each in enumerate(outcomes) if each.case.has(feature)}
        for feature, name in (PATTERNS | (IF_RAISED if raised else {})).items()
    }
    shares = {
        name: len(blamed) / len(those) for name, those in having.items() if blamed <= those and len(those) < len(wrong)
    }
    best = max(shares, key=lambda name: shares[name], default="")
    if best and shares[best] > 0.6:
        return (best,)
    for a, b in itertools.combinations(having, 2):
        both = having[a] | having[b]
        if both == blamed and len(both) < len(wrong) and having[a] != both != having[b]:
            return a, b
    return ()


def _exact(slips: tuple[Slip, ...], outcomes: list[Outcome], part: str, *, at_once: int = 1) -> tuple[str, ...]:
    for several in itertools.combinations(slips, at_once):
        names = tuple(dict.fromkeys(slip.name for slip in several))
        if len(names) == at_once and _explains(several, outcomes, part):
            return names
    return ()


def _explains(slips: tuple[Slip, ...], outcomes: list[Outcome], part: str, *, crashes: bool = False) -> bool:
    """Whether somebody with these mistakes would have answered so; with `crashes`, or raised where they matter."""
    seen = False
    for each in outcomes:
        try:
            expected = answer(slips, each.case, part)
        except (ValueError, IndexError, TypeError, NotImplementedError):
            expected = None
        if each.got is None:
            if expected is not None and (not crashes or alike(expected, each.wanted)):
                return False
        elif expected is None or not alike(each.got, expected):
            return False
        else:
            seen = seen or not each.is_right
    return seen


def _example(outcome: Outcome, part: str) -> Example:
    """`at` is the first cell that differs, of those that both have."""
    got, wanted, at = outcome.got, outcome.wanted, None
    if got is not None and got.ndim == wanted.ndim:
        both = tuple(slice(0, min(sizes)) for sizes in zip(got.shape, wanted.shape))
        same = np.isclose(got[both], wanted[both], rtol=0, atol=_tolerance(wanted))
        at = None if same.all() else tuple(int(k) for k in np.argwhere(~same)[0])
    return Example(outcome.case, part, wanted, got, at)
