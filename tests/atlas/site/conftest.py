"""Atlases that were made up, one for each kind of trouble; written once, only read."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page

from convscope.atlas.store import Store
from tests.atlas.site.chromium import drawn

_SPEC = importlib.util.spec_from_file_location(
    "synthetic_atlas", Path(__file__).parents[3] / "benchmarks" / "synthetic_atlas.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
synthetic = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = synthetic  # dataclasses look their module up
_SPEC.loader.exec_module(synthetic)

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "../../x",
    "\"quotes\" & 'more' </script><script>alert(1)</script>",
    "\u202eright to left\u202c مرحبا",
    "👩‍🔬🔬",
    "long " * 60,
    "compare",
    "a/b?c#d%41&e=f",
    "javascript:alert(1)",
    "卷积层 1",
    "constructor",
]
"""Names that break what joins texts in the place of making elements."""

@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory):
    """Makes an atlas of given settings, without waiting for the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield lambda **settings: synthetic.make(
            tmp_path_factory.mktemp("made") / "atlas", synthetic.Settings(**settings)
        )


@pytest.fixture(scope="session")
def atlas(made) -> Store:
    """Three checkpoints of a network with branches and skips; three drawings of each unit."""
    return made(labels=("epoch 1", "epoch 5", "epoch 20"), layers=synthetic.squeeze(1, fires=2), facets=3)


@pytest.fixture(scope="session")
def bare(made) -> Store:
    """An atlas without real pictures and without a training history."""
    return made(labels=("bare",), layers=synthetic.squeeze(1, fires=1), pictures=0, history=0)


@pytest.fixture(scope="session")
def hostile(made) -> Store:
    """Everything that has a name has one of those."""
    layers = [synthetic.Layer(name, name, 3, 8, tuple(HOSTILE[max(0, k - 2) : k])) for k, name in enumerate(HOSTILE)]
    return made(
        labels=("compare", HOSTILE[0]),
        layers=layers,
        classes=HOSTILE[:5],
        names=[*HOSTILE, "half \udc80 a letter.jpg"],
        photo=48,
        drawing=16,
    )


@pytest.fixture
def open_page(browser, atlas):
    """Opens a view of an atlas; a complaint, a dialog of the browser, and a request that fails or leaves, fail."""
    contexts, complaints = [], []

    def open_(route: str, store=atlas, width: int = 1280, **options) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 800}, **({"locale": "en"} | options))
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
        page.on("request", lambda r: r.url.startswith(f"file://{store.url}/") or complaints.append(r.url))
        page.goto(f"file://{store.url}/index.html{route}")
        drawn(page)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []
