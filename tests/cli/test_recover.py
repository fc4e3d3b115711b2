import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image, ImageFilter
from scipy import ndimage
from skimage import data
from typer.testing import Result

from convscope import ops
from convscope.pictures import png_recipe

Convscope = Callable[..., Result]
SHARPEN = np.array([[-2, -2, -2], [-2, 32, -2], [-2, -2, -2]]) / 16
UNEVEN = np.array([[0.2, 0.5, -0.1], [0, 0.3, 0.1]])
"""Two rows and three columns, not the same turned."""


def camera() -> np.ndarray:
    return data.camera()[150:270, 180:330]  # 120 x 150, the cameraman's head and camera


def coffee() -> np.ndarray:
    return data.coffee()[100:200, 200:320]  # 100 x 120, colours


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where before.png is, and the command runs."""
    monkeypatch.chdir(tmp_path)
    save("before.png", camera())
    return tmp_path


def save(name: str, picture: np.ndarray, **options: Any) -> None:
    Image.fromarray(picture).save(name, **options)


def pixels(name: str) -> np.ndarray:
    with Image.open(name) as image:
        return np.asarray(image)


def filtered(kernel: np.ndarray, mode: str = "reflect", picture: np.ndarray | None = None, **how: Any) -> np.ndarray:
    """By this package's loops, rounded and cut off as programs do; same size."""
    image = camera() if picture is None else picture
    how = {"padding": "same", "padding_mode": mode} | how
    made = ops.conv2d(image[None, None].astype(np.float64), kernel[None, None].astype(np.float64), **how)[0, 0]
    return np.clip(np.rint(made), 0, 255).astype(np.uint8)


def facts_of(told: Result) -> dict:
    assert told.exit_code in (0, 1), told.output
    assert told.stdout.count("\n") == 1
    return json.loads(told.stdout)


def within(facts: dict, kernel: np.ndarray, times: float = 4) -> bool:
    return bool((np.abs(np.array(facts["kernel"]) - kernel) <= times * np.array(facts["stderr"]) + 1e-9).all())


def test_the_text_has_the_verdict_first_then_the_kernel_then_what_is_known(convscope: Convscope, folder: Path):
    Image.open("before.png").filter(ImageFilter.SHARPEN).save("after.png")
    told = convscope("recover", "before.png", "after.png", "--size", 3)
    assert told.exit_code == 0, told.output
    verdict, empty, title, *rows = told.stdout.split("\n")
    assert verdict == "verdict: exact (no more is left over than rounding explains)"
    assert (empty, title) == ("", "kernel, 3 x 3: tap ± standard error")
    assert len({len(row) for row in rows[:3]}) == 1
    taps = [[float(cell.split(" ±")[0]) for cell in row.split("   ")] for row in rows[:3]]
    assert_allclose(taps, SHARPEN, atol=2e-3)
    named = {line[:11].rstrip(): line[11:] for line in rows[4:]}
    assert "grey levels (held out: " in named["residual"]
    assert named["taps"].startswith("9 of 9 can be told; condition ")
    assert named["place"] == "centred on the cell it makes"
    assert named["border"] == "copied"
    assert named["can tell"].startswith("kernels up to ")


def test_json_holds_everything_and_numbers_that_are_known(convscope: Convscope, folder: Path):
    save("after.png", filtered(SHARPEN, "circular"))
    facts = facts_of(convscope("recover", "before.png", "after.png", "--json"))
    assert set(facts) == {
        *("before", "after", "kernel", "stderr", "reach", "bias", "bias_stderr", "verdict", "reasons", "offset"),
        *("channels", "stride", "residual", "rounding", "held_out", "explained", "windows", "clipped", "rank", "taps"),
        *("null_space", "condition", "border", "largest_size", "or_more", "believable"),
    }
    assert (facts["before"], facts["after"]) == ("before.png", "after.png")
    assert (facts["verdict"], facts["believable"], facts["offset"]) == ("exact", True, [-1, -1])
    assert (facts["border"], facts["rank"], facts["null_space"]) == (["circular"], 9, [])
    assert np.shape(facts["kernel"]) == (3, 3), "found out: nothing was said about the size"
    assert within(facts, SHARPEN)
    assert facts["rounding"] == pytest.approx(12**-0.5)


