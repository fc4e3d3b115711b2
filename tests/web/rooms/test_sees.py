"""Room: a network sees. What it shows is what the layers compute; PyTorch computes the same beside it."""

import base64
import contextlib
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

import convscope as cs
from convscope.bridge import to_torch
from convscope.pictures import signed
from convscope.tasks import digits, trained
from convscope.web.rooms.sees import edits
from convscope.web.rooms.sees.examples import example
from convscope.web.rooms.sees.network import levels, look, measured, network
from convscope.web.sources import Source, painted

FOUR = example("4", 7).pixels
PICTURE = painted(FOUR)
LEVELS = [name for name in levels() if name != "drawing"]
CELLS = [
    *(("conv1", (0, 0, 0)), ("conv1", (5, 14, 11)), ("conv1", (2, 27, 3)), ("relu1", (1, 10, 12))),
    *(("pool1", (3, 13, 13)), ("pool1", (4, 6, 5)), ("conv2", (0, 0, 0)), ("conv2", (15, 9, 4))),
    *(("relu2", (7, 5, 5)), ("pool2", (9, 2, 4))),
    *(("fc1", (0, 4, 23)), ("relu3", (0, 2, 7)), ("fc2", (0, 3, 20)), ("relu4", (0, 1, 0)), ("fc3", (0, 0, 4))),
]
"""Of every level: corners, borders and the middle."""


@pytest.fixture(scope="module")
def module() -> torch.nn.Sequential:
    return to_torch(network())


@pytest.fixture(scope="module")
def expected(module) -> dict[str, np.ndarray]:
    """What PyTorch's twin says, level by level, in the shapes that are shown."""
    x, said = torch.from_numpy(digits.normalise(FOUR[None])), {}
    with torch.no_grad():
        for name, layer in module.named_children():
            x = layer(x)
            if name in levels():
                level = levels()[name]
                said[name] = x.numpy().reshape(level.maps, level.rows, level.columns)
    return said


def answer(api, path: str, **asked) -> dict:
    response = api.post(f"/api/sees/{path}", json={"picture": PICTURE} | asked)
    assert response.status_code == 200, response.text
    return response.json()


def colours(data: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(data), np.uint8)


def test_the_network_is_told_as_it_was_measured(api):
    told = api.get("/api/sees/network").json()
    verdict = trained.judge(network(), digits.load())
    assert told["accuracy"] == measured()["accuracy"] == verdict.accuracy > 0.99
    assert measured()["misread"] == [place for place, *_ in verdict.misread]
    assert told["weights"] == 61706
    assert [level["name"] for level in told["levels"]] == ["drawing", *LEVELS]
    assert Source.parse(told["start"]).kind == "cells"


def test_all_levels_are_those_of_the_network(api, expected):
    told = answer(api, "look")
    assert [level["name"] for level in told["levels"]] == LEVELS == list(expected)
    for level in told["levels"]:
        maps = look(FOUR)[level["name"]]
        np.testing.assert_allclose(maps, expected[level["name"]], rtol=1e-4, atol=1e-4)
        assert level["limit"] == np.abs(maps).max()
        assert (colours(level["colours"]) == signed(maps.reshape(-1, maps.shape[2]), level["limit"]).ravel()).all()
    np.testing.assert_allclose(told["scores"], expected["fc3"].ravel(), rtol=1e-4, atol=1e-4)
    assert sum(told["probabilities"]) == pytest.approx(1)
    assert told["best"] == np.argmax(told["probabilities"]) == 4


def test_visitors_do_not_disturb_each_other(api):
    pictures = [painted(example(str(digit), 1).pixels) for digit in range(10)] * 3  # type: ignore[arg-type]
    alone = [answer(api, "look", picture=picture) for picture in pictures[:10]]
    with ThreadPoolExecutor(10) as visitors:
        together = list(visitors.map(lambda picture: answer(api, "look", picture=picture), pictures))
    assert together == alone * 3


@pytest.mark.parametrize(("level", "place"), CELLS, ids=[f"{level}-{'-'.join(map(str, at))}" for level, at in CELLS])
def test_a_cell_is_the_sum_of_what_is_shown(api, expected, level, place):
    told = answer(api, "cell", level=level, place=place)
    assert told["value"] == pytest.approx(expected[level][place], rel=1e-4, abs=1e-4)
    assert told["value"] == pytest.approx(told["sum"] + (told["bias"] or 0), rel=1e-5, abs=1e-5)
    below = look(FOUR)[told["below"]]
    total = 0.0
    for block in told["blocks"]:
        sides = {name: np.array(side["values"]) for name, side in block["sides"].items()}
        assert all(len(side) == block["rows"] * block["columns"] for side in sides.values())
        for at, value in zip(block["places"], sides["input"]):
            assert value == (0 if at is None else below[tuple(at)])
            assert at is None or at[0] == block["map"]
        if "product" in sides:
            np.testing.assert_allclose(sides["product"], sides["input"] * sides["weight"])
            assert block["sum"] == pytest.approx(sides["product"].sum())
            assert (colours(block["sides"]["weight"]["colours"]) == signed(
                sides["weight"].reshape(block["rows"], -1), told["limits"]["weight"]).ravel()).all()  # fmt: skip
        total += block["sum"]
    assert total == pytest.approx(told["sum"])


