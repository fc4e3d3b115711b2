"""The copy that pictures are made with: it answers as the original does, which nobody touches."""

import copy
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from convscope.errors import InputError
from convscope.lens.probe import probe
from convscope.lens.workshop import fold_norms, workshop


def awake(model: nn.Module, seed: int = 0) -> Any:
    """With norms that have seen something, so that none of them is the identity; in eval mode."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            if module.running_mean is not None and module.running_var is not None:
                module.running_mean.uniform_(-1, 1, generator=generator)
                module.running_var.uniform_(0.3, 3, generator=generator)
            if module.affine:
                module.weight.data.uniform_(-2, 2, generator=generator)
                module.bias.data.uniform_(-1, 1, generator=generator)
    return model.eval()


def pictures(*shape: int) -> Tensor:
    return 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def seen(model: nn.Module, layers: list[str], x: Tensor) -> dict[str, Tensor]:
    with torch.no_grad(), probe(model, layers) as look:
        return look(x)


def check(model: nn.Module, layers: list[str], x: Tensor, folded: int | None = None) -> Any:
    """The copy gives what the original gives, on other pictures than the choice was made on."""
    shop = workshop(model, layers, x)
    other = x.flip(-1).flip(-2)[:1]
    ours, true = seen(shop.model, layers, shop.arrange(other)), seen(model, layers, other)
    for name in layers:
        torch.testing.assert_close(ours[name].to(true[name]), true[name], rtol=1e-3, atol=1e-4)
    if folded is not None:
        assert shop.folded == folded
    return shop


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_norms_are_folded_into_the_convolutions_before_them(bias, affine):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 6, (3, 2), stride=2, dilation=(1, 2), bias=bias),
        nn.BatchNorm2d(6, affine=affine, eps=0.1),
        nn.ReLU(inplace=True),
        nn.Conv2d(6, 4, 3, padding=1, groups=2, bias=not bias),
        nn.BatchNorm2d(4, affine=affine),
    )
    shop = check(awake(model), ["2", "4"], pictures(2, 2, 11, 9), folded=2)
    assert [type(module) for module in shop.model] == [nn.Conv2d, nn.Identity, nn.ReLU, nn.Conv2d, nn.Identity]
    assert not any(weight.requires_grad for weight in shop.model.parameters())


def test_convolutions_with_a_padding_of_their_own_are_folded():
    class Same(nn.Conv2d):
        """Pads by the input's size, one cell more at the end, as TensorFlow does."""

        def forward(self, input: Tensor) -> Tensor:
            return super().forward(nn.functional.pad(input, (0, 1, 1, 2)))

    torch.manual_seed(0)
    model = awake(nn.Sequential(Same(2, 3, (4, 2)), nn.BatchNorm2d(3), nn.ReLU6()))
    check(model, ["2"], pictures(2, 2, 9, 8), folded=1)


@pytest.mark.parametrize("axes", [1, 3])
def test_norms_of_signals_and_volumes_too(axes):
    torch.manual_seed(0)
    conv, norm = {1: (nn.Conv1d, nn.BatchNorm1d), 3: (nn.Conv3d, nn.BatchNorm3d)}[axes]
    model = nn.Sequential(conv(2, 3, 3), norm(3), nn.ReLU())
    shop = check(awake(model), ["2"], pictures(2, 2, *(7, 6, 5)[:axes]), folded=1)
    assert not shop.channels_last


class Joined(nn.Module):
    """The convolution's own output goes on beside the norm's."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.out = nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return self.out(y + self.norm(y))


class Shared(nn.Module):
    """One convolution before two norms."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.out = nn.Conv2d(2, 2, 3), nn.Identity()
        self.one, self.two = nn.BatchNorm2d(2), nn.BatchNorm2d(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.two(self.conv(self.one(self.conv(x)))))


class Asking(nn.Module):
    """Its forward pass reads a weight of the norm that a fold would take away."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.out = nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.norm(self.conv(x)) * self.norm.weight.sum())


class Activated(nn.BatchNorm2d):
    """A norm of its own kind, with a ReLU inside."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input).relu()


def spectral() -> nn.Module:
    return nn.Sequential(parametrizations.spectral_norm(nn.Conv2d(2, 3, 3)), nn.BatchNorm2d(3))


def old_weight_norm() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return nn.Sequential(nn.utils.weight_norm(nn.Conv2d(2, 3, 3)), nn.BatchNorm2d(3))


LEFT_ALONE = {
    "the convolution is asked for itself": (lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)), ["0", "1"]),
    "not behind a convolution": (
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.BatchNorm2d(3)), ["2"],
    ),
    "norms of the batch": (
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3, track_running_stats=False)), ["1"],
    ),
    "the output is used twice": (Joined, ["out"]),
    "the convolution runs twice": (Shared, ["out"]),
    "the norm is read elsewhere": (Asking, ["out"]),
    "a norm of its own class": (lambda: nn.Sequential(nn.Conv2d(2, 3, 3), Activated(3)), ["1"]),
    "parametrised weights": (spectral, ["1"]),
    "weights made by a hook": (old_weight_norm, ["1"]),
}  # fmt: skip


