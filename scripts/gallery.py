"""Makes the contact sheets in docs/pictures: what units of a trained network look for, from first layer to last.

    python scripts/gallery.py squeezenet --photos FOLDER --out docs/pictures

Nothing is chosen by hand: of each layer the first four units, of the last one four classes that were fixed beforehand,
all with the settings that `draw` has by default and seed 0. Right of each drawing stands what that unit sees of the
photograph in FOLDER that excites it most. The photographs that appear are named on standard output.
"""

import argparse
import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import convscope as cs
from convscope.files import check_can_write, write_whole
from convscope.lens import Photos, framed
from convscope.lens.models.network import preprocessing_of
from convscope.lens.shown import Card, contact_sheet
from convscope.pictures import Picture, crop

LAYERS = {
    "squeezenet": ["features.1", "features.3", "features.6", "features.9", "features.12", "classifier.4"],
    "efficientnet-lite0": ["_swish", "_blocks.2", "_blocks.4", "_blocks.7", "_blocks.13", "_fc"],
}
UNITS = (0, 1, 2, 3)
CLASSES = (1, 130, 340, 980)  # goldfish, flamingo, zebra, volcano
SIDE = 128  # pixels of a drawing on the sheet
QUALITY = 80


def cards(source: str, folder: Path) -> list[Card]:
    """Row by row: each unit's drawing and, beside it, the best photograph."""
    network = cs.load(source)
    photos = Photos(folder, preprocessing_of(network))
    found = cs.examples(network, LAYERS[source], photos, k=1)
    sheet = []
    for layer in LAYERS[source]:
        last = layer == LAYERS[source][-1]
        drawing = cs.draw(network, layer, CLASSES if last else UNITS)
        for unit, drawn in zip(drawing.units, drawing.cards(), strict=True):
            name = network.classes[unit] if last else f"unit {unit}"
            sheet.append(Card(sized(drawn.picture), f"{layer}\n{name}"))
            sheet.append(Card(sized(seen_of(*framed(found, layer, unit, "top", photos)[0])), "photograph\n"))
            print(layer, unit, photos.names[found[layer].top.index[unit, 0]], flush=True)
    return sheet


def seen_of(picture: Picture, box: tuple[int, int, int, int]) -> Picture:
    """What the unit sees of a photograph; all of it where it sees more than there is. Beyond the border is grey."""
    top, left, bottom, right = box
    whole = bottom - top > picture.shape[0] or right - left > picture.shape[1]
    return picture if whole else crop(picture.transpose(2, 0, 1), box, fill=127).transpose(1, 2, 0)


def sized(picture: Picture) -> Picture:
    """SIDE pixels high and wide; small pictures keep their cells."""
    how = Image.Resampling.NEAREST if max(picture.shape[:2]) < SIDE else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), how))


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes a contact sheet of what a network's units look for.")
    parser.add_argument("network", choices=LAYERS)
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photographs")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write the sheet into")
    asked = parser.parse_args()
    file = check_can_write(asked.out / f"lens-{asked.network}.webp")
    page = contact_sheet(cards(asked.network, asked.photos), columns=2 * len(UNITS))
    packed = io.BytesIO()
    Image.fromarray(page).save(packed, "webp", quality=QUALITY, method=6)
    write_whole(file, packed.getvalue())
    print(f"{file}: {len(packed.getvalue()) // 1024} KiB", file=sys.stderr)


if __name__ == "__main__":
    main()
