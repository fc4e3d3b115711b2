"""One way to train: the best epoch's weights, the same from one seed, and gone on with after a stop."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from convscope.errors import InputError
from convscope.tasks.fitting import Held, Machines, Recipe, answers, fit, seeded

SHORT = Recipe(epochs=4, batch=32, rate=1e-2)


def clouds(count: int, seed: int) -> Held:
    """Points (count, 6) and which of three directions they lie along."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(count, 6, generator=generator)
    return Held(points, points[:, :3].argmax(1))


TRAIN, VALIDATION = clouds(300, 0), clouds(100, 1)


def network() -> nn.Module:
    with seeded(5):
        return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))


def noisy(inputs: torch.Tensor, targets: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    return inputs + 0.2 * torch.randn(inputs.shape, generator=generator), targets


def same(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def without_times(rows: tuple[dict[str, float], ...]) -> list[dict[str, float]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def test_it_learns_and_keeps_the_epoch_that_validated_best():
    model = network()
    rows = fit(model, TRAIN, VALIDATION, Recipe(epochs=12, batch=32, rate=3e-2))
    best = max(row["validation_accuracy"] for row in rows)
    own = (answers(model, VALIDATION).argmax(1) == VALIDATION.targets.numpy()).mean()
    assert [row["epoch"] for row in rows] == list(range(1, 13))
    assert own == pytest.approx(best)
    assert best > 0.85
    assert rows[-1]["train_loss"] < rows[0]["train_loss"] / 2


def test_one_seed_gives_one_result_and_another_another():
    one, again, other = network(), network(), network()
    fit(one, TRAIN, VALIDATION, SHORT, vary=noisy)
    fit(again, TRAIN, VALIDATION, SHORT, vary=noisy)
    fit(other, TRAIN, VALIDATION, Recipe(epochs=4, batch=32, rate=1e-2, seed=1), vary=noisy)
    assert same(one, again)
    assert not same(one, other)


def test_random_numbers_outside_go_on_as_if_nothing_had_been():
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    fit(network(), TRAIN, VALIDATION, Recipe(epochs=1))
    assert torch.equal(torch.rand(3), expected)


def stopping_at(count: int):
    calls = []

    def progress(done: int, total: int, what: str) -> None:
        calls.append((done, total, what))
        if len(calls) == count:
            raise KeyboardInterrupt

    return progress


def test_what_was_stopped_goes_on_to_the_same_weights(tmp_path: Path):
    file, whole, model = tmp_path / "w.checkpoint", network(), network()
    rows = fit(whole, TRAIN, VALIDATION, SHORT, vary=noisy)
    with pytest.raises(KeyboardInterrupt, match="the epochs that were over are kept, the same command"):
        fit(model, TRAIN, VALIDATION, SHORT, vary=noisy, checkpoint=file, progress=stopping_at(25))
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    assert [path.name for path in tmp_path.iterdir()] == ["w.checkpoint"]
    model = network()
    again = fit(model, TRAIN, VALIDATION, SHORT, vary=noisy, checkpoint=file)
    assert same(whole, model)
    assert without_times(again) == without_times(rows)


def test_a_stop_in_the_first_epoch_keeps_nothing(tmp_path: Path):
    file = tmp_path / "w.checkpoint"
    with pytest.raises(KeyboardInterrupt, match="no epoch was over"):
        fit(network(), TRAIN, VALIDATION, SHORT, checkpoint=file, progress=stopping_at(2))
    assert not file.exists()


@pytest.mark.parametrize("left", [b"", b"no checkpoint"])
def test_a_broken_checkpoint_and_one_of_another_training_are_begun_anew(tmp_path: Path, left: bytes):
    file, plain, model = tmp_path / "w.checkpoint", network(), network()
    fit(plain, TRAIN, VALIDATION, SHORT)
    file.write_bytes(left)
    fit(model, TRAIN, VALIDATION, SHORT, checkpoint=file)
    assert same(plain, model)
    other = network()
    fit(other, TRAIN, VALIDATION, SHORT, checkpoint=file, subject="other data")
    assert same(plain, other)


def test_it_stops_early_where_nothing_is_gained():
    rows = fit(network(), TRAIN, VALIDATION, Recipe(epochs=60, batch=300, rate=1e-9, patience=3))
    assert len(rows) < 10


def test_weights_can_be_held_after_every_step():
    def hold(model: nn.Module) -> None:
        for parameter in model.parameters():
            parameter.clamp_(-0.1, 0.1)

    model = network()
    fit(model, TRAIN, VALIDATION, SHORT, after_step=hold)
    assert max(float(parameter.detach().abs().max()) for parameter in model.parameters()) < 0.1001


def test_answers_leave_the_network_in_its_mode():
    model = network().train()
    found = answers(model, VALIDATION, batch=7)
    assert model.training
    assert found.shape == (100, 3)
    with torch.no_grad():
        assert torch.allclose(torch.from_numpy(found), model.eval()(VALIDATION.inputs), atol=1e-6)


@pytest.mark.parametrize(
    ("recipe", "machines", "text"),
    [
        ({"epochs": 0}, {}, "epochs and batch must be at least 1"),
        ({"rate": -1.0}, {}, "rate above 0"),
        ({}, {"accelerator": "cuda"}, "accelerator='cuda'"),
        ({}, {"strategy": "no such"}, "strategy='no such'"),
    ],
)
def test_settings_that_cannot_be_are_said(recipe: dict, machines: dict, text: str):
    with pytest.raises(InputError, match=text):
        fit(network(), TRAIN, VALIDATION, Recipe(**recipe), machines=Machines(**machines))


def test_no_examples_and_losses_that_are_no_numbers_are_said():
    nothing = Held(torch.zeros(0, 6), torch.zeros(0, dtype=torch.long))
    with pytest.raises(InputError, match="0 examples to learn from and 100 to validate on"):
        fit(network(), nothing, VALIDATION, SHORT)
    with pytest.raises(InputError, match=r"epoch 1: the loss is (nan|inf); lower --rate"):
        fit(network(), Held(TRAIN.inputs * 1e38, TRAIN.targets), VALIDATION, SHORT)


TWO = """
from pathlib import Path
import torch
from torch import nn
from convscope.tasks.fitting import Held, Machines, Recipe, fit, seeded
if __name__ == "__main__":
    torch.set_num_threads(1)
    points = torch.randn(200, 6, generator=torch.Generator().manual_seed(0))
    held = Held(points, points[:, :3].argmax(1))
    with seeded(0):
        model = nn.Linear(6, 3)
    file = Path(__file__).with_suffix(".checkpoint")
    two = Machines(devices=2, strategy="ddp")
    rows = fit(model, held, held, Recipe(epochs=6, rate=0.1), machines=two, checkpoint=file)
    print(len(rows), rows[-1]["validation_accuracy"] > 0.9, file.exists())
"""


def test_two_processes_train_one_network_and_one_of_them_goes_on(tmp_path: Path):
    script = tmp_path / "two.py"
    script.write_text(TWO)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout.splitlines()) == (0, ["6 True True"]), done.stderr
