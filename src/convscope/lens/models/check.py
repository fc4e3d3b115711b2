"""Does a preprocessing look like the one a network was trained with?"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from convscope.lens.models.network import AnyModel, network, preprocessing_of
from convscope.lens.models.preprocessing import PRESETS, Preprocessing
from convscope.lens.probe import at_rest, to_model

UNLIKE = 0.3
"""Nats between what the first batch norm saw in training and sees now, from which on something is wrong: with
EfficientNet-Lite0, eight photographs lie 0.01 to 0.13 off when all is right, from 0.5 with a wrong range or mean."""
SURE = 2.5
"""Standard errors by which one order of channels must give surer answers than the other."""
_PICTURES, _BATCH = 64, 8


def check_preprocessing(model: AnyModel, pictures: UInt8[np.ndarray, "n h w c"]) -> list[str]:
    """What looks wrong about the numbers that pictures enter a network with; nothing, where all looks right.

    pictures: some tens that are like those of the training, as `Preprocessing.fit` makes them; the first 64
    are used.

    Looked at are: the inputs' own mean and spread; the first batch norm's running mean and variance against
    those of these pictures, channel by channel (the mean Kullback-Leibler divergence of two normal
    distributions), where other usual settings are tried too; and of a network that tells classes, whether it
    is surer (lower entropy) with red and blue exchanged. A wrong range or mean shows in the first two; how sure
    a network is says nothing of them, as larger numbers make any surer. A wrong order shows as far as a network
    relies on colour: with 64 photographs it is noticed 84 times in 100 for SqueezeNet, 20 for
    EfficientNet-Lite0, and a right one was never doubted. Silence is no proof.

    Raises InputError for a model without preprocessing and for pictures of other channels.
    """
    described = network(model)
    taken, module = preprocessing_of(described), described.model
    pictures = pictures[:_PICTURES]
    with at_rest(module), torch.no_grad():
        found = _by_numbers(taken.to_inputs(pictures), taken, pictures)
        found += _by_first_norm(module, taken, pictures)
        found += _by_certainty(module, taken, pictures)
    return found


def _by_numbers(inputs: Tensor, taken: Preprocessing, pictures: np.ndarray) -> list[str]:
    found = []
    if pictures.max(initial=0) <= 1:
        found.append("pictures: no value is above 1; they are bytes from 0 (black) to 255 (white)")
    means, spreads = inputs.mean((0, 2, 3)), inputs.std((0, 2, 3))
    told = f"the inputs' mean is {float(means.mean()):.3g}, their spread {float(spreads.mean()):.3g}"
    reach = min(full - black for black, full in zip(taken.black, taken.full, strict=True))
    if float(means.abs().max()) > 2 * reach:
        found.append(
            f"{told}: far from zero for values that reach over {reach:.3g}; range=1 or 255, and does mean fit it?"
        )
    elif set(taken.std) != {1.0} and not 0.02 < float(spreads.mean()) < 10:
        found.append(f"{told}: far from 1 although std is given; range=1 or 255, and does std fit it?")
    return found


def _by_first_norm(model: nn.Module, taken: Preprocessing, pictures: np.ndarray) -> list[str]:
    off = _off(model, taken.to_inputs(pictures))
    if off is None or off < UNLIKE:
        return []
    others = {text: each for text, each in _others(taken) if each != taken}
    tried = {text: _off(model, each.to_inputs(pictures)) or 0.0 for text, each in others.items()}
    best = min(tried, key=lambda text: tried[text])
    told = f"the first batch norm sees other numbers than in training ({off:.2g} nats a channel off)"
    if tried[best] < off / 4:
        return [f"{told}; {best} fits better ({tried[best]:.2g})"]
    return [f"{told}, and none of the usual settings fits; are the pictures like those of the training?"]


def _others(taken: Preprocessing) -> Iterator[tuple[str, Preprocessing]]:
    """Settings that are often meant, each with the text that asks for it."""
    if taken.order in _EXCHANGED:
        yield f"order={_EXCHANGED[taken.order]}", replace(taken, order=_EXCHANGED[taken.order])
    for white in (1.0, 255.0):
        yield f"range={white:g}", replace(taken, white=white)
        yield f"mean=0;std=1;range={white:g}", replace(taken, mean=(0.0,), std=(1.0,), white=white)
    for name in PRESETS:
        preset = Preprocessing.parse(name, (3, *taken.size))
        if taken.channels in (3, len(preset.mean)):
            order = preset.order if taken.channels == 3 else taken.order
            yield name, replace(taken, mean=preset.mean, std=preset.std, white=preset.white, order=order)


def _off(model: nn.Module, inputs: Float[Tensor, "n c h w"]) -> float | None:
    """Nats between the first batch norm's running statistics and these inputs', the mean over its channels."""
    with _first_norm(model) as seen:
        for batch in inputs.split(_BATCH):
            _run(model, batch)
    if not seen:
        return None
    norm, values = seen[0][0], torch.cat([values for _, values in seen], 1)
    mean, var = values.mean(1), values.var(1, correction=0) + norm.eps
    assert norm.running_mean is not None
    assert norm.running_var is not None
    known = norm.running_var.float() + norm.eps
    squares = (mean - norm.running_mean.float()) ** 2
    return float((0.5 * ((var + squares) / known - 1 - torch.log(var / known))).mean())


class _Seen(BaseException):
    """Ends a forward pass once the first batch norm is reached."""


@contextmanager
def _first_norm(model: nn.Module) -> Iterator[list[tuple[_BatchNorm, Tensor]]]:
    """While open, a forward pass ends at the first batch norm and leaves it here with what entered, (units, values)."""
    seen: list[tuple[_BatchNorm, Tensor]] = []

    def hook(norm: _BatchNorm, entered: tuple[Tensor, ...]) -> None:
        seen.append((norm, entered[0].transpose(0, 1).flatten(1).float()))
        raise _Seen

    norms = [each for each in model.modules() if isinstance(each, _BatchNorm) and each.running_mean is not None]
    handles = [norm.register_forward_pre_hook(hook) for norm in norms]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _by_certainty(model: nn.Module, taken: Preprocessing, pictures: np.ndarray) -> list[str]:
    if taken.order not in _EXCHANGED or len(pictures) < _BATCH:
        return []
    exchanged = _EXCHANGED[taken.order]
    as_given = _entropies(model, taken.to_inputs(pictures))
    other = _entropies(model, replace(taken, order=exchanged).to_inputs(pictures))
    if as_given is None or other is None:
        return []
    gain = as_given - other
    error = float(gain.std()) / len(gain) ** 0.5
    if float(gain.mean()) <= SURE * error or not error:
        return []
    return [
        f"the answers are surer with order={exchanged} (mean entropy {float(other.mean()):.2f} nats against "
        f"{float(as_given.mean()):.2f} with {taken.order}, over {len(gain)} pictures)"
    ]


_EXCHANGED = {"RGB": "BGR", "BGR": "RGB"}


def _entropies(model: nn.Module, inputs: Tensor) -> Tensor | None:
    """Of the classes' probabilities, one a picture; None for a network that tells no classes."""
    found = []
    for batch in inputs.split(_BATCH):
        logits = _run(model, batch)
        if not isinstance(logits, Tensor) or logits.dim() != 2 or logits.shape[1] < 10:
            return None
        found.append(torch.special.entr(logits.float().softmax(1)).sum(1))
    return torch.cat(found).cpu()


def _run(model: nn.Module, inputs: Tensor) -> object:
    try:
        return model(to_model(model, inputs))
    except _Seen:
        return None
