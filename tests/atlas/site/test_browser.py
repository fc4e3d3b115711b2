"""The pages as a reader has them: in headless Chromium, from disk, without network."""

import re
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page

from tests.atlas.site.chromium import drawn, go, until
from tests.atlas.site.conftest import HOSTILE

pytestmark = pytest.mark.chromium
LAYER, UNIT = "#/epoch%205/fire3.expand3x3", "#/epoch%205/fire3.expand3x3/7"
COMPARED = "#/compare?a=epoch%201/fire3.expand3x3/7&b=epoch%2020/fire3.expand3x3/7"
LAYERS = "#/compare?a=epoch%201/conv1&b=epoch%205/classifier"
PAGES = {
    "network": "#/epoch%205",
    "layer": LAYER,
    "unit": UNIT,
    "compare": COMPARED,
    "layers": LAYERS,
    "choose": "#/compare",
}


def heading(page: Page) -> str:
    return page.locator("main h1").inner_text()


def everything(page: Page) -> None:
    """Scroll through the page, so that all pictures are asked for, and wait until they are there."""
    page.evaluate(
        """async () => {
            for (let y = 0; y <= document.documentElement.scrollHeight; y += 600) {
                scrollTo(0, y);
                await new Promise(done => requestAnimationFrame(() => setTimeout(done, 20)));
            }
            await Promise.all([...document.images].map(image => image.decode().catch(() => {})));
        }"""
    )


def test_it_opens_with_the_first_network_and_leads_down_to_a_unit_and_back(open_page):
    page = open_page("")
    assert heading(page) == "What epoch 1 learned"
    assert page.locator(".row .name").count() == 12
    page.locator(".row .name", has_text="fire3.expand3x3").click()
    page.wait_for_selector(".page-layer")
    assert heading(page) == "fire3.expand3x3"
    assert page.evaluate("document.activeElement.tagName") == "H1"
    page.locator(".wall .unit").nth(5).click()
    page.wait_for_selector(".page-unit")
    assert page.url.endswith("#/epoch%201/fire3.expand3x3/5")
    page.get_by_role("link", name="fire3.expand3x3").first.click()
    page.wait_for_selector(".page-layer")
    page.go_back()
    page.wait_for_selector(".page-unit")


def test_a_link_to_what_is_not_there_says_so(open_page):
    page = open_page("#/nobody")
    for route in ("#/epoch%201/nothing", "#/epoch%201/conv1/99999", "#/epoch%201/conv1/x", "#/%E0%A4%A"):
        assert heading(page) == "Not in this atlas"
        go(page, route)
    page.get_by_role("link", name="To the overview").click()
    page.wait_for_selector(".page-network")


def test_searching_finds_units_and_the_link_keeps_what_was_asked(open_page):
    page = open_page("#/epoch%205")
    page.keyboard.press("/")
    page.keyboard.type("fire3 dog")
    page.wait_for_selector(".results .unit")
    all_of_them = page.locator(".results .unit").count()
    assert all("fire3" in text for text in page.locator(".results .below").all_inner_texts())
    page.get_by_label("Drawing is").select_option("mixed")
    until(page, f"document.querySelectorAll('.results .unit').length < {all_of_them}")
    some = page.locator(".results .unit").count()
    assert page.locator(".results .is-mixed").count() == some > 0
    assert "q=fire3%20dog&label=mixed" in page.url
    page.reload()
    page.wait_for_selector(".results .unit")
    assert page.locator(".results .unit").count() == some
    page.get_by_role("button", name="Clear").click()
    assert page.locator(".results .unit").count() == 0
    assert "?" not in page.url


