"""Room: one kernel, used as a person does."""

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.web.waiting import until

pytestmark = pytest.mark.chromium

POINT = "/kernel?axes=2&picture=builtin:point&kernel=1,2;3,4"


def grid(page: Page, name: str) -> Locator:
    return page.locator(f".the-{name} .grid:not(.overview, .laid)")


def at(page: Page, name: str, row: int, column: int, rows: int, columns: int) -> tuple[float, float]:
    """The middle of a cell on the screen."""
    grid(page, name).scroll_into_view_if_needed()
    box = grid(page, name).locator("canvas").bounding_box()
    assert box
    return box["x"] + (column + 0.5) * box["width"] / columns, box["y"] + (row + 0.5) * box["height"] / rows


def chosen(page: Page, name: str) -> Locator:
    return page.get_by_role("combobox", name=name, exact=True)


def heading(page: Page, text: str) -> None:
    expect(page.locator("#told-heading")).to_have_text(text)


def kept(page: Page, **wanted: str) -> None:
    """Waits until the address says so."""
    for name, value in wanted.items():
        holds = "([name, value]) => (new URLSearchParams(location.search).get(name) ?? '') === value"
        until(page, holds, [name, value])


@pytest.mark.parametrize(
    ("axes", "scheme", "locale", "width"), [(1, "light", "en", 1280), (2, "dark", "zh-CN", 390)]
)
def test_the_room_as_it_opens(visit, violations, axes, scheme, locale, width):
    page = visit(f"/kernel?axes={axes}&padding=1&stride=2", width, locale=locale, color_scheme=scheme)
    expect(page.locator(".sum strong")).to_be_visible()
    expect(page.locator(".key > .left-over")).to_be_visible()
    expect(page.locator(".key > .padding")).to_be_visible()
    page.locator(".snippet summary").click()
    expect(page.locator(".snippet code")).to_contain_text(f"ops.conv{axes}d")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    before = page.locator("#told-heading").text_content()
    label = grid(page, "input").get_attribute("aria-label")
    page.locator("#language").click()
    expect(page.locator("#told-heading")).not_to_have_text(before or "")
    assert grid(page, "input").get_attribute("aria-label") != label


def test_by_mouse(visit):
    page = visit(POINT)
    expect(page.locator(".sum strong")).to_be_visible()
    page.mouse.move(*at(page, "output", 4, 3, 8, 8))  # the window whose right column holds the point
    heading(page, "Output cell (4, 3)")
    expect(page.locator(".sum")).to_have_text("0 + 18 + 0 + 0 = 18")
    page.mouse.move(*at(page, "input", 4, 4, 9, 9))
    heading(page, "Input cell (4, 4)")
    expect(page.locator(".told")).to_contain_text("It touches 4 outputs")
    expect(page.locator(".list tbody tr").first).to_have_text("(3, 3)(1, 1)9 × 436")
    assert page.locator(".weights .marked").count() == 4
    page.get_by_label("Weight in row 1, column 0").hover()
    heading(page, "Weight (1, 0)")
    expect(page.locator(".told")).to_contain_text("It touches 64 outputs")
    page.mouse.click(*at(page, "output", 3, 4, 8, 8))
    heading(page, "Output cell (3, 4)")
    expect(page.locator(".sum")).to_have_text("0 + 0 + 27 + 0 = 27")
    page.mouse.move(*at(page, "output", 0, 0, 8, 8))  # pinned: nothing changes
    chosen(page, "Stride").select_option("3")
    heading(page, "Output cell (2, 2)")  # the nearest that is still there
    kept(page, pinned="1", stride="3", at="2,2")
    expect(page.locator(".sizes")).to_contain_text("⌊(9 + 0 + 0 − 1·(2 − 1) − 1) / 3⌋ + 1 = 3")
    expect(page.locator(".sizes")).to_contain_text("rows at the bottom: 1, columns at the right: 1")

    again = visit(page.url.partition("127.0.0.1")[2].partition("/")[2].join(["/", ""]))
    heading(again, "Output cell (2, 2)")
    expect(again.get_by_role("button", name="Pin")).to_have_attribute("aria-pressed", "true")
    assert again.locator(".told").inner_text() == page.locator(".told").inner_text()
    assert again.locator(".snippet code").text_content() == page.locator(".snippet code").text_content()


