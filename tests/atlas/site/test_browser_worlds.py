"""The pages of a network that takes no photographs, in a browser: what a unit sees has a picture of its own."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from convscope.atlas import job
from convscope.atlas.gallery import WorldGallery
from convscope.atlas.store import Store
from convscope.atlas.subject import Recipe, Subject
from convscope.atlas.survey import survey
from convscope.lens.models import Inputs, Network, World
from convscope.pictures import Picture
from tests.atlas.site.chromium import go, until


class Heights(World):
    """Rows of numbers, each number a bar as high as it is, 10 pixels wide or as many as are said."""

    def __init__(self, width: int = 10):
        self.width = width

    def read(self, source: Path, limit: int | None = None) -> Inputs:
        rows = np.loadtxt(source, dtype=np.float32)[:limit]
        return Inputs(torch.from_numpy(rows[:, None, :, None]), tuple(f"row {i}" for i in range(len(rows))))

    def show(self, values: np.ndarray) -> Picture:
        high = np.arange(40)[::-1, None] < np.nan_to_num(values[0, :, 0]) * 40
        return np.repeat(np.where(high[..., None], np.uint8(0), np.uint8(255)).repeat(3, 2), self.width, 1)


def made(tmp_path: Path, world: World) -> Store:
    np.savetxt(tmp_path / "rows.txt", np.random.default_rng(0).random((5, 12)))
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, (3, 1)), nn.ReLU(), nn.Conv2d(2, 3, (9, 1)), nn.Flatten(), nn.Linear(6, 2))
    network = Network(model, (1, 12, 1), world=world)
    quick = Recipe("quick", facets=1, steps=2, examples=3, links=2, trust=False)
    gallery = WorldGallery(tmp_path / "rows.txt", network)
    job.build(str(tmp_path / "atlas"), Subject((survey(network, "net"),), gallery, quick, 0))
    return Store.open(tmp_path / "atlas")


@pytest.fixture
def rows(tmp_path: Path) -> Store:
    return made(tmp_path, Heights())


def test_the_part_that_a_unit_sees_stands_beside_the_whole(open_page, rows):
    page = open_page("#/net/0/1", rows)
    page.locator(".crop").first.click()
    loaded = "[...document.querySelectorAll('.viewer img')].every(one => one.naturalWidth > 0)"
    until(page, loaded)
    assert page.evaluate("[...document.querySelectorAll('.viewer img')].map(one => one.naturalWidth)") == [120, 30]
    assert page.locator(".viewer .frame").count() == 0
    page.keyboard.press("Escape")
    go(page, "#/net/4/0")  # a unit that sees all
    page.locator(".crop").first.click()
    until(page, loaded)
    assert page.locator(".viewer img").count() == 1
    assert page.locator(".viewer dd").all_inner_texts()[-1] == "whole input"


def test_a_small_kernel_of_one_column_stays_small(open_page, rows):
    page = open_page("#/net/2/0", rows)
    page.wait_for_selector(".cells")
    sizes = page.locator(".cells").evaluate_all("all => all.map(one => [one.clientWidth, one.clientHeight])")
    assert {tuple(size) for size in sizes} == {(10, 92), (46, 92)}  # nine cells in a column, and two


@pytest.mark.parametrize(("width", "ratio"), [(10, 1), (20, 4)])
def test_pictures_much_wider_than_tall_have_wide_places(open_page, tmp_path, width, ratio):
    page = open_page("#/net/0/1", made(tmp_path, Heights(width)))
    page.wait_for_selector(".crop img")
    shapes = page.locator(".crop img, .drawing img").evaluate_all("all => all.map(o => o.clientWidth / o.clientHeight)")
    assert shapes == pytest.approx([ratio] * len(shapes), rel=0.05)
