"""One picture's content in another's style, by optimising the picture itself."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import signature
from math import isfinite
from typing import Any, SupportsFloat

import numpy as np
import torch
from torch import Tensor

from convscope.errors import InputError
from convscope.files import AnyPath
from convscope.lens.anysize import AnyPicture, as_photograph, enlarged, leave, resized
from convscope.lens.models import AnyModel, Preprocessing, network, preprocessing_of
from convscope.lens.shown import recipe_of
from convscope.lens.shown.remade import Remade
from convscope.lens.styles.colours import grey, luminance, matched, recoloured
from convscope.lens.styles.guided import guided_filter
from convscope.lens.styles.keeping import Keeper
from convscope.lens.styles.pooling import averaged
from convscope.lens.styles.regions import regions
from convscope.lens.styles.scales import Scale, Stage, Task, Work, ladder, within
from convscope.lens.styles.terms import Terms, recommended
from convscope.lens.weights import weights_hash
from convscope.pictures import Picture

SMOOTHED = 1 / 60, 1e-4
"""How a photorealistic result is smoothed: radius as a share of the longer side, and epsilon (`guided_filter`)."""


@dataclass(frozen=True)
class Styled(Remade):
    """A picture in another's style. scales: what was worked on, from coarse to fine, with the losses by name."""

    scales: tuple[Scale, ...]

    @property
    def losses(self) -> dict[str, float]:
        """Those of the result by name, and their weighted sum "total"; empty where no scale was finished."""
        return dict(self.scales[-1].end) if self.scales else {}


class StyleStopped(KeyboardInterrupt):
    """Ctrl-C came; `styled` is the best picture so far, in the full size, None where work had not begun."""

    def __init__(self, styled: Styled | None) -> None:
        super().__init__("stopped")
        self.styled = styled


def style(
    content: AnyPicture,
    style: AnyPicture | Sequence[AnyPicture],
    *,
    model: AnyModel = "squeezenet",
    mix: Sequence[SupportsFloat] | None = None,
    terms: Terms | None = None,
    strength: SupportsFloat = 10.0,
    tv: SupportsFloat | None = None,
    centred: bool = False,
    pooling: str = "max",
    size: int | None = 512,
    style_scale: SupportsFloat = 1.0,
    start: AnyPicture = "content",
    scales: int | None = None,
    steps: int = 60,
    optimiser: str = "lbfgs",
    colours: str = "style",
    photorealistic: SupportsFloat = 0,
    masks: tuple[AnyPicture, AnyPicture | Sequence[AnyPicture]] | None = None,
    smooth: bool = True,
    seed: int = 0,
    tile: int | None = None,
    keep: AnyPath | None = None,
    preprocessing: Preprocessing | str | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    watch: Callable[[Stage], None] | None = None,
) -> Styled:
    """The content of one picture in the style of another, or of a mix of several.

    The picture is moved until the network's activations are the content's and their Gram matrices the style's
    (`losses`), at a coarse scale first and from there to finer ones.

    mix: what each style counts for; default: all the same. terms: the layers; default: `recommended`. strength: what
    style counts for against content. tv: the weight of roughness, instead of that of `terms`. centred: covariances in
    place of Gram matrices. pooling: "max", or "average" in its place, in a copy of the network.
    size: the longest side of the result in pixels; None: the content's own. style_scale: how large the strokes are; 1
    takes the style's picture with the same longest side. start: where the coarsest scale begins:
    "content", "noise" or a picture; from noise, content needs layers that see fine detail and less strength.
    scales: how many, each with half the sides of the next; default: as many as keep the longest side at 128 or more.
    steps: at each scale, of "lbfgs" or "adam". colours: "content" remakes the luminance alone.
    photorealistic: lambda, the weight of what is no locally affine change of the content's colours; 1e4 is usual.
    smooth: its result is brought back to such a change at the end. masks: label pictures of the content and of each
    style; what has a colour in one is styled by what has that colour in the other.
    tile: sides of the pieces in which the network sees the picture; default: one pass up to 1536 pixels, else 1024.
    keep: a file for unfinished work, written every ten seconds; the same call goes on there, and removes it at the
    end. progress(done, total, what) counts steps; watch(stage) is called before every step.

    Raises InputError for what cannot be used; StyleStopped for Ctrl-C. Where the loss is not finite any more, the best
    picture so far is taken up again with smaller steps, and a warning says so.
    (Gatys, Ecker, Bethge: Image style transfer using convolutional neural networks, 2016; Gatys et al.: Controlling
    perceptual factors in neural style transfer, 2017, for scales; Luan et al.: Deep photo style transfer, 2017.)
    """
    unusual = _unusual(locals())
    page, paintings = as_photograph(content), [as_photograph(one) for one in _several(style)]
    _check(paintings, mix, strength, style_scale, photorealistic, steps, scales, size, tile)
    for name, given, known in (
        ("pooling", pooling, ("max", "average")),
        ("optimiser", optimiser, ("lbfgs", "adam")),
        ("colours", colours, ("style", "content")),
    ):
        if given not in known:
            raise InputError(f"{name}={given!r}; use {' or '.join(map(repr, known))}")
    if any(np.array_equal(page, painting) for painting in paintings):
        warnings.warn("the style is the content itself: nothing changes but its roughness", stacklevel=2)
    net = network(model, preprocessing=preprocessing)
    if preprocessing_of(net).order not in ("RGB", "BGR"):
        raise InputError(f"model: it takes {preprocessing_of(net).order}; give one that takes red, green and blue")
    chosen = recommended(net) if terms is None else terms
    chosen = chosen if tv is None else replace(chosen, tv=tv)
    if pooling == "average":
        net = replace(net, model=averaged(net.model))
    full = within(page, max(page.shape[:2]) if size is None else size)
    begun = start if isinstance(start, str) and start in ("content", "noise") else as_photograph(start)
    shares = [float(share) for share in mix or [1] * len(paintings)]
    areas = None if masks is None else regions(*masks, page, paintings)
    painted = [] if areas is None else [each.numpy() for each in (areas.content, *areas.styles)]
    keeper = Keeper.of(keep, [page, *paintings, *painted, begun, unusual, chosen, weights_hash(net.model)])
    shown = resized(page, *full)
    if colours == "content":
        light = luminance(shown)
        paintings = [grey(matched(luminance(painting), light)) for painting in paintings]
        begun = grey(luminance(begun)) if isinstance(begun, np.ndarray) else begun
    task = Task(
        net=net,
        terms=chosen,
        content=grey(luminance(shown)) if colours == "content" else shown,
        styles=paintings,
        mix=[share / sum(shares) for share in shares],
        start=begun,  # type: ignore[arg-type]
        strength=float(strength),
        style_scale=float(style_scale),
        centred=centred,
        regions=None if areas is None else (areas.content, areas.styles),
        photorealistic=float(photorealistic),
        optimiser=optimiser,
        steps=steps,
        seed=seed,
        tile=tile,
    )
    work = Work(task, keeper, progress, watch)

    def styled(picture: Tensor) -> Styled:
        remade = leave(net, enlarged(picture, *full))
        if float(photorealistic) and smooth:
            remade = _smoothed(remade, shown)
        remade = recoloured(remade, shown) if colours == "content" else remade
        recipe = recipe_of(net, "style", ["CONTENT", *["STYLE"] * len(paintings)], unusual)
        recipe |= {"terms": str(chosen), "scales": [_plain(each) for each in work.done]}
        return Styled(remade, recipe, tuple(work.done))

    try:
        result = styled(work.run(ladder(full, scales)))
    except KeyboardInterrupt:
        if work.kept is not None:
            keeper.note(work.kept, now=True)
        raise StyleStopped(None if work.best is None else styled(work.best)) from None
    keeper.done()
    return result


