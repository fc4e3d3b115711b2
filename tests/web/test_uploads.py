"""Pictures that visitors bring: what is taken, what is refused, what is kept."""

import io
import os
import struct
import time
import zlib
from itertools import chain

import httpx
import numpy as np
import pytest
from PIL import Image

from convscope.errors import InputError
from convscope.web.decoding import Decoder
from convscope.web.settings import Limits
from convscope.web.sources import DRAWN, TAKEN, Source, builtin, painted


def file(kind: str, picture: Image.Image, **how: object) -> bytes:
    data = io.BytesIO()
    picture.save(data, kind, **how)
    return data.getvalue()


def png_of(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG that says it has that size; its pixels are `data`."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


PHOTO = Image.fromarray(builtin("owl"))
PAINTED = painted(np.arange(12, dtype=np.uint8).reshape(3, 4))
BOMBS = {
    "says-it-is-huge": png_of(60000, 60000, zlib.compress(b"\0" * 1000)),
    "is-huge": png_of(16000, 16000, zlib.compress(b"\0" * 16001 * 16000, 9)),
    "wide": png_of(2**31 - 1, 1, zlib.compress(b"\0")),
    "cut-short": file("PNG", PHOTO)[:2000],
    "cut-short-jpeg": file("JPEG", PHOTO)[:2000],
    "no-picture": b"GIF89a, or so it says" * 20,
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file",
    "nothing": b"",
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_is_no_sound_picture_is_refused_and_not_kept(api, lab, name):
    before = sorted((lab.settings.folder / "uploads").glob("*"))
    answer = api.post("/api/uploads", content=BOMBS[name])
    assert answer.status_code == 400
    assert "\n" not in answer.json()["problem"]
    assert sorted((lab.settings.folder / "uploads").glob("*")) == before


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_every_kind_is_taken_as_people_see_it(api, kind):
    answer = api.post("/api/uploads", content=file(kind, PHOTO)).json()
    assert (answer["height"], answer["width"], answer["channels"]) == (374, 560, 3)
    shown = api.get("/api/picture", params={"source": answer["source"]})
    pixels = np.asarray(Image.open(io.BytesIO(shown.content)))
    assert np.abs(pixels.astype(int) - builtin("owl")).mean() < 12


def test_the_same_bytes_have_the_same_link(api):
    first, second = (api.post("/api/uploads", content=file("PNG", PHOTO)).json() for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "source",
    [
        *("upload:" + "0" * 32, "upload:../../etc/passwd", "upload:", "builtin:nobody", "builtin:", "", "dog"),
        *("cells:0x0:", "cells:99999x1:AA", "cells:9x9:AA", "cells:2x2:!!!!", "cells:-1x-1:", "cells:1x1:A"),
        *("file:/etc/passwd", "builtin:dog\0", "builtin:../photos/dog", "CELLS:1x1:AA", "cells:٣x1:AAAA"),
    ],
)
def test_what_names_no_picture_is_refused(api, source):
    answer = api.get("/api/picture", params={"source": source})
    assert answer.status_code == 400
    assert "\n" not in answer.json()["problem"]


@pytest.mark.parametrize("longest", ["0", "-1", "2049", "many", "1e3", "NaN"])
def test_sizes_that_cannot_be(api, longest):
    assert api.get("/api/picture", params={"source": "builtin:dog", "longest": longest}).status_code in (400, 422)


@pytest.mark.parametrize("longest", [None, 50])
@pytest.mark.parametrize("source", ["builtin:dog", "builtin:band", PAINTED, "upload"])
def test_python_makes_the_same_picture(api, lab, source, longest, tmp_path, monkeypatch):
    if source == "upload":
        data = file("PNG", PHOTO.convert("P"))
        (tmp_path / "picture.png").write_bytes(data)
        source = api.post("/api/uploads", content=data).json()["source"]
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(Source.parse(source).python(longest), names)
    shown = api.get("/api/picture", params={"source": source, "longest": longest or 640})
    np.testing.assert_array_equal(names["picture"], np.asarray(Image.open(io.BytesIO(shown.content))))


def test_all_that_comes_along_is_there(api):
    groups = api.get("/api/builtin").json()
    assert sorted(chain.from_iterable(groups.values())) == sorted([*DRAWN, *TAKEN])
    for name in (*DRAWN, *TAKEN):
        assert api.get("/api/picture", params={"source": f"builtin:{name}"}).status_code == 200


def test_a_decoder_that_dies_or_hangs_is_replaced():
    decoder = Decoder(seconds=5, pixels=2**20)
    told = {"what": "it: this picture", "again": "save it again as PNG"}
    try:
        good = file("PNG", PHOTO)
        assert decoder.picture(good, "it").shape == (374, 560, 3)
        with pytest.raises(InputError, match="it: this picture breaks the decoder"):
            decoder.run(os._exit, 1, **told)
        assert decoder.picture(good, "it").shape == (374, 560, 3)
        decoder.seconds = 0.2
        with pytest.raises(InputError, match="it: this picture takes too long"):
            decoder.run(time.sleep, 60, **told)
        decoder.seconds = 20
        assert decoder.picture(good, "it").shape == (374, 560, 3)
        with pytest.raises(InputError, match="it: 2000 x 2000 pixels; at most 1048576 are taken"):
            decoder.picture(png_of(2000, 2000), "it")
        with pytest.raises(MemoryError):
            decoder.run(bytearray, 4 * 2**30, **told)
    finally:
        decoder.close()


def test_uploads_stay_within_their_room(start):
    server = start(limits=Limits(kept=3000))
    kept = []
    for value in range(6):
        data = b"P5 30 30 255\n" + bytes([value]) * 900
        kept.append(httpx.post(f"{server.address}/api/uploads", content=data, trust_env=False).json()["source"])
        time.sleep(0.02)
    folder = server.lab.settings.folder / "uploads"
    assert sorted(path.name for path in folder.iterdir()) == sorted(s.removeprefix("upload:") for s in kept[-3:])
    shown = [httpx.get(f"{server.address}/api/picture", params={"source": s}, trust_env=False) for s in kept]
    assert [answer.status_code for answer in shown] == [400] * 3 + [200] * 3
