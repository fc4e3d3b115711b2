"""Results show and save themselves, whatever the network takes; their files say how they were made."""

import io
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from torch import nn

from convscope import lens
from convscope.errors import InputError
from convscope.lens.models import Network, Preprocessing
from convscope.lens.shown import Card, Listed, Shown, again, as_picture, contact_sheet, framed, heat, plot, recipe_of
from convscope.lens.weights import weights_hash
from convscope.pictures import png_recipe


class Three(Shown):
    """Three pictures of 5 x 7, black, grey and white."""

    def __init__(self, recipe: dict[str, Any] | None = None, count: int = 3) -> None:
        self.recipe, self.count = recipe or {}, count

    def cards(self) -> Iterator[Card]:
        for k in range(self.count):
            yield Card(np.full((5, 7, 3), 127 * min(k, 2), np.uint8), f"unit {k} <&>", f"unit-{k}")


class Rows(Listed):
    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        return ("name", "shape"), [("a<b", "3 x 5"), ("longer", "7")]


def test_one_channel_is_grey_and_three_are_colours():
    grey = as_picture(np.array([[[0.0, 2.0], [1.0, 3.0]]]), box=(0, 2))
    assert_array_equal(grey[..., 0], [[0, 255], [128, 255]])
    assert_array_equal(grey[..., 0], grey[..., 2])
    colour = as_picture(np.array([1.0, 0.0, -1.0]).reshape(3, 1, 1), box=((1.0, -1.0, 0.0), (2.0, 0.0, -1.0)))
    assert_array_equal(colour[0, 0], [0, 255, 255])


def test_a_preprocessing_is_turned_back():
    taken = Preprocessing((4, 6), mean=(10.0, 20.0, 30.0), white=255.0, order="BGR")
    people = np.random.default_rng(0).integers(0, 256, (1, 4, 6, 3), np.uint8)
    assert_array_equal(as_picture(taken.to_inputs(people)[0].numpy(), taken), people[0])


def test_without_a_box_the_least_is_black_and_the_greatest_white():
    shown = as_picture(np.array([[[-3.0, 1.0, 5.0]]]))
    assert_array_equal(shown[0, :, 1], [0, 128, 255])
    assert_array_equal(as_picture(np.full((1, 2, 3), 7.0)), np.zeros((2, 3, 3)))


@pytest.mark.parametrize("channels", [2, 5])
def test_other_numbers_of_channels_are_planes_on_one_sheet(channels: int):
    values = np.zeros((channels, 6, 4))
    values[-1] = 1
    shown = as_picture(values, box=(0, 1))
    side = int(np.ceil(channels**0.5))
    assert shown.shape[1] == 1 + side * 5
    assert (shown == 0).all(2).sum() == (channels - 1) * 24


def test_a_volume_is_shown_in_slices():
    values = np.repeat(np.arange(20.0)[None, :, None, None], 5, 2).repeat(4, 3)
    shown = as_picture(values, box=(0, 19))
    assert shown.shape == (1 + 3 * 6, 1 + 3 * 5, 3)
    assert (tuple(shown[1, 1]), tuple(shown[-2, -2])) == ((0, 0, 0), (255, 255, 255))


def test_signals_and_vectors_are_lines():
    rising = as_picture(np.linspace(-1, 1, 300)[None], box=(-1, 1))
    inked = (rising != 255).any(2) & (np.abs(rising.astype(int) - (33, 102, 172)).sum(2) == 0)
    rows = [np.flatnonzero(inked[:, column]).mean() for column in (5, 150, 290)]
    assert rows[0] > rows[1] > rows[2]
    assert as_picture(np.arange(4.0)).ndim == 3
    assert as_picture(np.array([2.0])).ndim == 3
    many = plot(np.random.default_rng(0).standard_normal((8, 40)))
    assert len(np.unique(many.reshape(-1, 3), axis=0)) > 6


@pytest.mark.parametrize(
    "values", [np.array([[[np.nan]]]), np.array([[[np.inf, 1]]]), np.zeros((1, 0, 3)), np.zeros((1, 1, 1, 1, 1))]
)
def test_what_cannot_be_shown_is_said(values: np.ndarray):
    with pytest.raises(InputError, match="values of shape"):
        as_picture(values)


def test_a_frame_lies_on_the_border_cells_of_its_box():
    shown = framed(np.zeros((8, 9, 3), np.uint8), (2, 3, 6, 8))
    there = (shown != 0).any(2)
    rows, columns = np.nonzero(there)
    assert (rows.min(), columns.min(), rows.max(), columns.max()) == (2, 3, 5, 7)
    assert there.sum() == 2 * 4 + 2 * 5 - 4
    assert (framed(np.zeros((8, 9, 3), np.uint8), (-4, -4, 20, 20))[0] != 0).any(1).all()
    assert not framed(np.zeros((8, 9, 3), np.uint8), (20, 0, 30, 4)).any()


def test_heat_is_red_where_it_raises_and_blue_where_it_lowers():
    shown = heat(np.full((1, 3, 3), 128, np.uint8), np.array([[2.0, -2.0, 0.0]]), 2).astype(int)[0]
    assert shown[0, 0] > shown[0, 2] + 50
    assert shown[1, 2] > shown[1, 0] + 50
    assert np.ptp(shown[2]) == 0


