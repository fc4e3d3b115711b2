"""Room: boards, sounds, words, used as a person does."""

import io
import wave

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from convscope.web.rooms.worlds import networks
from tests.web.waiting import until

pytestmark = pytest.mark.chromium

PARTS = ("boards", "sounds", "words")
EMPTY = "/worlds?game=own&at=0"
KO = "/worlds?game=own&moves=E5.F5.D4.G4.E3.F3.F4.E4&at=8"


def goban(page: Page) -> Locator:
    return page.locator(".goban-frame")


def at(page: Page, name: str, size: int = 9) -> tuple[float, float]:
    """Where a point of the board lies on the screen."""
    goban(page).scroll_into_view_if_needed()
    box = page.locator(".goban").bounding_box()
    assert box
    cell = box["width"] / (size + 0.85)
    row, column = size - int(name[1:]), "ABCDEFGHJKLMNOPQRST".index(name[0])
    return box["x"] + (column + 1.1) * cell, box["y"] + (row + 0.75) * cell


def kept(page: Page, **wanted: str) -> None:
    """Waits until the address says so."""
    says = "([name, value]) => (new URLSearchParams(location.search).get(name) ?? '') === value"
    for pair in wanted.items():
        until(page, says, list(pair))


def rows(page: Page, part: str) -> Locator:
    return page.locator(f"#{part} .choices .bars li")


def ready(page: Page, part: str) -> None:
    expect(rows(page, part).first).to_be_visible(timeout=90_000)  # the rules may have to be compiled first
    if part == "boards":
        expect(page.locator(".goban .disc").first).to_be_visible()


@pytest.mark.parametrize(("scheme", "locale", "width"), [("light", "en", 1280), ("dark", "zh-CN", 390)])
@pytest.mark.parametrize("part", PARTS)
def test_the_room_as_it_opens(visit, violations, scheme, locale, width, part):
    page = visit(f"/worlds?part={part}", width, locale=locale, color_scheme=scheme)
    ready(page, part)
    if part == "boards":
        expect(page.locator(".maps li")).to_have_count(48)
    page.locator(f"#{part} .snippet summary").click()
    expect(page.locator(f"#{part} .snippet code")).to_contain_text("training.load(")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    place = {"boards": ".turn", "sounds": "#sounds figcaption", "words": ".review .note"}[part]
    said = page.locator(place).first.text_content() or ""
    page.locator("#language").click()
    expect(page.locator(place).first).not_to_have_text(said)