@pytest.mark.parametrize("case", LEFT_ALONE)
def test_folds_that_would_change_something_are_left_out(case):
    torch.manual_seed(0)
    build, layers = LEFT_ALONE[case]
    x = pictures(2, 2, 9, 8)
    model = awake(build())
    if case == "norms of the batch":  # they depend on the batch: only the same one can be compared
        shop = workshop(model, layers, x)
        torch.testing.assert_close(seen(shop.model, layers, x), seen(model, layers, x), rtol=1e-3, atol=1e-4)
        assert shop.folded == 0
    else:
        check(model, layers, x, folded=0)


def test_the_comparison_is_what_keeps_a_wrong_fold_out():
    """`fold_norms` itself does not know that the output goes two ways; the result is far off."""
    torch.manual_seed(0)
    model, x = awake(Joined()), pictures(2, 2, 9, 8)
    wrong, count = fold_norms(copy.deepcopy(model), ["out"], x)
    assert count == 1
    true = seen(model, ["out"], x)["out"]
    assert (seen(wrong, ["out"], x)["out"] - true).abs().max() > 0.1 * true.abs().max()


def state(model: nn.Module) -> list:
    return [
        (name, tensor.dtype, tensor.stride(), tensor.requires_grad, tensor.data_ptr(), tensor.clone())
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_original_is_not_touched(dtype):
    torch.manual_seed(0)
    model = awake(nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 2, 2))).to(dtype)
    model.train()
    model[1].eval()
    model[3].weight.requires_grad_(False)
    model[0].to(memory_format=torch.channels_last)
    heard = []
    model[2].register_forward_hook(lambda *_: heard.append(1))
    model[3].forward = model[3].forward
    inside = {name: copy.copy(module.__dict__) for name, module in model.named_modules()}
    before = state(model)
    shop = workshop(model, ["3"], pictures(2, 2, 9, 8).to(dtype))
    assert shop.model is not model
    for (name, kind, stride, grad, place, values), now in zip(before, state(model), strict=True):
        assert (name, kind, stride, grad, place) == now[:5]
        assert torch.equal(values, now[5])
    for name, module in model.named_modules():
        assert module.__dict__ == inside[name]
        assert len(module._forward_hooks) == (name == "2")
    assert [module.training for module in model] == [True, False, True, True]


def test_channels_last_is_for_pictures_of_several_channels():
    torch.manual_seed(0)
    for channels, last in ((1, False), (2, True)):
        model = nn.Sequential(nn.Conv2d(channels, 3, 3), nn.ReLU())
        shop = check(model, ["1"], pictures(2, channels, 9, 8))
        assert shop.channels_last == last
        x = shop.arrange(pictures(2, channels, 9, 8))
        assert x.is_contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)
        assert ("channels last" in str(shop)) == last
    assert not check(nn.Sequential(nn.Linear(5, 3)), ["0"], pictures(2, 5)).channels_last


class Viewed(nn.Module):
    """A view that only works channels first."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.out = nn.Conv2d(2, 3, 3), nn.Linear(3 * 7 * 6, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return self.out(y.view(len(y), -1))


def test_networks_that_cannot_run_channels_last_run_channels_first():
    torch.manual_seed(0)
    assert not check(Viewed(), ["out"], pictures(2, 2, 9, 8)).channels_last


def test_a_buffer_of_five_axes_is_no_hindrance():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 3, 3))
    model.register_buffer("grid", torch.zeros(1, 2, 3, 2, 2))
    assert check(model, ["0"], pictures(2, 2, 9, 8)).channels_last


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_on_the_cpu(dtype):
    torch.manual_seed(0)
    model = awake(nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU())).to(dtype)
    x = pictures(2, 2, 9, 8).to(dtype)
    shop = workshop(model, ["2"], x)
    assert (shop.dtype, shop.folded, shop.arrange(x).dtype) == (torch.float32, 1, torch.float32)
    wide = copy.deepcopy(model).float()
    torch.testing.assert_close(seen(shop.model, ["2"], shop.arrange(x)), seen(wide, ["2"], x.float()))
    assert model[0].weight.dtype == dtype


def test_a_network_that_asks_for_its_own_precision_keeps_it():
    class Insisting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(2, 3, 3).bfloat16()

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(x.bfloat16())

    shop: Any = workshop(Insisting(), ["conv"], pictures(2, 2, 9, 8).bfloat16())
    assert shop.dtype == shop.model.conv.weight.dtype == torch.bfloat16
    assert str(shop).startswith("bfloat16")


def test_double_precision_stays():
    shop = check(nn.Sequential(nn.Conv2d(2, 3, 3)).double(), ["0"], pictures(2, 2, 9, 8).double())
    assert shop.dtype == shop.model[0].weight.dtype == torch.float64


class Uncopied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3)

    def __deepcopy__(self, memo: dict) -> "Uncopied":
        raise TypeError("there can only be one")

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


def test_what_cannot_be_copied_is_used_itself():
    model = Uncopied()
    shop = workshop(model, ["conv"], pictures(2, 2, 9, 8))
    assert shop.model is model
    assert model.training
    assert model.conv.weight.requires_grad
    assert (shop.channels_last, shop.folded) == (False, 0)


def test_weights_that_are_not_finite_are_named_where_they_show():
    model: Any = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Conv2d(3, 2, 2))
    model[2].bias.data[1] = float("inf")
    with pytest.raises(InputError, match=r"model: 2.bias of shape \(2,\) holds NaN or infinity"):
        workshop(model, ["2"], pictures(2, 2, 9, 8))
    check(model, ["1"], pictures(2, 2, 9, 8))
