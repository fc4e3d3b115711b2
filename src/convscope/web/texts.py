"""All words of the lab, in English and Chinese: one catalogue, a file for each room."""

import tomllib
from functools import cache
from pathlib import Path

from starlette.requests import Request

FOLDER = Path(__file__).parent / "texts"
LANGUAGES = {"en": "en", "zh": "zh-Hans"}
"""Languages and what HTML calls them."""
COOKIE = "convscope-language"


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Language -> key -> text. A key is "file.name" or "file.table.name"; each entry of a file holds `en` and `zh`."""
    texts: dict[str, dict[str, str]] = {language: {} for language in LANGUAGES}
    for file in sorted(FOLDER.glob("*.toml")):
        _collect(file.stem, tomllib.loads(file.read_text(encoding="utf-8")), texts)
    return texts


def _collect(prefix: str, table: dict, texts: dict[str, dict[str, str]]) -> None:
    for name, entry in table.items():
        key = f"{prefix}.{name}"
        if all(isinstance(value, str) for value in entry.values()):
            for language, text in entry.items():
                texts[language][key] = text
        else:
            _collect(key, entry, texts)


def language_of(request: Request) -> str:
    """The language of a visitor: what was chosen last, else what the browser prefers, else English."""
    chosen = request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return chosen
    for wanted in request.headers.get("accept-language", "").split(","):
        if wanted.strip()[:2].lower() in LANGUAGES:
            return wanted.strip()[:2].lower()
    return "en"
