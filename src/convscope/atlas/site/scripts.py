"""Data and words as the classic scripts that a page opened from disk can load: `fetch` and modules it cannot."""

import json
import tomllib
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "zh")
STATIC = "static"


def script(name: str, data: Any) -> str:
    """A script that hands data to the pages under a name.

    All in ASCII, and no "<": it is the same text in every encoding, and no name in it can end anything.

    >>> script("x", ["</script>", "鞋"])
    'atlas.take("x",["\\\\u003c/script>","\\\\u978b"]);\\n'
    """
    told = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return f"atlas.take({json.dumps(name)},{told});\n".replace("<", "\\u003c")


def brief(value: float | int | None) -> float | int | None:
    """A number with the digits that a page can show: four.

    >>> brief(0.123456), brief(12), brief(None), brief(3.0)
    (0.1235, 12, None, 3)
    """
    if value is None or isinstance(value, int):
        return value
    short = float(f"{value:.4g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def texts(language: str) -> dict[str, Any]:
    """Every word on the pages in one language, by table and key."""
    return tomllib.loads((files("convscope.atlas.site") / "texts" / f"{language}.toml").read_text(encoding="utf-8"))


def static() -> dict[str, str]:
    """The files that are the same in every atlas: path in the atlas -> text."""
    here = files("convscope.atlas.site")
    found = {
        f"site/{file.name}": file.read_text(encoding="utf-8")
        for file in (here / STATIC).iterdir()
        if file.name.endswith((".css", ".js", ".svg"))
    }
    return {"index.html": (here / "index.html").read_text(encoding="utf-8"), **dict(sorted(found.items()))}