def test_searching_by_number_class_and_likeness(open_page):
    page = open_page("#/epoch%205?q=conv1/3")
    page.wait_for_selector(".results .unit")
    assert page.locator(".results .below").all_inner_texts() == ["conv1 / 3", "conv1.relu / 3"]
    page.get_by_label("Layer, number or class").fill("dog")
    page.locator(".results .below").filter(has_text="dog").first.wait_for()
    found = page.locator(".results .below").all_inner_texts()
    assert found[0] == "dog"  # the output itself first, then whatever dogs excite
    assert len(found) > 20
    page.get_by_label("Layer, number or class").fill("no such thing")
    page.get_by_text("No unit is like that.").wait_for()
    page.get_by_label("Class among the strongest").focus()
    page.wait_for_selector("datalist option[value=boat]", state="attached")
    page = open_page(UNIT)
    page.get_by_role("link", name="Find all like it").click()
    page.wait_for_selector(".results .unit")
    assert "like=fire3.expand3x3/7" in page.url
    assert page.locator(".results .below").first.inner_text().startswith("fire3.expand3x3 / 7")


def test_labels_lead_to_the_units_that_have_them(open_page):
    page = open_page("#/epoch%205")
    page.locator(".labels a", has_text="dead").click()
    page.wait_for_selector(".results .unit")
    assert page.locator(".results .unit").count() == page.locator(".results .is-dead").count() > 0


def test_the_wall_is_sorted_filtered_and_shows_other_pictures(open_page):
    page = open_page(LAYER)
    numbers = page.locator(".wall .below").all_inner_texts()
    assert numbers == [str(unit) for unit in range(12)]
    page.get_by_label("Sort by").select_option("mean")
    until(page, "document.querySelectorAll('.wall small').length === 12")
    values = [float(text.replace("−", "-")) for text in page.locator(".wall small").all_inner_texts()]
    assert values == sorted(values, reverse=True)
    page.get_by_label("Drawing is").select_option("dead")
    until(page, "document.querySelectorAll('.wall li').length < 12")
    page.get_by_text("Real pictures", exact=True).click()
    page.wait_for_selector(".wall svg.part")
    page.reload()
    page.wait_for_selector(".wall svg.part")
    assert "sort=mean&label=dead&show=example" in page.url
    page.get_by_text("Kernels", exact=True).click()
    page.wait_for_selector(".wall.show-kernel")
    assert page.locator(".legend").is_visible()


def test_units_of_the_answer_are_called_by_their_classes(open_page):
    page = open_page("#/epoch%205/classifier")
    assert page.locator(".wall .below").all_inner_texts()[:3] == ["0 cat", "1 dog", "2 boat"]
    page.locator(".wall .unit").nth(1).click()
    page.wait_for_selector(".page-unit")
    assert heading(page).split("\n")[-1] == "dog"


def test_a_card_shows_all_evidence(open_page):
    page = open_page(UNIT)
    everything(page)
    titles = page.locator("main h2").all_inner_texts()
    assert titles == [
        *("Real pictures", "Values on real pictures", "Classes", "Kernel", "Similar units"),
        *("Strongest inputs", "Strongest outputs", "Through all networks", "How this was made"),
    ]
    assert page.locator(".drawing img").count() == 3
    assert page.locator(".crop").count() == 9 + 3 + 9
    assert page.locator(".cells").count() > 8
    assert "convscope draw" in page.locator(".command code").inner_text()
    assert page.locator(".crop .none").count() > 0  # pictures that are gone say so
    broken = page.evaluate("[...document.images].filter(i => !i.naturalWidth).map(i => i.src)")
    assert broken == []
    record = page.get_by_role("link", name="record as JSON").get_attribute("href")
    page.goto(page.url.partition("index.html")[0] + record)
    assert '"fire3.expand3x3"' in page.content()


def test_reasons_are_sentences_with_their_numbers(open_page):
    page = open_page(UNIT)
    assert "99 % of the real pictures do or more, 1.32 times the best" in page.locator(".reasons").inner_text()
    page = open_page(UNIT, locale="zh-CN")
    assert "不低于 99% 的真实图片，是其中最佳者的 1.32 倍" in page.locator(".reasons").inner_text()