def test_a_filter_that_sorts_exits_with_1_and_saves_no_kernel(convscope: Convscope, folder: Path):
    Image.open("before.png").filter(ImageFilter.MedianFilter(3)).save("after.png")
    Path("kernel.npy").write_text("as it was")
    told = convscope("recover", "before.png", "after.png", "--save", "kernel.npy")
    assert told.exit_code == 1
    assert told.stdout.startswith("verdict: not a convolution (")
    assert "a median of 3 x 3 cells comes within 0, " in told.stdout
    assert "nearest kernel, not one to use, " in told.stdout
    assert told.stdout.endswith("not saved: kernel.npy, as the kernel is not one to use\n")
    assert Path("kernel.npy").read_text() == "as it was"
    facts = facts_of(convscope("recover", "before.png", "after.png", "--size", 3, "--save", "kernel.npy", "--json"))
    assert (facts["believable"], "saved" in facts, "apply" in facts) == (False, False, False)


def test_taps_that_cannot_be_told_are_marked(convscope: Convscope, folder: Path):
    stripes = np.tile(np.random.default_rng(0).integers(60, 190, 90, np.uint8), (70, 1))
    save("before.png", stripes)
    save("after.png", filtered(SHARPEN / 4 + 0.1, picture=stripes))
    told = convscope("recover", "before.png", "after.png", "--size", 3, "-o", "found.png")
    assert told.exit_code == 1
    assert "verdict: undetermined (" in told.stdout
    assert told.stdout.count("±?") == 9
    assert "take a picture that also varies from top to bottom" in told.stdout
    facts = facts_of(convscope("recover", "before.png", "after.png", "--size", 3, "--json"))
    assert facts["stderr"] == [[None] * 3] * 3
    assert np.shape(facts["null_space"]) == (6, 1, 3, 3)
    assert_allclose(np.sum(facts["null_space"], axis=(1, 2)), 0, atol=1e-6)
    plain = convscope("recover", "before.png", "after.png", "--size", "1,3", "-o", "smaller.png")
    assert plain.exit_code == 0
    assert len(pixels("found.png")) > len(pixels("smaller.png")), "no row of null patterns"


def test_the_picture_shows_the_kernel_and_knows_how_it_was_made(convscope: Convscope, folder: Path):
    save("after.png", filtered(UNEVEN))
    told = convscope("recover", "before.png", "after.png", "--size", "2,3", "-o", "found.png")
    assert "picture:   found.png\n" in told.stdout
    recipe = png_recipe(Path("found.png").read_bytes())
    assert recipe == {"before": "before.png", "after": "after.png", "size": "2,3"}
    colours = {tuple(colour) for colour in pixels("found.png").reshape(-1, 3).tolist()}
    assert (178, 24, 43) in colours, "the largest tap in the end colour of the signed scale"


def test_a_saved_kernel_is_applied_by_conv_as_told(convscope: Convscope, folder: Path):
    for mode in ("zeros", "reflect", "replicate", "circular"):
        after = filtered(UNEVEN, mode, padding=(1, 0, 0, 2))
        save("after.png", after)
        told = convscope("recover", "before.png", "after.png", "--size", "5,5", "--save", "wide.npy", "--json")
        assert np.shape(np.load("wide.npy")) == (5, 5)
        facts = facts_of(told)
        assert facts["saved"] == "wide.npy"
        assert facts["border"] == [mode]
        line = shlex.split(facts["apply"])
        assert line[:6] == ["convscope", "conv", "PICTURE", "--kernel", "wide.npy", "--padding"]
        assert line[line.index("--padding-mode") + 1] == mode
        words = [{"PICTURE": "before.png", "result.png": "made.npy"}.get(word, word) for word in line[1:]]
        done = convscope(*words)
        assert done.exit_code == 0, done.output
        assert np.abs(np.load("made.npy") * 255 - after).max() < 0.7, mode


