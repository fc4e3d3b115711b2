"""The page of the room where a network sees, used as a person would."""

import io

import numpy as np
import pytest
from PIL import Image

from convscope.web.rooms.sees.examples import example
from convscope.web.sources import painted
from tests.web.waiting import until

pytestmark = pytest.mark.chromium
HEADING = "document.querySelector('.inspector h3')"
SEVEN = painted(example("7", 0).pixels)


def box(page, selector: str) -> dict[str, float]:
    page.locator(selector).scroll_into_view_if_needed()
    found = page.locator(selector).bounding_box()
    assert found is not None
    return found


def drag(page, selector: str, *points: tuple[float, float]) -> None:
    """The mouse pressed through points (down, across), parts of the element."""
    area = box(page, selector)
    places = [(area["x"] + x * area["width"], area["y"] + y * area["height"]) for y, x in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def says(page, digit: int, locale: str = "en") -> None:
    until(page, "d => document.querySelector('#bars .best b')?.textContent === String(d)", digit)
    assert str(digit) in page.locator("#says").text_content()


def title(page) -> str:
    return page.locator(".inspector h3").text_content()


def titled(page, start: str) -> None:
    until(page, "start => document.querySelector('.inspector h3').textContent.startsWith(start)", start)


def sum_of(page) -> str:
    return page.locator(".inspector .sum").text_content()


@pytest.fixture
def opened(visit):
    """Opens the room and waits until the network has said something."""

    def opening(query: str = "", *arguments, **options):
        page = visit(f"/sees{query}", *arguments, **options)
        until(page, "document.querySelector('.inspector .sum')?.textContent.length > 0")
        until(page, "document.querySelector('.said')?.textContent.length > 0")
        return page

    return opening


def test_drawing_with_the_mouse(opened):
    page = opened()
    says(page, 3)
    page.get_by_role("button", name="Clear").click()
    drag(page, ".pad", (0.15, 0.52), (0.85, 0.48))
    says(page, 1)
    drag(page, ".pad", (0.18, 0.22), (0.18, 0.7))
    says(page, 7)
    page.get_by_role("button", name="Undo").click()
    says(page, 1)
    page.get_by_role("button", name="Eraser").click()
    drag(page, ".pad", *((row, 0.5) for row in (0.1, 0.9)))
    until(page, "document.querySelector('#bars .best .share').textContent !== '100.0\u202f%'")
    page.get_by_role("button", name="9", exact=True).first.click()
    says(page, 9)
    assert "a 9" in page.locator("#taken").text_content()
    page.get_by_role("button", name="misread").click()
    until(page, "document.querySelector('#taken').textContent.includes('misread')")


def test_down_to_the_pixels_and_back_by_a_link(opened, violations):
    page = opened(f"?picture={SEVEN}")
    says(page, 7)
    sheet = box(page, "#level-conv2 .sheet")
    page.mouse.move(sheet["x"] + 43, sheet["y"] + 30)
    titled(page, "conv2, map 0, row 4, column 6")
    assert "14 × 14 pixels" in page.locator(".inspector .sees").text_content()
    assert page.locator(".block").count() == 6
    page.mouse.move(sheet["x"], sheet["y"] - 200)
    titled(page, "conv1")  # what is pinned
    page.locator("#level-conv2 .sheet").click(position={"x": 43, "y": 30})
    titled(page, "conv2, map 0, row 4, column 6")
    page.locator(".block .grid").nth(3).click(position={"x": 60, "y": 60})
    titled(page, "pool1, map 1, row 6, column 8")
    page.locator(".block .grid").nth(0).click(position={"x": 70, "y": 20})
    titled(page, "relu1, map 1, row 12, column 17")
    page.locator(".block .grid").nth(0).click(position={"x": 20, "y": 20})
    titled(page, "conv1, map 1, row 12, column 17")
    grid = page.locator(".block .grid").nth(0)
    grid.hover(position={"x": 5, "y": 5})
    until(page, "document.querySelector('.readout').textContent.includes(' × ')")
    grid.click(position={"x": 5, "y": 5})
    titled(page, "pixel, row 10, column 15")
    assert page.locator(".path li").count() == 5
    assert violations(page) == []
    until(page, "location.search.includes('drawing.0.10.15')")
    told, path = title(page), page.locator(".path").text_content()
    again = opened(page.evaluate("location.search"))
    says(again, 7)
    titled(again, told)
    assert again.locator(".path").text_content() == path
    again.locator(".path button").first.click()
    titled(again, "conv2, map 0, row 4, column 6")


def test_by_keyboard_in_chinese_in_the_dark_on_a_phone(opened, violations):
    blank = painted(np.zeros((28, 28), np.uint8))
    page = opened(f"?picture={blank}", 390, locale="zh-CN", color_scheme="dark", has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(".pad").focus()
    for key in (*["ArrowUp"] * 10, " ", *["ArrowDown"] * 18, " "):
        page.keyboard.press(key)
    says(page, 1)
    page.keyboard.press("Control+z")
    page.locator("#level-conv1 .sheet").tap(position={"x": 20, "y": 20})
    titled(page, "conv1，特征图 0")
    until(page, f"(box => box.top >= 0 && box.bottom <= innerHeight)({HEADING}.getBoundingClientRect())")
    page.locator("#level-pool2 .sheet").focus()
    page.keyboard.press("ArrowRight")
    for key in ("PageDown", "ArrowRight", "ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    titled(page, "pool2，特征图 1，第 2 行第 1 列")
    page.locator(".block .grid").first.focus()
    for key in ("ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    titled(page, "relu2，特征图 1，第 4 行第 3 列")
    assert "max(0" in sum_of(page)
    page.locator("#language").click()
    titled(page, "relu2, map 1, row 4, column 3")
    assert page.locator("#says").text_content().startswith("It says")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_change_is_found_and_taken(opened):
    page = opened(f"?picture={SEVEN}")
    page.get_by_role("group", name="Make it say").get_by_role("button", name="9").click()
    page.get_by_role("button", name="Find a small change").click()
    until(page, "document.querySelector('.said').textContent.startsWith('It now says 9')")
    until(page, "location.search.includes('found=1')")
    again = opened(page.evaluate("location.search"), locale="zh-CN")
    until(again, "document.querySelector('.said').textContent.startsWith('现在它认为是 9')")
    page.get_by_role("button", name="Take it as the drawing").click()
    says(page, 9)
    until(page, "!location.search.includes('found')")


def test_a_photo_and_what_is_none(opened):
    page = opened(allow=("400",))
    photo = 230 - np.kron(np.pad(example("4", 7).pixels, ((6, 20), (30, 4))), np.ones((8, 8))) / 255 * 190
    for picture in (photo, np.full((60, 80), 200.0)):
        file = io.BytesIO()
        Image.fromarray(picture.astype(np.uint8)).save(file, "PNG")
        chosen = {"name": "a.png", "mimeType": "image/png", "buffer": file.getvalue()}
        page.locator("#photo input").set_input_files(chosen)
        if picture is photo:
            says(page, 4)
    page.locator("#problems p").wait_for()
    assert "no ink found" in page.locator("#problems p").text_content()
    says(page, 4)


def test_links_that_say_nonsense_show_the_room_anyway(opened):
    page = opened("?picture=cells:28x28:AAAA&at=conv9.1.2.3&want=x&pen=z")
    says(page, 3)
    titled(page, "conv1, map 0, row 12, column 14")
    assert "28 x 28" in page.locator("#problems p").text_content()
