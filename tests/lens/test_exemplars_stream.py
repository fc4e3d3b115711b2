"""The one pass: sources of every kind, memory that does not suffice, Ctrl-C, and pictures cut out as they pass."""

import os
import signal
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from convscope.errors import InputError
from convscope.lens import examples
from convscope.lens.exemplars import crops, framed
from convscope.lens.models import Network, Preprocessing
from convscope.lens.photos import Photos

TAKEN = Preprocessing((20, 30), mean=(0.5, 0.4, 0.3), std=(0.25, 0.5, 0.2))
RNG = np.random.default_rng(6)
PICTURES = RNG.integers(0, 256, (23, 20, 30, 3), dtype=np.uint8)


@pytest.fixture
def model() -> Network:
    """Two convolutions with a stride that leaves a remainder, a mean and a line, for pictures of 20 x 30."""
    torch.manual_seed(2)
    module = nn.Sequential(
        nn.Conv2d(3, 4, (3, 5), stride=2, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 6, 3),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 5),
    )
    return Network(module, TAKEN.shape, TAKEN, ("ant", "bee"))


@pytest.fixture
def folder(tmp_path):
    """The pictures in two folders, "ant" with the first eleven, and a broken one among them."""
    for i, picture in enumerate(PICTURES):
        place = tmp_path / ("ant" if i < 11 else "bee")
        place.mkdir(exist_ok=True)
        Image.fromarray(picture).save(place / f"{i:02}.png")
    (tmp_path / "ant" / "00a.png").write_bytes(b"broken")
    return tmp_path


def same(one, other):
    assert list(one) == list(other)
    for name in one:
        for end in ("top", "bottom", "middle"):
            np.testing.assert_array_equal(getattr(one[name], end).index, getattr(other[name], end).index)
            np.testing.assert_allclose(getattr(one[name], end).value, getattr(other[name], end).value, atol=1e-5)


def test_all_sources_of_the_same_pictures_give_the_same(model, folder):
    inputs = TAKEN.to_inputs(PICTURES)
    labels = np.repeat([0, 1], [11, 12])
    whole = examples(model, ["0", "2", "5"], inputs, labels=labels)
    photos = Photos(folder, TAKEN)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(inputs, torch.from_numpy(labels)), batch_size=6)
    for source in (photos, str(folder), folder, PICTURES, loader, ((inputs[i : i + 1]) for i in range(23))):
        found = examples(model, ["0", "2", "5"], source, batch=5)
        same(found, whole)
        assert found.pictures == 23
        if source is photos or source is loader:
            links, wanted = found["2"].classes, whole["2"].classes
            assert links is not None
            assert wanted is not None
            np.testing.assert_array_equal(links.count, [11, 12])
            np.testing.assert_allclose(links.mean, wanted.mean, atol=1e-6)
            assert links.names == ("ant", "bee")
    assert len(photos.skipped) == 1
    assert whole.recipe["weights"]


def test_progress(model, folder):
    told = []
    examples(model, "0", Photos(folder, TAKEN), batch=10, progress=lambda *now: told.append(now))
    assert told == [(10, 24, "pictures"), (20, 24, "pictures"), (23, 24, "pictures")]
    told.clear()
    examples(model, "0", iter([PICTURES]), progress=lambda *now: told.append(now))
    assert told == [(23, None, "pictures")]


class Hungry(nn.Module):
    """Has memory for so many pictures at a time only; its first run, on a blank picture, is free."""

    def __init__(self, most: int, problem: Exception):
        super().__init__()
        self.line = nn.Conv2d(3, 2, 3)
        self.most, self.problem, self.runs = most, problem, 0

    def forward(self, x):
        self.runs += 1
        if self.runs > 1 and len(x) > self.most:
            raise self.problem
        return self.line(x)


@pytest.mark.parametrize(
    "problem",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        MemoryError(),
    ],
)
def test_out_of_memory_halves_the_batch_and_says_so(problem):
    torch.manual_seed(0)
    model = Hungry(5, problem)
    inputs = TAKEN.to_inputs(PICTURES)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = examples(model, ["line"], inputs, batch=20)
    assert [str(one.message) for one in said] == [
        "out of memory with 20 pictures at a time; going on with 10",
        "out of memory with 10 pictures at a time; going on with 5",
    ]
    model.most, model.runs = 100, 0
    same(found, examples(model, ["line"], inputs))
    model.most, model.runs = 0, 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(InputError, match=r"memory does not suffice for one of shape \(3, 20, 30\)"):
            examples(model, ["line"], inputs)


