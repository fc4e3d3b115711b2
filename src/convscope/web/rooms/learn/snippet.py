"""The same in Python: code that runs as it is, and comes to the same numbers."""

import re

import numpy as np

from convscope.inverse.stability import Verdict
from convscope.web.rooms.learn.done import DONE
from convscope.web.rooms.learn.lesson import SIDE, Lesson
from convscope.web.rooms.learn.task import Task
from convscope.web.sources import Source

OUTSIDE = ("numpy", "PIL")
BEYOND = 1e300
"""A loss that is foreseen to become larger may leave what a float holds on the way."""


def python(task: Task, given: Lesson, foreseen: Verdict) -> str:
    """The descent of a task with its verdict before, and the exact answer after."""
    secret = task.secret()
    pictures = _secret(task, given, secret) if secret is not None else _pair(task, given)
    imports = [
        "import numpy as np",
        "from PIL import Image",
        "import convscope as cs",
        "from convscope.inverse.descend import descend",
        "from convscope.inverse.stability import verdict",
    ]
    more = ", jpeg=jpeg" if given.jpeg else ""
    exactly = [f"answer = cs.recover(before, after{more})", "print(answer)"]
    return _in_order([*imports, *pictures, "", *_descent(task, given, foreseen), "", *exactly])


def _secret(task: Task, given: Lesson, secret: np.ndarray) -> list[str]:
    lines = ["from convscope import ops", *Source.parse(task.picture).python().splitlines(), ""]
    lines += ['grey = Image.fromarray(picture).convert("L")', "small = grey.copy()"]
    lines += [f"small.thumbnail(({SIDE}, {SIDE}), Image.Resampling.BOX)", ""]
    rows = ",\n".join(f"    {row}" for row in secret.tolist())
    lines += ["kernel = np.array([", f"{rows},", "])"]
    for before, after, image in (("x", "y", "small"), ("before", "after", "grey")):
        lines += [f"{before} = np.asarray({image}) / 255", f"{after} = ops.corr2d({before}, kernel)"]
        if task.noise:
            noise = f"np.random.default_rng({task.seed + 1}).normal(0, {task.noise} / 255, {after}.shape)"
            lines.append(f"{after} = {after} + {noise}")
    if given.size != secret.shape:  # the windows of both kernels must lie inside
        lines.append(f"x, y = x{_cut(given, 0)}, y{_cut(given, 1)}")
    return lines


def _pair(task: Task, given: Lesson) -> list[str]:
    lines = _named("before", task.picture)
    grey = '{0} = np.asarray(Image.fromarray({0}).convert("L"))'
    if given.greyed:
        lines.append(grey.format("before"))
    kind, _, name = (task.after or "").partition(":")
    if kind == "done":
        if "ImageFilter" in DONE[name].python:
            lines.append("from PIL import Image, ImageFilter")
        lines.append(f"after = {DONE[name].python}")
    else:
        lines += _named("after", task.after or "")
        if given.greyed:
            lines.append(grey.format("after"))
    if given.jpeg:
        lines += ["from convscope.imagefiles import read_jpeg_table", 'jpeg = read_jpeg_table("after.png")']
    lines.append("")
    for short, name, part in (("x", "before", 0), ("y", "after", 1)):
        lines.append(f'{short} = np.asarray(Image.fromarray({name}).convert("L")){_cut(given, part)} / 255')
    return lines


def _named(name: str, source: str) -> list[str]:
    """The lines that make a picture, as an array and from a file of that name."""
    return re.sub(r"\bpicture\b", name, Source.parse(source).python()).splitlines()


def _cut(given: Lesson, part: int) -> str:
    rows, columns = given.cut[part]
    return f"[{rows.start}:{rows.stop}, {columns.start}:{columns.stop}]"


def _descent(task: Task, given: Lesson, foreseen: Verdict) -> list[str]:
    how = {"learning_rate": foreseen.learning_rate, "steps": task.steps, "optimizer": task.optimizer}
    if task.optimizer == "momentum":
        how["momentum"] = task.momentum
    if task.bias:
        how["bias"] = True
    if task.seed:
        how["seed"] = task.seed
    told = ", ".join(f"{name}={value!r}" for name, value in how.items())
    lines = [f"how = dict({told})", f"print(verdict(x, y, {given.size}, **how))"]
    descent = [f"found = descend(x, y, {given.size}, **how)", 'print(found.kernel.round(3), "loss", found.losses[-1])']
    if foreseen.losses is None or foreseen.losses[-1] < BEYOND:
        return lines + descent
    refused = ["except InputError as problem:  # it runs away", "    print(problem)"]
    return ["from convscope.errors import InputError", *lines, "try:", *(f"    {line}" for line in descent), *refused]


def _in_order(code: list[str]) -> str:
    """Imports once and first: those of others, then convscope's."""
    imports = dict.fromkeys(line for line in code if line.startswith(("import ", "from ")))
    body = "\n".join(line for line in code if line not in imports).strip()
    if "from PIL import Image, ImageFilter" in imports:
        del imports["from PIL import Image"]
    while "\n\n\n" in body:
        body = body.replace("\n\n\n", "\n\n")
    groups = [[line for line in imports if (line.split()[1].split(".")[0] in OUTSIDE) == own] for own in (True, False)]
    key = lambda line: (line.startswith("from"), line)  # noqa: E731
    first, second = ("\n".join(sorted(group, key=key)) for group in groups)
    return f"{first}\n\n{second}\n\n{body}\n"