def test_conv_takes_the_kernel_back_with_same_padding(convscope: Convscope, folder: Path):
    after = filtered(SHARPEN, "replicate")
    save("after.png", after)
    assert convscope("recover", "before.png", "after.png", "--save", "kernel.npy").exit_code == 0
    how = ("--padding", "same", "--padding-mode", "replicate")
    assert convscope("conv", "before.png", "--kernel", "kernel.npy", *how, "-o", "made.png").exit_code == 0
    assert np.abs(pixels("made.png")[..., 0].astype(int) - after).max() <= 1


def test_stride_and_bias_are_in_the_command_that_applies_it(convscope: Convscope, folder: Path):
    after = filtered(SHARPEN / 2 + 0.01, padding=1, stride=(2, 3))
    save("after.png", np.clip(after.astype(int) + 40, 0, 255).astype(np.uint8))
    words = ("--size", 3, "--stride", "2,3", "--bias", "--save", "kernel.npy", "--json")
    facts = facts_of(convscope("recover", "before.png", "after.png", *words))
    assert facts["stride"] == [2, 3]
    assert within(facts, SHARPEN / 2 + 0.01, 5)
    assert facts["bias"] == pytest.approx(40, abs=1)
    line = shlex.split(facts["apply"])
    assert line[line.index("--stride") + 1] == "2,3"
    words = [{"PICTURE": "before.png", "result.png": "made.npy"}.get(word, word) for word in line[1:]]
    assert convscope(*words).exit_code == 0
    made = np.load("made.npy") * 255
    assert made.shape == after.shape
    inner = np.s_[1:-1, 1:-1]
    sound = (after[inner] > 0) & (after[inner] < 215)
    assert np.abs(made[inner] - after[inner] - 40.0)[sound].max() < 1.5, "rounding, and the taps' own errors"


def test_no_bias_is_taken_at_its_word(convscope: Convscope, folder: Path):
    save("after.png", np.clip(filtered(SHARPEN / 2) + 20.0, 0, 255).astype(np.uint8))
    told = convscope("recover", "before.png", "after.png", "--size", 3, "--no-bias", "--json")
    assert facts_of(told)["bias"] == 0
    found = facts_of(convscope("recover", "before.png", "after.png", "--size", 3, "--json"))
    assert found["bias"] == pytest.approx(20, abs=0.5)
    assert found["residual"] < facts_of(told)["residual"]