def test_ctrl_c_keeps_whole_batches(model):
    def stopped(batches):
        for i in range(batches):
            yield PICTURES[5 * i : 5 * i + 5]
        raise KeyboardInterrupt

    found = examples(model, ["0", "5"], stopped(3), on_stop="keep")
    assert not found.complete
    assert found.pictures == 15
    same(found, examples(model, ["0", "5"], PICTURES[:15], batch=5))
    with pytest.raises(KeyboardInterrupt):
        examples(model, ["0", "5"], stopped(3))
    with pytest.raises(KeyboardInterrupt):
        examples(model, ["0", "5"], stopped(0), on_stop="keep")
    assert not any(module._forward_hooks for module in model.model.modules())


def test_ctrl_c_while_a_batch_is_being_taken_in_waits_for_its_end(model, monkeypatch):
    from convscope.lens.exemplars.keeping import Kept

    taken_in = Kept.add

    def add(self, name, *rest):
        if name == "0":
            os.kill(os.getpid(), signal.SIGINT)
        taken_in(self, name, *rest)

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(Kept, "add", add)
    found = examples(model, ["0", "5"], PICTURES, batch=9, on_stop="keep")
    assert (found.pictures, found.complete) == (9, False)
    assert signal.getsignal(signal.SIGINT) is before
    monkeypatch.undo()
    same(found, examples(model, ["0", "5"], PICTURES[:9]))


def test_crops_are_what_the_unit_saw(model, folder):
    found = examples(model, ["0", "2", "5"], folder, k=4)
    photos, weights = Photos(folder, TAKEN), list(model.model.parameters())
    kernel, bias = weights[0].detach().numpy(), weights[1].detach().numpy()
    for unit in range(4):
        for which in ("top", "bottom", "middle"):
            ends = getattr(found["0"], which)
            for index, value, crop, (picture, box) in zip(
                ends.index[unit],
                ends.value[unit],
                crops(found, "0", unit, which, photos),
                framed(found, "0", unit, which, photos),
            ):
                assert crop.shape == (3, 5, 3)
                np.testing.assert_array_equal(picture, PICTURES[index])
                # the unit's value again, from the crop alone; what lies beyond the border was padded with zeros
                inside = np.zeros((3, 5), bool)
                top, left, bottom, right = box
                inside[max(-top, 0) : 3 - max(bottom - 20, 0), max(-left, 0) : 5 - max(right - 30, 0)] = True
                seen = TAKEN.to_inputs(crop[None]).numpy()[0] * inside
                np.testing.assert_allclose((seen * kernel[unit]).sum() + bias[unit], value, atol=1e-4)
                assert (crop[~inside] == 127).all()
    assert [part.shape for part in crops(found, "5", 0, "bottom", photos)] == [(20, 30, 3)] * 4
    for source in (PICTURES, TAKEN.to_inputs(PICTURES)):
        for one, other in zip(crops(found, "2", 3, "top", source), crops(found, "2", 3, "top", photos)):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("seen", ["pictures", "inputs"])
def test_crops_kept_from_a_stream_are_those_cut_afterwards(model, seen):
    pictures = PICTURES if seen == "pictures" else TAKEN.to_inputs(PICTURES)
    found = examples(model, ["0", "5"], (pictures[i : i + 4] for i in range(0, 23, 4)), k=2, keep="crops")
    for layer, units in (("0", 4), ("5", 5)):
        assert len(found.crops[layer]) == units * 2 * 2  # no more than the winners
        for unit in range(units):
            for which in ("top", "bottom"):
                for one, other in zip(crops(found, layer, unit, which), crops(found, layer, unit, which, PICTURES)):
                    np.testing.assert_array_equal(one, other)
    with pytest.raises(InputError, match="crops of layer '0', middle: they were not kept"):
        crops(found, "0", 0, "middle")


def test_crops_without_preprocessing_are_stretched():
    torch.manual_seed(0)
    inputs = RNG.normal(size=(4, 1, 9, 7)).astype(np.float32)
    found = examples(nn.Sequential(nn.Conv2d(1, 2, 9, padding=4)), "0", inputs, k=1)
    picture, _ = framed(found, "0", 1, "top", inputs)[0]
    assert (picture.min(), picture.max(), picture.shape) == (0, 255, (9, 7, 1))


def test_bad_requests(model, folder):
    with pytest.raises(InputError, match="how files become inputs is not known; give Photos"):
        examples(model.model, "0", str(folder))
    with pytest.raises(InputError, match="pictures: a batch that is int; give arrays"):
        examples(model, "0", iter([3]))
    found = examples(model, "0", PICTURES, k=2)
    with pytest.raises(InputError, match="layer '2': no examples were found for it, but for 0"):
        crops(found, "2", 0, "top", PICTURES)
    with pytest.raises(InputError, match="unit 4 of layer '0', which has 4; units are 0 to 3"):
        crops(found, "0", 4, "top", PICTURES)
    with pytest.raises(InputError, match=r"pictures: 1, but the examples were found in at least \d+"):
        crops(found, "0", 0, "top", PICTURES[:1])
    with pytest.raises(InputError, match="crops of layer '0', top: they were not kept"):
        crops(found, "0", 0)