def _several(style: AnyPicture | Sequence[AnyPicture]) -> list[AnyPicture]:
    return list(style) if isinstance(style, list | tuple) else [style]  # type: ignore[list-item]


def _smoothed(picture: Picture, guide: Picture) -> Picture:
    planes = [torch.from_numpy(one.copy()).permute(2, 0, 1).float() / 255 for one in (guide, picture)]
    share, epsilon = SMOOTHED
    found = guided_filter(*planes, radius=max(round(share * max(picture.shape[:2])), 1), epsilon=epsilon)
    return (255 * found.clamp(0, 1)).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()


def _plain(scale: Scale) -> dict[str, Any]:
    return {"size": list(scale.size), "steps": scale.steps, "start": dict(scale.start), "end": dict(scale.end)}


def _unusual(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that the result depends on and that are not as they are by default, as plain data."""
    free = ("content", "style", "model", "keep", "progress", "watch")
    usual = {name: each.default for name, each in signature(style).parameters.items() if name not in free}
    found = {name: given[name] for name, value in usual.items() if given[name] is not value}
    return {name: _written(value) for name, value in found.items() if type(value) is np.ndarray or value != usual[name]}


def _written(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_written(part) for part in value]
    if isinstance(value, np.ndarray):
        return f"{value.dtype} of shape {value.shape}"
    return value if isinstance(value, int | float | str) or value is None else str(value)


def _check(
    paintings: Sequence[Picture],
    mix: Sequence[SupportsFloat] | None,
    strength: SupportsFloat,
    style_scale: SupportsFloat,
    photorealistic: SupportsFloat,
    steps: int,
    scales: int | None,
    size: int | None,
    tile: int | None,
) -> None:
    if not paintings:
        raise InputError("style=[]: give one picture, or several")
    shares = None if mix is None else [float(share) for share in mix]
    if shares is not None and len(shares) != len(paintings):
        raise InputError(f"mix: {len(shares)} weights for {len(paintings)} styles; give one for each")
    if shares is not None and not (all(isfinite(share) and share >= 0 for share in shares) and sum(shares)):
        raise InputError(f"mix={shares}: weights of 0 or more, one of them above 0")
    for name, value in (("strength", strength), ("photorealistic", photorealistic)):
        if not (isfinite(float(value)) and float(value) >= 0):
            raise InputError(f"{name}={value}: a weight of 0 or more")
    if not 0 < float(style_scale) < float("inf"):
        raise InputError(f"style_scale={style_scale}: a size above 0; 1 is that of the content")
    for name, count in (("steps", steps), ("scales", scales), ("size", size), ("tile", tile)):
        if count is not None and count < 1:
            raise InputError(f"{name}={count}: it must be at least 1")
