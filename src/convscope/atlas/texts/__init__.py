"""Every word on the pages, one file a language, all with the same keys."""

import tomllib
from importlib.resources import files
from typing import Any

from markupsafe import Markup

LANGUAGES = {"en": "", "zh": "zh/"}
"""The file's name of each language, and the folder of its pages: the first is the one that opens."""


class Texts:
    """The texts of one language, by dotted key, filled in and safe to put into HTML.

    >>> t = Texts("en")
    >>> t("maps.scale", limit="<1")
    Markup('±&lt;1')
    """

    def __init__(self, language: str):
        self._texts: dict[str, Any] = tomllib.loads(
            (files(__name__) / f"{language}.toml").read_text(encoding="utf-8")
        )

    def __call__(self, key: str, **values: object) -> Markup:
        text = self._texts
        for part in key.split("."):
            text = text[part]
        return Markup(text).format(**values)
