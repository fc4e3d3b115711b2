import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convscope.errors import InputError
from convscope.lens.shown import Remade
from convscope.lens.shown.remade import written_as
from convscope.pictures import recipe_in


def remade(height: int = 30, width: int = 47) -> Remade:
    coarse = np.random.default_rng(0).integers(0, 256, (3, 4, 3), np.uint8)
    return Remade(np.asarray(Image.fromarray(coarse).resize((width, height))), {"made": "dream", "seed": 3})


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "deep/er/a.JPEG", "a.webp"])
def test_it_is_saved_whole_with_its_recipe(tmp_path: Path, name: str):
    one = remade()
    assert one.save(tmp_path / name) == [tmp_path / name]
    assert recipe_in((tmp_path / name).read_bytes()) == {"made": "dream", "seed": 3}
    with Image.open(tmp_path / name) as image:
        assert image.size == (47, 30)
    assert os.listdir((tmp_path / name).parent) == [Path(name).name]


def test_other_places_are_refused_before_and_after(tmp_path: Path):
    (tmp_path / "file").write_text("")
    for name, rule in (
        ("a.tiff", r"'\.tiff': no kind of picture that is written; end the name in \.png, \.jpg"),
        ("folder", "'folder': no kind of picture"),
        ("file/a.png", r"cannot write .*a\.png"),
    ):
        for ask in (written_as, remade().save):
            with pytest.raises(InputError, match=rule):
                ask(tmp_path / name)
    with pytest.raises(InputError, match=r"16384 x 3: a \.webp holds 16383 a side"):
        written_as(tmp_path / "a.webp", (16384, 3))
    assert os.listdir(tmp_path) == ["file"]


def test_notebooks_show_a_large_one_small():
    with Image.open(io.BytesIO(remade(600, 2000)._repr_png_())) as image:
        assert (1024, 307) <= image.size <= (1044, 327)  # with some paper around
    assert remade(600, 2000).picture.shape == (600, 2000, 3)
    assert "<img" in remade()._repr_html_()
