"""One pass over some of the pictures: records that, put together, say what one pass over all would have said."""

import json
from collections.abc import Iterator, Sequence
from io import BytesIO

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from convscope.atlas import looking
from convscope.atlas.gallery import ArrayGallery, Stack
from convscope.atlas.plan import PICTURES, Task
from convscope.atlas.store import Record
from convscope.atlas.subject import Layer, Member, Recipe, Subject
from convscope.errors import InputError
from convscope.lens import examples
from convscope.lens.exemplars.keeping import SAMPLE
from convscope.lens.exemplars.merging import merged
from convscope.lens.models import Network, Preprocessing

TAKEN = Preprocessing((5, 6), mean=(0.0,), std=(1.0,), white=255.0, order="grey")
CLASSES = ("ant", "bee", "cat")
LAYERS = ("0", "1", "5")


class Some(ArrayGallery):
    """An array of which some pictures are broken."""

    def __init__(self, images, labels, classes, broken: Sequence[int] = ()):
        super().__init__(images, labels, classes, "some")
        self.broken = set(broken)

    def stacks(self, network: Network, numbers: Sequence[int], size: int) -> Iterator[Stack]:
        for stack in super().stacks(network, numbers, size):
            sound = [k for k, i in enumerate(stack.numbers) if i not in self.broken]
            assert stack.pictures is not None
            yield Stack(
                tuple(stack.numbers[k] for k in sound),
                stack.inputs[sound],
                stack.pictures[sound],
                tuple(f"{i}: broken" for i in stack.numbers if i in self.broken),
            )

    def show(self, network: Network, i: int) -> np.ndarray | None:
        return None if i in self.broken else super().show(network, i)


