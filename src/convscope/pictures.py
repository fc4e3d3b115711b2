"""Arrays as pictures: colours, enlargement, contact sheets, legends, and files that know how they were made.

A picture here is an array (h, w, 3), uint8, RGB. The signed scale runs from blue (negative) over near-white
(zero) to red (positive): both ends differ for every common kind of colour blindness, and zero always looks
the same.
"""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, SupportsFloat

import numpy as np
from jaxtyping import UInt8
from PIL import ExifTags, Image, ImageDraw, ImageFont, PngImagePlugin

from convscope.errors import InputError

Picture = UInt8[np.ndarray, "_ _ 3"]
METADATA_KEY = "convscope"
LONGEST = {".png": 2**31 - 1, ".jpg": 65535, ".jpeg": 65535, ".webp": 16383}
"""The endings of picture files that are written, and how many pixels a side each kind can hold."""
_FULL_EFFORT = 2**20  # pixels: the smallest PNG of a larger photograph takes many seconds to find
_AS_ASCII = b"ASCII\0\0\0"  # how Exif's UserComment says what its bytes are
# negative end, zero, positive end, with a step between (after ColorBrewer's five-class RdBu)
_SIGNED = np.array(
    [(33, 102, 172), (103, 169, 207), (247, 247, 247), (239, 138, 98), (178, 24, 43)], dtype=np.float64
)


def signed(values: np.ndarray, limit: SupportsFloat | None = None) -> Picture:
    """Values (h, w) from -limit to limit in colours, neutral at 0; beyond the limit the end colour stays.

    limit: give one to all pictures that are to be compared; by default the largest magnitude of these values.

    >>> signed(np.array([[-1.0, 0.0, 1.0]])).tolist()
    [[[33, 102, 172], [247, 247, 247], [178, 24, 43]]]
    """
    values = _plane(values)
    reach = float(np.abs(values).max(initial=0)) if limit is None else float(limit)
    share = np.clip(values / reach, -1, 1) if reach > 0 else np.zeros_like(values)
    stops = np.linspace(-1, 1, len(_SIGNED))
    return np.stack([np.interp(share, stops, _SIGNED[:, k]) for k in range(3)], -1).round().astype(np.uint8)


def grey(values: np.ndarray, low: SupportsFloat | None = None, high: SupportsFloat | None = None) -> Picture:
    """Values (h, w) from low (black) to high (white); by default the least and the largest of these values.

    >>> grey(np.array([[0.0, 0.5, 2.0]]), 0, 1)[0, :, 0].tolist()
    [0, 128, 255]
    """
    values = _plane(values)
    low, high = float(values.min() if low is None else low), float(values.max() if high is None else high)
    share = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return np.repeat((np.clip(share, 0, 1) * 255).round().astype(np.uint8)[..., None], 3, axis=2)