def test_the_parts_are_links_and_keep_what_they_show(visit):
    page = visit(EMPTY)
    expect(rows(page, "boards")).to_have_count(5)
    page.mouse.click(*at(page, "C3"))
    kept(page, moves="C3")
    page.get_by_role("link", name="Words", exact=True).click()
    ready(page, "words")
    expect(page.locator("#boards")).to_be_hidden()
    kept(page, part="words")
    page.go_back()
    expect(page.locator("#boards")).to_be_visible()
    expect(page.locator(".goban .black")).to_have_count(1)
    page.get_by_role("link", name="Words", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#words")).to_be_visible()
    expect(page.get_by_role("link", name="Words", exact=True)).to_have_attribute("aria-current", "page")


# Boards


def test_a_game_by_mouse(visit):
    page = visit(EMPTY)
    ready(page, "boards")
    for name in ("E5", "E4", "D4"):
        page.mouse.click(*at(page, name))
        expect(page.locator(".turn")).to_contain_text("White to play" if name != "E4" else "Black to play")
    kept(page, moves="E5.E4.D4", at="3")
    page.mouse.move(*at(page, "E5"))
    expect(page.locator("#boards .under")).to_have_text("E5: black stone")
    page.mouse.click(*at(page, "E5"))
    expect(page.locator("#boards .under.refused")).to_be_visible()
    page.get_by_role("button", name="Pass").click()
    page.get_by_role("button", name="Let the network move").click()
    expect(page.locator(".turn")).to_contain_text("move 5 of 5")
    first = rows(page, "boards").first.locator("button")
    expect(page.locator(".choices.stale")).to_have_count(0)
    name = first.locator(".what").text_content()
    first.click()
    expect(page.locator(".turn")).to_contain_text("move 6 of 6")
    until(page, "(name) => new URLSearchParams(location.search).get('moves').endsWith('.' + name)", name)
    expect(page.locator(".goban .black")).to_have_count(3)
    page.get_by_role("button", name="One move back").click()
    page.get_by_role("button", name="To the start").click()
    expect(page.locator(".goban .black")).to_have_count(0)
    expect(page.get_by_role("button", name="One move back")).to_be_disabled()
    page.get_by_role("button", name="To the end").click()
    expect(page.locator(".turn")).to_contain_text("move 6 of 6")
    page.reload()
    expect(page.locator(".goban .black")).to_have_count(3)


def test_a_game_by_keyboard(visit):
    page = visit(KO)
    ready(page, "boards")
    goban(page).focus()
    page.keyboard.press("ArrowUp")  # the middle first
    spoken = goban(page).locator("[role=status]")
    expect(spoken).to_have_text("E5: black stone")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(spoken).to_have_text("F4: may not be retaken at once (ko)")
    page.keyboard.press("Enter")
    expect(page.locator("#boards .under.refused")).to_contain_text("(ko)")
    expect(page.locator(".turn")).to_contain_text("captured by Black 0, by White 1")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(spoken).to_have_text("A4: black stone")
    kept(page, at="9")
    slider = page.get_by_role("slider")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    kept(page, at="7")
    expect(slider).to_have_attribute("aria-label", "move 7 of 9")
    expect(page.locator(".record")).to_contain_text("The record goes on with E4")


def test_a_game_that_comes_along_and_a_record_of_one_s_own(visit):
    page = visit("/worlds?size=19&game=3&at=60", 390, locale="zh-CN", has_touch=True)
    ready(page, "boards")
    moves = networks.games(19)[3]
    expect(page.locator(".turn")).to_contain_text(f"第 60 手，共 {len(moves)} 手")
    expect(page.locator(".record")).to_contain_text(moves[60])
    page.touchscreen.tap(*at(page, "A1", 19))
    kept(page, game="own", at="61")
    record = {"name": "own.sgf", "mimeType": "application/x-go-sgf", "buffer": b"(;GM[1]SZ[9];B[ee];W[cc];B[gg])"}
    page.locator("#boards input[type=file]").set_input_files(record)
    kept(page, moves="E5.C7.G3", at="3", size="")
    expect(page.locator(".goban .black")).to_have_count(2)


def test_maps_are_laid_over_the_board(visit):
    page = visit("/worlds?see=planes")
    ready(page, "boards")
    own = page.get_by_role("button", name="own stones", exact=True)
    own.click()
    expect(own).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".goban rect:not(.wood, .here, .ko)")).to_have_count(81)
    page.reload()
    expect(page.locator(".goban rect:not(.wood, .here, .ko)")).to_have_count(81)
    page.get_by_role("button", name="Take the map off").click()
    expect(page.locator(".goban .disc").first).to_be_visible()
    own.click()
    page.get_by_role("button", name="First kernels").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="kernel 47")).to_be_visible()
    expect(page.locator(".goban rect:not(.wood, .here, .ko)")).to_have_count(0)
    kept(page, see="")
    page.keyboard.press("Enter")
    kept(page, see="none")


def test_what_the_address_says_wrongly_is_told_in_a_line(visit):
    page = visit("/worlds?game=own&moves=E5.E5&at=2", allow=("400",))
    expect(page.locator("#problems p")).to_have_text("white E5: the point is occupied; play on an empty one")
    page.get_by_role("button", name="Empty board").click()
    expect(page.locator("#problems p")).to_have_count(0)
    ready(page, "boards")


# Sounds