def test_a_real_picture_opens_whole_with_a_frame(open_page):
    page = open_page(UNIT)
    page.locator(".crop").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    assert page.locator("dialog .count").inner_text() == "1 of 9"
    for _ in range(9):
        frames = page.locator("dialog .frame").count() or page.locator("dialog .none").count()
        assert frames
        page.keyboard.press("ArrowRight")
    assert page.locator("dialog .count").inner_text() == "1 of 9"
    page.keyboard.press("ArrowLeft")
    assert page.locator("dialog .count").inner_text() == "9 of 9"
    assert page.url.endswith("/7")  # arrows belong to the dialog
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert page.evaluate("document.activeElement.className") == "crop"


def test_arrow_keys_lead_from_unit_to_unit(open_page):
    page = open_page(UNIT)
    page.keyboard.press("ArrowRight")
    until(page, "location.hash.endsWith('/8')")
    page.get_by_role("heading", name="unit 8").wait_for()
    page.keyboard.press("ArrowLeft")
    page.get_by_role("heading", name="unit 7").wait_for()
    page.get_by_label("Network shown").focus()
    page.keyboard.press("ArrowLeft")  # moves the slider, not the page
    assert page.locator(".slider p").inner_text() == "epoch 1"
    assert page.url.endswith("/7")


def test_two_units_and_two_layers_are_compared(open_page):
    page = open_page(UNIT)
    page.get_by_role("link", name="Compare with").click()
    page.wait_for_selector(".page-compare .strip .unit")
    page.locator(".page-compare .strip .unit").first.click()
    page.wait_for_selector(".pair")
    assert page.locator(".pair figure.drawing").count() == 6
    page.get_by_role("group", name="Right").get_by_label("Network").select_option("epoch 20")
    until(page, "location.hash.includes('b=epoch%2020')")
    page = open_page(LAYERS)
    assert page.locator(".pair .wall").count() == 2
    page = open_page("#/compare?a=epoch%201/conv1&b=epoch%201/conv1/1")
    assert "cannot be compared" in page.locator("main").inner_text()


def test_another_network_keeps_the_layer_where_it_has_it(open_page):
    page = open_page(LAYER)
    page.locator("#top").get_by_label("Network").select_option("epoch 20")
    until(page, "location.hash === '#/epoch%2020/fire3.expand3x3'")


def test_the_language_changes_in_place_and_for_good(open_page):
    page = open_page(UNIT)
    page.evaluate("scrollTo(0, 300)")
    assert page.get_by_role("button", name="中文").count() == 1
    page.evaluate("document.querySelector('.language').click()")  # the mouse would scroll up to it
    until(page, "document.documentElement.lang === 'zh-Hans'")
    page.get_by_role("heading", name="真实图片", exact=True).wait_for()
    assert page.evaluate("scrollY") == 300
    page.reload()
    page.get_by_role("heading", name="真实图片", exact=True).wait_for()
    assert open_page("", locale="zh-CN").evaluate("document.documentElement.lang") == "zh-Hans"


def background(page: Page) -> int:
    """Brightness of the page's background, 0 to 765."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in re.findall(r"\d+", colour)[:3])


def test_dark_is_dark_and_the_button_changes_it_for_good(open_page):
    assert background(open_page("", color_scheme="light")) > 600
    page = open_page("", color_scheme="dark")
    assert background(page) < 150
    page.locator(".theme").click()
    assert background(page) > 600
    page.reload()
    drawn(page)
    assert background(page) > 600


def test_the_keyboard_reaches_everything_and_shows_where_it_is(open_page):
    page = open_page("#/epoch%205")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    reached = []
    for _ in range(24):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => { const e = document.activeElement;
            return [e.className, getComputedStyle(e).outlineStyle, getComputedStyle(e, "::after").outlineStyle]; }"""
        )
        assert "none" not in seen[1] or "none" not in seen[2], seen
        reached.append(seen[0])
    assert {"brand", "icon language", "icon theme", "name"} <= set(reached)
    page.keyboard.press("Enter")
    page.wait_for_selector(".page-layer")


