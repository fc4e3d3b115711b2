"""Room: dream and style, used as a person does."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.web.waiting import until

pytestmark = pytest.mark.chromium

DREAM = "/dream?picture=builtin:dog&layers=features.3&octaves=1&steps=2&size=64"
STYLE = "/dream?mode=style&picture=builtin:dog&steps=1&size=64"
WAIT = 60_000


def asked(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def test_dreamt_by_mouse_and_found_again_by_its_link(visit, violations):
    page = visit(DREAM)
    assert page.locator(".compare .before").get_attribute("alt") == "The original"
    page.get_by_role("button", name="Start dreaming").click()
    made = page.locator("#made")
    expect(made).to_contain_text("convscope dream dog.png -o dog-dream.png --layer features.3", timeout=WAIT)
    until(page, "() => document.querySelector('.compare .after').naturalWidth === 64")
    expect(page.locator("#curve")).to_contain_text("How strongly the layer answers:")
    slider = page.get_by_role("slider", name="How much of the original")
    box = page.locator(".compare").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert 45 <= int(slider.input_value()) <= 55
    assert violations(page) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Download, with its recipe").click()
    assert download.value.suggested_filename == "dog-dream.png"

    assert re.fullmatch("[0-9a-f]{16}", asked(page)["job"])
    again = visit(urlsplit(page.url)._replace(scheme="", netloc="").geturl(), 390)
    expect(again.locator("#made")).to_contain_text("convscope dream dog.png", timeout=WAIT)
    until(again, "() => document.querySelector('.compare .after').naturalWidth === 64")
    expect(again.get_by_role("checkbox", name=re.compile("features.3"))).to_be_checked()
    assert again.evaluate("document.documentElement.scrollWidth") <= 390


def test_styled_by_keyboard_in_chinese_on_a_narrow_screen_in_the_dark(visit, violations):
    page = visit(STYLE, 390, locale="zh-CN", color_scheme="dark")
    assert violations(page) == []
    page.get_by_role("slider", name="强度").focus()
    page.keyboard.press("ArrowRight")
    until(page, "() => location.search.includes('strength=18')")
    assert page.get_by_role("slider", name="强度").get_attribute("aria-valuetext") == "18"
    page.get_by_role("combobox", name="色彩").focus()
    page.keyboard.press("ArrowDown")
    until(page, "() => location.search.includes('colours=content')")
    page.get_by_role("button", name="开始换风格").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#made")).to_contain_text("--strength 18 --colours content", timeout=WAIT)
    slider = page.get_by_role("slider", name="从左侧起显示多少原图")
    slider.focus()
    page.keyboard.press("End")
    assert slider.input_value() == "100"
    clip = page.locator(".compare .after").evaluate("(image) => getComputedStyle(image).clipPath")
    assert clip == "inset(0px 0px 0px 100%)"
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="English").press("Enter")
    expect(page.locator("#made")).to_contain_text("The command that makes it again")
    expect(page.get_by_role("combobox", name="Colours")).to_contain_text("of the picture")


def test_modes_keep_what_was_set_in_each(visit):
    page = visit("/dream")
    page.get_by_role("checkbox", name=re.compile("features.12")).check()
    until(page, "() => location.search.includes('layers=features.10%2Cfeatures.12')")
    page.get_by_role("radio", name="Dream").press("ArrowRight")
    until(page, "() => location.search === '?mode=style'")
    expect(page.get_by_role("radio", name="Style")).to_be_focused()
    expect(page.locator(".snippet code")).to_contain_text("cs.style(picture, painting")
    page.get_by_role("radio", name="Style").press("ArrowLeft")
    until(page, "() => location.search.includes('features.12')")
    expect(page.get_by_role("checkbox", name=re.compile("features.12"))).to_be_checked()


def test_one_unit_of_one_layer_is_chosen_by_its_name(visit):
    page = visit("/dream")
    page.get_by_role("combobox", name="Of this layer").select_option("7")
    expect(page.locator(".snippet code")).to_contain_text("channel('features.10', 7)")
    page = visit("/dream?layers=classifier.1")
    unit = page.get_by_role("combobox", name="Of this layer")
    unit.select_option("207")
    assert unit.evaluate("(list) => list.selectedOptions[0].textContent") == "207 Golden Retriever"
    expect(page.locator(".snippet code")).to_contain_text("channel('classifier.1', 207)")
    page.get_by_role("checkbox", name=re.compile("features.12")).check()
    expect(unit).to_have_count(0)
    until(page, "() => !location.search.includes('unit')")


def test_stopped_it_keeps_what_there_is(visit):
    page = visit("/dream?steps=60&size=560&layers=features.12")
    page.get_by_role("button", name="Start dreaming").click()
    until(page, "() => document.querySelector('.compare .after').naturalWidth > 0", seconds=60)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".job [role=status]")).to_have_text("Stopped", timeout=WAIT)
    expect(page.locator("#made")).to_contain_text("Stopped before its end")


def test_mistakes_are_told_in_one_line(visit):
    page = visit("/dream?size=9999", allow=("422",))
    expect(page.locator("#problems p")).to_have_text("size=9999: input should be less than or equal to 1024")
    page = visit("/dream?picture=builtin:point")
    page.get_by_role("button", name="Start dreaming").click()
    expect(page.locator(".job [role=status]")).to_contain_text("Not done: picture of 9 x 9", timeout=WAIT)


def test_a_job_of_long_ago_leaves_its_settings(visit):
    page = visit(f"{DREAM}&job={'0' * 16}", allow=("404",))
    until(page, "() => !location.search.includes('job')")
    expect(page.get_by_role("checkbox", name=re.compile("features.3"))).to_be_checked()
    expect(page.locator("#problems p")).to_have_count(0)
