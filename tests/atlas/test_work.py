"""One task, one record: the numbers are right, the pictures are PNGs that say how they were made."""

import io
import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

from convscope import lens, pictures
from convscope.atlas import plan, work
from convscope.atlas.store import Record


@pytest.fixture(scope="module")
def subject(given) -> work.Subject:
    facts, arguments = given.facts, given.arguments
    images, inputs, labels = arguments["images"], arguments["inputs"], arguments["labels"]
    credits = {"weights": "abc123"}
    return work.Subject(given.model, facts.layers, facts.classes, images, inputs, labels, credits)


@pytest.fixture(scope="module")
def do(given, subject) -> Callable[[str], Record]:
    tasks = {task.name: task for task in plan.tasks(given.facts)}
    return lambda name: work.run(subject, tasks[name])


def picture(record: Record, name: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(record.pictures[name])))


def logits(given) -> np.ndarray:
    with torch.no_grad():
        return given.model(torch.from_numpy(given.arguments["inputs"])).numpy()


def test_verdicts(given, do):
    numbers = do("verdicts").numbers
    read, truth = logits(given).argmax(1), given.arguments["labels"]
    expected = [[int(((truth == i) & (read == j)).sum()) for j in range(3)] for i in range(3)]
    assert numbers["confusion"] == expected
    assert numbers["misread_count"] == (read != truth).sum() == len(numbers["misread"])
    assert {one["index"] for one in numbers["misread"]} == set(np.flatnonzero(read != truth).tolist())
    sure = [one["probability"] for one in numbers["misread"]]
    assert sure == sorted(sure, reverse=True)
    assert min(sure) > 1 / 3


def test_kernels_share_one_scale(given, do):
    record = do("kernels-conv")
    weights = given.model.conv.weight.detach().numpy()
    assert record.numbers["limit"] == pytest.approx(abs(weights).max())
    own = picture(record, "unit-2.png")
    factor = own.shape[0] // 3
    assert own.shape == (3 * factor, 2 * factor, 3)
    expected = pictures.signed(weights[2, 0], record.numbers["limit"])
    assert (own[::factor, ::factor] == expected).all()


def test_maps_show_the_first_picture_that_is_read_right(given, do):
    read, truth = logits(given).argmax(1), given.arguments["labels"]
    for choice in do("maps").numbers["choices"]:
        own = np.flatnonzero(truth == choice["label"])
        right = own[read[own] == choice["label"]]
        assert choice["index"] == (right[0] if len(right) else own[0])
        assert sum(choice["probabilities"]) == pytest.approx(1, abs=1e-6)
        assert list(choice["limits"]) == ["conv", "relu", "pool", "hidden", "bend", "out"]


def test_examples_are_ordered_and_the_dead_filter_never_fires(given, do):
    numbers = do("examples").numbers
    for layer in ("conv", "hidden", "out"):
        most, least = (np.array(numbers[layer][end]["value"]) for end in ("most", "least"))
        assert (np.diff(most) <= 0).all()
        assert (np.diff(least) >= 0).all()
        assert (most[:, 0] >= least[:, 0]).all()
    assert numbers["conv"]["fires"][1] == 0
    assert numbers["conv"]["fires"][0] > 0
    answers = logits(given)
    means = [answers[given.arguments["labels"] == label].mean(0) for label in range(3)]
    assert pytest.approx(np.stack(means), abs=1e-5) == np.array(numbers["out"]["profile"]).T


def test_crops_are_what_the_filter_saw(given, do, subject):
    record = do("examples")
    end = lens.examples(given.model, ["conv"], given.arguments["inputs"], k=9)["conv"].top
    strip = picture(record, "conv-0-most.png")
    side = 3 * round(28 / 3) + 2
    assert strip.shape[:2] == (side, 9 * (2 * round(28 / 3) + 2))
    row, column = int(end.row[0, 0]) - 1, int(end.column[0, 0])
    padded = np.pad(given.arguments["images"][end.index[0, 0]], ((1, 1), (0, 0)))
    seen = padded[row + 1 : row + 4, column : column + 2]
    assert (strip[1:-1:9, 1 : 2 * 9 + 1 : 9, 0] == seen).all()


def test_drawings_raise_their_unit_and_say_how(given, do):
    record = do("draw-hidden-0")
    best = np.array(do("examples").numbers["hidden"]["most"]["value"])[:, 0]
    assert (np.array(record.numbers["drawn"]["values"]) > best).all()
    told = pictures.png_recipe(record.pictures["unit-3.png"])
    assert told is not None
    assert told["weights"] == "abc123"
    assert told["layer"] == "hidden"
    assert "steps" in told["recipe"]


def test_l1_leaves_less_ink(do):
    record = do("draw-out-0")
    for unit in range(3):
        assert picture(record, f"unit-{unit}-l1.png").mean() < picture(record, f"unit-{unit}.png").mean()


def test_a_task_done_twice_or_elsewhere_gives_the_same_bytes(do, subject):
    elsewhere = pickle.loads(pickle.dumps(subject))
    task = plan.Task("draw", "draw-conv-0", "0" * 64, "conv", (0, 2), 5)
    first, second = work.run(subject, task), work.run(elsewhere, task)
    assert first == second


def test_black_and_white_are_what_the_network_gets_for_them(subject):
    assert subject.box == pytest.approx((-0.6, 1.4), abs=1e-5)
