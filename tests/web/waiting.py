"""Waiting: for jobs, and for pages that forbid the making of functions from strings, as Playwright does it."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
from playwright.sync_api import Page


def until(page: Page, holds: str, arg: object = None, seconds: float = 20) -> None:
    """Wait for what Playwright's own way cannot: it makes functions of strings, which the pages forbid."""
    for _ in range(int(seconds * 50)):
        if page.evaluate(holds, arg):
            return
        page.wait_for_timeout(20)
    raise TimeoutError(f"never: {holds}")


def finished(api: httpx.Client, job: str) -> dict[str, Any]:
    """The job once it is over: its stream of events ends with it."""
    api.get(f"/api/jobs/{job}/events", timeout=120).raise_for_status()
    return api.get(f"/api/jobs/{job}").json()


def events(api: httpx.Client, job: str) -> Iterator[dict[str, Any]]:
    """What a job says, as it says it."""
    with api.stream("GET", f"/api/jobs/{job}/events", timeout=120) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: ") and line != "data: {}":
                yield json.loads(line.removeprefix("data: "))