def test_constraints_hold(convscope: Convscope, folder: Path):
    rng = np.random.default_rng(1)
    noisy = filtered(np.full((3, 3), 1 / 9)) + rng.normal(0, 6, (120, 150))
    save("after.png", np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
    free = np.array(facts_of(convscope("recover", "before.png", "after.png", "--size", 5, "--json"))["kernel"])
    assert free.min() < 0
    assert abs(free - free[::-1, ::-1]).max() > 1e-4
    words = ("--size", 5, "--nonnegative", "--sums-to-one", "--symmetric", "--json")
    held = np.array(facts_of(convscope("recover", "before.png", "after.png", *words))["kernel"])
    assert held.min() >= -1e-12
    assert held.sum() == pytest.approx(1)
    assert_allclose(held, held[::-1, ::-1], atol=1e-9)


def test_ridge_pulls_taps_to_zero(convscope: Convscope, folder: Path):
    save("after.png", filtered(SHARPEN))
    words = ("recover", "before.png", "after.png", "--size", 3, "--json", "--ridge")
    kernels = [np.array(facts_of(convscope(*words, ridge))["kernel"]) for ridge in (0, 1)]
    assert np.linalg.norm(kernels[1]) < 0.9 * np.linalg.norm(kernels[0])


def test_colours_share_a_kernel_have_one_each_or_mix(convscope: Convscope, folder: Path):
    picture = coffee()
    save("before.png", picture)
    for size, how in ((3, "shared"), (3, "each")):
        blurred = np.stack([filtered(np.full((3, 3), 1 / 9), picture=picture[..., k]) for k in range(3)], -1)
        save("after.png", blurred)
        facts = facts_of(convscope("recover", "before.png", "after.png", "--size", size, "--channels", how, "--json"))
        assert facts["channels"] == how
        assert np.shape(facts["kernel"]) == ((3, 3) if how == "shared" else (3, 1, 3, 3))
        assert_allclose(facts["kernel"], np.full(np.shape(facts["kernel"]), 1 / 9), atol=3e-3)
    tone = np.array([[0.39, 0.5, 0.1], [0.3, 0.4, 0.2], [0.2, 0.1, 0.4]])
    save("after.png", np.rint(picture @ tone.T).astype(np.uint8))
    told = convscope("recover", "before.png", "after.png", "--size", 1, "--channels", "mixed", "--save", "tone.npy")
    assert told.exit_code == 0, told.output
    assert "outputs down, inputs across:\n" in told.stdout
    assert np.load("tone.npy").shape == (3, 3, 1, 1)
    assert_allclose(np.load("tone.npy")[:, :, 0, 0], tone, atol=2e-3)
    assert convscope("conv", "before.png", "-k", "tone.npy", "-o", "made.npy").exit_code == 0
    assert np.abs(np.load("made.npy").transpose(1, 2, 0) * 255 - pixels("after.png")).max() < 0.7


def test_16_bits_are_finer_and_floats_need_no_range(convscope: Convscope, folder: Path):
    rng = np.random.default_rng(2)
    fine = (camera() * 256.0 + rng.integers(0, 256, (120, 150))).astype(np.uint16)
    made = ndimage.correlate(fine.astype(float), SHARPEN / 2 + 0.02, mode="mirror")
    save("before.png", fine)
    save("after.png", np.rint(np.clip(made, 0, 65535)).astype(np.uint16))
    facts = facts_of(convscope("recover", "before.png", "after.png", "--size", 3, "--json"))
    assert max(map(max, facts["stderr"])) < 1e-4
    assert within(facts, SHARPEN / 2 + 0.02)
    save("before.tif", fine.astype(np.float32) / 7)
    save("after.tif", (made / 7).astype(np.float32))
    facts = facts_of(convscope("recover", "before.tif", "after.tif", "--save", "kernel.npy", "--json"))
    assert (facts["verdict"], facts["rounding"], facts["apply"]) == ("exact", 0, None)
    assert_allclose(facts["kernel"], SHARPEN / 2 + 0.02, atol=1e-5)


def test_jpeg_files_bring_their_bounds(convscope: Convscope, folder: Path):
    picture = data.camera()[100:340, 120:440]
    save("before.png", picture)
    save("after.jpg", filtered(SHARPEN / 2 + 1 / 18, picture=picture), quality=85)
    told = convscope("recover", "before.png", "after.jpg", "--size", 3, "--json")
    facts = facts_of(told)
    assert facts["verdict"] == "noisy"
    assert any("JPEG" in reason for reason in facts["reasons"])
    assert within(facts, SHARPEN / 2 + 1 / 18)
    save("as.png", pixels("after.jpg"))
    alone = facts_of(convscope("recover", "before.png", "as.png", "--size", 3, "--json"))
    assert not within(alone, SHARPEN / 2 + 1 / 18), "the same cells, in a file that does not say how they were rounded"


def test_grey_photos_stored_as_colours_are_grey(convscope: Convscope, folder: Path):
    save("after.png", filtered(SHARPEN))
    one = facts_of(convscope("recover", "before.png", "after.png", "--size", 3, "--json"))
    for name in ("before", "after"):
        Image.open(f"{name}.png").convert("RGB").save(f"{name}-rgb.png")
    three = facts_of(convscope("recover", "before-rgb.png", "after-rgb.png", "--size", 3, "--json"))
    assert_array_equal(one["stderr"], three["stderr"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.png", "after.png"], "none.png: no such file; check the name"),
        (["before.png", "none.png"], "none.png: no such file"),
        (["before.png", "."], ".: a folder, not a picture"),
        (["text.png", "after.png"], "text.png: not a picture of a known kind"),
        (["before.png", "text.png"], "text.png: not a picture of a known kind"),
        (["before.png", "cut.png"], "cut.png: damaged picture"),
        (["before.png", "clear.png"], "clear.png: transparent in places; lay it on a background"),
        (["before.png", "before.png"], "before and after are the same picture"),
        (["flat.png", "after.png"], "before is constant (9)"),
        (["before.png", "part.png"], "after was cut out of it; give before[..., "),
        (["before.png", "half.png"], "it was scaled by 0.5"),
        (["before.png", "turned.png"], "one lies on its side"),
        (["before.png", "deep.png"], "before is uint8 (3 to 255) and after is uint16"),
        (["before.png", "colour.png"], "before has 1 channels and after has 3"),
        (["colour.png", "after.png"], "before has 3 channels and after has 1"),
        (["before.png", "after.png", "--size", "200"], "size=(200, 200): no window of 200 x 200 cells"),
        (["before.png", "after.png", "--size", "5x5"], "size='5x5': not whole numbers; write size as 1 or 1,2"),
        (["before.png", "after.png", "--size", "3,3,3"], "size=(3, 3, 3)"),
        (["before.png", "after.png", "--size", "0"], "size=0: it must be at least 1"),
        (["before.png", "after.png", "--size", "-3"], "size=-3"),
        (["before.png", "after.png", "--stride", "two"], "stride='two': not whole numbers"),
        (["before.png", "after.png", "--stride", "0"], "stride=0"),
        (["before.png", "after.png", "--stride", "3"], "before is 120 x 150 and after is 120 x 150"),
        (["before.png", "after.png", "--channels", "rgb"], "channels='rgb': it must be one of 'auto', "),
        (["before.png", "after.png", "--ridge", "-1"], "ridge=-1.0: a penalty is 0 or more"),
        (["before.png", "after.png", "--ridge", "nan"], "ridge=nan"),
        (["before.png", "after.png", "--ridge", "much"], "Invalid value for '--ridge'"),
        (["before.png", "after.png", "--save", "k.npz"], "'k.npz': end the name in .npy"),
        (["before.png", "after.png", "-o", "k.jpg"], "'k.jpg': end the name in .png"),
        (["before.png", "after.png", "--save", "text.png/k.npy"], "cannot write text.png/k.npy: not a directory"),
        (["before.png", "after.png", "-o", "/proc/k.png"], "cannot write /proc/k.png: "),
        (["before.png"], "Missing argument 'AFTER'"),
    ],
)
def test_bad_input_is_one_line_and_2_and_writes_nothing(
    convscope: Convscope, folder: Path, words: list[str], message: str
):
    after = filtered(SHARPEN)
    save("after.png", after)
    Path("text.png").write_text("no picture")
    Path("cut.png").write_bytes(Path("after.png").read_bytes()[:200])
    Image.fromarray(np.dstack([after, after, after, np.minimum(after, 200)])).save("clear.png")
    save("flat.png", np.full((120, 150), 9, np.uint8))
    save("part.png", after[11:51, 20:80])
    Image.fromarray(after).resize((75, 60), Image.Resampling.BOX).save("half.png")
    save("turned.png", np.rot90(after).copy())
    save("deep.png", after.astype(np.uint16) * 257)
    save("colour.png", np.dstack([after, after, 255 - after]))
    before = sorted(os.listdir())
    options = [] if "--save" in words else ["--save", "kernel.npy"]
    told = convscope("recover", *words, *options, *([] if "-o" in words else ["-o", "found.png"]))
    assert (told.exit_code, told.stdout) == (2, ""), told.output
    assert told.stderr.startswith("convscope: ")
    assert told.stderr.count("\n") == 1
    assert message in told.stderr
    assert sorted(os.listdir()) == before
