"""One catalogue of words: whole in both languages, and neither more nor less than what is said."""

import re
import tomllib

from convscope.web import texts


def test_nothing_is_missing_in_either_language():
    for file in texts.FOLDER.glob("*.toml"):
        entries = list(flat(tomllib.loads(file.read_text(encoding="utf-8"))))
        assert entries
        for key, entry in entries:
            assert set(entry) == set(texts.LANGUAGES), f"{file.name}: {key}"
            assert all(text.strip() for text in entry.values()), f"{file.name}: {key}"
            names = [set(re.findall(r"\{(\w+)\}", text)) for text in entry.values()]
            assert names[0] == names[1], f"{file.name}: {key} fills in {names}"


def flat(table: dict, prefix: str = ""):
    for name, entry in table.items():
        if isinstance(entry, dict) and not all(isinstance(value, str) for value in entry.values()):
            yield from flat(entry, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", entry


HOME = texts.FOLDER.parent


def used() -> dict[str, set[str]]:
    """Keys that scripts and templates name in full, and beginnings of those that they put together."""
    found: dict[str, set[str]] = {"whole": set(), "begun": set()}
    rooms = "|".join(sorted(file.stem for file in texts.FOLDER.glob("*.toml")))
    for file in [*HOME.glob("static/**/*.js"), *HOME.glob("templates/**/*.html"), *HOME.glob("**/*.py")]:
        content = file.read_text(encoding="utf-8")
        found["whole"] |= set(re.findall(rf"""["'`]((?:{rooms})\.[\w.-]+[\w-])["'`]""", content))
        found["begun"] |= set(re.findall(rf"""["'`]((?:{rooms})\.[\w.-]*)(?:\$\{{|["'] ?[~+])""", content))
    return found


def test_every_text_that_is_named_is_there():
    keys = set(texts.catalogue()["en"])
    endings = (".py", ".js", ".css", ".html", ".json", ".toml", ".safetensors", ".png", ".webp", ".wav", ".sgf")
    named = {key for key in used()["whole"] if not key.endswith(endings)}
    assert named
    assert named <= keys, sorted(named - keys)


def test_every_text_that_is_there_is_named():
    whole, begun = used().values()
    unused = {
        key
        for key in texts.catalogue()["en"]
        if key not in whole
        and not any(key.startswith(start) for start in begun)
        and key.rsplit(".", 1)[-1] not in ("short", "title", "about")
    }
    assert not unused, sorted(unused)


def test_chinese_texts_are_chinese():
    for key, text in texts.catalogue()["zh"].items():
        if re.search("[A-Za-z]{3}", texts.catalogue()["en"][key]):
            assert re.search(r"[\u4e00-\u9fff]", text) or text == texts.catalogue()["en"][key], key


def test_the_language_is_the_chosen_one_or_the_preferred_one(api):
    def language(**headers: str) -> str:
        return re.findall('<html lang="(.*?)">', api.get("/", headers=headers).text)[0]

    assert language() == "en"
    assert language(**{"Accept-Language": "fr, zh-CN;q=0.9, en;q=0.8"}) == "zh-Hans"
    assert language(**{"Accept-Language": "zh-CN", "Cookie": "convscope-language=en"}) == "en"
    assert language(Cookie="convscope-language=<script>") == "en"