@pytest.fixture(scope="module")
def network() -> Network:
    """Whole numbers throughout, so that sums are exact whatever pictures stand together; and many ties."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(16, 3), nn.Identity(), nn.ReLU()
    )
    for weight in model.parameters():
        weight.data = torch.randint(-2, 3, weight.shape).float()
    return Network(model, TAKEN.shape, TAKEN, CLASSES)


def subject(network: Network, gallery: ArrayGallery | None, k: int = 3) -> Subject:
    layers = tuple(Layer(name, "any", (1,), 0, None, False, None, ()) for name in LAYERS)
    recipe = Recipe("small", facets=1, steps=1, examples=k, links=1, trust=False)
    return Subject((Member("net", network, "0", layers),), gallery, recipe, seed=0)


def pictures(seed: int, count: int, broken: Sequence[int] = ()) -> Some:
    rng = np.random.default_rng(seed)
    return Some(rng.integers(0, 3, (count, 5, 6), dtype=np.uint8), rng.integers(0, 3, count), CLASSES, broken)


def tasks(first: int, stop: int, verdicts: bool = False) -> tuple[Task, ...]:
    looks = [Task("look", 0, name, (), (first, stop), f"look-{name}-{first}") for name in LAYERS]
    return (*looks, *[Task("verdicts", 0, "", (), (first, stop), f"verdicts-{first}")] * verdicts)


def as_stored(record: Record) -> dict:
    return json.loads(json.dumps(record.numbers, allow_nan=False))


@settings(max_examples=6)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    k=st.integers(1, 9),
    seed=st.integers(0, 99),
    data=st.data(),
)
def test_merged_records_are_one_pass_over_all(network, sizes, k, seed, data):
    count = sum(sizes)
    broken = data.draw(st.sets(st.integers(0, count - 1), max_size=count - 1))
    gallery = pictures(seed, count, sorted(broken))
    about = subject(network, gallery, k)
    sound = np.array([i for i in range(count) if i not in broken])
    labels = np.asarray(gallery.labels)[sound]
    wanted = examples(network, list(LAYERS), gallery.images[sound], k, labels=labels)
    records = [looking.look(about, tasks(int(stop) - n, int(stop))) for n, stop in zip(sizes, np.cumsum(sizes))]
    for number, name in enumerate(LAYERS):
        told = [(as_stored(group[number]), stop - n) for group, n, stop in zip(records, sizes, np.cumsum(sizes))]
        assert [line for numbers, _ in told for line in numbers["problems"]] == [f"{i}: broken" for i in sorted(broken)]
        parts = [looking.found_in(numbers, int(first), CLASSES) for numbers, first in told]
        whole = merged((part for part in parts if part is not None), k)
        assert whole is not None
        seen, found = whole
        assert seen == len(sound)
        for end in ("top", "bottom", "middle", "sample"):
            one, other = getattr(found, end), getattr(wanted[name], end)
            np.testing.assert_array_equal(one.index, sound[other.index])
            np.testing.assert_array_equal(one.value, other.value)
            np.testing.assert_array_equal(one.place, other.place)
        np.testing.assert_array_equal(found.positive, wanted[name].positive)
        np.testing.assert_allclose(found.mean, wanted[name].mean, atol=1e-6)
        np.testing.assert_allclose(found.std, wanted[name].std, atol=1e-6)
        links = wanted[name].classes
        assert found.classes is not None
        assert links is not None
        met = len(np.bincount(labels))
        np.testing.assert_array_equal(found.classes.count[:met], np.bincount(labels))
        np.testing.assert_allclose(found.classes.mean[:, :met], links.mean[:, :met], rtol=1e-6)


def test_a_record_does_not_depend_on_where_its_pictures_stand(network):
    images = pictures(1, 8).images
    twice = ArrayGallery(np.concatenate([images, images]))
    about = subject(network, twice)
    for one, other in zip(looking.look(about, tasks(0, 8)), looking.look(about, tasks(8, 16)), strict=True):
        assert one.numbers == other.numbers
        assert one.numbers["classes"] is None
        found = looking.found_in(other.numbers, 8, ())
        assert found is not None
        assert found[1].top.index.min() >= 8


def test_nothing_sound(network):
    about = subject(network, pictures(1, 4, range(4)))
    *looks, verdicts = looking.look(about, tasks(0, 4, verdicts=True))
    for name, record in zip(LAYERS, looks, strict=True):
        assert record.numbers == {"layer": name, "pictures": 0, "problems": [f"{i}: broken" for i in range(4)]}
        assert looking.found_in(record.numbers, 0, CLASSES) is None
    assert verdicts.numbers == {"confusion": [[0] * 3] * 3, "misread": [], "count": 0}


def test_values_are_kept_of_the_sample_only(network, monkeypatch):
    assert PICTURES <= SAMPLE  # so that all pictures of a task are in the sample of its pass
    monkeypatch.setattr("convscope.atlas.gallery.SAMPLE", 5)
    gallery = pictures(2, 12, [3])
    about = subject(network, gallery)
    parts = [looking.found_in(looking.look(about, tasks(i, i + 4))[0].numbers, i, CLASSES) for i in (0, 4, 8)]
    whole = merged((part for part in parts if part is not None), 3)
    assert whole is not None
    chosen = gallery.sample(about.seed)
    assert len(chosen) == 5
    np.testing.assert_array_equal(whole[1].sample.index, [i for i in chosen if i != 3])
    assert whole[1].top.index.shape == (4, 3)


@pytest.mark.parametrize("ends_in_softmax", [False, True])
def test_verdicts_are_the_networks_own_answers(network, ends_in_softmax):
    layers = [*network.model, nn.Softmax(1)] if ends_in_softmax else [*network.model]
    net = Network(nn.Sequential(*layers), network.input_shape, TAKEN, CLASSES)
    gallery = pictures(5, 40, [7])
    *looks, verdicts = looking.look(subject(net, gallery), tasks(0, 40, verdicts=True))
    alone = looking.look(subject(net, gallery), tasks(0, 40))
    assert [one.numbers for one in looks] == [one.numbers for one in alone]
    sound = [i for i in range(40) if i != 7]
    truth = np.asarray(gallery.labels)[sound]
    with torch.no_grad():
        said = net.model(TAKEN.to_inputs(gallery.images[sound]))
    sure, read = (said if ends_in_softmax else said.softmax(1)).max(1)
    read = read.numpy()
    numbers = as_stored(verdicts)
    confusion = np.zeros((3, 3), int)
    np.add.at(confusion, (truth, read), 1)
    assert numbers["confusion"] == confusion.tolist()
    wrong = [k for k in np.argsort(-sure.numpy(), kind="stable") if read[k] != truth[k]]
    assert numbers["count"] == len(wrong) > 5
    assert [one["probability"] for one in numbers["misread"]] == pytest.approx(sure[wrong].tolist())
    assert sorted(one["picture"] for one in numbers["misread"]) == sorted(sound[k] for k in wrong)
    for one in numbers["misread"]:
        assert one["label"] == truth[sound.index(one["picture"])] != one["read"]


def test_outputs_that_are_not_the_classes(network):
    gallery = ArrayGallery(pictures(5, 4).images, [0, 0, 0, 0], ("a", "b"))
    with pytest.raises(InputError, match="network: its output has 3 units for 2 classes"):
        looking.look(subject(network, gallery), tasks(0, 4, verdicts=True))


def test_no_gallery(network):
    for call in (lambda s: looking.look(s, tasks(0, 4)), lambda s: looking.keep(s, Task("seen", 0, pictures=(1,)))):
        with pytest.raises(InputError, match="gallery: there is none"):
            call(subject(network, None))


def test_whole_pictures_are_kept_as_the_network_sees_them(network):
    gallery = pictures(5, 9, [4])
    record = looking.keep(subject(network, gallery), Task("seen", 0, pictures=(2, 4, 8), key="seen"))
    first, gone, last = record.numbers["pictures"]
    label = gallery.label(2)
    assert label is not None
    expected = {"number": 2, "name": "2", "width": 6, "height": 5, "file": "2.webp", "class": CLASSES[label]}
    assert first == expected
    assert (gone["number"], gone["file"], gone["width"], gone["height"]) == (4, None, None, None)
    assert list(record.files) == ["2.webp", "8.webp"]
    assert last["file"] == "8.webp"
    with Image.open(BytesIO(record.files["2.webp"])) as image:
        assert image.size == (6, 5)
        assert np.abs(np.asarray(image)[..., 0].astype(int) - gallery.images[2, ..., 0]).max() < 8
