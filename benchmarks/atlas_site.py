"""The atlas's pages in Chromium with 10,000 units of a network that never was: until when, how many bytes, how smooth.

    python benchmarks/atlas_site.py [--units 10000] [--rounds 5] [--folder DIR]

Opened from disk, a fresh browser profile each round. Printed for each view: milliseconds from the click, or from the
start of navigation, until the view stands and takes input (median, lowest to highest round), and the bytes of all files
asked for until nothing more was asked for. Of the largest wall also how long its frames took while it was scrolled
through at 50 pixels a frame, for the first time and again. The disk's cache is warm: the atlas was written just before.
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from beside import machine
from playwright.sync_api import Browser, Page, sync_playwright
from synthetic_atlas import Layer, Settings, make

WALL = 1000  # units of the largest layer
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
VIEWS = {
    "layer of 1,000 units": "#/network/stage0.wide",
    "card of a unit": "#/network/stage3.block1/77",
    "search, all units": "#/network?q=dog&label=mixed",
    "compare two units": "#/compare?a=network/stage3.block1/77&b=network/stage2.block0/5",
}

DRAWN = """async route => {
    const before = performance.now();
    performance.clearMarks();
    location.hash = route;
    const there = () => route.includes("q=")
        ? document.querySelector(".results .unit") : performance.getEntriesByName("atlas-drawn").length;
    while (!there()) await new Promise(done => requestAnimationFrame(done));
    return performance.now() - before;
}"""

SCROLL = """async () => {
    const frames = [];
    let last = await new Promise(requestAnimationFrame);
    for (let y = 0; y + innerHeight < document.documentElement.scrollHeight; y += 50) {
        scrollTo(0, y);
        const now = await new Promise(requestAnimationFrame);
        frames.push(now - last);
        last = now;
    }
    return frames;
}"""


def layers(units: int) -> list[Layer]:
    """One layer of `WALL` units, the rest in layers of 250 with a block around every five."""
    found = [Layer("stage0.wide", "Conv2d", WALL, 56, field=19, kernel=3)]
    while sum(layer.units for layer in found) < units:
        stage, block = divmod(len(found) - 1, 4)
        parents = (found[-1].name,) if block % 2 else (found[-1].name, found[max(0, len(found) - 3)].name)
        name, left = f"stage{stage + 1}.block{block}", units - sum(layer.units for layer in found)
        found.append(Layer(name, "Block" if block == 3 else "Conv2d", min(250, left), 14, parents, 19 + 4 * stage, 3))
    return found


def opened(browser: Browser, folder: Path, view: Callable[[Page], float]) -> tuple[float, int, int]:
    """(milliseconds, bytes, files) of a view in a fresh profile."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en")
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    time = view(page)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(300)
    paths = {unquote(url.split("#")[0].removeprefix("file://")) for url in asked}
    context.close()
    return time, sum(Path(path).stat().st_size for path in paths), len(paths)


def first(folder: Path) -> Callable[[Page], float]:
    def view(page: Page) -> float:
        page.goto(f"file://{folder}/index.html")
        page.wait_for_selector("main h1")
        return page.evaluate("performance.getEntriesByName('atlas-drawn')[0].startTime")

    return view


def later(folder: Path, route: str) -> Callable[[Page], float]:
    def view(page: Page) -> float:
        first(folder)(page)
        page.wait_for_timeout(300)
        return page.evaluate(DRAWN, route)

    return view


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the atlas is made, or lies from an earlier run")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    print(machine(1))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary) / "atlas"
        if not (folder / "index.html").exists():
            os.fsync = lambda file: None  # it is no atlas to keep
            settings = Settings(labels=("network",), layers=layers(options.units), pictures=2000, drawing=96, photo=224)
            make(folder, settings)
        measure(folder.resolve(), options.chromium, options.rounds)


def measure(folder: Path, chromium: str, rounds: int) -> None:
    views = {"first view": first(folder), **{name: later(folder, route) for name, route in VIEWS.items()}}
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for name, view in views.items():
            found = [opened(browser, folder, view) for _ in range(rounds)]
            times = [time for time, _, _ in found]
            size, files = found[-1][1:]
            spread = f"{min(times):.0f} to {max(times):.0f}"
            print(f"{name:22} {statistics.median(times):6.0f} ms ({spread}), {size / 1e3:6.0f} kB in {files} files")
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        later(folder, VIEWS["layer of 1,000 units"])(page)
        for name in ("for the first time", "again"):
            frames = sorted(page.evaluate(SCROLL))
            middle, most = statistics.median(frames), frames[int(0.95 * len(frames))]
            print(f"scrolling the wall {name}: {middle:.0f} ms a frame, 95 % of frames within {most:.0f} ms")
        browser.close()


if __name__ == "__main__":
    main()