@pytest.mark.parametrize(
    ("level", "maps", "size"), [("conv1", 1, 25), ("conv2", 6, 25), ("fc1", 16, 25), ("fc2", 1, 120)]
)
def test_all_inputs_are_shown_map_by_map(api, level, maps, size):
    told = answer(api, "cell", level=level, place=[0, 1, 2])
    assert [block["map"] for block in told["blocks"]] == list(range(maps))
    assert [len(block["places"]) for block in told["blocks"]] == [size] * maps


def test_the_padding_is_no_place_to_go_on_to(api):
    (block,) = answer(api, "cell", level="conv1", place=[0, 0, 27])["blocks"]
    beyond = [row < 2 or column > 2 for row in range(5) for column in range(5)]
    assert [place is None for place in block["places"]] == beyond


def test_pooling_says_which_cell_won_and_whether_it_was_alone(api):
    relu, pool = look(FOUR)["relu1"], look(FOUR)["pool1"]
    windows = relu.reshape(6, 14, 2, 14, 2).transpose(0, 1, 3, 2, 4).reshape(6, 14, 14, 4)
    ties = (windows == pool[..., None]).sum(-1)
    for many in (1, 4):
        place = tuple(int(at) for at in np.argwhere(ties == many)[0])
        told = answer(api, "cell", level="pool1", place=place)
        assert (told["ties"], told["winner"]) == (many, windows[place].argmax())


def test_how_far_a_cell_sees_is_what_the_lens_finds(api, module):
    for level, place in dict(CELLS).items():
        boxes = answer(api, "cell", level=level, place=place)["boxes"]
        if levels()[level].flat:
            assert boxes["drawing"] == [0, 0, 28, 28]
        elif level in ("conv1", "pool1", "conv2", "pool2"):
            assert boxes["drawing"] == list(cs.receptive_field(module, level, (1, 28, 28)).box(*place[1:])), level
    boxes = answer(api, "cell", level="pool2", place=[3, 4, 0])["boxes"]
    assert (boxes["relu2"], boxes["conv2"], boxes["pool1"]) == ([8, 0, 10, 2], [8, 0, 10, 2], [8, 0, 14, 6])


def test_the_way_ends_at_the_pixels(api):
    told = answer(api, "cell", level="drawing", place=[0, 14, 11])
    assert told["pixel"] == FOUR[14, 11]
    assert told["value"] == pytest.approx((FOUR[14, 11] / 255 - digits.MEAN) / digits.STD)
    assert told["blocks"] == []


@pytest.mark.parametrize(
    ("path", "asked", "status", "problem"),
    [
        ("look", {"picture": "builtin:ring"}, 400, r"picture='builtin:ring': the network sees 28 x 28 cells"),
        ("look", {"picture": painted(FOUR[:20])}, 400, "the network sees 28 x 28 cells"),
        ("look", {"picture": PICTURE[:-8]}, 400, "give one byte for each"),
        ("look", {"picture": "x" * 4000}, 422, "picture"),
        ("cell", {"level": "conv2", "place": [16, 0, 0]}, 400, r"conv2 has 16 x 10 x 10 cells"),
        ("cell", {"level": "fc3", "place": [0, 1, 0]}, 400, r"fc3 has 1 x 1 x 10 cells"),
        ("cell", {"level": "flatten", "place": [0, 0, 0]}, 422, "level"),
        ("cell", {"level": "conv1", "place": [0, -1, 0]}, 422, "place"),
        ("push", {"digit": 10}, 422, "digit"),
        ("change", {"digit": 1, "pen": "brush"}, 422, "pen"),
        ("read", {"picture": painted(np.zeros((28, 28), np.uint8))}, 400, "no ink found"),
        ("read", {"picture": "upload:" + "0" * 32}, 400, "upload the file again"),
    ],
    ids=["builtin", "rows", "short", "long", "map", "row", "level", "negative", "digit", "pen", "blank", "gone"],
)
def test_what_cannot_be_seen_is_told_in_a_line(api, path, asked, status, problem):
    response = api.post(f"/api/sees/{path}", json={"picture": PICTURE} | asked)
    assert response.status_code == status
    told = response.json()["problem"]
    assert problem in told
    assert "\n" not in told


def test_digits_that_somebody_wrote(api):
    pictures = digits.load()
    told = api.get("/api/sees/digits", params={"of": "8", "number": 2}).json()
    place = np.flatnonzero(pictures.test_labels == 8)[2]
    assert (told["place"], told["digit"]) == (place, 8)
    assert told["picture"] == painted(pictures.test_images[place])
    beyond = api.get("/api/sees/digits", params={"of": "8", "number": told["count"] + 2}).json()
    assert beyond == told
    misread = api.get("/api/sees/digits", params={"of": "misread", "number": 3}).json()
    assert answer(api, "look", picture=misread["picture"])["best"] != misread["digit"]


