"""The page where a kernel is learned, as people use it: by mouse, by keyboard, in both languages, wide and narrow."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from convscope.web.sources import painted
from tests.web.waiting import until

pytestmark = pytest.mark.chromium

RING = "/learn?picture=builtin:ring&optimizer=momentum&steps=200"
"""Small, so that the exact answer is there at once."""


def learned(page: Page) -> Page:
    expect(page.locator(".answer-head .headline, .answer .problem")).to_be_visible(timeout=60_000)
    return page


def sideways(page: Page) -> int:
    """How much of the page lies beyond its right edge."""
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


@pytest.mark.parametrize(("scheme", "locale", "width"), [("light", "en", 1280), ("dark", "zh-CN", 390)])
def test_from_the_first_look_to_the_answer(visit, violations, scheme, locale, width):
    page = visit(RING, width, locale=locale, color_scheme=scheme)
    expect(page.locator(".verdict[data-kind=stable]")).to_be_visible()  # foreseen before anything is asked
    secret = page.locator(".panel .grid").nth(1)
    assert secret.get_attribute("aria-label") == {"en": "The secret", "zh-CN": "秘密"}[locale]
    assert page.locator("svg.lines path.broad").count() == 1
    assert violations(page) == []
    assert sideways(page) <= 0
    page.locator(".start .main").click()
    learned(page)
    expect(page.locator(".outcome[data-kind=good]")).to_be_visible()
    expect(page.locator(".answer .headline b")).to_have_text({"en": "Exact", "zh-CN": "精确"}[locale])
    assert page.locator(".kernels > button:visible").count() == 0  # found, and so revealed
    assert violations(page) == []
    assert sideways(page) <= 0
    said = page.locator("main").inner_text()
    page.locator("#language").click()
    other = page.locator("main").inner_text()
    expect(page.locator(".answer .headline b")).to_have_text({"en": "精确", "zh-CN": "Exact"}[locale])
    chinese, english = (said, other) if locale == "zh-CN" else (other, said)
    assert re.search(r"[一-鿿]", english) is None
    assert re.search(r"[a-z]{4,}", re.sub(r"Adam|Sobel|Prewitt|convscope|Python", "", chinese)) is None
    assert violations(page) == []


def test_by_keyboard_alone(visit):
    page = visit(RING + "&kernel=sobel-x")
    expect(page.locator(".verdict")).not_to_be_empty()
    button = page.locator(".start .main")
    for _ in range(40):
        page.keyboard.press("Tab")
        if button.evaluate("each => each === document.activeElement"):
            break
    page.keyboard.press("Enter")
    learned(page)
    slider = page.locator(".replay input")
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator(".replay .where")).to_have_text("Step 0 of 200")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".replay .where")).not_to_have_text("Step 0 of 200")
    until(page, "location.search.includes('at=')")
    chart = page.locator(".chart-box")
    chart.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(chart.locator(".unseen")).to_have_text(re.compile(r"^step 1, predicted .+, loss .+"))
    predicted, loss = page.locator(".chart-box .key b").all_inner_texts()
    assert predicted == loss
    grid = page.locator(".panel .grid").first
    grid.focus()
    page.keyboard.press("ArrowRight")
    expect(grid.locator(".unseen")).to_have_text(re.compile(r"^row 1, column 1: "))


def test_a_link_restores_what_is_shown(visit):
    page = visit(RING + "&noise=1")
    page.locator(".start .main").click()
    learned(page)
    slider = page.locator(".replay input")
    slider.focus()
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    where = page.locator(".replay .where").inner_text()
    until(page, "() => /at=[1-9]\\d*/.test(location.search) && !/at=200/.test(location.search)")
    shown = page.locator("main").inner_text()
    again = learned(visit("/learn" + page.url.partition("/learn")[2]))
    expect(again.locator(".replay .where")).to_have_text(where)
    ran = re.compile(r"^(Learn it again|Done)$", re.MULTILINE)
    assert ran.sub("", again.locator("main").inner_text()) == ran.sub("", shown)


def test_a_secret_stays_covered_until_it_is_revealed(visit):
    page = visit(RING + "&steps=1&noise=30")
    expect(page.locator(".verdict")).not_to_be_empty()
    secret = page.locator(".panel .grid").nth(1)
    secret.focus()
    page.keyboard.press("ArrowRight")
    expect(secret.locator(".unseen")).to_have_text("hidden")
    page.get_by_role("button", name="Another secret").click()
    until(page, "location.search.includes('secret=')")
    page.get_by_role("button", name="Reveal it").click()
    secret.focus()
    page.keyboard.press("End")
    expect(secret.locator(".unseen")).to_have_text(re.compile("^row 1, column 3: "))
    assert "shown=1" in page.url


def test_rates_by_slider_and_by_number(visit):
    page = visit(RING + "&kernel=sobel-x&optimizer=gd")
    expect(page.locator(".verdict[data-kind=stable]")).to_be_visible()
    page.locator(".slide input").focus()
    page.keyboard.press("End")
    expect(page.locator(".verdict[data-kind=unstable]")).to_be_visible()
    until(page, "location.search.includes('rate=')")
    page.locator(".start .main").click()
    expect(page.locator(".outcome")).to_contain_text("It diverges: after 200 steps")
    learned(page)
    page.get_by_role("button", name=re.compile("Use the suggested")).click()
    expect(page.locator(".verdict[data-kind=stable]")).to_be_visible()
    page.get_by_label("Learning rate", exact=True).fill("5")
    page.keyboard.press("Enter")
    expect(page.locator(".verdict")).to_contain_text("beyond all numbers")
    page.locator(".start .main").click()
    expect(page.locator(".outcome[data-kind=bad]")).to_contain_text("It ran away", timeout=20_000)


def test_two_pictures_and_what_is_no_convolution(visit, violations):
    gravel = painted(np.random.default_rng(5).integers(30, 220, (40, 44)).astype(np.uint8))
    page = visit(f"/learn?picture={gravel}", 390)
    page.get_by_role("button", name="Two pictures").click()
    page.locator("select:visible").nth(1).select_option("done:mirrored")
    expect(page.locator(".panel .grid:visible")).to_have_count(1)
    page.get_by_label("Steps", exact=True).fill("30")
    page.keyboard.press("Enter")
    until(page, "location.search.includes('steps=30')")
    page.locator(".start .main").click()
    learned(page)
    expect(page.locator(".answer .headline b")).to_have_text("Moved")
    expect(page.locator(".reasons li").first).to_contain_text("mirrored left to right")
    assert violations(page) == []
    assert sideways(page) <= 0
    assert "done%3Amirrored" in page.url


def test_what_is_wrong_is_said_in_one_line(visit):
    page = visit("/learn?picture=builtin:ring&kernel=1,2;3", allow=("400",))
    expect(page.locator("#problems p")).to_contain_text("between columns")
    assert page.locator(".start .main").is_disabled()
    page.get_by_label("Its numbers").fill("1,0;0,-1")
    page.keyboard.press("Enter")
    expect(page.locator("#problems p")).to_have_count(0)
    expect(page.locator(".start .main")).to_be_enabled()


def test_it_is_watched_while_it_goes_on(visit):
    page = visit(RING, reduced_motion="no-preference")
    expect(page.locator(".verdict")).not_to_be_empty()
    page.locator(".start .main").click()
    until(page, "() => { const at = document.querySelector('.replay input'); return at.value > 5 && at.value < 150; }")
    assert page.locator(".answer .headline").count() == 0  # not before the reader has seen the kernel form
    page.get_by_role("button", name="Pause").click()
    here = page.locator(".replay input").input_value()
    page.wait_for_timeout(100)
    assert page.locator(".replay input").input_value() == here
    page.locator(".replay input").press("End")
    learned(page)
