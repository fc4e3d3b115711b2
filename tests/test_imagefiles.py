"""Picture files of every kind become the same grey picture; what is none gets one line."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from convscope import imagefiles
from convscope.errors import InputError
from convscope.imagefiles import read_channels, read_grey, read_jpeg_table, read_levels

GREY = np.add.outer(np.arange(0, 160, 8), np.arange(0, 90, 3)).astype(np.uint8)  # 20 rows, 30 columns


def saved(path, image: Image.Image, **options):
    image.save(path, **options)
    return path


def png(width: int, height: int) -> bytes:
    """A PNG that announces this size and holds next to nothing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(8)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "mode", "tolerance"),
    [
        ("a.png", "L", 0),
        ("a.png", "RGB", 0),
        ("a.png", "RGBA", 0),
        ("a.png", "LA", 0),
        ("a.png", "P", 0),
        ("a.bmp", "L", 0),
        ("a.gif", "L", 0),
        ("a.webp", "RGB", 8),
        ("a.jpg", "L", 8),
        ("a.jpg", "CMYK", 8),
        ("a.tif", "CMYK", 1),
        ("a.pgm", "L", 0),
    ],
)
def test_every_kind_gives_the_same_grey(tmp_path, name, mode, tolerance):
    picture = read_grey(saved(tmp_path / name, Image.fromarray(GREY).convert(mode)))
    assert picture.dtype == np.float32
    assert picture.shape == GREY.shape
    assert abs(picture - GREY).max() <= tolerance


def test_transparency_is_laid_on_white(tmp_path):
    alpha = np.full((*GREY.shape, 4), 0, np.uint8)
    alpha[:10, :, 3] = 255
    picture = read_grey(saved(tmp_path / "a.png", Image.fromarray(alpha)))
    assert (picture[:10] == 0).all()
    assert (picture[10:] == 255).all()
    palette = Image.fromarray(GREY).convert("P")
    assert (
        (read_grey(saved(tmp_path / "p.png", palette, transparency=int(np.asarray(palette)[0, 0])))[0, 0])
        == 255
    )


def test_16_bit_keeps_its_steps(tmp_path):
    fine = np.arange(600, dtype=np.uint16).reshape(20, 30) * 100
    for name in ("a.png", "a.tif"):
        picture = read_grey(saved(tmp_path / name, Image.fromarray(fine)))
        np.testing.assert_allclose(picture, fine / 257, rtol=1e-6)
    (tmp_path / "a.pgm").write_bytes(b"P5 30 20 65535\n" + fine.astype(">u2").tobytes())
    np.testing.assert_allclose(read_grey(tmp_path / "a.pgm"), fine / 257, rtol=1e-6)


def test_floats_are_stretched(tmp_path):
    values = np.linspace(-3, 5, 600, dtype=np.float32).reshape(20, 30)
    picture = read_grey(saved(tmp_path / "a.tif", Image.fromarray(values)))
    np.testing.assert_allclose(picture, (values + 3) / 8 * 255, atol=1e-4)
    flat = Image.fromarray(np.full((4, 4), 7, np.float32))
    assert (read_grey(saved(tmp_path / "flat.tif", flat)) == 255).all()
    with pytest.raises(InputError, match=r"damaged picture \(NaN or infinite values\)"):
        read_grey(saved(tmp_path / "nan.tif", Image.fromarray(np.full((4, 4), np.nan, np.float32))))


def test_one_bit(tmp_path):
    picture = read_grey(saved(tmp_path / "a.png", Image.fromarray(GREY > 99)))
    assert (picture == np.where(GREY > 99, 255, 0)).all()


def test_the_camera_was_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    picture = read_grey(saved(tmp_path / "a.png", Image.fromarray(GREY), exif=exif))
    assert (picture == np.rot90(GREY, -1)).all()


def test_an_animation_is_its_first_frame(tmp_path):
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    assert (
        read_grey(saved(tmp_path / "a.gif", frames[0], save_all=True, append_images=frames[1:])) == GREY
    ).all()


