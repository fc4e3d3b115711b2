"""Every word in both languages, none missing and none left over."""

import re
import string
from importlib.resources import files

import pytest

from convscope.atlas.site.columns import LABELS
from convscope.atlas.site.scripts import LANGUAGES, texts
from convscope.lens.credibility.verdict import TEXTS

SCRIPTS = {
    file.name: file.read_text(encoding="utf-8")
    for file in (files("convscope.atlas.site") / "static").iterdir()
    if file.name.endswith(".js")
}


def flat(language: str) -> dict[str, str]:
    return {f"{table}.{key}": text for table, rows in texts(language).items() for key, text in rows.items()}


def fields(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_all_languages_say_the_same_things_with_the_same_values(language):
    english, other = flat("en"), flat(language)
    assert list(other) == list(english)
    assert {key: fields(text) for key, text in other.items()} == {key: fields(text) for key, text in english.items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty(language):
    assert [key for key, text in flat(language).items() if not text.strip()] == []


def test_all_reasons_and_labels_have_a_text():
    english = texts("en")
    assert set(english["reason"]) == set(TEXTS)
    assert tuple(english["label"]) == tuple(english["labelMeaning"])
    assert sorted(english["label"]) == sorted(LABELS)


def test_reasons_speak_of_the_numbers_they_come_with():
    for key, text in TEXTS.items():
        assert set(fields(texts("en")["reason"][key])) <= set(fields(text)), key


def test_every_text_is_used_and_every_table_is_there():
    """A key that has no text is a complaint on the console, which the tests in the browser would see."""
    code = "\n".join(SCRIPTS.values())
    joined = set(re.findall(r"`(\w+)\.\$\{", code))  # keys that are put together: `table.${key}`
    assert joined <= set(texts("en"))
    assert [key for key in flat("en") if f'"{key}"' not in code and key.split(".")[0] not in joined] == []