def wav(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


def test_words_that_come_along_and_why(visit):
    page = visit("/worlds?part=sounds")
    ready(page, "sounds")
    page.locator(".chips").get_by_role("button", name="nine", exact=True).click()
    expect(page.locator("#sounds .verdict strong")).to_have_text("nine")
    kept(page, sound="word:nine")
    other = page.locator("#sounds .bars").get_by_role("button", name="five")
    other.focus()
    page.keyboard.press("Enter")
    kept(page, about="five")
    expect(page.locator("#sounds figcaption").nth(1)).to_contain_text("red spoke for “five”")
    expect(page.locator("#sounds .bars").get_by_role("button", name="five")).to_be_focused()
    page.locator(".spectrogram").nth(1).focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator("#sounds .under")).to_contain_text("Hz, 0.02 s")
    page.reload()
    expect(page.locator("#sounds figcaption").nth(1)).to_contain_text("“five”")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save the sound").click()
    assert saved.value.suggested_filename == "word.wav"


def test_a_word_of_one_s_own(visit):
    page = visit("/worlds?part=sounds", allow=("400",))
    ready(page, "sounds")
    chooser = page.locator("#sounds input[type=file]")
    chooser.set_input_files({"name": "w.wav", "mimeType": "audio/wav", "buffer": wav(networks.voices()["six"])})
    expect(page.locator("#sounds .verdict")).to_contain_text("six", timeout=30_000)  # the decoder starts
    until(page, "new URLSearchParams(location.search).get('sound').startsWith('upload:')")
    address = page.url
    chooser.set_input_files({"name": "w.wav", "mimeType": "audio/wav", "buffer": b"no sound"})
    expect(page.locator("#problems p")).to_contain_text("no sound that can be read", timeout=30_000)
    assert page.url == address
    page.get_by_label("Any word").fill("three")
    page.keyboard.press("Enter")
    expect(page.locator("#sounds .verdict")).to_contain_text("three", timeout=30_000)
    expect(page.locator("#problems p")).to_have_count(0)


def test_a_word_is_recorded(visit):
    page = visit("/worlds?part=sounds", permissions=["microphone"])
    ready(page, "sounds")
    page.get_by_role("button", name="Record a word").click()
    page.wait_for_timeout(700)  # the browser's own microphone beeps
    page.get_by_role("button", name="Stop").click()
    until(page, "(new URLSearchParams(location.search).get('sound') ?? '').startsWith('upload:')")
    expect(page.get_by_role("button", name="Record a word")).to_be_visible()
    expect(page.locator("#sounds .chips [aria-pressed=true]")).to_have_count(0)


# Words


def test_a_review_is_typed(visit):
    page = visit("/worlds?part=words")
    ready(page, "words")
    box = page.get_by_label("A review")
    box.fill("A boring and stupid mess.")
    expect(page.locator("#words .verdict strong")).to_have_text("negative")
    expect(page.locator(".marked .for.in")).not_to_have_count(0)
    kept(page, text="A boring and stupid mess.")
    second = rows(page, "words").nth(1).locator("button")
    words = second.locator(".what").text_content() or ""
    second.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".filters .note")).to_contain_text(f"“{words}”")
    expect(rows(page, "words").nth(1).locator("button")).to_be_focused()
    kept(page, window="1")
    page.reload()
    expect(page.locator(".filters .note")).to_contain_text(f"“{words}”")
    box.fill("<b>Great</b> xyzzy")
    expect(page.locator(".marked")).to_have_text("<b>Great</b> xyzzy")
    expect(page.locator(".marked .strange").last).to_have_text("xyzzy")


def test_a_chinese_review_and_the_reader(visit):
    page = visit("/worlds?part=words", 390, locale="zh-CN", color_scheme="dark")
    ready(page, "words")
    page.locator("#words .chips button").nth(1).click()
    expect(page.locator("#words .verdict strong")).to_have_text("差评")
    expect(page.locator("#words .pair + .note")).to_contain_text("中文")
    page.get_by_label("由哪个网络来读").select_option("en")
    expect(page.locator("#words .pair + .note")).to_contain_text("英文")
    kept(page, reader="en")


def test_the_example_follows_the_language_until_something_is_typed(visit):
    page = visit("/worlds?part=words")
    ready(page, "words")
    page.locator("#language").click()
    expect(page.locator(".marked")).to_contain_text("房间")
    page.locator("#words textarea").fill("很好")
    expect(page.locator(".marked")).to_have_text("很好")
    page.locator("#language").click()
    expect(page.locator("#words textarea")).to_have_value("很好")
