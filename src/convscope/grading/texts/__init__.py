"""The catalogue of mistakes and every word of a report, one file a language, all with the same keys."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "zh")


@cache
def texts(language: str) -> dict[str, Any]:
    """The texts of a language: `report` and `mistakes`, each of these with `name`, `why` and `fix`.

    >>> texts("en")["mistakes"]["kernel_flipped"]["name"]
    'the kernel is flipped'
    """
    return tomllib.loads((files(__name__) / f"{language}.toml").read_text(encoding="utf-8"))
