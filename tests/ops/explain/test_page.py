"""docs/explain.md prints what it shows."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from convscope.cli.app import app
from convscope.pictures import png_recipe

DOCS = Path(__file__).parents[3] / "docs"
SHOWN = re.findall(r"^```(python|sh)\n(.*?)^```\n```text\n(.*?)^```$", (DOCS / "explain.md").read_text(), re.S | re.M)


def test_every_block_of_the_page_prints_what_stands_under_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    band = np.full((6, 8), 255, np.uint8)
    band[:, 2:6] = 0
    Image.fromarray(band).save("band.png")
    names: dict[str, object] = {}
    assert len(SHOWN) == 10
    for language, code, expected in SHOWN:
        if language == "sh":
            printed = CliRunner().invoke(app, shlex.split(code)[1:]).stdout
        else:
            with contextlib.redirect_stdout(io.StringIO()) as page:
                exec(compile(code, "explain.md", "exec"), names)
            printed = page.getvalue()
        assert printed == expected
    drawn, kept = Path("figure.png"), DOCS / "pictures" / "explain.png"
    assert png_recipe(drawn.read_bytes()) == png_recipe(kept.read_bytes())
    with Image.open(drawn) as new, Image.open(kept) as old:
        assert new.size == old.size
