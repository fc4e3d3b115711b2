"""Every word in every language."""

import re
import string

import pytest

from convscope.atlas.texts import LANGUAGES, Texts


def flat(texts: dict, before: str = "") -> dict[str, str]:
    out = {}
    for key, value in texts.items():
        out |= flat(value, f"{before}{key}.") if isinstance(value, dict) else {before + key: value}
    return out


@pytest.fixture(params=LANGUAGES)
def texts(request) -> dict[str, str]:
    return flat(Texts(request.param)._texts)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_all_languages_say_the_same_things_with_the_same_values(texts):
    english = flat(Texts("en")._texts)
    assert list(texts) == list(english)
    assert {key: fields(text) for key, text in texts.items()} == {k: fields(v) for k, v in english.items()}


def test_texts_can_stand_in_html_and_in_attributes(texts):
    assert [key for key, text in texts.items() if re.search(r'[<>&"]', text) or not text.strip()] == []


def test_values_are_made_safe():
    assert Texts("en")("layer.title", layer='<i> "&') == "Layer &lt;i&gt; &#34;&amp;"
