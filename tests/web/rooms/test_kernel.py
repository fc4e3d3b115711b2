"""Room: one kernel. Whatever it shows is what the operators and `ops.explain` say."""

import base64
import contextlib
import io

import numpy as np
import pytest
from PIL import Image

from convscope import ops
from convscope.ops.explain import explain, touches
from convscope.web.sources import builtin, painted
from convscope.web.texts import catalogue

CELLS = np.random.default_rng(5).integers(0, 256, (7, 9)).astype(np.uint8)
PICTURE = painted(CELLS)
KERNEL = [[1, -2, 0.5], [0, 3, -1]]
HOW = {"stride": 2, "padding": 2, "padding_mode": "reflect", "dilation": 1, "flip": True}
CASES = [
    {},
    HOW,
    {"stride": 3, "padding": 1, "bias": -4.5, "greys": 255},
    {"padding": "same", "padding_mode": "circular", "dilation": 2},
    {"padding": 3, "padding_mode": "replicate"},
]


def given(asked: dict) -> dict:
    """The operator's arguments that stand for a request."""
    greys, how = asked.get("greys", 9), {name: asked[name] for name in HOW if name in asked}
    bias = {"bias": np.array([float(asked["bias"])])} if "bias" in asked else {}
    x = np.round(CELLS / 255 * greys)[None, None]
    return {"x": x, "w": np.array(KERNEL)[None, None], **bias, **how}


def answer(api, path: str, **asked) -> dict:
    response = api.post(f"/api/kernel/{path}", json={"picture": PICTURE, "kernel": KERNEL} | asked)
    assert response.status_code == 200, response.text
    return response.json()


def sheet(part: dict) -> np.ndarray:
    assert len(base64.b64decode(part["colours"])) == 3 * part["rows"] * part["columns"]
    return np.array(part["values"]).reshape(part["rows"], part["columns"])


@pytest.mark.parametrize("asked", CASES, ids=range(len(CASES)))
def test_the_sheets_are_the_operator_s(api, asked):
    told = answer(api, "apply", **asked)
    arguments = given(asked)
    np.testing.assert_allclose(sheet(told["output"]), ops.conv2d(**arguments)[0, 0], rtol=1e-12)
    top, bottom, left, right = told["sizes"]["pads"]
    padded = ops.pad2d(arguments["x"], (top, bottom, left, right), asked.get("padding_mode", "zeros"))[0, 0]
    assert (sheet(told["input"]) == padded).all()
    assert (told["input"]["top"], told["input"]["left"]) == (-top, -left)
    assert told["overview"] is None
    rows, columns = told["sizes"]["left_over"]
    kinds = np.array(told["input"]["kinds"], object).reshape(padded.shape)
    height, width = padded.shape
    assert (kinds == "left-over").sum() == rows * width + columns * height - rows * columns
    assert (kinds[: height - rows, : width - columns] == "padding").sum() == (
        (height - rows) * (width - columns)
        - min(7, height - rows - top) * min(9, width - columns - left)
    )  # fmt: skip
    for value, source in zip(told["input"]["values"], told["input"]["sources"]):
        assert value == (0 if source is None else arguments["x"][0, 0, source[0], source[1]])


@pytest.mark.parametrize("asked", CASES, ids=range(len(CASES)))
@pytest.mark.parametrize("at", [(0, 0), (1, 2)])
def test_an_output_cell_is_explained(api, asked, at):
    told = answer(api, "explain", at=at, **asked)
    found = explain("conv2d", given(asked), at=(0, 0, *at)).to_dict()
    assert [told[name] for name in ("sum", "bias", "value")] == [found[name] for name in ("sum", "bias", "value")]
    assert len(told["terms"]) == 6
    for mine, term in zip(told["terms"], found["terms"]):
        x, w = term["factors"]
        assert (mine["input"], mine["weight"], mine["product"]) == (x["value"], w["value"], term["product"])
        assert mine["cell"] == (x["cell"] and x["cell"][2:])
        assert mine["tap"] == w["cell"][2:]
        assert (mine["place"], mine["padding"]) == (term["place"][2:], term["padding"])


