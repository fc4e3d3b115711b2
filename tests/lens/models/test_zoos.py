"""What is read from timm, torchvision and transformers.

The packages here are stand-ins, a few lines each, with the functions, attributes and keys of the real ones
(timm 1.0, torchvision 0.29, transformers 5.24).
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from convscope.errors import InputError
from convscope.lens.models import Preprocessing, load
from convscope.lens.models.metadata import from_processor, from_timm

NET = """
from torch import nn
def net(channels=3, classes=4):
    return nn.Sequential(nn.Conv2d(channels, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, classes))
"""
TIMM = (
    NET
    + """
CFG = {"input_size": (3, 40, 50), "interpolation": "bicubic", "crop_pct": 0.95, "crop_mode": "center",
       "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225), "num_classes": 4, "label_names": None}
def list_models(): return ["resnet18", "vit_tiny"]
def create_model(name, pretrained=False, in_chans=3):
    if name not in list_models(): raise RuntimeError(f"Unknown model ({name})")
    if pretrained: raise OSError("no connection\\nsee the manual")
    model = net(in_chans)
    model.pretrained_cfg = model.default_cfg = CFG
    return model
"""
)
TORCHVISION = (
    NET
    + """
import enum
class InterpolationMode(enum.Enum):
    BILINEAR = "bilinear"
class Transforms:
    crop_size, resize_size, mean, std = [40], [50], [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    interpolation = InterpolationMode.BILINEAR
class Entry:
    def __init__(self, bias): self.bias, self.meta = bias, {"categories": ["a", "b", "c", "d"]}
    def transforms(self): return Transforms()
class Weights(enum.Enum):
    V1 = Entry(1.0)
    V2 = Entry(2.0)
    DEFAULT = V2
    @property
    def meta(self): return self.value.meta
    def transforms(self): return self.value.transforms()
def list_models(): return ["resnet18", "vgg16"]
def get_model_weights(name):
    if name not in list_models(): raise ValueError(f"Unknown model {name}")
    return Weights
def get_model(name, weights=None):
    model = net()
    if weights: nn.init.constant_(model[3].bias, weights.value.bias)
    return model
"""
)
TRANSFORMERS = (
    NET
    + """
import json, pathlib
class Config:
    def __init__(self, told): self.architectures, self.id2label, self.image_size = told, {1: "dog", 0: "cat"}, 40
class AutoConfig:
    @staticmethod
    def from_pretrained(name):
        if name == "nobody/net": raise OSError("nobody/net is not a local folder")
        return Config(["SmallForImageClassification"] if name != "headless" else None)
class SmallForImageClassification:
    def __new__(cls, config): return net(classes=2)
    @classmethod
    def from_pretrained(cls, name, config):
        model = net(classes=2)
        nn.init.constant_(model[3].bias, 7)
        return model
class AutoModel:
    @staticmethod
    def from_config(config): return net(classes=9)
    @staticmethod
    def from_pretrained(name, config): return net(classes=8)
class Processor:
    def __init__(self, told): self.told = told
    def to_dict(self): return self.told
class AutoImageProcessor:
    @staticmethod
    def from_pretrained(name):
        return Processor(json.loads((pathlib.Path(name) / "preprocessor_config.json").read_text()))
"""
)
PROCESSOR = {
    "do_resize": True,
    "size": {"shortest_edge": 50},
    "do_center_crop": True,
    "crop_size": {"height": 40, "width": 40},
    "do_rescale": True,
    "rescale_factor": 0.00392156862745098,
    "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.25, 0.5, 0.5],
    "resample": 3,
}


@pytest.fixture
def packages(tmp_path: Path, monkeypatch) -> Iterator[Path]:
    for name in list(sys.modules):
        if name.split(".")[0] in ("timm", "torchvision", "transformers"):
            monkeypatch.delitem(sys.modules, name)
    code_of = {"timm": TIMM, "torchvision": "", "torchvision/models": TORCHVISION, "transformers": TRANSFORMERS}
    for path, code in code_of.items():
        (tmp_path / path).mkdir()
        (tmp_path / path / "__init__.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in ("timm", "torchvision", "torchvision.models", "transformers"):
        sys.modules.pop(name, None)


IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def test_timm(packages):
    found = load("timm:resnet18(pretrained=False)")
    assert found.preprocessing == Preprocessing((40, 50), *IMAGENET, crop=0.95, interpolation="bicubic")
    assert (found.input_shape, found.classes) == ((3, 40, 50), ())
    six = load("timm:resnet18(pretrained=False, in_chans=6)", input_shape=(6, 40, 50))
    assert (six.input_shape, six.preprocessing) == ((6, 40, 50), None)  # three means say nothing of six channels


def test_weights_of_ones_own_need_no_pretrained_ones(packages):
    model = load("timm:resnet18(pretrained=False)").model
    torch.save(model.state_dict(), packages / "mine.pt")
    found = load(f"timm:resnet18@{packages}/mine.pt")
    assert torch.equal(found.model.get_parameter("0.weight"), model.get_parameter("0.weight"))


def test_torchvision(packages):
    found = load("torchvision:resnet18")
    assert found.preprocessing == Preprocessing((40, 40), *IMAGENET, crop=0.8)
    assert found.classes == ("a", "b", "c", "d")
    assert found.model.get_parameter("3.bias").unique().tolist() == [2]
    assert load('torchvision:resnet18(weights="V1")').model.get_parameter("3.bias").unique().tolist() == [1]
    for untrained in ("pretrained=False", "weights=None"):
        bare = load(f"torchvision:resnet18({untrained})")
        assert (bare.classes, bare.preprocessing) == ((), found.preprocessing)


def test_transformers(packages):
    (packages / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    found = load(f"hf:{packages}")
    taken = Preprocessing((40, 40), (0.5,) * 3, (0.25, 0.5, 0.5), crop=0.8, interpolation="bicubic")
    assert (found.preprocessing, found.classes) == (taken, ("cat", "dog"))
    assert found.model.get_parameter("3.bias").unique().tolist() == [7]
    untrained = load(f"hf:{packages}(pretrained=False)")
    assert untrained.classes == ()
    assert untrained.model.get_parameter("3.bias").unique().tolist() != [7]


def test_transformers_without_a_processor_or_a_head(packages):
    assert load("hf:someone/net").preprocessing is None
    assert load("hf:someone/net").input_shape == (3, 224, 224)
    assert load("hf:headless(pretrained=False)").model.get_parameter("3.bias").shape == (9,)


def test_settings_beside_a_file_of_weights(packages, nets):
    state = load("timm:resnet18(pretrained=False)").model.state_dict()
    torch.save(state, packages / "w.pt")
    (packages / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    (packages / "plain.py").write_text(NET)
    found = load(f"python:{packages}/plain.py:net@{packages}/w.pt")
    assert found.preprocessing is not None
    assert found.preprocessing.std == (0.25, 0.5, 0.5)
    other = load(f"python:{packages}/plain.py:net@{packages}/w.pt", preprocessing="unit;size=8x8")
    assert other.preprocessing == Preprocessing((8, 8))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("timm:resnet81(pretrained=False)", r"Unknown model \(resnet81\); did you mean resnet18\?"),
        ("timm:resnet18", r"no connection; timm:resnet18\(pretrained=False\) has random weights, timm:resnet18@FILE"),
        ("timm:resnet18(1)", r"give arguments by name, such as \(pretrained=False\)"),
        ("torchvision:vgg61", r"Unknown model vgg61; did you mean vgg16\?"),
        ('torchvision:vgg16(weights="V3")', r"no weights V3; there are V1, V2, DEFAULT"),
        ("hf:nobody/net", r"nobody/net is not a local folder; give a folder with a config.json"),
    ],
)
def test_what_they_refuse_is_one_line(packages, source: str, says: str):
    with pytest.raises(InputError, match=says):
        load(source)


@pytest.mark.parametrize("form", ["timm", "torchvision", "transformers"])
def test_a_missing_package_is_asked_for(form: str, monkeypatch):
    monkeypatch.setitem(sys.modules, form, None)
    source = "hf:net" if form == "transformers" else f"{form}:net"
    with pytest.raises(InputError, match=rf"{form} is not installed; pip install {form}"):
        load(source)


def test_a_package_for_another_pytorch_is_said(packages):
    (packages / "torchvision" / "__init__.py").write_text("raise RuntimeError('operator nms does not exist')")
    with pytest.raises(InputError, match=r"torchvision is installed but cannot be imported \(operator nms does not"):
        load("torchvision:resnet18")


@pytest.mark.parametrize(
    ("changed", "taken"),
    [
        ({"size": 224, "do_center_crop": False}, {"size": (224, 224), "crop": 1.0}),
        ({"size": {"height": 30, "width": 20}, "do_center_crop": False}, {"size": (30, 20), "crop": 1.0}),
        ({"crop_pct": 0.875, "do_center_crop": False}, {"size": (50, 50), "crop": 0.875}),
        ({"size": 384, "crop_pct": 0.875, "do_center_crop": False}, {"size": (384, 384), "crop": 1.0}),
        ({"do_flip_channel_order": True}, {"order": "BGR"}),
        ({"do_normalize": False}, {"mean": (0.0,), "std": (1.0,)}),
        ({"rescale_factor": 1.0}, {"white": 255.0}),
        ({"resample": 1}, {"interpolation": "lanczos"}),
    ],
)
def test_processors_say_it_in_many_ways(changed: dict[str, object], taken: dict[str, object]):
    found = from_processor({**PROCESSOR, **changed}, 3)
    assert found is not None
    assert {name: getattr(found, name) for name in taken} == taken


def test_settings_that_cannot_be_said_are_left_out():
    assert from_processor({}, 3) is None
    assert from_processor({**PROCESSOR, "rescale_offset": True}, 3) is None
    assert from_processor({**PROCESSOR, "resample": 5}, 3) is None
    assert from_processor({**PROCESSOR, "size": {"longest_edge": 9}, "do_center_crop": False}, 3) is None
    assert from_timm({"input_size": (3, 8, 8), "mean": (0.5,), "std": (0.5,), "crop_mode": "squash"}, 3) is None
    assert from_timm({}, 3) is None