def test_by_keyboard(visit):
    page = visit("/kernel")
    heading(page, "Output cell 5")
    grid(page, "output").focus()
    page.keyboard.press("ArrowLeft")  # from where one looks
    heading(page, "Output cell 4")
    page.keyboard.press("Enter")
    kept(page, pinned="1", at="0,4")
    page.keyboard.press("n")
    page.keyboard.press("n")
    page.keyboard.press("p")
    heading(page, "Output cell 5")
    page.keyboard.press("Space")
    heading(page, "Output cell 6")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    heading(page, "Output cell 7")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    grid(page, "input").focus()
    page.keyboard.press("Home")
    page.keyboard.press("9")  # paints
    expect(page.locator(".the-output .grid").get_by_role("status")).to_have_count(1)
    until(page, "() => new URLSearchParams(location.search).get('picture')?.startsWith('cells:1x12:_wAA')")
    page.get_by_label("Weight 0").fill("-2")
    kept(page, kernel="-2,0,1")
    for _ in range(2):
        page.get_by_role("button", name="Back").press("Enter")
    heading(page, "Output cell 5")
    expect(page.locator(".sum")).to_have_text("0 + 0 + 9 = 9")
    page.get_by_role("button", name="2-D: a picture").press("Enter")
    heading(page, "Output cell (5, 3)")
    page.get_by_role("button", name="1-D: a signal").press("Enter")  # as it was left
    heading(page, "Output cell 5")
    expect(page.get_by_label("Weight 0")).to_have_value("-2")


def test_painting(visit):
    page = visit(POINT, has_touch=True)
    expect(page.locator(".sum strong")).to_be_visible()
    page.get_by_role("button", name="Paint").click()
    page.get_by_label("Grey level 7").click()
    start, end = at(page, "input", 0, 0, 9, 9), at(page, "input", 0, 8, 9, 9)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end)  # at once: the cells between are painted too
    page.mouse.up()
    until(page, "() => new URLSearchParams(location.search).get('picture')?.startsWith('cells:9x9:xsbGxsbGxsbG')")
    grid(page, "output").focus()
    page.keyboard.press("Home")
    heading(page, "Output cell (0, 0)")
    expect(page.locator(".sum")).to_have_text("7 + 14 + 0 + 0 = 21")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".sum")).to_have_text("0 + 0 + 0 + 0 = 0")
    page.get_by_role("button", name="Paint").click()
    page.touchscreen.tap(*at(page, "output", 2, 5, 8, 8))
    heading(page, "Output cell (2, 5)")
    kept(page, pinned="1")


def test_editing_and_what_does_not_fit(visit):
    page = visit(POINT, 390, allow=("400",))
    heading(page, "Output cell (5, 3)")
    chosen(page, "A well-known kernel").select_option("gaussian")
    expect(page.locator(".weights input")).to_have_count(25)
    expect(page.locator(".legend")).to_contain_text("Greys as in the input")
    page.get_by_label("Strict convolution").check()
    page.get_by_label("Bias").fill("1")
    expect(page.locator(".sum").last).to_contain_text("+ bias 1 =")
    chosen(page, "Dilation").select_option("4")  # spans 17 of 9 cells
    expect(page.locator("#problems p")).to_contain_text("use a smaller kernel or more padding")
    chosen(page, "Padding").select_option("same")
    expect(page.locator("#problems p")).to_have_count(0)
    expect(page.locator(".sizes")).to_contain_text("⌊(9 + 8 + 8 − 4·(5 − 1) − 1) / 1⌋ + 1 = 9")
    page.locator(".editor").get_by_label("Rows").select_option("1")
    expect(page.locator(".weights input")).to_have_count(5)
    page.get_by_label("Weight in row 0, column 0").fill("")  # no number: the kernel stays
    expect(page.get_by_label("Weight in row 0, column 0")).to_have_attribute("aria-invalid", "")
    kept(page, flip="1", bias="1", dilation="4", padding="same")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_photograph_is_seen_in_parts(visit, violations):
    page = visit("/kernel?axes=2")
    chosen(page, "Picture").select_option("builtin:castle")
    expect(page.locator(".overview").first).to_be_visible()
    kept(page, greys="255", view="")
    page.locator(".the-output .overview").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    kept(page, view="7,7")
    page.locator(".the-output .overview canvas").click(position={"x": 180, "y": 120})
    until(page, "() => !['7,7', null].includes(new URLSearchParams(location.search).get('view'))")
    view = parse_qs(urlsplit(page.url).query)["view"][0].split(",")
    grid(page, "output").focus()
    page.keyboard.press("ArrowRight")
    heading(page, f"Output cell ({view[0]}, {view[1]})")
    page.keyboard.press("ArrowLeft")  # over the edge: the part moves on
    kept(page, view=f"{view[0]},{int(view[1]) - 1}")
    heading(page, f"Output cell ({view[0]}, {int(view[1]) - 1})")
    expect(page.get_by_role("button", name="Paint")).to_be_disabled()
    assert violations(page) == []
