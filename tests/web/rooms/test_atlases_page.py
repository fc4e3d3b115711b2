"""Room: atlases, used as a person does."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.web.waiting import until

pytestmark = pytest.mark.chromium

SMALL = "/atlases?count=12&layers=conv1&units=4"
WAIT = 60_000


def asked(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def chosen(page: Page, name: str, value: str) -> None:
    expect(page.get_by_role("combobox", name=name)).to_have_value(value)


def test_made_and_opened_by_mouse(visit, violations):
    page = visit(SMALL)
    page.get_by_role("button", name="Make it").click()
    expect(page.locator(".job [role=status]")).to_have_text("Done", timeout=WAIT)
    drawings = page.locator("#wall img")
    expect(drawings).to_have_count(4)
    expect(drawings.first).to_have_attribute("alt", "Unit 0 of conv1, drawn")
    until(page, "() => [...document.querySelectorAll('#wall img')].every((image) => image.naturalWidth > 0)")
    expect(page.locator("#readable")).to_have_text("Open")
    card = page.locator(".atlas", has_text="finished").first
    expect(card).to_contain_text("1 layer, 6 units, 4 of them drawn")
    assert violations(page) == []
    card.get_by_role("link", name="Open: lenet5").click()
    expect(page.locator("h1")).to_have_text("What lenet5 learned")
    assert urlsplit(page.url).path.startswith("/atlas/lenet5-")


def test_asked_by_keyboard_in_chinese_on_a_narrow_screen_in_the_dark(visit, violations):
    page = visit(SMALL, 390, locale="zh-CN", color_scheme="dark")
    layer = page.get_by_role("checkbox", name=re.compile("conv2"))
    layer.focus()
    page.keyboard.press("Space")
    until(page, "() => location.search.includes('layers=conv1%2Cconv2')")
    page.keyboard.press("Space")
    page.get_by_role("combobox", name="网络").focus()
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(page.get_by_role("combobox", name="时间上限")).to_be_focused()
    page.get_by_role("button", name="需要多少资源？").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#cost")).to_contain_text("绘制 4 个单元约需", timeout=WAIT)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="English").press("Enter")
    expect(page.locator("#cost")).to_contain_text("for 4 drawings, measured here on a sample")
    chosen(page, "Time limit", "")
    expect(page.get_by_role("combobox", name="Time limit")).to_contain_text("however long it takes")


def test_a_link_restores_what_is_asked_for(visit, violations):
    page = visit("/atlases?network=squeezenet&pictures=builtin:dog,builtin:church&layers=features.3&units=16&minutes=5")
    chosen(page, "Network", "squeezenet")
    chosen(page, "Units drawn in each layer", "16")
    chosen(page, "Time limit", "5")
    for name, checked in (("dog", True), ("The church at Auvers", True), ("owl", False), ("features.3", True)):
        expect(page.get_by_role("checkbox", name=name).first).to_be_checked(checked=checked)
    expect(page.get_by_role("checkbox", name=re.compile("features.6"))).not_to_be_checked()
    expect(page.locator(".snippet code")).to_contain_text("names=['dog', 'church']")
    assert violations(page) == []
    page.get_by_role("checkbox", name="owl").check()
    until(page, "() => location.search.includes('owl')")
    assert asked(page)["pictures"] == "builtin:dog,builtin:owl,builtin:church"
    page.get_by_role("combobox", name="Network").select_option("lenet5")
    expect(page.get_by_role("checkbox", name=re.compile("conv1"))).to_be_checked()
    until(page, "() => !location.search.includes('layers')")


def test_a_mistake_is_told_in_one_line(visit):
    page = visit("/atlases?count=3", allow=("422",))
    expect(page.locator("#problems p")).to_have_text("count=3: input should be greater than or equal to 10")
    page.get_by_role("spinbutton", name="Real digits it is shown").fill("20")
    page.keyboard.press("Tab")
    expect(page.locator("#problems p")).to_have_count(0)
    page.get_by_role("checkbox", name=re.compile("conv1")).uncheck()
    for name in ("conv2", "fc1", "fc2"):
        page.get_by_role("checkbox", name=re.compile(name)).uncheck()
    page.get_by_role("checkbox", name=re.compile("fc3")).click()
    expect(page.locator("#problems p")).to_have_text("Choose at least one layer.")
    expect(page.get_by_role("checkbox", name=re.compile("fc3"))).to_be_checked()
