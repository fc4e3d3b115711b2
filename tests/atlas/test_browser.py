"""The pages as a reader has them: in headless Chromium, from disk, wide and narrow, light and dark."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

pytestmark = pytest.mark.chromium
PAGES = ["index.html", "conv.html", "hidden.html", "out.html", "zh/index.html", "zh/out.html"]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--mute-audio",
]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, atlas: Path):
    """Opens a page of the atlas; a request that fails or is for no file, and a complaint, fail the test."""
    contexts, complaints = [], []

    def open_(name: str, width: int = 1280, **options) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
        page.on("request", lambda r: r.url.startswith(("file:", "data:")) or complaints.append(r.url))
        page.goto((atlas / name.partition("#")[0]).as_uri() + name[len(name.partition("#")[0]) :])
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.parametrize("name", PAGES)
def test_every_picture_loads(open_page, name):
    page = open_page(name)
    broken = page.evaluate(
        """async () => {
            const images = [...document.images];
            images.forEach(image => image.loading = "eager");
            await Promise.all(images.map(image => image.decode().catch(() => {})));
            return images.filter(image => !image.naturalWidth || !image.alt).map(image => image.src);
        }"""
    )
    assert broken == []


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_sticks_out_sideways(open_page, name, width):
    page = open_page(name, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # nor is anything cut off: whatever is wider than the window lies in a box that scrolls
    outside = page.evaluate(
        """() => [...document.querySelectorAll("main *, header *, footer *")]
            .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll"))
            .map(e => e.outerHTML.slice(0, 90))"""
    )
    assert outside == []


def test_a_permalink_shows_its_unit(open_page):
    page = open_page("hidden.html#unit-5")
    top = page.evaluate("document.getElementById('unit-5').getBoundingClientRect().top")
    assert -1 <= top < 400
    border = "e => getComputedStyle(e).borderTopColor"
    assert page.locator("#unit-5").evaluate(border) != page.locator("#unit-4").evaluate(border)


def test_a_unit_leads_to_the_next_and_arrow_keys_do_too(open_page):
    page = open_page("hidden.html#unit-2")
    page.get_by_label("Next: 3").click()
    assert page.url.endswith("#unit-3")
    page.keyboard.press("ArrowRight")
    assert page.url.endswith("#unit-4")
    page.keyboard.press("ArrowLeft")
    assert page.url.endswith("#unit-3")
    top = page.evaluate("document.getElementById('unit-3').getBoundingClientRect().top")
    assert -1 <= top < 800


def test_the_keyboard_reaches_everything_and_shows_where_it_is(open_page):
    page = open_page("index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#content"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0  # the skip link is shown
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e);
            return [e.getAttribute("href") || e.id || e.className, s.outlineStyle, e.tagName]; }"""
        )
        reached.append(seen[0])
        assert seen[1] != "none" or seen[2] in ("BODY", "INPUT"), seen  # a choice's label has the outline
    assert {"conv.html", "out.html#unit-1", "theme", "map-0"} <= set(reached)


def test_another_class_can_be_chosen_by_keyboard_and_without_script(open_page):
    page = open_page("index.html", java_script_enabled=False)
    assert page.locator(".panel:visible").count() == 1
    page.locator("#map-0").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#panel-1").is_visible()
    assert page.locator(".panel:visible").count() == 1
    assert page.locator(".theme").is_hidden()  # what needs the script is not offered


def background(page) -> int:
    """Brightness of the page's background, 0 to 765."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3])


def test_dark_is_dark_and_the_button_changes_it_for_good(open_page):
    assert background(open_page("index.html", color_scheme="light")) > 600
    page = open_page("index.html", color_scheme="dark")
    assert background(page) < 150
    page.locator(".theme").click()
    assert background(page) > 600
    page.reload()
    assert background(page) > 600
    page.goto(page.url.replace("index.html", "conv.html"))
    assert background(page) > 600


CONTRAST = """() => {
    const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    const rgb = colour => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
    const behind = element => {
        for (let e = element; e; e = e.parentElement) {
            const c = rgb(getComputedStyle(e).backgroundColor);
            if (c[3] === 255) return c;
        }
        return [255, 255, 255];
    };
    const poor = new Map();
    for (const e of document.querySelectorAll("body *")) {
        const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
        if (!own || !e.checkVisibility() || e.closest("script, style")) continue;
        const style = getComputedStyle(e);
        const [a, b] = [light(rgb(e instanceof SVGElement ? style.fill : style.color)), light(behind(e))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) poor.set(e.tagName + "." + e.className, ratio.toFixed(2));
    }
    return Object.fromEntries(poor);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index.html", "conv.html", "out.html"])
def test_text_stands_out_from_its_ground(open_page, name, scheme):
    """WCAG 2.2, 1.4.3: a contrast of at least 4.5 to 1."""
    page = open_page(name, color_scheme=scheme)
    assert page.evaluate(CONTRAST) == {}


def test_the_other_language_is_one_link_away_and_leads_back(open_page):
    page = open_page("conv.html")
    page.get_by_role("link", name="中文").click()
    assert page.url.endswith("/zh/conv.html")
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    page.get_by_role("link", name="English").click()
    assert page.url.endswith("/conv.html")
    assert "/zh/" not in page.url
