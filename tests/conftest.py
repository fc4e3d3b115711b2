"""What every test runs under: checked shapes, one thread, the same examples each time, no skips in CI."""

import os
import shutil
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Shapes and types in signatures are checked at run time. Not in ops and tasks: those say themselves, in one
# line, what is wrong with what a user gave.
install_import_hook(["convscope.nn", "convscope.lens", "convscope.atlas"], "beartype.beartype")

settings.register_profile(
    "house", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("house")

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--mute-audio"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
]
IN_CI = os.environ.get("CI") == "true"


@pytest.fixture(autouse=True, scope="session")
def one_torch_thread():
    """PyTorch's waiting threads slow every other busy program, the other test workers among them."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def listen_to_ctrl_c():
    """What a shell starts in the background ignores it, and so would all that tests stop."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser that opens pages in tests."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path:
            return path
    pytest.skip("Chromium is not installed; on Debian: sudo apt-get install chromium")


@pytest.fixture(scope="session")
def browser(chromium: str) -> "Iterator[Browser]":
    """One for all tests of a process: two of Playwright's loops would be in each other's way."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name a test's bytes by what they are for: a compressed file holds the time, and workers must agree on names."""
    return argname if isinstance(val, bytes) else None


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if IN_CI and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("tests were skipped, which CI does not allow", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
