"""Makes the sheets of dreams and styles in docs/pictures.

    python scripts/gallery_dream_style.py dream style --photos PHOTOS --paintings PAINTINGS --out docs/pictures
    python scripts/gallery_dream_style.py fast --fast FILE.safetensors --photos ... (the same)

PHOTOS and PAINTINGS are folders, in which the files are found by their names. All settings are those that `dream` and
`style` have by default, but for the size and for what stands under each picture. `fast` trains a style on PHOTOS, or
takes one that is trained.
"""

import argparse
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from convscope.errors import InputError
from convscope.files import check_can_write, write_whole
from convscope.lens.anysize import as_photograph, shrunk
from convscope.lens.dreams import dream
from convscope.lens.objectives import channel
from convscope.lens.shown import Card, contact_sheet
from convscope.lens.styles import style
from convscope.lens.styles.feedforward import FastStyle
from convscope.lens.styles.training import train_style
from convscope.pictures import Picture

CASTLE, EVENING, LEMURS, MACAW = "neuschwansteinCastle", "gatewayofIndia", "lemur", "scarlet_macaw"
CHURCH, TERRACE, LANGLOIS, TARASCON = "Eglise_dAuvers-sur-Oise", "Gogh4", "VincentVanGoghBridge", "VincentVanGogh0013"
TITLES = {
    CHURCH: "The Church at Auvers",
    TERRACE: "Cafe Terrace at Night",
    LANGLOIS: "The Langlois Bridge",
    TARASCON: "The Painter on the Road to Tarascon",
}
SIZE = 480  # the longest side that is worked on
SHOWN = 320  # ... and of it, on a sheet of many pictures
QUALITY = 80


@dataclass(frozen=True)
class Given:
    """Pictures by the beginning of their files' names."""

    photos: Path
    paintings: Path
    trained: Path | None

    def photo(self, name: str) -> Picture:
        return shrunk(as_photograph(_only(self.photos, name)), SIZE)

    def painting(self, name: str) -> Picture:
        return as_photograph(_only(self.paintings, name))


def dreams(given: Given) -> tuple[list[Card], int]:
    """One photograph: by layers, early to late, by a class, by another photograph and with another network."""
    photo = given.photo(CASTLE)
    asked: dict[str, dict[str, Any]] = {
        "features.4": {"objective": "features.4"},
        "features.7": {"objective": "features.7"},
        "features.10 (the default)": {},
        "features.12": {"objective": "features.12"},
        "classifier.1, unit 130: flamingo": {"objective": channel("classifier.1", 130)},
        "like a photograph of a macaw": {"like": given.photo(MACAW)},
        "EfficientNet-Lite0, _blocks.9": {"model": "efficientnet-lite0"},
    }
    return [Card(photo, "photograph"), *(Card(dream(photo, **how).picture, text) for text, how in asked.items())], 2


def styles(given: Given) -> tuple[list[Card], int]:
    """Photographs down, paintings along."""
    paintings = [given.painting(name) for name in TITLES]
    cards = [Card(np.full((1, SHOWN, 3), 255, np.uint8))]
    cards += [Card(_small(painting), title) for painting, title in zip(paintings, TITLES.values(), strict=True)]
    for photo in map(given.photo, (CASTLE, LEMURS, MACAW)):
        cards += [Card(_small(photo)), *(Card(_small(style(photo, each, size=SIZE).picture)) for each in paintings)]
    return cards, 1 + len(TITLES)


def settings(given: Given) -> tuple[list[Card], int]:
    """One photograph and one painting: a setting at a time."""
    photo, terrace, church = given.photo(CASTLE), given.painting(TERRACE), given.painting(CHURCH)
    asked: dict[str, dict[str, Any]] = {
        "by default": {},
        "strength 1": {"strength": 1},
        "strength 100": {"strength": 100},
        "style-scale 0.5": {"style_scale": 0.5},
        "style-scale 2": {"style_scale": 2},
        "colours content": {"colours": "content"},
        "pooling average": {"pooling": "average"},
        "covariance": {"centred": True},
    }
    made = {text: style(photo, terrace, size=SIZE, **how) for text, how in asked.items()}
    made["mixed with The Church at Auvers"] = style(photo, [terrace, church], size=SIZE)
    return [Card(_small(each.picture), text) for text, each in made.items()], 3


def photorealistic(given: Given) -> tuple[list[Card], int]:
    """One photograph in the light of another."""
    photo, evening = given.photo(CASTLE), given.photo(EVENING)
    asked: dict[str, dict[str, Any]] = {
        "not photorealistic": {},
        "photorealistic, 1e4": {"photorealistic": 1e4},
    }
    cards = [Card(style(photo, evening, size=SIZE, **how).picture, text) for text, how in asked.items()]
    return [Card(photo, "content"), Card(evening, "style"), *cards], 2


def fast(given: Given) -> tuple[list[Card], int]:
    """What one pass makes of photographs."""
    if given.trained is None:
        trained = train_style(given.painting(TARASCON), given.photos)
    else:
        trained = FastStyle.load(given.trained)
    photos = [given.photo(name) for name in (CASTLE, LEMURS, MACAW)]
    return [*map(Card, photos), *(Card(trained(photo)) for photo in photos)], len(photos)


SHEETS = {
    "dream": ("dream-castle", dreams),
    "style": ("style-van-gogh", styles),
    "settings": ("style-settings", settings),
    "photorealistic": ("style-photorealistic", photorealistic),
    "fast": ("style-fast", fast),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes sheets of dreams and styles.")
    parser.add_argument("sheets", nargs="+", choices=SHEETS)
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photographs")
    parser.add_argument("--paintings", type=Path, required=True, help="a folder of paintings")
    parser.add_argument("--fast", type=Path, help="a style that `convscope train style` made")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write the sheets into")
    asked = parser.parse_args()
    for sheet in asked.sheets:
        name, make = SHEETS[sheet]
        file = check_can_write(asked.out / f"{name}.webp")
        cards, columns = make(Given(asked.photos, asked.paintings, asked.fast))
        packed = io.BytesIO()
        Image.fromarray(contact_sheet(cards, columns)).save(packed, "webp", quality=QUALITY, method=6)
        write_whole(file, packed.getvalue())
        print(f"{file}: {len(packed.getvalue()) // 1024} KiB", file=sys.stderr)


def _only(folder: Path, name: str) -> Path:
    found = sorted(folder.rglob(f"{name}*.webp"))
    if not found:
        raise InputError(f"{folder}: no {name}*.webp in it")
    return found[0]


def _small(picture: Picture) -> Picture:
    """As large as fits in SHOWN x 2/3 SHOWN pixels."""
    h, w = picture.shape[:2]
    return shrunk(picture, min(SHOWN, round(SHOWN * 2 / 3 * max(1, w / h))))


if __name__ == "__main__":
    main()