def test_small_pictures_are_enlarged_cell_by_cell_and_captions_stand_below():
    picture = np.random.default_rng(0).integers(0, 256, (3, 5, 3), np.uint8)
    page = contact_sheet([Card(picture), Card(picture)], columns=2)
    assert page.shape == (8 + 60, 12 + 200, 3)
    assert_array_equal(page[4:64:20, 4:104:20], picture)
    told = contact_sheet([Card(picture, "one\ntwo"), Card(picture)], columns=1)
    assert told.shape[0] > 2 * (page.shape[0] - 8) + 4 * 15
    assert (told[70:90] != 255).any()


def test_wide_captions_are_not_cut():
    wide = contact_sheet([Card(np.zeros((9, 9, 3), np.uint8), "a caption that is much wider than its picture")])
    assert wide.shape[1] > 200
    assert (wide[:, :4] == 255).all()
    assert (wide[100:, 4:12] != 255).any()
    assert (wide[100:, -12:-4] != 255).any()


def test_a_png_is_one_page_that_knows_its_recipe(tmp_path: Path):
    shown = Three({"seed": 3, "command": "convscope draw ..."})
    (file,) = shown.save(tmp_path / "new" / "page.png")
    assert png_recipe(file.read_bytes()) == shown.recipe
    assert_array_equal(np.asarray(Image.open(file)), shown.sheet())


def test_a_folder_has_each_picture_as_it_is(tmp_path: Path):
    files = Three({"seed": 3}).save(tmp_path / "page")
    assert [file.name for file in files] == ["unit-0.png", "unit-1.png", "unit-2.png"]
    assert np.asarray(Image.open(files[1])).shape == (5, 7, 3)
    assert png_recipe(files[1].read_bytes()) == {"seed": 3, "picture": "unit 1 <&>"}


@pytest.mark.parametrize(
    ("name", "message"), [("page.jpg", "end the name in .png or in nothing"), (".", "a folder has that name")]
)
def test_names_that_cannot_be_written_are_refused(
    tmp_path: Path, name: str, message: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(InputError, match=message):
        Three().save(name if name != "." else "taken.png")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.png"]


def test_notebooks_show_them():
    shown = Three({"seed": 3})
    assert png_recipe(shown._repr_png_()) == {"seed": 3}
    page = shown._repr_html_()
    assert page.startswith('<img alt="unit 0 &lt;&amp;&gt;; unit 1')
    assert "The first" not in page


def test_notebooks_show_the_first_of_very_many():
    shown = Three(count=101)
    assert "<p>The first 100; save() writes all.</p>" in shown._repr_html_()
    assert shown.sheet().shape[1] > Image.open(io.BytesIO(shown._repr_png_())).width


def test_a_result_without_pictures_says_so():
    with pytest.raises(InputError, match="nothing to show"):
        Three(count=0).sheet()


def test_rows_are_columns_of_text_and_html():
    assert str(Rows()) == "name    shape\na<b     3 x 5\nlonger  7"
    assert "<td>a&lt;b</td><td>3 x 5</td>" in Rows()._repr_html_()


def test_the_line_that_makes_it_again():
    words = shlex.split(again("python:my nets:build", "draw", ["conv 1"], {"l1": 0.5, "units": (3,), "whole": True}))
    assert words == ["convscope", "draw", "python:my nets:build", "conv 1", "--l1", "0.5", "--units", "3", "--whole"]
    assert again("squeezenet", "draw", ["a"], {"rate": 0.1}) == "lens.draw('squeezenet', 'a', rate=0.1)"
    told = again("squeezenet", "account", ["PICTURE"], {"layer": "a", "of": ("b", 3)})
    assert told == "lens.account('squeezenet', picture, layer='a', of=('b', 3))"


def test_a_recipe_names_the_weights():
    model = nn.Conv2d(1, 2, 3)
    recipe = recipe_of(Network(model, (1, 5, 5)), "draw", ["0"], {"seed": 4})
    assert recipe["weights"] == weights_hash(model)
    assert recipe["settings"] == {"seed": 4}
    assert recipe["command"] == "lens.draw(model, '0', seed=4)"


def test_maps_examples_and_layers_show_themselves(tmp_path: Path):
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU())
    pictures = np.random.default_rng(0).standard_normal((4, 3, 9, 8)).astype(np.float32)
    said = lens.maps(model, pictures[:2], ["0", "1"])
    assert [card.caption for card in said.cards()] == ["0, picture 0", "0, picture 1", "1, picture 0", "1, picture 1"]
    (page,) = said.save(tmp_path / "maps.png")
    assert (png_recipe(page.read_bytes()) or {})["weights"] == weights_hash(model)
    found = lens.examples(model, "1", pictures, k=2)
    assert [card.name for card in found.cards()] == ["1-unit-0", "1-unit-1"]
    assert found.recipe["command"] == "lens.examples(model, ['1'], pictures, k=2, seed=0)"
    assert found._repr_html_().startswith("<img")
    listed = lens.layers(model, (3, 9, 8))
    assert str(listed).splitlines()[1].split() == ["0", "Conv2d", "2", "2", "x", "7", "x", "6", "56", "3", "x", "3"]
    assert "<td>ReLU</td>" in listed._repr_html_()
