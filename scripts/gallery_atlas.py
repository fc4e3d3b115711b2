"""Pictures of an atlas for the README and docs: pages of SqueezeNet's, as Chromium shows them.

    convscope atlas squeezenet --images PHOTOS -o atlas
    python scripts/gallery_atlas.py atlas
"""

import argparse
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
PAGES = {  # picture: route, scheme, height, Chinese
    "atlas-network": ("#/squeezenet", "light", 1180, False),
    "atlas-wall": ("#/squeezenet/features.9", "light", 1100, False),
    "atlas-unit": ("#/squeezenet/features.9.expand1x1/53", "light", 1500, False),
    "atlas-unit-zh": ("#/squeezenet/features.9.expand1x1/53", "dark", 1100, True),
}
WIDTH = 1280


def shown(page: Page, height: int) -> bytes:
    """The top of a page with all its pictures loaded."""
    page.set_viewport_size({"width": WIDTH, "height": height})
    page.wait_for_load_state("networkidle")
    page.evaluate(
        """() => Promise.all([...document.images].filter(image => image.getBoundingClientRect().top < innerHeight)
            .map(image => { image.loading = "eager"; return image.decode().catch(() => {}); }))"""
    )
    return page.screenshot()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("atlas", type=Path)
    root = parser.parse_args().atlas.resolve()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name, (route, scheme, height, chinese) in PAGES.items():
            page = browser.new_page(color_scheme=scheme, locale="zh-CN" if chinese else "en-GB")
            page.goto((root / "index.html").as_uri() + route)
            page.wait_for_timeout(1500)
            picture = Image.open(io.BytesIO(shown(page, height))).convert("RGB")
            picture.save(PICTURES / f"{name}.webp", quality=80, method=6)
            page.close()
            print(PICTURES / f"{name}.webp")
        browser.close()


if __name__ == "__main__":
    main()
