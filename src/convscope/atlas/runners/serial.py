"""The plainest runner: one task after another, in this process."""

from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def run(function: Callable[[Task], Result], tasks: Iterable[Task]) -> Generator[Result, None, None]:
    """Yield `function(task)` for every task, each as soon as it is done; order is the tasks' own.

    A runner is any callable of this form. `function` can be pickled, results may come in any order, and what
    was yielded is stored before the next is asked for, so that stopping a runner loses one task at most.

    >>> list(run(abs, [-1, 2]))
    [1, 2]
    """
    for task in tasks:
        yield function(task)
