import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from safetensors.numpy import load_file, save_file

from convscope.errors import InputError
from convscope.nn.train import Recipe
from convscope.nn.weights import read_arrays
from convscope.ops import softmax
from convscope.tasks import digits, trained
from convscope.tasks.imagesets import ImageData
from convscope.tasks.trained import Trained, Verdict

RECIPE = Recipe(epochs=1, seed=3)


@pytest.fixture(scope="module")
def pictures() -> ImageData:
    whole = digits.load()
    return replace(
        whole,
        train_images=whole.train_images[:200],
        train_labels=whole.train_labels[:200],
        test_images=whole.test_images[:150],
        test_labels=whole.test_labels[:150],
        name="few",
    )


@pytest.fixture(scope="module")
def network(pictures: ImageData) -> Trained:
    return trained.fit(pictures, RECIPE)


@pytest.fixture
def weights(network: Trained, tmp_path: Path) -> Path:
    return trained.save(network, tmp_path / "lenet5.safetensors")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "convscope"


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """The recipe of each training that really ran."""
    ran, fit = [], trained.fit

    def counted(pictures: ImageData, recipe: Recipe, *how: object, **more: object) -> Trained:
        ran.append(recipe)
        return fit(pictures, recipe, *how, **more)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(trained, "fit", counted)
    return ran


def assert_same(one: Trained, other: Trained) -> None:
    """The same but for the time it took."""
    assert_array_equal(one.network.vector, other.network.vector)
    assert replace(one, network=other.network, history=()) == replace(other, history=())
    untimed = [[dict(row, seconds=0, images_per_second=0) for row in each.history] for each in (one, other)]
    assert untimed[0] == untimed[1]


def test_what_is_saved_is_loaded_again(network: Trained, weights: Path):
    loaded = trained.load(weights)
    assert_same(loaded, network)
    assert loaded.history == network.history
    assert loaded.told == network.told
    assert loaded.told.startswith("SGD with Nesterov momentum 0.9, ")
    assert loaded.told.endswith("the epoch that validated best; seed 3")
    assert load_file(weights).keys() == network.network.state().keys()


def test_a_training_is_the_same_each_time(network: Trained, pictures: ImageData):
    again = trained.fit(pictures, RECIPE)
    assert_array_equal(again.network.vector, network.network.vector)
    assert (trained.fit(pictures, replace(RECIPE, seed=4)).network.vector != network.network.vector).any()


def test_a_set_of_two_pictures_is_enough(pictures: ImageData):
    two = replace(pictures, train_images=pictures.train_images[:2], train_labels=np.array([5, 0]))
    assert len(trained.fit(two, RECIPE).history) == 1


def changed(notes: dict[str, object]) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        arrays, told = read_arrays(file)
        save_file(arrays, file, told | {key: json.dumps(value) for key, value in notes.items()})

    return change


def reweighted(name: str, make: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        arrays, told = read_arrays(file)
        save_file(arrays | {name: np.ascontiguousarray(make(arrays[name]))}, file, told)

    return change


UNKNOWN = "these weights do not say what they are; give weights that `convscope train digits` wrote"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.write_bytes(b""), "not a safetensors file"),
        (lambda file: file.write_bytes(b"PK\3\4 no weights" * 9), "not a safetensors file"),
        (lambda file: file.write_bytes(file.read_bytes()[:-1]), "not a safetensors file"),
        (lambda file: file.unlink(), "no such file"),
        (lambda file: save_file(load_file(file), file), UNKNOWN),
        (changed({"classes": None}), UNKNOWN),
        (changed({"classes": []}), UNKNOWN),
        (changed({"history": [1, 2]}), UNKNOWN),
        (changed({"recipe": {"epochs": 0}}), UNKNOWN),
        (changed({"recipe": {"momentum": "much"}}), UNKNOWN),
        (changed({"vary": {"turn": "left"}}), UNKNOWN),
        (changed({"classes": ["cat", "dog"]}), "fc3.weight has shape (10, 84) in the weights and (2, 84)"),
        (reweighted("fc1.weight", np.transpose), "fc1.weight has shape (400, 120) in the weights and (120, 400)"),
        (
            reweighted("conv1.bias", lambda bias: bias.astype(np.float64)),
            "conv1.bias is float64; the weights of a LeNet-5 are float32",
        ),
        (reweighted("fc2.bias", lambda bias: bias * np.float32(np.nan)), "hold NaN or numbers beyond 10000"),
        (reweighted("fc2.bias", lambda bias: bias + np.float32(1e30)), "hold NaN or numbers beyond 10000"),
    ],
)
def test_other_weights_are_refused_in_one_line(weights: Path, damage: Callable[[Path], object], message: str):
    damage(weights)
    with pytest.raises(InputError) as caught:
        trained.load(weights)
    assert str(caught.value).startswith(f"{weights}: ")
    assert message in str(caught.value)


def test_the_cache_is_used_the_second_time(cache: Path, pictures: ImageData, trainings: list[Recipe]):
    first = trained.cached(pictures, RECIPE)
    assert [file.suffix for file in cache.iterdir()] == [".safetensors"]
    assert_same(trained.cached(pictures, RECIPE), first)
    assert trainings == [RECIPE]
    # other data or another recipe is another network
    trained.cached(pictures, replace(RECIPE, seed=9))
    trained.cached(replace(pictures, train_labels=(pictures.train_labels + 1) % 10), RECIPE)
    assert len(trainings) == 3


