"""One lab that runs as it does for a person, and a browser that notices every complaint."""

import socket
import threading
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, Dialog, Page, Request

from convscope.web.app import create_app
from convscope.web.lab import Lab
from convscope.web.settings import Settings


class Running:
    """A lab behind a port of this machine, in a thread of this process."""

    def __init__(self, settings: Settings):
        app, self.lab = create_app(settings)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.lab.close()
        self._server.should_exit = True
        self._thread.join(10)
        self._listener.close()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The lab that all tests share which leave it as it was."""
    server = Running(Settings(tmp_path_factory.mktemp("lab")))
    yield server
    server.close()


@pytest.fixture(scope="session")
def lab(running: Running) -> Lab:
    return running.lab


@pytest.fixture(scope="session")
def api(running: Running) -> Iterator[httpx.Client]:
    """Asks the lab, as `api.post("/api/kernel/...", json=...)`."""
    with httpx.Client(base_url=running.address, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts a lab of given settings."""
    servers: list[Running] = []

    def starting(**settings: Any) -> Running:
        how: dict[str, Any] = {"folder": tmp_path / "lab"} | settings
        servers.append(Running(Settings(**how)))
        return servers[-1]

    yield starting
    for server in servers:
        server.close()


@pytest.fixture
def visit(browser: Browser, running: Running) -> Iterator[Callable[..., Page]]:
    """Opens a page of the lab: `visit("/kernel?...", width=390, locale="zh-CN", color_scheme="dark")`.

    At the end, any complaint on the console, a dialog, and any request that failed or went elsewhere, fails the test. A
    problem that the page shows on purpose is told by the browser too: `allow=["400"]` names the status.
    """
    contexts, complaints = [], []

    def visiting(route: str, width: int = 1280, allow: tuple[str, ...] = (), at: str = "", **options: Any) -> Page:
        address = at or running.address
        how: dict[str, Any] = {"locale": "en", "reduced_motion": "reduce"} | options
        context = browser.new_context(viewport={"width": width, "height": 800}, **how)
        contexts.append(context)
        page = context.new_page()

        def complain(said: str) -> None:
            if not any(f"status of {status}" in said for status in allow):
                complaints.append(said)

        def dismissed(dialog: Dialog) -> None:
            complain(f"dialog: {dialog.message}")
            dialog.dismiss()

        def stays(request: Request) -> None:
            if not request.url.startswith((address, "blob:", "data:")):
                complain(f"elsewhere: {request.url}")

        page.on("console", lambda said: complain(said.text))
        page.on("pageerror", lambda error: complain(str(error)))
        page.on("dialog", dismissed)
        page.on("request", stays)
        page.goto(f"{address}{route}")
        return page

    yield visiting
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def violations() -> Callable[[Page], list[str]]:
    """What axe finds wrong with a page as it is shown now."""
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")

    def found(page: Page) -> list[str]:
        if page.evaluate("typeof axe") == "undefined":
            page.evaluate(axe)
        rules = page.evaluate("axe.run({preload: false, resultTypes: ['violations']})")["violations"]
        return [f"{r['id']}: {n['html'][:120]} {n['failureSummary'][:200]}" for r in rules for n in r["nodes"]]

    return found
