"""The pages as files: every link leads somewhere, every picture says what it is, nothing is missing."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from convscope import lens, pictures

PAGES = ["index.html", "conv.html", "hidden.html", "out.html"]


class Page(HTMLParser):
    """A page's elements, ids and text."""

    def __init__(self, path: Path):
        super().__init__()
        self.path, self.elements, self.text = path, [], ""
        self.feed(path.read_text(encoding="utf-8"))
        self.ids = [attributes["id"] for _, attributes in self.elements if "id" in attributes]

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(params=[folder + page for folder in ("", "zh/") for page in PAGES])
def page(request, atlas) -> Page:
    return Page(atlas / request.param)


def test_every_link_and_every_source_is_there(page):
    linked = [a["href"] for a in page.all("a")] + [a["href"] for a in page.all("link")]
    sources = [image["src"] for image in page.all("img")] + [script["src"] for script in page.all("script")]
    for target in [*linked, *sources]:
        if target == "data:,":  # the icon: none, and none asked for
            continue
        assert not re.match(r"[a-z]+:|/", target), target
        name, _, fragment = target.partition("#")
        path = (page.path.parent / unquote(name)).resolve() if name else page.path
        assert path.is_file(), target
        if fragment:
            assert fragment in Page(path).ids, target


def test_ids_are_unique(page):
    assert len(page.ids) == len(set(page.ids))


def test_every_picture_says_what_it_is_and_how_large(page):
    for image in page.all("img"):
        assert image["alt"].strip(), image
        assert int(image["width"]) > 0
        assert int(image["height"]) > 0


def test_the_page_says_its_language_and_has_one_heading(page):
    assert page.all("html")[0]["lang"] == ("zh-Hans" if page.path.parent.name == "zh" else "en")
    assert len(page.all("h1")) == 1
    assert page.elements[[tag for tag, _ in page.elements].index("a")][1]["href"] == "#content"


def test_class_names_are_text_and_never_markup(page):
    assert "b>" not in [tag for tag, _ in page.elements]
    assert 'a "wide" <b>' in page.text or page.path.name in ("conv.html", "hidden.html")


@pytest.mark.parametrize(("name", "units"), [("conv", 3), ("hidden", 7), ("out", 3)])
def test_every_unit_has_its_card_with_most_and_least_and_drawings(atlas, name, units):
    page = Page(atlas / f"{name}.html")
    assert [a["id"] for a in page.all("article")] == [f"unit-{unit}" for unit in range(units)]
    cells = [image for image in page.all("img") if image.get("class") == "cell"]
    assert len(cells) == units * 2 * 9
    drawn = {image["src"] for image in page.all("img") if "/draw-" in image["src"]}
    assert len(drawn) == units * (2 if name == "out" else 1)


def test_the_dead_filter_is_said_to_be_dead(atlas):
    text = Page(atlas / "conv.html").text
    assert text.count("Dead: below zero for every test picture") == 1


def test_the_overview_tells_of_the_network(given, atlas):
    text = re.sub(r"\s+", " ", Page(atlas / "index.html").text)
    parameters = sum(weight.numel() for weight in given.model.parameters())
    assert f"A network of {parameters} learned numbers" in text
    assert "make tiny" in text
    assert "SHA-256 abc123" in text
    for word in ("3 × 2", "−1, 0", "Loss (cross-entropy)", "Confusion matrix on 40 test pictures"):
        assert word in text


def test_the_confusion_matrix_holds_every_test_picture(atlas):
    page = (atlas / "index.html").read_text(encoding="utf-8")
    table = page[page.index('<table class="confusion') :]
    counts = re.findall(r"<td[^>]*>(\d+)</td>", table[: table.index("</table>")])
    assert sum(map(int, counts)) == 40


def test_without_a_history_the_page_says_so(given, finished):
    given.build(finished, history=())
    assert "No training history came with these weights." in Page(finished / "index.html").text


def test_a_network_that_misreads_nothing_says_so(given, finished):
    read = lens.maps(given.model, given.arguments["inputs"], ["out"])["out"].argmax(1)
    given.build(finished, labels=read)
    text = Page(finished / "index.html").text
    assert "Not one test picture was misread." in text
    assert "100.00\u202f%" in text


def test_every_png_carries_seed_recipe_weights_and_command(atlas):
    for path in atlas.rglob("*.png"):
        told = pictures.png_recipe(path.read_bytes())
        assert told is not None, path
        assert (told["seed"], told["weights"], told["command"]) == ("5", "abc123", "make tiny")
        assert told["recipe"]


def test_nothing_is_loaded_from_elsewhere(atlas):
    for path in [*atlas.rglob("*.css"), *atlas.rglob("*.js"), *atlas.rglob("*.html")]:
        assert not re.search(r"https?:|@import|url\(", path.read_text(encoding="utf-8")), path


def test_pages_are_made_and_stores_read_without_torch():
    code = "import sys, convscope.atlas.plan, convscope.atlas.site; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
