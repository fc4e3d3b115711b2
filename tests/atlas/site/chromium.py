"""Waiting for pages that forbid the making of functions from strings, as Playwright does it."""

from playwright.sync_api import Page


def until(page: Page, holds: str, arg: str | None = None) -> None:
    """Wait for what Playwright's own way cannot: it makes functions of strings, which the pages forbid."""
    for _ in range(500):
        if page.evaluate(holds, arg):
            return
        page.wait_for_timeout(20)
    raise TimeoutError(f"never: {holds}")


def drawn(page: Page) -> None:
    until(page, "performance.getEntriesByName('atlas-drawn').length && document.querySelector('main h1')")


def go(page: Page, route: str) -> None:
    """Another view in the same window."""
    page.evaluate("route => { performance.clearMarks(); location.hash = route; }", route)
    drawn(page)
