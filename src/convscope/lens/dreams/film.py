"""Pictures after one another as a film: an animated .webp, or an .mp4 (with PyAV)."""

import io
import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, SupportsFloat

import numpy as np
from PIL import Image

from convscope.errors import InputError
from convscope.files import AnyPath, check_can_write, write_whole
from convscope.pictures import Picture, check_ending, exif_note

QUALITY = 85  # of 100, of a frame of WebP: half the bytes of what a single picture gets, and seen for a moment only
RATE_FACTOR = "18"  # of H.264, "visually lossless" in the words of x264's manual


class Film:
    """A film that grows by a frame at a time and is written whole when the block ends, also when Ctrl-C ends it.

    path: .webp, or .mp4 (H.264; `pip install 'convscope[video]'`). fps: frames a second. recipe: goes into the file,
    of a .webp where `convscope.pictures.recipe_in` finds it, of an .mp4 as its comment. Encoded frames are kept in
    memory, not the frames themselves; all have the size of the first. An .mp4 has even sides: the last row or column
    is doubled where a frame's are odd.

    The same frames, fps and recipe give the same bytes. An error in the block leaves no file, nor does a block without
    a frame.

    Raises InputError for other endings, a place that cannot be written, fps out of range, missing PyAV; when a frame
    is added, for one of another size.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with Film(Path(folder.name, "grey.webp"), fps=10) as film:
    ...     for level in (0, 128, 255):
    ...         film.add(np.full((8, 12, 3), level, np.uint8))
    >>> film.frames, film.path.read_bytes()[:4]
    (3, b'RIFF')
    >>> folder.cleanup()
    """

    def __init__(self, path: AnyPath, fps: SupportsFloat = 25, recipe: Mapping[str, Any] | None = None) -> None:
        self.path = Path(path)
        self.fps = float(fps)
        self.frames = 0
        if self.path.suffix.lower() not in (".webp", ".mp4"):
            raise InputError(f"{str(path)!r}: a film is written as .webp or .mp4; end the name in one of them")
        if not 0.1 <= self.fps <= 240:
            raise InputError(f"fps={self.fps:g}: frames a second; use 0.1 to 240")
        check_can_write(self.path)
        self._reel: _Reel = (_Mp4 if self.path.suffix.lower() == ".mp4" else _WebP)(self.fps, recipe)
        self._sides: tuple[int, ...] = ()

    def add(self, picture: Picture) -> None:
        """The next frame. Raises InputError for one of another size than the first."""
        self._sides = self._sides or picture.shape
        if picture.shape != self._sides:
            raise InputError(f"frame {self.frames} is {picture.shape}; the first is {self._sides}, give all one size")
        self._reel.add(picture)
        self.frames += 1

    def __enter__(self) -> "Film":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, at: TracebackType | None
    ) -> None:
        if self.frames and (kind is None or issubclass(kind, KeyboardInterrupt)):
            write_whole(self.path, self._reel.finished())


class _Reel(Protocol):
    """What is encoded so far, in memory."""

    def add(self, picture: Picture) -> None: ...

    def finished(self) -> bytes: ...


class _WebP:
    """Frames that are each a still WebP, in the container that the WebP Container Specification describes.

    (Pillow writes animations too, but only of frames that are all in memory.)
    """

    def __init__(self, fps: float, recipe: Mapping[str, Any] | None) -> None:
        self.fps, self.note = fps, b"" if recipe is None else exif_note(recipe).removeprefix(b"Exif\0\0")
        self.file, self.frames = io.BytesIO(), 0

    def add(self, picture: Picture) -> None:
        check_ending(".webp", picture.shape[:2])
        still = io.BytesIO()
        Image.fromarray(picture).save(still, "WEBP", quality=QUALITY, method=4)
        start, end = (round(1000 * k / self.fps) for k in (self.frames, self.frames + 1))
        size = b"".join(_three(side - 1) for side in (picture.shape[1], picture.shape[0]))
        if not self.frames:
            holds = bytes([0x02 | (0x08 if self.note else 0), 0, 0, 0])  # an animation, and an Exif block
            # on white, for ever
            self.file.write(_chunk(b"VP8X", holds + size) + _chunk(b"ANIM", b"\xff\xff\xff\xff\0\0"))
        frame = bytes(6) + size + _three(end - start) + b"\x02"  # at 0, 0; nothing shines through
        self.file.write(_chunk(b"ANMF", frame + still.getvalue()[12:]))  # without RIFF, its length and WEBP
        self.frames += 1

    def finished(self) -> bytes:
        note = _chunk(b"EXIF", self.note) if self.note else b""
        return _chunk(b"RIFF", b"WEBP" + self.file.getvalue() + note)


class _Mp4:
    """H.264 in the colours of BT.709, as PyAV encodes it."""

    def __init__(self, fps: float, recipe: Mapping[str, Any] | None) -> None:
        try:
            import av  # an extra
        except ImportError:
            raise InputError(
                "an .mp4 is written with PyAV, which is not installed; pip install 'convscope[video]', or write .webp"
            ) from None
        self.av, self.file = av, io.BytesIO()
        self.container = av.open(self.file, "w", format="mp4")
        if recipe is not None:
            self.container.metadata["comment"] = json.dumps(dict(recipe))
        self.stream: Any = self.container.add_stream("h264", rate=Fraction(fps).limit_denominator(1000))
        self.stream.options = {"crf": RATE_FACTOR}
        self.stream.pix_fmt = "yuv420p"
        for name in ("color_primaries", "color_trc", "colorspace"):
            setattr(self.stream.codec_context, name, 1)  # BT.709, which players expect

    def add(self, picture: Picture) -> None:
        height, width = picture.shape[:2]
        even = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        if not self.stream.codec_context.is_open:
            self.stream.height, self.stream.width = even.shape[:2]
        frame = self.av.VideoFrame.from_ndarray(even, format="rgb24")
        self.container.mux(self.stream.encode(frame.reformat(format="yuv420p", dst_colorspace="ITU709")))

    def finished(self) -> bytes:
        self.container.mux(self.stream.encode())
        self.container.close()
        return self.file.getvalue()


def _three(number: int) -> bytes:
    return number.to_bytes(3, "little")


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + len(data).to_bytes(4, "little") + data + bytes(len(data) % 2)
