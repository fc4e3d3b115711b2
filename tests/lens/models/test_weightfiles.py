"""Files of weights and of whole networks: told apart by their content, fitted or refused."""

import io
import os
import pickle
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from convscope.errors import InputError
from convscope.lens.models import load
from convscope.lens.models.weightfiles import fit_weights, kind_of, read_state


class Harmful:
    """Its pickle makes a file when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def export(model: nn.Module, x: torch.Tensor, file: Path, *, dynamic: bool = True) -> Path:
    shapes = ({0: torch.export.Dim.DYNAMIC},) if dynamic else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(model, (x,), dynamic_shapes=shapes), file)
    return file


def script(model: nn.Module, x: torch.Tensor, file: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(model, x).save(file)  # type: ignore[attr-defined]
    return file


def test_torch_export(nets, x, tmp_path: Path):
    model = nets.Small().eval()
    found = load(export(model, x, tmp_path / "net.pt2"))  # a path is a source too
    assert found.input_shape == (2, 9, 7)
    for n in (1, 3, 4):  # any batch
        assert torch.allclose(found.model(x[:n]), model(x[:n]), atol=1e-6)
    assert [name for name, _ in found.model.named_children()] == ["conv", "norm", "act", "head"]
    seen = []
    found.model.get_submodule("conv").register_forward_hook(lambda module, inputs, output: seen.append(output))
    found.model(x)
    assert torch.equal(seen[0], model.conv(x))  # layers are run as modules, so they can be looked at


def test_torch_export_of_one_batch_size_is_refused_with_the_way_out(nets, x, tmp_path: Path):
    file = export(nets.Small().eval(), x, tmp_path / "net.pt2", dynamic=False)
    with pytest.raises(InputError, match=r"batches of exactly 4; export it again with dynamic_shapes=\(\{0: "):
        load(str(file))


def test_torchscript(nets, x, tmp_path: Path):
    model = nets.Small().eval()
    for name in ("net.pt", "net.ts", "net.pth"):
        found = load(str(script(model, x, tmp_path / name)), preprocessing="unit;size=9x7")
        assert found.input_shape == (2, 9, 7)
        assert torch.allclose(found.model(x), model(x), atol=1e-6)
        assert not found.model.training


def test_kinds_are_told_by_content(nets, x, tmp_path: Path):
    model = nets.Small().eval()
    save_file(model.state_dict(), tmp_path / "a.bin")
    torch.save(model.state_dict(), tmp_path / "b.bin")
    torch.save(model.state_dict(), tmp_path / "c.bin", _use_new_zipfile_serialization=False)
    script(model, x, tmp_path / "d.bin")
    export(model, x, tmp_path / "e.pt2").rename(tmp_path / "e.bin")
    kinds = [kind_of(tmp_path / f"{letter}.bin") for letter in "abcde"]
    assert kinds == ["safetensors", "saved", "saved", "torchscript", "exported"]
    for letter in "abc":
        assert set(read_state(tmp_path / f"{letter}.bin")) == set(model.state_dict())


def test_weights_are_taken_out_of_what_training_scripts_keep(nets, tmp_path: Path):
    state = nets.Small().state_dict()
    wrapped = {"epoch": 3, "state_dict": {f"module.{name}": value for name, value in state.items()}}
    torch.save(wrapped, tmp_path / "checkpoint.pth")
    assert read_state(tmp_path / "checkpoint.pth").keys() == state.keys()
    torch.save({f"_orig_mod.{name}": value for name, value in state.items()}, tmp_path / "compiled.pth")
    assert read_state(tmp_path / "compiled.pth").keys() == state.keys()
    torch.save({"epoch": 3}, tmp_path / "none.pth")
    with pytest.raises(InputError, match=r"a dict without weights by name; save model.state_dict\(\)"):
        read_state(tmp_path / "none.pth")


def test_weights_that_do_not_fit_are_named(nets, tmp_path: Path):
    state = {name: value for name, value in nets.Small(4).state_dict().items() if name != "head.bias"}
    save_file({**state, "extra": torch.ones(2)}, tmp_path / "w.safetensors")
    model = nets.Small()
    before = model.conv.weight.clone()
    says = (
        r"its 9 weights are not those of this Small: 1 missing \(head.bias\); 1 not in the network \(extra\); "
        r"7 of another shape \(conv.weight \(4, 2, 3, 2\), not \(3, 2, 3, 2\), "
    )
    with pytest.raises(InputError, match=says):
        fit_weights(model, tmp_path / "w.safetensors")
    assert torch.equal(model.conv.weight, before)


def test_the_count_of_batches_may_be_missing(nets, tmp_path: Path):
    # every factory's network starts alike: the file holds other numbers
    state = {name: value + 1 for name, value in nets.Small().state_dict().items() if "num_batches" not in name}
    save_file(state, tmp_path / "w.safetensors")
    model = nets.Small()
    fit_weights(model, tmp_path / "w.safetensors")
    fitted = model.state_dict()
    assert all(torch.equal(fitted[name], value) for name, value in state.items())


def test_weights_alone_are_no_network(nets, tmp_path: Path):
    torch.save(nets.Small().state_dict(), tmp_path / "w.pt")
    with pytest.raises(InputError, match=r"weights without the network they belong to; name its factory before them"):
        load(str(tmp_path / "w.pt"))


def test_a_whole_network_is_no_weights(nets, x, factory, tmp_path: Path):
    file = script(nets.Small().eval(), x, tmp_path / "net.pt")
    with pytest.raises(InputError, match=r"a whole network \(torchscript\), not weights"):
        load(f"{factory}@{file}", input_shape=(2, 9, 7))


@pytest.mark.parametrize("new", [True, False])
def test_a_pickle_is_not_executed(new: bool, factory, tmp_path: Path):
    file, made = tmp_path / "harmful.pt", tmp_path / "made"
    torch.save({"weight": Harmful(made)}, file, _use_new_zipfile_serialization=new)
    for source in (str(file), f"{factory}@{file}"):
        with pytest.raises(InputError, match=r"a pickle, which can run any code .*; it was not opened. .*trust_pickle"):
            load(source, input_shape=(2, 9, 7))
    assert not made.exists()
    with pytest.raises(InputError):  # trusted it runs, and holds no network
        load(str(file), trust_pickle=True)
    assert made.is_dir()


def test_a_bare_pickle_is_not_executed(tmp_path: Path):
    file, made = tmp_path / "harmful.pth", tmp_path / "made"
    file.write_bytes(pickle.dumps(Harmful(made)))
    with pytest.raises(InputError, match=r"harmful.pth: "):
        load(str(file))
    assert not made.exists()


@pytest.mark.parametrize("place", ["data/sample_inputs/model.pt", "data/constants/opaque_obj_0"])
def test_a_pickle_in_an_exported_program_is_not_executed(place: str, nets, x, tmp_path: Path):
    whole, changed, made = export(nets.Small().eval(), x, tmp_path / "a.pt2"), tmp_path / "b.pt2", tmp_path / "made"
    harmful = io.BytesIO()
    torch.save(Harmful(made), harmful)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            if not name.endswith(place):
                target.writestr(name, source.read(name))
        folder = source.namelist()[0].partition("/")[0]
        target.writestr(f"{folder}/{place}", harmful.getvalue())
    with pytest.raises(InputError, match=r"a pickle, which can run any code"):
        load(str(changed))
    assert not made.exists()
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


def test_a_whole_module_in_a_pickle_needs_trust(nets, x, tmp_path: Path):
    model = nets.Small().eval()
    torch.save(model, tmp_path / "whole.pt")
    with pytest.raises(InputError, match=r"it asks for small_nets.Small.* with trust_pickle=True \(--trust-pickle\)"):
        load(str(tmp_path / "whole.pt"))
    found = load(str(tmp_path / "whole.pt"), trust_pickle=True, input_shape=(2, 9, 7))
    assert torch.equal(found.model(x), model(x))


@pytest.mark.parametrize("name", ["a.pt", "a.pt2", "a.safetensors", "a.onnx", "a.pth"])
@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"PK\x03\x04 cut off", b"\x80\x02 cut off"])
def test_broken_files_are_one_line(name: str, content: bytes, tmp_path: Path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        load(str(tmp_path / name))


@pytest.mark.parametrize("kind", ["exported", "torchscript", "saved"])
def test_files_cut_short(kind: str, nets, x, tmp_path: Path, caplog):
    model, file = nets.Small().eval(), tmp_path / "net.pt2"
    if kind == "exported":
        export(model, x, file)
    elif kind == "torchscript":
        script(model, x, file)
    else:
        torch.save(model.state_dict(), file)
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(tmp_path / "cut.pt2", "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name)[:20])
    with pytest.raises(InputError, match=r"cut.pt2: "):
        load(str(tmp_path / "cut.pt2"))
    assert not [record for record in caplog.records if record.levelname != "DEBUG"]


def test_a_folder_is_no_file(tmp_path: Path):
    with pytest.raises(InputError, match=r"cannot be read \(is a directory\)"):
        load(str(tmp_path))