@pytest.mark.parametrize("asked", CASES, ids=range(len(CASES)))
@pytest.mark.parametrize(("of", "cell"), [("input", (1, 1)), ("input", (6, 8)), ("weight", (0, 2)), ("weight", (1, 1))])
def test_all_that_a_cell_touches(api, asked, of, cell):
    told = answer(api, "touches", of=of, cell=cell, **asked)
    found = touches("conv2d", given(asked), {"input": "x", "weight": "w"}[of], (0, 0, *cell)).to_dict()
    assert told["value"] == found["value"]
    assert told["outputs"] == len({str(term["output"]) for term in found["terms"]})
    terms = [
        {
            "output": term["output"][2:],
            "place": term["place"][2:],
            "padding": term["padding"],
            "cell": term["factors"][0]["cell"] and term["factors"][0]["cell"][2:],
            "tap": term["factors"][1]["cell"][2:],
            "input": term["factors"][0]["value"],
            "weight": term["factors"][1]["value"],
            "product": term["product"],
        }
        for term in found["terms"]
    ]
    key = str
    assert sorted(told["terms"], key=key) == sorted(terms, key=key)


def test_a_signal_is_one_row(api):
    asked = {"axes": 1, "kernel": [[1, 2, -1]], "padding": 1, "stride": 3, "padding_mode": "replicate"}
    told = answer(api, "apply", **asked)
    x = np.round(CELLS[3] / 255 * 9)[None, None]
    w = np.array([[[1.0, 2, -1]]])
    how = {"padding": 1, "stride": 3, "padding_mode": "replicate"}
    assert sheet(told["output"]).tolist() == ops.conv1d(x, w, **how)[0].tolist()
    assert told["sizes"]["input"] == [1, 9]
    assert told["sizes"]["pads"] == [0, 0, 1, 1]
    assert told["input"]["kinds"][-2:] == ["left-over", "left-over"]
    first = answer(api, "explain", at=(0, 0), **asked)
    assert first["value"] == explain("conv1d", {"x": x, "w": w, **how}, at=(0, 0, 0)).value
    assert [term["place"] for term in first["terms"]] == [[0, -1], [0, 0], [0, 1]]
    assert told["paint"] == painted(CELLS[3][None])


def test_a_large_picture_is_seen_in_parts(api):
    asked = {"picture": "builtin:castle", "greys": 255, "padding": 1, "stride": 2, "flip": True, "bias": 3}
    told = answer(api, "apply", view=(20, 30), **asked)
    output = told["output"]
    assert (output["top"], output["left"]) == (20, 30)
    assert told["overview"]["input"]["columns"] == told["sizes"]["input"][1] == 128
    assert max(told["input"]["rows"], told["input"]["columns"]) <= 16
    again = answer(api, "apply", view=(9999, 9999), **asked)
    rows, columns = told["sizes"]["output"]
    assert (again["output"]["top"] + again["output"]["rows"], again["output"]["left"] + again["output"]["columns"]) == (
        rows,
        columns,
    )
    assert "left-over" in again["input"]["kinds"]
    assert told["paint"] is None

    cell = answer(api, "explain", at=(20, 30), **asked)
    assert cell["value"] == pytest.approx(sheet(output)[0, 0])
    weight = answer(api, "touches", of="weight", cell=(0, 0), view=(20, 30), **asked)
    assert weight["outputs"] == rows * columns
    assert len(weight["terms"]) == output["rows"] * output["columns"]
    first = next(term for term in weight["terms"] if term["output"] == [20, 30])
    mine = next(term for term in cell["terms"] if term["tap"] == [0, 0])
    assert first == mine


def test_what_the_colours_mean(api):
    signed = answer(api, "apply")["scale"]
    values = sheet(answer(api, "apply")["output"])
    assert signed["kind"] == "signed"
    assert signed["limit"] == max(abs(values.min()), values.max())
    third = answer(api, "apply", kernel=[[1 / 3] * 3])["scale"]
    assert (third["kind"], third["limit"], third["cut"]) == ("grey", 9, 0)
    sharp = answer(api, "apply", kernel=[[-1, 3, -1]])
    outside = (sheet(sharp["output"]) < 0) | (sheet(sharp["output"]) > 9)
    assert sharp["scale"]["cut"] == outside.mean() > 0
    assert answer(api, "apply", kernel=[[1 / 3] * 3], scale="signed")["scale"]["kind"] == "signed"
    nothing = answer(api, "apply", kernel=[[0.0]])
    assert nothing["scale"]["limit"] == 0
    assert set(nothing["output"]["values"]) == {0}


def ran(code: str) -> tuple[dict, str]:
    names: dict = {}
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(code, names)
    return names, said.getvalue()


