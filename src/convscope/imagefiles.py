"""Opening one picture file that somebody gives, whatever it turns out to be."""

import io
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from PIL import ExifTags, Image, ImageOps

from convscope.errors import InputError

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
"""What is opened; Pillow would hand some others to outside programs."""

MOST_PIXELS = 2**26
"""67 million: more than cameras give, and no more memory than a small machine has."""


def read_grey(path: str | os.PathLike[str]) -> Float32[np.ndarray, "h w"]:
    """The picture in a file as grey values, 0 black to 255 white.

    Colours are weighted as ITU-R 601-2 luma; transparency is laid on white; a camera's orientation mark is
    obeyed; of an animation the first frame counts. 16-bit files keep their finer steps; floats and larger
    integers, which have no range of their own, are stretched from their least to their greatest value.

    Raises InputError for what is not one sound picture of 1 to 67 million pixels.
    """
    return _read(path, _grey)


def read_channels(path: str | os.PathLike[str]) -> Float32[np.ndarray, "c h w"]:
    """The picture in a file as one channel of grey, or as red, green and blue where the file has colours.

    0 is dark and 255 light; all else is as `read_grey` says.
    """
    return _read(path, _channels)


def read_levels(path: str | os.PathLike[str]) -> np.ndarray:
    """The picture as it is stored, (c, h, w) of one channel or three: uint8, uint16, or float32 for files of floats.

    Nothing is stretched or laid on a background; palettes and other colours than RGB are turned into RGB, and colours
    that are all grey into one channel: three copies would count as three measurements. Raises InputError as
    `read_grey` does, and for a picture that is transparent anywhere.
    """
    return _read(path, lambda image: _levels(Path(path), image))


def read_picture(path: str | os.PathLike[str], data: bytes | None = None) -> Image.Image:
    """The picture as people see it, eight bits a channel: RGB, or grey ("L") where the file has no colours.

    data: the file's bytes where they are at hand already; then `path` only says in errors whose they are.

    Values, turning, transparency and errors are as `read_grey` says. This one may run in several threads at once; the
    thread that starts them holds `quiet` around them, since which warnings are shown is one setting for all threads.
    """
    return _decoded(path, _as_seen, upright=True, data=data)


@contextmanager
def quiet() -> Iterator[None]:
    """Leaves out Pillow's remarks on harmless oddities of a file; what is too large is refused by its size."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\b|convscope\.imagefiles")
        yield


def read_jpeg_table(path: str | os.PathLike[str]) -> np.ndarray | None:
    """The (8, 8) quanta of a JPEG file's luma, row by row; None for other files, and for those shown turned."""

    def table(image: Image.Image) -> np.ndarray | None:
        quanta = getattr(image, "quantization", None)
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            return None
        return np.array(quanta[0], np.int64).reshape(8, 8) if quanta else None

    return _read(path, table, upright=False)


def _read(path: str | os.PathLike[str], values: Callable[[Image.Image], Any], upright: bool = True) -> Any:
    with quiet():
        return _decoded(path, values, upright)


def _decoded(
    name: str | os.PathLike[str], values: Callable[[Image.Image], Any], upright: bool, data: bytes | None = None
) -> Any:
    path = Path(name) if data is None else name
    try:
        if isinstance(path, Path):
            _check_file(path)
        with Image.open(path if data is None else io.BytesIO(data), formats=FORMATS) as image:
            _check_size(path, image.size)
            image.verify()  # a PNG's checksums, which decoding leaves unread
        with Image.open(path if data is None else io.BytesIO(data), formats=FORMATS) as image:
            return values(ImageOps.exif_transpose(image) if upright else image)
    except InputError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as problem:
        raise InputError(_too_large(path, "far too many")) from problem
    except Image.UnidentifiedImageError as problem:
        raise InputError(
            f"{path}: not a picture of a known kind ({', '.join(FORMATS)}), or one of 0 pixels; save it as PNG"
        ) from problem
    except PermissionError as problem:
        raise InputError(f"{path}: may not be read (permission denied); change its permissions") from problem
    except Exception as problem:  # a damaged file makes the decoders fail in any way they can
        raise InputError(
            f"{path}: damaged picture ({problem or type(problem).__name__}); save it again"
        ) from problem


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path}: a folder, not a picture; name the file in it")
    if not path.exists():
        raise InputError(f"{path}: no such file; check the name")
    if not path.is_file():
        raise InputError(f"{path}: not an ordinary file; name a picture file")


def _check_size(path: str | os.PathLike[str], size: tuple[int, int]) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise InputError(f"{path}: a picture of {height} x {width} pixels holds none; give one with pixels")
    if width * height > MOST_PIXELS:
        raise InputError(_too_large(path, f"{height} x {width}"))


def _too_large(path: str | os.PathLike[str], pixels: str) -> str:
    return f"{path}: {pixels} pixels; at most {MOST_PIXELS} are opened, make it smaller"


def _grey(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I;16"):
        return (np.asarray(image) / np.float32(257)).astype(np.float32)
    if image.mode in ("I", "F"):
        return _from_numbers(np.asarray(image, np.float64), whole=image.mode == "I")
    return np.asarray(_on_white(image).convert("L"), np.float32)


def _channels(image: Image.Image) -> np.ndarray:
    if image.mode in ("1", "L", "LA", "La", "I", "F") or image.mode.startswith("I;16"):
        return _grey(image)[np.newaxis]
    return np.asarray(_on_white(image).convert("RGB"), np.float32).transpose(2, 0, 1)


def _as_seen(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_grey(image).round().astype(np.uint8))
    if image.mode in ("1", "L", "LA", "La"):
        return _on_white(image).convert("L")
    return _on_white(image).convert("RGB")


def _levels(path: Path, image: Image.Image) -> np.ndarray:
    if _sees_through(image):
        raise InputError(f"{path}: transparent in places; lay it on a background and save it without transparency")
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)[np.newaxis]
    if image.mode == "I":
        values = np.asarray(image)
        if values.min() < 0 or values.max() >= 2**16:
            raise InputError(f"{path}: whole numbers from {values.min()} to {values.max()}; save it with 8 or 16 bits")
        return values.astype(np.uint16)[np.newaxis]
    if image.mode == "F":
        return np.asarray(image, np.float32)[np.newaxis]
    colours = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    return colours[:1] if (colours[1:] == colours[0]).all() else colours


def _sees_through(image: Image.Image) -> bool:
    """Whether any pixel is transparent, not whether the file could hold one that is."""
    if not image.has_transparency_data:
        return False
    if image.mode.startswith("I"):
        return bool((np.asarray(image) == image.info["transparency"]).any())
    return np.asarray(image.convert("RGBA"))[..., 3].min() < 255


def _on_white(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode in ("1", "L", "RGB") else image.convert("RGB")


def _from_numbers(values: np.ndarray, whole: bool) -> np.ndarray:
    low, high = values.min(), values.max()
    if not np.isfinite(high - low):
        raise ValueError("NaN or infinite values")
    if whole and low >= 0 and high < 2**16:  # how a 16-bit PGM arrives
        low, high = 0, 2**16 - 1
    if high == low:
        return np.full(values.shape, 255, np.float32)
    return ((values - low) * (255 / (high - low))).astype(np.float32)