def test_nothing_sticks_out_on_a_phone(open_page):
    page = open_page("", width=360)
    for name, route in PAGES.items():
        go(page, route)
        everything(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, name
        # nor is anything cut off: whatever is wider than the window lies in a box that scrolls
        outside = page.evaluate(
            """() => [...document.querySelectorAll("main *, header *, footer *")]
            .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, svg image, .thumbs"))
            .map(e => e.outerHTML.slice(0, 90))"""
        )
        assert outside == [], name


@pytest.mark.parametrize(("scheme", "locale"), [("light", "en"), ("dark", "zh-CN")])
def test_axe_finds_nothing_to_complain_of(open_page, scheme, locale):
    page = open_page("", color_scheme=scheme, locale=locale)
    for route in PAGES.values():
        go(page, route)
        everything(page)
        assert violations(page) == []


def test_axe_finds_nothing_to_complain_of_in_the_dialog_and_the_search(open_page):
    page = open_page(UNIT)
    page.locator(".crop").nth(1).click()
    assert violations(page) == []
    page = open_page("#/epoch%205?q=fire3/1", color_scheme="dark")
    page.wait_for_selector(".results .unit")
    assert violations(page) == []


def violations(page: Page) -> list[str]:
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({preload: false, resultTypes: ['violations']})")["violations"]
    return [
        f"{rule['id']}: {node['html'][:120]} {node['failureSummary'][:200]}" for rule in found for node in rule["nodes"]
    ]


def test_hostile_names_are_shown_and_run_nothing(open_page, hostile):
    """The fixture fails at any dialog of the browser, complaint or request that leaves."""
    page = open_page("", hostile, 360)
    everything(page)
    assert page.locator(".row .name").all_text_contents() == HOSTILE
    for name in HOSTILE:
        go(page, f"#/{quote(HOSTILE[0], safe='')}/{encoded(name)}/1")
        assert page.locator(".page-unit h1 .of").text_content() == name
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, name
    everything(page)
    page.locator(".crop").first.click()
    page.keyboard.press("Escape")
    go(page, "#/compare?a=%63ompare/constructor/1&b=%63ompare/constructor/2")
    assert page.locator(".pair").count() > 5
    assert page.locator("script:not([src]), [onerror]").count() == 0


def encoded(name: str) -> str:
    return "%63ompare" if name == "compare" else quote(name, safe="")


def test_links_of_the_page_lead_back_to_hostile_layers(open_page, hostile):
    page = open_page("", hostile)
    for k, name in list(enumerate(HOSTILE))[::2]:
        go(page, "#/%63ompare")
        page.locator(".row .name").nth(k).click()
        until(page, "name => document.querySelector('.page-layer h1')?.textContent === name", arg=name)
        assert page.evaluate("location.hash").startswith("#/%63ompare/")


def test_without_pictures_the_pages_say_so(open_page, bare):
    page = open_page("", bare)
    assert "without real pictures" in page.locator(".lede").inner_text()
    page = open_page("#/bare/fire2.expand3x3", bare)
    assert "No real pictures" in page.locator("main").inner_text()
    page = open_page("#/bare/fire2.expand3x3/2", bare)
    assert "made without real pictures" in page.locator("main").inner_text()
    assert "nan" not in page.locator("main").inner_text().lower().split()


def test_a_missing_file_is_said_to_be_missing(browser, atlas):
    hidden = Path(atlas.url) / "data" / "m0-l3.js"
    away = hidden.rename(hidden.with_suffix(".away"))
    try:
        page = browser.new_page(locale="en")
        page.goto(f"file://{atlas.url}/index.html#/epoch%201/fire2.squeeze")
        page.get_by_text("data/m0-l3.js").wait_for()
        assert "convscope atlas verify" in page.locator("main").inner_text()
        page.close()
    finally:
        away.rename(hidden)