@pytest.mark.parametrize("asked", [
    HOW,
    {"bias": 0.25, "padding": "same"},
    {"axes": 1, "kernel": [[1, 0, -1]], "padding": 1},
    {"picture": "builtin:ring", "dilation": 2},
    {"picture": "builtin:castle", "greys": 255, "view": (3, 5)},
], ids=["painted", "bias", "signal", "drawn", "photograph"])  # fmt: skip
def test_the_same_in_python(api, asked):
    told = answer(api, "explain", at=(0, 3), **asked)
    names, said = ran(told["python"])
    out = names["out"].reshape(names["out"].shape[-2:] if asked.get("axes", 2) == 2 else (1, -1))
    assert out[0, 3] == pytest.approx(told["value"])
    assert said.count("sum of ") == 1
    shown = answer(api, "apply", **asked)["output"]
    part = out[shown["top"] : shown["top"] + shown["rows"], shown["left"] : shown["left"] + shown["columns"]]
    np.testing.assert_allclose(sheet(shown), part, rtol=1e-12)
    part = answer(api, "touches", of="input", cell=(0, 3), **asked)
    _, said = ran(part["python"])
    assert f"touches {part['outputs']} output" in said


def test_an_upload_in_python(api, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(builtin("dog")).save("picture.png")
    upload = api.post("/api/uploads", content=(tmp_path / "picture.png").read_bytes()).json()
    asked = {"picture": upload["source"], "greys": 255}
    names, _ = ran(answer(api, "explain", at=(2, 2), **asked)["python"])
    shown = answer(api, "apply", **asked)
    assert names["out"].shape[2:] == tuple(shown["sizes"]["output"])
    assert names["out"][0, 0, 2, 2] == pytest.approx(sheet(shown["output"])[2, 2])


@pytest.mark.parametrize(("asked", "status", "problem"), [
    ({"kernel": [[1, 2], [3]]}, 422, "equally long"),
    ({"kernel": [[None]]}, 422, "kernel.0.0=None"),
    ({"kernel": [[1e9]]}, 422, "1000000"),
    ({"kernel": [[1] * 8]}, 422, "7"),
    ({"kernel": []}, 422, "kernel"),
    ({"stride": 0}, 422, "stride=0"),
    ({"padding": "all"}, 422, "padding"),
    ({"surprise": 1}, 422, "surprise"),
    ({"picture": "builtin:nothing"}, 400, "give builtin:NAME"),
    ({"picture": "cells:2x2:AAA"}, 400, "2 x 2 cells"),
    ({"picture": "upload:" + "0" * 32}, 400, "upload"),
    ({"kernel": [[1] * 7] * 7, "dilation": 4}, 400, "use a smaller kernel or more padding"),
    ({"axes": 1}, 400, "2 rows for a signal"),
    ({"picture": painted(np.zeros((2, 9), np.uint8)), "padding": 3, "padding_mode": "reflect"}, 400, "use padding="),
])  # fmt: skip
def test_what_is_wrong_is_told_in_one_line(api, asked, status, problem):
    response = api.post("/api/kernel/apply", json={"picture": PICTURE, "kernel": KERNEL} | asked)
    assert response.status_code == status
    assert problem in response.json()["problem"]
    assert "\n" not in response.json()["problem"]


@pytest.mark.parametrize(("path", "asked", "problem"), [
    ("explain", {"at": (6, 0)}, "at=(6, 0): the output has 6 x 7 cells"),
    ("touches", {"of": "input", "cell": (0, 9)}, "the input has 7 x 9 cells"),
    ("touches", {"of": "weight", "cell": (2, 0)}, "the kernel has 2 x 3 cells"),
])  # fmt: skip
def test_cells_that_are_not_there(api, path, asked, problem):
    response = api.post(f"/api/kernel/{path}", json={"picture": PICTURE, "kernel": KERNEL} | asked)
    assert response.status_code == 400
    assert problem in response.json()["problem"]


def test_all_choices_have_names(api):
    told = api.get("/api/kernel/choices").json()
    for words in catalogue().values():
        assert {f"kernel.names.{name}" for name in [*told["kernels"], *told["lines"]]} <= set(words)
        assert {f"kernel.signals.{name}" for name in told["signals"]} <= set(words)
    for name, source in told["signals"].items():
        shown = answer(api, "apply", picture=source, axes=1, kernel=[[1]])
        assert shown["sizes"]["input"][0] == 1, name
    for kernel in told["kernels"].values():
        answer(api, "apply", picture="builtin:ring", kernel=kernel)
    for kernel in told["lines"].values():
        answer(api, "apply", picture=told["signals"]["wave"], axes=1, kernel=kernel)
    assert len(told["levels"]) == 10


def test_any_shape_of_painted_cells(api):
    for shape in ((1, 1), (1, 4096), (4096, 1), (64, 64)):
        cells = painted(np.full(shape, 255, np.uint8))
        told = answer(api, "apply", picture=cells, kernel=[[1]], padding="same")
        assert told["sizes"]["output"] == list(shape)
        assert set(told["output"]["values"]) == {9}