def test_channels(tmp_path):
    colours = np.stack([GREY, 255 - GREY, GREY // 2], axis=-1)
    assert (
        read_channels(saved(tmp_path / "c.png", Image.fromarray(colours))) == colours.transpose(2, 0, 1)
    ).all()
    assert (read_channels(saved(tmp_path / "g.png", Image.fromarray(GREY))) == GREY[None]).all()


@pytest.mark.parametrize(
    ("name", "mode"),
    [*(("a.png", mode) for mode in ("L", "RGB", "P", "LA", "RGBA")), ("a.gif", "L"), ("a.pgm", "L")],
)
def test_levels_of_a_grey_picture_are_one_channel_however_it_is_stored(tmp_path, name, mode):
    levels = read_levels(saved(tmp_path / name, Image.fromarray(GREY).convert(mode)))
    assert levels.dtype == np.uint8
    np.testing.assert_array_equal(levels, GREY[None])


def test_levels_are_as_stored(tmp_path):
    colours = np.stack([GREY, 255 - GREY, GREY // 2], axis=-1)
    np.testing.assert_array_equal(
        read_levels(saved(tmp_path / "c.png", Image.fromarray(colours))), colours.transpose(2, 0, 1)
    )
    fine = np.arange(600, dtype=np.uint16).reshape(20, 30) * 109
    (tmp_path / "a.pgm").write_bytes(b"P5 30 20 65535\n" + fine.astype(">u2").tobytes())
    for path in (saved(tmp_path / "a.png", Image.fromarray(fine)), saved(tmp_path / "a.tif", Image.fromarray(fine)),
                 tmp_path / "a.pgm"):  # fmt: skip
        levels = read_levels(path)
        assert levels.dtype == np.uint16
        np.testing.assert_array_equal(levels, fine[None])
    floats = (fine / 7 - 30).astype(np.float32)
    levels = read_levels(saved(tmp_path / "f.tif", Image.fromarray(floats)))
    assert levels.dtype == np.float32
    np.testing.assert_array_equal(levels, floats[None])
    bits = read_levels(saved(tmp_path / "b.png", Image.fromarray(GREY > 99)))
    np.testing.assert_array_equal(bits, np.where(GREY > 99, 255, 0)[None])
    whole = Image.fromarray(np.arange(-5, 15, dtype=np.int32).reshape(4, 5))
    with pytest.raises(InputError, match="whole numbers from -5 to 14; save it with 8 or 16 bits"):
        read_levels(saved(tmp_path / "i.tif", whole))


def test_levels_refuse_what_shows_through(tmp_path):
    clear = np.dstack([GREY, GREY, GREY, np.full_like(GREY, 255)])
    clear[3, 4, 3] = 254
    palette, fine = Image.fromarray(GREY).convert("P"), GREY.astype(np.uint16) * 200
    files = [
        saved(tmp_path / "rgba.png", Image.fromarray(clear)),
        saved(tmp_path / "la.png", Image.fromarray(clear).convert("LA")),
        saved(tmp_path / "p.png", palette, transparency=int(np.asarray(palette)[2, 3])),
        saved(tmp_path / "l.png", Image.fromarray(GREY), transparency=int(GREY[2, 3])),
        saved(tmp_path / "i16.png", Image.fromarray(fine), transparency=int(fine[2, 3])),
    ]
    for file in files:
        with pytest.raises(InputError, match="transparent in places; lay it on a background and save it without"):
            read_levels(file)
    named = saved(tmp_path / "no.png", Image.fromarray(fine), transparency=1)  # a level that no pixel has
    np.testing.assert_array_equal(read_levels(named), fine[None])


def test_a_jpeg_file_says_how_it_was_rounded(tmp_path):
    table = np.arange(1, 65)
    path = saved(tmp_path / "a.jpg", Image.fromarray(GREY), qtables=[table.tolist()])
    found = read_jpeg_table(path)
    assert found is not None
    np.testing.assert_array_equal(found, table.reshape(8, 8))
    assert read_jpeg_table(saved(tmp_path / "a.png", Image.fromarray(GREY))) is None
    turned = Image.Exif()
    turned[0x0112] = 6
    assert read_jpeg_table(saved(tmp_path / "t.jpg", Image.fromarray(GREY), exif=turned)) is None
    with pytest.raises(InputError, match="no such file"):
        read_jpeg_table(tmp_path / "none.jpg")


def half_a_png() -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "png")
    return file.getvalue()[: len(file.getvalue()) // 2]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "not a picture of a known kind"),
        (b"seven\n", r"not a picture of a known kind \(PNG, JPEG, .*\), or one of 0 pixels; save it as PNG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture of a known kind"),
        (half_a_png(), "damaged picture.*[Tt]runcated.*save it again"),
        (png(5, 5), "damaged picture"),
        (png(0, 5), "holds none|not a picture|damaged picture"),
        (png(9000, 9000), "9000 x 9000 pixels; at most 67108864 are opened, make it smaller"),
        (png(10500, 9500), "pixels; at most 67108864"),
        (png(60000, 60000), "far too many pixels; at most 67108864"),
    ],
)
def test_bad_files(tmp_path, content, line):
    file = tmp_path / "bad.png"
    file.write_bytes(content)
    with pytest.raises(InputError, match=line) as caught:
        read_grey(file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_no_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr(imagefiles.Image, "open", lambda path, formats: Image.new("L", (0, 5)))
    (tmp_path / "a.png").touch()
    with pytest.raises(InputError, match="5 x 0 pixels holds none"):
        read_grey(tmp_path / "a.png")


def test_what_is_no_file(tmp_path):
    with pytest.raises(InputError, match="a folder, not a picture"):
        read_grey(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        read_grey(tmp_path / "none.png")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="not an ordinary file"):
        read_grey(tmp_path / "pipe")
