"""What all pages of the lab share."""

import pytest


@pytest.mark.chromium
@pytest.mark.parametrize(("scheme", "locale", "width"), [("light", "en", 1280), ("dark", "zh-CN", 390)])
def test_the_entrance(visit, violations, scheme, locale, width):
    page = visit("/", width, locale=locale, color_scheme=scheme)
    assert page.locator(".rooms li").count() == 6
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    heading = page.locator("h1").text_content()
    page.locator("#language").click()
    assert page.locator("h1").text_content() != heading