def test_a_photo_becomes_a_drawing(api):
    photo = 230 - np.kron(np.pad(FOUR, ((6, 20), (30, 4))), np.ones((8, 8))) / 255 * 190
    file = io.BytesIO()
    Image.fromarray(photo.astype(np.uint8)).save(file, "PNG")
    source = api.post("/api/uploads", content=file.getvalue()).json()["source"]
    drawing = answer(api, "read", picture=source)["picture"]
    assert answer(api, "look", picture=drawing)["best"] == 4
    cells = Source.parse(drawing).pixels(None)[..., 0] / 255  # type: ignore[arg-type]
    rows, columns = np.indices((28, 28))
    assert abs((cells * rows).sum() / cells.sum() - 13.5) < 1
    assert abs((cells * columns).sum() / cells.sum() - 13.5) < 1


def test_where_ink_counts_is_the_gradient(module):
    ink = torch.from_numpy(FOUR / np.float32(255)).requires_grad_()
    scores = module(((ink - digits.MEAN) / digits.STD)[None, None])[0]
    others = torch.cat([scores[:9], scores[10:]])
    (gradient,) = torch.autograd.grad(scores[9] - others.logsumexp(0), ink)
    found = edits.push(FOUR, 9)
    can = np.where(gradient.numpy() > 0, FOUR < 255, FOUR > 0)
    np.testing.assert_allclose(found[can], gradient.numpy()[can], rtol=1e-3, atol=1e-4)
    assert (found[~can] == 0).all()


def test_the_log_odds_are_those_of_the_probability():
    scores = np.array([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [300, 0, -5, 1, 1, 1, 1, 1, 1, 298]], np.float32)
    p = np.exp(scores.astype(np.float64) - scores.max(1, keepdims=True))
    p = p[:, 9] / p.sum(1)
    np.testing.assert_allclose(edits.odds(scores, 9), np.log(p / (1 - p)), rtol=1e-6)


def replayed(moves, pen) -> np.ndarray:
    """The moves made once more, cell by cell."""
    ink, reach = FOUR.astype(int), len(edits.PENS[pen]) // 2
    for move in moves:
        for (row, column), amount in np.ndenumerate(edits.PENS[pen]):
            at = (move.row + row - reach, move.column + column - reach)
            if min(at) >= 0 and max(at) < 28:
                ink[at] = min(max(ink[at] + move.sign * amount, 0), 255)
    return ink.astype(np.uint8)


@pytest.mark.parametrize(("pen", "wanted"), [("point", 9), ("dab", 7)])
def test_a_change_convinces_the_network_and_holds_nothing_that_can_be_spared(pen, wanted):
    told = []
    found = edits.change(FOUR, wanted, pen, lambda *step: told.append(step))
    assert found.found
    assert (replayed(found.moves, pen) == found.drawing).all()

    def says(drawing):
        return np.exp(edits.odds(look(drawing)["fc3"].reshape(1, -1), wanted)[0]) >= 1

    assert says(found.drawing)
    assert not any(says(replayed(found.moves[:k] + found.moves[k + 1 :], pen)) for k in range(len(found.moves)))
    probabilities = [probability for _, _, probability in told[: len(told) - found.taken_back]]
    assert probabilities == sorted(probabilities)
    assert len(found.moves) + found.taken_back == len(probabilities)


def test_a_change_is_found_while_one_watches(api, lab):
    job = lab.jobs.find(answer(api, "change", digit=9)["job"])
    events = api.get(f"/api/jobs/{job.id}/events").text  # until its end
    assert events.count('"probability"') >= 2
    data = job.data
    assert data["found"]
    assert data["probability"] >= 0.5
    seen = answer(api, "look", picture=data["picture"])
    assert seen["best"] == 9
    assert seen["probabilities"][9] == pytest.approx(data["probability"], rel=1e-4)
    moved = (Source.parse(data["picture"]).pixels(lab)[..., 0].astype(float) - FOUR) / 255
    assert (colours(data["difference"]) == signed(moved, 1).ravel()).all()
    assert (data["cells"], data["ink"]) == ((moved != 0).sum(), pytest.approx(np.abs(moved).sum()))


def test_what_it_says_already_needs_no_change(api, lab):
    job = lab.jobs.find(answer(api, "change", digit=4)["job"])
    api.get(f"/api/jobs/{job.id}/events")
    assert job.data["picture"] == PICTURE
    assert (job.data["moves"], job.data["cells"]) == (0, 0)


@pytest.mark.parametrize(("level", "place"), [("drawing", (0, 9, 9)), *CELLS[1::3], ("fc1", (0, 1, 4))])
def test_the_same_in_python(api, level, place):
    names: dict = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(answer(api, "python", level=level, place=place)["python"], names)
    cell = answer(api, "cell", level=level, place=place)
    if level == "drawing":
        assert float(printed.getvalue().splitlines()[-1]) == pytest.approx(cell["value"])
    else:
        assert names["explanation"].value == cell["value"]
    probabilities = answer(api, "look")["probabilities"]
    np.testing.assert_allclose(np.exp(names["x"][0]) / np.exp(names["x"]).sum(), probabilities, rtol=1e-4)
