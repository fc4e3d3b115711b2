"""Networks from Python code: `python:package.module:factory` and `python:path/to/file.py:factory`."""

import difflib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from convscope.errors import InputError
from convscope.lens.models.network import Network
from convscope.lens.models.spelling import FORMS, Source
from convscope.lens.probe import first_line


def from_python(source: Source) -> nn.Module | Network:
    """What the factory gives: a module or a Network. A module may stand there in place of a factory.

    Packages are found as Python finds them, and in the folder where one is; a file finds those beside it.

    Raises InputError where there is no such module or name, where the code fails, and for another result.
    """
    place, _, name = source.name.rpartition(":")
    if not place or not name:
        raise InputError(f"model {source.text!r}: no factory is named; write {FORMS['python']}")
    file = Path(place) if place.endswith(".py") else None
    if file and not file.is_file():
        raise InputError(f"model {source.text!r}: {file}: no such file; check the path")
    with _found_first(file.parent if file else Path()):
        module = _module(place, file, source.text)
        found: Any = module
        for part in name.split("."):
            if not hasattr(found, part):
                raise InputError(f"model {source.text!r}: {place} has no {name}{_near(part, found)}")
            found = getattr(found, part)
        if isinstance(found, nn.Module | Network):
            if source.called:
                raise source.none_called()
            return found
        if not callable(found):
            raise InputError(f"model {source.text!r}: {name} is a {type(found).__name__}; name a factory or a module")
        try:
            made = found(*source.args, **source.kwargs)
        except Exception as problem:
            told = f"{type(problem).__name__}: {first_line(problem)}"
            raise InputError(
                f"model {source.text!r}: {name} failed ({told}); arguments are written {name}(width=2)"
            ) from problem
    if not isinstance(made, nn.Module | Network):
        raise InputError(f"model {source.text!r}: {name} gave a {type(made).__name__}, no torch.nn.Module")
    return made


def _module(place: str, file: Path | None, text: str) -> ModuleType:
    try:
        if file is None:
            return importlib.import_module(place)
        name = f"_convscope_source_{file.stem}"
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses and pickles look their module up
        spec.loader.exec_module(module)
        return module
    except Exception as problem:
        raise InputError(
            f"model {text!r}: importing {place} failed ({type(problem).__name__}: {first_line(problem)})"
        ) from problem


@contextmanager
def _found_first(folder: Path) -> Iterator[None]:
    """Imports look into this folder too, as they do when a script in it is run."""
    path = str(folder.resolve())
    sys.path.insert(0, path)
    try:
        yield
    finally:
        with suppress(ValueError):  # taken out by what was imported
            sys.path.remove(path)


def _near(name: str, module: Any) -> str:
    near = difflib.get_close_matches(name, [each for each in dir(module) if not each.startswith("_")], n=3)
    return f"; did you mean {' or '.join(near)}?" if near else ""