def test_what_is_damaged_in_the_cache_is_made_anew(cache: Path, pictures: ImageData, trainings: list[Recipe]):
    first = trained.cached(pictures, RECIPE)
    (file,) = cache.iterdir()
    file.write_bytes(file.read_bytes()[:1000])
    file.with_name(file.name + ".checkpoint").write_bytes(b"damaged too")
    assert_same(trained.cached(pictures, RECIPE), first)
    assert len(trainings) == 2
    assert_same(trained.load(file), first)
    assert list(cache.iterdir()) == [file]


def test_without_a_place_for_a_cache_it_is_trained_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: ImageData, network: Trained, trainings: list[Recipe]
):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for _ in range(2):
        assert_same(trained.cached(pictures, RECIPE), network)
    assert len(trainings) == 2
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("kept", [False, True])
def test_ctrl_c_says_what_is_kept_and_it_goes_on_from_there(tmp_path: Path, pictures: ImageData, kept: bool):
    recipe, file = replace(RECIPE, epochs=3), tmp_path / "lenet5.safetensors"

    def stop(step: object) -> None:
        if not kept or step.epoch == 2:  # pyright: ignore[reportAttributeAccessIssue]
            raise KeyboardInterrupt

    line = "the epochs that were over are kept, the same command goes on" if kept else "no epoch was over"
    with pytest.raises(KeyboardInterrupt, match=f"^stopped while training; {line}$"):
        trained.fit_and_save(pictures, recipe, file, tell=stop)
    assert os.listdir(tmp_path) == (["lenet5.safetensors.checkpoint"] if kept else [])

    epochs = []
    whole = trained.fit_and_save(pictures, recipe, file, tell=lambda step: epochs.append(step.epoch))
    assert epochs[0] == (2 if kept else 1)
    assert_array_equal(whole.network.vector, trained.fit(pictures, recipe).network.vector)
    assert os.listdir(tmp_path) == ["lenet5.safetensors"]


def test_begun_afresh_it_says_how_to_go_on_all_the_same(tmp_path: Path, pictures: ImageData):
    def stop(step: object) -> None:
        if step.epoch == 2:  # pyright: ignore[reportAttributeAccessIssue]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="the same command without --fresh goes on"):
        trained.fit_and_save(pictures, replace(RECIPE, epochs=2), tmp_path / "w", resume=False, tell=stop)


def test_a_place_that_cannot_be_written_is_told_before_the_training(tmp_path: Path, pictures: ImageData):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"cannot write .*file/w: not a directory; name a place"):
        trained.fit_and_save(pictures, RECIPE, tmp_path / "file" / "w", tell=lambda _: pytest.fail("it trained"))


def test_judge_counts_as_a_loop_over_pictures_would(network: Trained, pictures: ImageData):
    verdict = trained.judge(network.network, pictures)
    confusion, misread, loss = np.zeros((10, 10), int), [], 0.0
    for place, (image, label) in enumerate(zip(pictures.test_images, pictures.test_labels, strict=True)):
        probabilities = softmax(network.network(digits.normalise(image[None])).astype(np.float64))[0]
        read = int(probabilities.argmax())
        confusion[label, read] += 1
        loss -= np.log(probabilities[label])
        if read != label:
            misread.append((place, int(label), read, float(probabilities[read])))
    assert_array_equal(verdict.confusion, confusion)
    assert verdict.accuracy == confusion.trace() / 150
    assert verdict.loss == pytest.approx(loss / 150, rel=1e-5)
    assert [one[:3] for one in verdict.misread] == [one[:3] for one in misread]
    assert [one[3] for one in verdict.misread] == pytest.approx([one[3] for one in misread], rel=1e-4)


def verdict() -> Verdict:
    misread = ((4, 0, 1, 0.75), (7, 1, 0, 0.9876543))
    return Verdict("pets", ("cat", "small dog"), 0.125, 0.8, np.array([[5, 1], [1, 3]]), misread)


def test_a_verdict_in_words():
    assert str(verdict()) == (
        "test accuracy 80.00% (8 of 10 pets pictures), loss 0.1250\n"
        "true class down, read class across:\n"
        "                 cat small dog\n"
        "       cat         5         1\n"
        " small dog         1         3\n"
        "read wrongly: 2; with most conviction:\n"
        "  test picture 7: a small dog read as cat (98.8%)\n"
        "  test picture 4: a cat read as small dog (75.0%)"
    )


def test_a_verdict_without_mistakes_has_dots_for_zeros():
    right = Verdict("pets", ("a", "b"), 0.0, 1.0, np.array([[2, 0], [0, 1]]), ())
    assert str(right).splitlines()[3:] == ["     a     2     .", "     b     .     1"]


def test_a_verdict_as_numbers():
    told = verdict().as_dict()
    assert json.loads(json.dumps(told)) == {
        "data": "pets",
        "classes": ["cat", "small dog"],
        "loss": 0.125,
        "accuracy": 0.8,
        "confusion": [[5, 1], [1, 3]],
        "misread": [
            {"place": 4, "true": "cat", "read": "small dog", "probability": 0.75},
            {"place": 7, "true": "small dog", "read": "cat", "probability": 0.9877},
        ],
    }
