import pytest
import torch
from torch import nn

from convscope.errors import InputError
from convscope.lens import layers
from convscope.lens.models import Network
from tests.lens.networks import ResNet, Swin

SIZE = (1, 12, 10)


def test_layers_lists_what_there_is_in_running_order(network):
    found = layers(network, SIZE)
    assert [info.name for info in found] == [name for name, _ in network.named_children()]
    conv2, fc1 = found[3], found[6]
    assert (conv2.kind, conv2.shape, conv2.units, conv2.parameters) == ("Conv2d", (4, 4, 4), 4, 3 * 4 * 6 + 4)
    assert conv2.field is not None
    assert conv2.field.size == (8, 6)
    assert (fc1.kind, fc1.shape, fc1.units, fc1.parameters) == ("Linear", (7,), 7, 64 * 7 + 7)
    assert fc1.field is not None
    assert fc1.field.whole
    assert found.leaves == found


def test_blocks_come_after_what_they_hold_and_chains_are_left_out():
    found = layers(ResNet((1, 1, 1, 1)), (3, 32, 40))
    names = [info.name for info in found]
    assert names[:4] == ["conv1", "bn1", "relu", "maxpool"]
    assert names[4:9] == [f"layer1.0.{name}" for name in ("conv1", "bn1", "relu", "conv2", "bn2")]
    assert [info.name for info in found if info.is_block] == [f"layer{k}.0" for k in (1, 2, 3, 4)]
    assert "layer1" not in names
    assert "layer1.0.relu@3" in names
    block = found[names.index("layer2.0")]
    assert (block.kind, block.shape, block.units) == ("Bottleneck", (4, 4, 5), 4)
    assert block.parameters == sum(info.parameters for info in found.leaves if info.name.startswith("layer2.0."))
    assert block.field == found[names.index("layer2.0.relu@3")].field


def test_units_are_counted_wherever_they_stand():
    found = {info.name: info for info in layers(Swin(), (3, 12, 24))}
    assert {name: info.shape for name, info in found.items()} == {
        "embed": (4, 6, 12), "block.norm": (4, 6, 12), "block.qkv": (12, 8, 9), "block.out": (4, 8, 9),
        "block": (4, 6, 12), "reduce": (6, 3, 6),
    }  # fmt: skip


def test_a_network_brings_its_shape(network):
    assert layers(Network(network, SIZE)) == layers(network, SIZE)


def test_layers_that_do_not_run_are_not_listed():
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.idle, self.memory, self.twice = nn.Linear(2, 2), nn.LSTM(2, 2), nn.Linear(2, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.memory(self.twice(self.twice(x)))[0]

    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), Odd())
    names = [info.name for info in layers(model, (1, 2, 2))]
    assert names == ["0", "1", "2.twice", "2.twice@2", "2.memory", "2"]
    with pytest.raises(InputError, match=r"input of shape \(1, 1, 3, 3\): the model cannot take it"):
        layers(model, (1, 3, 3))
    with pytest.raises(InputError, match=r"input_shape=\(1, 0, 3\)"):
        layers(model, (1, 0, 3))
