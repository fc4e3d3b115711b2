"""Checks a convolution, a pooling, a linear layer or a ReLU that somebody wrote, and names the mistake.

`grade` runs a file in a process of its own; `check` takes functions of this process (in a notebook, one's own);
`assert_right` is for tests. Probes are small and of whole numbers; an answer that is wrong is compared with what
each known mistake would have given (`mistakes`), and the mistake that gives the same numbers on all probes is named.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from convscope.errors import InputError
from convscope.grading.cases import OPS
from convscope.grading.judge import Runner, judge
from convscope.grading.matching import Function, functions
from convscope.grading.process import Child, Here
from convscope.grading.report import TARGETS, Example, Part, Report

__all__ = ["Example", "Part", "Report", "assert_right", "check", "grade"]


def grade(
    path: str | os.PathLike[str],
    *,
    mapping: Mapping[str, str] | None = None,
    arguments: Mapping[str, Iterable[str]] | None = None,
    needs: Iterable[str] = (),
    flip: bool = False,
    seconds: float = 10,
    memory: int = 4096,
) -> Report:
    """Check what is in a Python file; it is run in another process and never imported here.

    mapping    {"conv2d": "my_function", "conv2d.dx": ..., "relu": ...} where names do not say what is meant
    arguments  {"my_function": ("x", "w", "stride")}: what its arguments are, in order
    needs      parts that must be there for the report to be `right`
    flip       strict convolution is what was asked for
    seconds    wall clock for one call (importing may take three times as long)
    memory     MB of address space

    Raises InputError when the file is not there, does not import, or has nothing to check. This bounds mistakes;
    it is no sandbox: the file can read what you can read. See docs/grading.md.
    """
    file = Path(path)
    if not file.is_file():
        what = "a folder" if file.is_dir() else "no such file"
        raise InputError(f"{file}: {what}; name a Python file with the functions to check")
    if not 0 < seconds < 1e6 or not memory > 0:
        raise InputError(f"seconds={seconds}, memory={memory}: both must be above 0; use seconds=10, memory=4096")
    with Child(file, seconds=seconds, memory=memory) as child:
        return _report(str(file), child, mapping, arguments, needs, flip)


def check(*things: Any, needs: Iterable[str] = (), flip: bool = False, **mapped: Any) -> Report:
    """Check functions and classes of this process, by their names or as `check(conv2d=my_function)`.

    They run here, unprotected: for your own code.

    >>> import numpy as np
    >>> def relu(x):
    ...     return abs(x)
    >>> check(relu)["relu"].mistakes
    ('relu_absolute',)
    """
    called = {target: target if "<" in thing.__name__ else thing.__name__ for target, thing in mapped.items()}
    named = {thing.__name__: thing for thing in things} | {called[target]: mapped[target] for target in mapped}
    mapping = {target.replace("__", "."): name for target, name in called.items()}
    return _report("here", Here(named), mapping, None, needs, flip)


def assert_right(path: str | os.PathLike[str], **how: Any) -> None:
    """`grade` for tests. Raises AssertionError, with the report, when it is not `right`."""
    report = grade(path, **how)
    if not report.right:
        raise AssertionError(f"\n{report}")


def _report(
    file: str,
    runner: Runner,
    mapping: Mapping[str, str] | None,
    arguments: Mapping[str, Iterable[str]] | None,
    needs: Iterable[str],
    flip: bool,
) -> Report:
    needs = tuple(needs)
    if unknown := [target for target in needs if target not in TARGETS]:
        raise InputError(f"needs {unknown[0]!r}: what is checked is one of {', '.join(TARGETS)}")
    told = runner.start()
    ordered = {name: tuple(roles) for name, roles in (arguments or {}).items()}
    found = functions(told, mapping or {}, ordered)
    if not found:
        names = ", ".join(each["name"] for each in told["functions"][:12]) or "no function at all"
        raise InputError(
            f"{Path(file).name}: nothing in it has a name like {', '.join(OPS)}; it has {names}; say which is which, "
            f"as in --map conv2d=NAME"
        )
    parts = [part for function in _in_order(found) for part in judge(runner, function, torch=told["torch"], flip=flip)]
    if all(part.status == "not found" for part in parts):
        why = "; ".join(f"of {part.function}, {part.message}" for part in parts[:1])
        raise InputError(
            f"{Path(file).name}: nothing in it can be called: {why}; say what they are, as in --args NAME=x,w"
        )
    return Report(file, tuple(parts), needs)


def _in_order(found: list[Function]) -> list[Function]:
    return sorted(found, key=lambda each: (OPS.index(each.op), each.parts != ("forward",)))