def colour(values: np.ndarray, low: SupportsFloat = 0.0, high: SupportsFloat = 1.0) -> Picture:
    """Values (c, h, w) from low to high as a picture: three channels as RGB, one as grey.

    Raises InputError for another number of channels.
    """
    values = np.asarray(values)
    if values.ndim != 3 or len(values) not in (1, 3):
        raise InputError(
            f"values of shape {values.shape}: give (1, h, w) or (3, h, w); draw other channels one by one"
        )
    return np.concatenate(
        [grey(plane, low, high)[..., :1] for plane in values.repeat(3 // len(values), 0)], axis=2
    )


def enlarge(picture: Picture, factor: int) -> Picture:
    """Every cell as a square of factor x factor: nothing is smoothed, what is seen is what is there."""
    if factor < 1:
        raise InputError(f"factor={factor}: enlarge by a whole number, at least 1")
    return picture.repeat(factor, 0).repeat(factor, 1)


def crop(image: np.ndarray, box: Sequence[int], fill: SupportsFloat = 0) -> np.ndarray:
    """The cells (top, left, bottom, right), half open, of an image (..., h, w); beyond its border is `fill`.

    Takes a box as `Field.box` gives it, so that crops of one layer have one size also at the border.

    >>> crop(np.array([[1, 2], [3, 4]]), (-1, 0, 1, 2), fill=9).tolist()
    [[9, 9], [1, 2]]
    """
    top, left, bottom, right = box
    if bottom <= top or right <= left:
        raise InputError(f"box={box}: give (top, left, bottom, right) with top < bottom and left < right")
    height, width = image.shape[-2:]
    cut = np.full((*image.shape[:-2], bottom - top, right - left), fill, image.dtype)
    rows, columns = slice(max(top, 0), min(bottom, height)), slice(max(left, 0), min(right, width))
    if rows.start < rows.stop and columns.start < columns.stop:
        inside = image[..., rows, columns]
        cut[..., rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = inside
    return cut


def sheet(
    pictures: Sequence[Picture], columns: int, gap: int = 2, paper: tuple[int, int, int] = (255, 255, 255)
) -> Picture:
    """Pictures in rows of `columns`, `gap` cells of paper around each; smaller ones are centred."""
    if not len(pictures) or columns < 1:
        raise InputError(f"sheet: {len(pictures)} pictures in {columns} columns; give at least one of each")
    height, width = (max(picture.shape[k] for picture in pictures) for k in (0, 1))
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    page = np.empty((gap + rows * (height + gap), gap + columns * (width + gap), 3), np.uint8)
    page[:] = paper
    for i, picture in enumerate(pictures):
        top = gap + i // columns * (height + gap) + (height - picture.shape[0]) // 2
        left = gap + i % columns * (width + gap) + (width - picture.shape[1]) // 2
        page[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return page


def legend(limit: SupportsFloat, width: int = 180, height: int = 34) -> Picture:
    """The signed scale as a bar with -limit, 0 and +limit written under it."""
    limit, image = float(limit), Image.new("RGB", (width, height), "white")
    bar = np.linspace(-limit, limit, width)[None].repeat(max(height - 18, 1), 0)
    image.paste(Image.fromarray(signed(bar, limit)), (0, 0))
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(12)
    for text, x, anchor in (
        (f"-{limit:.3g}", 1, "ld"),
        ("0", width // 2, "md"),
        (f"+{limit:.3g}", width - 1, "rd"),
    ):
        pen.text((x, height - 2), text, "black", font, anchor)
    return np.asarray(image)


def png(picture: Picture, recipe: Mapping[str, Any] | None = None) -> bytes:
    """A PNG file's bytes; the recipe goes into a tEXt chunk named "convscope", as JSON.

    The same picture and recipe give the same bytes. Raises InputError for an array that is no picture.
    """
    picture = np.asarray(picture)
    _check(picture)
    notes = PngImagePlugin.PngInfo()
    if recipe is not None:
        notes.add_text(METADATA_KEY, json.dumps(dict(recipe)))  # ASCII, as tEXt wants it
    file = io.BytesIO()
    small = picture.shape[0] * picture.shape[1] <= _FULL_EFFORT
    Image.fromarray(picture).save(file, "PNG", pnginfo=notes, optimize=small)
    return file.getvalue()


def encoded(picture: Picture, ending: str, recipe: Mapping[str, Any] | None = None) -> bytes:
    """A picture file's bytes, of the kind that the ending says: .png, .jpg, .jpeg or .webp.

    JPEG keeps 95 of 100 and every pixel's own colour (4:4:4), WebP 92 of 100. Both carry the recipe, as JSON, in
    Exif's UserComment; a PNG as `png` says. The same picture, ending and recipe give the same bytes.

    Raises InputError for an array that is no picture, another ending, and more than that kind of file can hold.
    """
    picture = np.asarray(picture)
    check_ending(ending, picture.shape[:2])
    if ending.lower() == ".png":
        return png(picture, recipe)
    _check(picture)
    notes = b"" if recipe is None else exif_note(recipe)
    if ending.lower() == ".webp":
        return webp(picture, 92, notes)
    if len(notes) > 65533:
        raise InputError(f"a recipe of {len(notes)} bytes: a JPEG holds 65533; end the name in .png")
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", exif=notes, quality=95, subsampling=0, optimize=True)
    return file.getvalue()


def webp(picture: UInt8[np.ndarray, "_ _ c"], quality: int | None = None, exif: bytes = b"") -> bytes:
    """A WebP file's bytes, of an RGB picture or one of a single grey channel.

    quality: 1 to 100; None keeps every pixel as it is. The same picture and quality give the same bytes.

    Raises InputError for an array that is no picture, and for more pixels a side than the format holds.
    """
    picture = np.asarray(picture)
    picture = picture.repeat(3, 2) if picture.ndim == 3 and picture.shape[2] == 1 else picture
    _check(picture)
    check_ending(".webp", picture.shape[:2])
    how: dict[str, Any] = {"lossless": True} if quality is None else {"quality": quality}
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "WEBP", exif=exif, method=4, **how)
    return file.getvalue()


def check_ending(ending: str, sides: Sequence[int] = ()) -> None:
    """Says before long work that a picture of those sides cannot be written with that ending. Raises InputError."""
    longest = LONGEST.get(ending.lower())
    if longest is None:
        raise InputError(f"{ending!r}: no kind of picture that is written; end the name in {', '.join(LONGEST)}")
    if max(sides, default=0) > longest:
        sizes = f"{sides[0]} x {sides[1]}"
        raise InputError(f"a picture of {sizes}: a {ending} holds {longest} a side; end the name in .png")


def exif_note(recipe: Mapping[str, Any]) -> bytes:
    """A recipe as an Exif block for JPEG and WebP files."""
    exif = Image.Exif()
    words = json.dumps({METADATA_KEY: dict(recipe)}).encode("ascii")
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = _AS_ASCII + words
    return exif.tobytes()


def recipe_in(data: bytes, kinds: tuple[str, ...] = ("PNG", "JPEG", "WEBP")) -> dict[str, Any] | None:
    """The recipe that `png`, `encoded` or a film wrote into a picture file; None where there is none.

    Raises InputError for data of other kinds.
    """
    try:
        with Image.open(io.BytesIO(data), formats=kinds) as image:
            image.load()
            if image.format == "PNG":
                text = getattr(image, "text", {}).get(METADATA_KEY)
                return None if text is None else json.loads(text)
            return _own(image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment))
    except (OSError, SyntaxError, ValueError) as problem:
        kind = " or ".join(kinds)
        raise InputError(f"{len(data)} bytes: not a {kind} file that can be read ({problem})") from problem


def png_recipe(data: bytes) -> dict[str, Any] | None:
    """The recipe that `png` wrote into a file, or None. Raises InputError for what is no PNG."""
    return recipe_in(data, ("PNG",))


def _own(note: Any) -> dict[str, Any] | None:
    """The recipe in a UserComment, if `exif_note` wrote it: cameras write there too."""
    try:
        return json.loads(note.removeprefix(_AS_ASCII))[METADATA_KEY]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _check(picture: np.ndarray) -> None:
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise InputError(
            f"a picture is (h, w, 3) of uint8, not {picture.shape} of {picture.dtype}; see signed, grey"
        )


def _plane(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or not values.size:
        raise InputError(f"values of shape {values.shape}: give one plane (h, w) with at least one cell")
    if not np.isfinite(values).all():
        raise InputError("values: not all are finite; a picture cannot show NaN or infinity")
    return values
