"""Imports point downwards, and looking at the package costs nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import convscope

SOURCE = Path(convscope.__file__).parent
MODULES = sorted(SOURCE.rglob("*.py"))

EVERYWHERE = {"errors", "files"}
MAY_IMPORT = {
    "__init__": {"inverse", "lens", "ops", "tasks"},
    "errors": set(),
    "files": set(),
    "geometry": set(),
    "imagefiles": set(),
    "pictures": set(),
    "ops": {"geometry"},
    "nn": {"ops", "geometry"},
    "inverse": {"nn", "ops", "geometry", "pictures"},
    "grading": {"ops", "geometry"},
    "filters": {"ops", "geometry", "pictures"},
    "lens": {"geometry", "imagefiles", "pictures"},
    "bridge": {"nn", "geometry"},
    "tasks": {"nn", "lens", "bridge", "ops", "geometry", "imagefiles", "pictures", "__init__"},
    "atlas": {"pictures", "imagefiles", "lens", "geometry", "__init__"},
    "web": {
        *("atlas", "bridge", "filters", "geometry", "imagefiles", "inverse", "lens", "nn", "ops", "pictures", "tasks"),
        "__init__",
    },
    "cli": {
        *("atlas", "bridge", "filters", "pictures", "geometry", "grading", "imagefiles", "inverse", "lens", "nn"),
        *("ops", "tasks", "web", "__init__"),
    },
}
"""What each room may import besides itself and what is at the very bottom."""

MAY_IMPORT_TORCH = {"lens", "bridge", "tasks", "atlas", "web", "cli"}
LIGHT_IN_CLI = {"typer", "convscope"}


def name_of(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def imported(tree: ast.AST, *, at_import_time: bool = False) -> set[str]:
    """Dotted names of all modules that a piece of code imports, `a.b` for `from a import b` too."""
    names: set[str] = set()
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: write imports out, `from convscope...`"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        if at_import_time and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        todo.extend(ast.iter_child_nodes(node))
    return names


def rooms(path: Path) -> set[str]:
    """The parts of convscope that a module imports, as `convscope.pictures`."""
    found = imported(ast.parse(path.read_text()))
    own = {name.removeprefix("convscope.") for name in found if name.startswith("convscope.")}
    return {"__init__" if name == "__version__" else name for name in own}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_downwards(path: Path):
    room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    assert room in MAY_IMPORT, f"{room}: a new room; say in MAY_IMPORT what it may import"
    allowed = MAY_IMPORT[room] | EVERYWHERE | {room}
    wrong = {name for name in rooms(path) if not any(f"{name}.".startswith(f"{each}.") for each in allowed)}
    assert not wrong, f"{name_of(path)} imports {sorted(wrong)}; {room} may import {sorted(allowed)}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_torch_stays_out_of_operators_and_engine(path: Path):
    room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    torch = {name for name in imported(ast.parse(path.read_text())) if name.split(".")[0] == "torch"}
    assert not torch or room in MAY_IMPORT_TORCH, f"{name_of(path)} imports {sorted(torch)}"


@pytest.mark.parametrize(
    "path", [path for path in MODULES if "cli" in path.relative_to(SOURCE).parts], ids=name_of
)
def test_commands_import_heavy_modules_only_when_run(path: Path):
    outside = {
        name.split(".")[0] for name in imported(ast.parse(path.read_text()), at_import_time=True)
    } - sys.stdlib_module_names
    assert outside <= LIGHT_IN_CLI


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_holds_one_idea(path: Path):
    lines = len(path.read_text().splitlines())
    assert lines <= 400, f"{name_of(path)} has {lines} lines: which second idea moved in?"


def test_names_a_person_calls():
    names = "draw dream examples explain layers load maps receptive_field recover style"
    assert sorted(convscope.__all__) == names.split()
    assert all(callable(getattr(convscope, name)) for name in convscope.__all__)
    assert set(convscope.__all__) <= set(dir(convscope))


def test_a_wrong_name_is_answered_with_the_right_ones():
    with pytest.raises(
        AttributeError, match=r"module 'convscope' has no attribute 'drow'; it offers draw, dream, "
    ):
        convscope.drow


def loaded_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_importing_convscope_costs_nothing_heavy():
    assert not {"torch", "numba", "numpy", "PIL"} & loaded_after("import convscope")


def test_importing_the_command_line_costs_nothing_heavy():
    assert not {"torch", "numba", "numpy", "PIL"} & loaded_after("import convscope.cli.app")


def test_the_operators_and_the_engine_do_without_torch():
    assert "torch" not in loaded_after("import convscope.nn, convscope.ops, convscope.geometry")
