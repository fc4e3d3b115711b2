import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convscope.errors import InputError
from convscope.lens.dreams.film import Film
from convscope.pictures import recipe_in

RECIPE = {"made": "dream", "seed": 3, "by": "–"}


def frames(count: int = 5, height: int = 31, width: int = 45) -> list[np.ndarray]:
    coarse = np.random.default_rng(0).integers(60, 200, (4, 5, 3), np.uint8)
    picture = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    return [np.roll(picture, 3 * k, 1) for k in range(count)]


def filmed(path: Path, shown: list[np.ndarray], fps: float = 12, end: BaseException | None = None) -> None:
    with Film(path, fps, RECIPE) as film:
        for picture in shown:
            film.add(picture)
        assert film.frames == len(shown)
        if end is not None:
            raise end
    assert os.listdir(path.parent) == [path.name]


def test_a_webp_shows_every_frame_for_its_time(tmp_path: Path):
    shown = frames()
    filmed(tmp_path / "film.webp", shown)
    assert recipe_in((tmp_path / "film.webp").read_bytes()) == RECIPE
    with Image.open(tmp_path / "film.webp") as image:
        assert (image.size, image.n_frames, image.info["loop"]) == ((45, 31), 5, 0)  # type: ignore[attr-defined]
        lasted = []
        for k, picture in enumerate(shown):
            image.seek(k)
            assert np.abs(np.asarray(image.convert("RGB")).astype(int) - picture).mean() < 4
            lasted.append(image.info["duration"])
    assert sum(lasted) == round(5 * 1000 / 12)
    assert set(lasted) == {83, 84}


def test_an_mp4_has_even_sides_the_right_colours_and_its_recipe(tmp_path: Path):
    av = pytest.importorskip("av")
    shown = frames()
    filmed(tmp_path / "film.mp4", shown, 12.5)
    with av.open(tmp_path / "film.mp4") as container:
        assert json.loads(container.metadata["comment"]) == RECIPE
        stream = container.streams.video[0]
        assert (stream.codec_context.name, float(stream.average_rate)) == ("h264", 12.5)
        assert stream.codec_context.colorspace == 1
        seen = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(stream)]
    assert [one.shape for one in seen] == [(32, 46, 3)] * 5
    for one, picture in zip(seen, shown, strict=True):
        assert np.abs(one[:31, :45] - picture).mean() < 6
        assert np.abs((one[:31, :45] - picture).mean((0, 1))).max() < 3  # no cast of colour


@pytest.mark.parametrize("ending", [".webp", ".mp4"])
def test_the_same_frames_give_the_same_bytes(tmp_path: Path, ending: str):
    if ending == ".mp4":
        pytest.importorskip("av")
    for folder in ("a", "b"):
        filmed(tmp_path / folder / f"film{ending}", frames())
    assert (tmp_path / f"a/film{ending}").read_bytes() == (tmp_path / f"b/film{ending}").read_bytes()


def test_ctrl_c_leaves_a_film_and_an_error_none(tmp_path: Path):
    for stop, left in ((KeyboardInterrupt(), ["film.webp"]), (InputError("no"), [])):
        folder = tmp_path / str(len(left))
        folder.mkdir()
        with pytest.raises(type(stop)):
            filmed(folder / "film.webp", frames(2), end=stop)
        assert os.listdir(folder) == left
    with Image.open(tmp_path / "1/film.webp") as image:
        assert image.n_frames == 2  # type: ignore[attr-defined]
    with pytest.raises(KeyboardInterrupt):
        filmed(tmp_path / "none.webp", [], end=KeyboardInterrupt())
    assert not (tmp_path / "none.webp").exists()


def test_what_cannot_be_filmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(InputError, match=r"'film\.gif': a film is written as \.webp or \.mp4"):
        Film("film.gif")
    for fps in (0, float("nan"), 1000):
        with pytest.raises(InputError, match=f"fps={fps}: frames a second; use 0.1 to 240"):
            Film(tmp_path / "film.webp", fps)
    with pytest.raises(InputError, match="cannot write"):
        Film(Path(__file__) / "film.webp")
    with pytest.raises(InputError, match=r"frame 1 is \(31, 44, 3\); the first is \(31, 45, 3\)"):
        filmed(tmp_path / "film.webp", [*frames(1), *frames(1, width=44)])
    with pytest.raises(InputError, match=r"1 x 16384: a \.webp"):
        filmed(tmp_path / "film.webp", [np.zeros((1, 16384, 3), np.uint8)])
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match=r"pip install 'convscope\[video\]', or write \.webp"):
        Film(tmp_path / "film.mp4")
    assert os.listdir(tmp_path) == []
