"""Which layers are taken for content and style, for known networks and for others."""

from dataclasses import replace

import pytest
import skimage.data
import torch
from safetensors.torch import save_file
from torch import nn

from convscope.errors import InputError
from convscope.lens.models import Network, Preprocessing, load, network
from convscope.lens.styles import Terms, recommended, style

VGG_19 = "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M"

SOURCE = f"""
from torch import nn

class VGG(nn.Module):
    def __init__(self, widths={VGG_19!r}):
        super().__init__()
        layers, channels = [], 3
        for width in widths.split():
            if width == "M":
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(channels, int(width), 3, padding=1), nn.ReLU(inplace=True)]
                channels = int(width)
        self.features = nn.Sequential(*layers)

    def forward(self, x):
        return self.features(x)
"""


def test_squeezenet_is_known():
    terms = recommended(load("squeezenet"))
    assert list(terms.style) == ["features.1", "features.4", "features.7", "features.10"]
    assert terms.layers == list(dict.fromkeys([*terms.content, *terms.style]))


def test_vgg_19_from_a_file_of_weights_is_known(tmp_path, monkeypatch):
    (tmp_path / "vgg_nets.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    import vgg_nets  # type: ignore[import-not-found]

    save_file(vgg_nets.VGG().state_dict(), tmp_path / "vgg.safetensors")
    loaded = load(f"python:vgg_nets:VGG@{tmp_path / 'vgg.safetensors'}", input_shape=(3, 32, 48))
    terms = recommended(loaded)
    assert terms.content == {"features.22": 1}  # the ReLU of conv4_2
    assert list(terms.style) == [f"features.{n}" for n in (1, 6, 11, 20, 29)]  # of conv1_1 to conv5_1
    modules = dict(loaded.model.named_modules())
    assert all(isinstance(modules[name], nn.ReLU) for name in terms.layers)
    source = replace(loaded, preprocessing=Preprocessing.parse("imagenet", (3, 32, 48)))
    made = style(skimage.data.chelsea()[::6, ::6], skimage.data.coffee()[::8, ::8], model=source, size=64, steps=4)
    assert made.picture.shape == (42, 64, 3)
    assert made.losses["total"] < made.scales[0].start["total"]


def test_other_networks_give_their_last_activation_at_each_stride():
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1), nn.GELU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 6, 3, stride=4), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5), nn.ReLU(),
    )  # fmt: skip
    terms = recommended(Network(net, (3, 40, 56)))
    assert list(terms.style) == ["3", "6", "8"]
    assert list(terms.content) == ["8"]


def test_without_activations_convolutions_stand_for_them():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.MaxPool2d(2), nn.Conv2d(4, 5, 3))
    assert list(recommended(Network(net, (3, 20, 24))).style) == ["1", "3"]


def test_efficientnet_gets_layers_of_several_octaves():
    net = load("efficientnet-lite0")
    terms = recommended(net)
    assert len(terms.style) == 4
    from convscope.lens import receptive_field

    assert [receptive_field(net, name).stride[0] for name in terms.style] == [2, 4, 8, 16]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Terms({}, {"a": 1}), r"content=\{\}; give weights of 0 or more"),
        (lambda: Terms({"a": 1}, {"a": -1}), r"style=\{'a': -1\}; give weights"),
        (lambda: Terms({"a": 0}, {"a": 1}), r"content=\{'a': 0\}"),
        (lambda: Terms({"a": 1}, {"a": 1}, tv=float("nan")), "tv="),
        (
            lambda: recommended(network(nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), (3, 4, 4))),
            "Sequential has no layer with a map of two axes",
        ),
    ],
)
def test_terms_that_cannot_be_are_said(make, text):
    with pytest.raises(InputError, match=text) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_random_networks_are_read_without_being_changed():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 5, 3)).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    recommended(Network(net, (3, 21, 18)))
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
