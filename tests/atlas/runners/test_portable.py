"""Networks of every origin arrive in a process that has neither their code nor their files: equal, bit for bit."""

import pickle
import subprocess
import sys
import threading
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from convscope.atlas.portable import pack, unpack
from convscope.atlas.subject import RECIPES, Member, Subject
from convscope.errors import InputError
from convscope.lens.models import Network, load
from convscope.lens.weights import weights_hash
from convscope.tasks.go.network import Settings, policy
from convscope.tasks.go.world import Boards

cloudpickle = pytest.importorskip("ray", reason="pip install 'convscope[cluster]'").cloudpickle
NETS = """
from torch import nn
from beside import HALF

class Halved(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3)

    def forward(self, x):
        return HALF * self.conv(x).flatten(2).mean(-1)
"""

LOCKED = """
import threading
from torch import nn

class Locked(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(1, 2, 3))
        nn.init.constant_(self[0].weight, FILL)
        nn.init.zeros_(self[0].bias)
        self.lock = threading.Lock()
"""

OPENED = """
import pickle, sys, torch
torch.set_num_threads(1)
from convscope.atlas.portable import unpack
from convscope.lens.weights import weights_hash
told = {}
for name in sys.argv[2:]:
    function = unpack(pickle.load(open(f"{sys.argv[1]}/{name}.parcel", "rb")))
    (member,) = function.args[0].members
    network = member.network
    with torch.no_grad():
        output = network.model(torch.load(f"{sys.argv[1]}/{name}.input"))
    told[name] = weights_hash(network.model), output, network.input_shape, network.classes, str(network.world)
torch.save(told, f"{sys.argv[1]}/told")
"""


def names(subject: Subject, item: int) -> list[str]:
    return [f"{member.label} {item}" for member in subject.members]


def of(network: Network, label: str = "net") -> "partial[list[str]]":
    member = Member(label, network, weights_hash(network.model), ())
    return partial(names, Subject((member,), None, RECIPES["quick"], 0))


def python_file(folder: Path) -> Network:
    (folder / "code").mkdir()
    (folder / "code/nets.py").write_text(NETS)
    (folder / "code/beside.py").write_text("HALF = 0.5\n")
    return load(f"python:{folder}/code/nets.py:Halved(width=2)", input_shape=(1, 8, 8))


def local_class(folder: Path) -> Network:
    class Doubled(nn.Linear):
        def forward(self, input: torch.Tensor) -> torch.Tensor:
            return super().forward(input) * 2

    return Network(nn.Sequential(Doubled(4, 3)), (4,), classes=("a", "b", "c"))


def built_in(folder: Path) -> Network:
    return load("squeezenet")


def of_another_world(folder: Path) -> Network:
    settings = Settings(size=5, features="board", width=4, depth=2)
    return Network(policy(settings).eval(), (1, 5, 5), world=Boards(5, "board"))


def scripted(folder: Path) -> Network:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Network(torch.jit.script(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())), (1, 6, 6))  # type: ignore[attr-defined]


def exported(folder: Path) -> Network:
    model, batch = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), {0: torch.export.Dim.DYNAMIC}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(
            torch.export.export(model, (torch.zeros(2, 1, 6, 6),), dynamic_shapes=(batch,)), folder / "net.pt2"
        )
    return load(folder / "net.pt2")


def loaded_anew(folder: Path) -> Network:
    (folder / "locked.py").write_text(LOCKED.replace("FILL", "0.5"))
    return load(f"python:{folder}/locked.py:Locked", input_shape=(1, 5, 5))


KINDS = [python_file, local_class, built_in, of_another_world, scripted, exported, loaded_anew]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Network, torch.Tensor]]:
    """Each network with its output here, and its parcel in a file for `arrived`."""
    folder = tmp_path_factory.getbasetemp()
    made = {}
    for make in KINDS:
        name = make.__name__
        network = make(folder)
        inputs = torch.randn(1, *network.input_shape, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            made[name] = network, network.model(inputs)
        torch.save(inputs, folder / f"{name}.input")
        (folder / f"{name}.parcel").write_bytes(pickle.dumps(pack(of(network))))
    return made


@pytest.fixture(scope="module")
def arrived(sent, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.getbasetemp()
    (folder / "code").rename(folder / "gone")
    subprocess.run([sys.executable, "-c", OPENED, folder, *sent], check=True, cwd="/", timeout=120)
    return torch.load(folder / "told", weights_only=False)


@pytest.mark.parametrize("kind", [make.__name__ for make in KINDS])
def test_arrives_as_it_was_sent(sent, arrived, kind: str):
    network, output = sent[kind]
    weights, there, *rest = arrived[kind]
    assert weights == weights_hash(network.model)
    assert torch.equal(there, output)
    assert rest == [network.input_shape, network.classes, str(network.world)]


def test_cloudpickle_is_left_as_it_was(sent):
    assert not cloudpickle.list_registry_pickle_by_value()


def test_a_network_that_became_another_is_refused(tmp_path: Path):
    parcel = pack(of(loaded_anew(tmp_path), "mine"))
    assert unpack(parcel).args[0].members[0].network.model.lock
    (tmp_path / "locked.py").write_text(LOCKED.replace("FILL", "0.75"))
    with pytest.raises(InputError, match=r"network 'mine': its source 'python:.*' gives weights .{8} on a worker, and"):
        unpack(parcel)


def test_a_network_that_cannot_travel_is_refused():
    network = Network(nn.Sequential(nn.Conv2d(1, 2, 3)), (1, 5, 5))
    network.model.lock = threading.Lock()  # type: ignore[assignment]
    with pytest.raises(InputError, match=r"model Sequential: cannot be sent to workers \(.*lock.*\); give it by a sou"):
        pack(of(network))


def test_other_versions_are_refused():
    parcel = pack(of(Network(nn.Linear(1, 1), (1,))))
    with pytest.raises(InputError, match=r"worker: it has torch [\d.]+, and the job was planned with 1\.0; results"):
        unpack(replace(parcel, versions=(parcel.versions[0], ("torch", "1.0"))))
