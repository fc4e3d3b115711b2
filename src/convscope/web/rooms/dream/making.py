"""The jobs: a picture is dreamt or styled, seen while it develops, and kept as it is by then when it is stopped."""

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, final

from convscope.errors import InputError
from convscope.pictures import encoded, webp
from convscope.web import networks
from convscope.web.jobs import File, Outcome, Report, Stopped, Work
from convscope.web.lab import Lab
from convscope.web.rooms.dream.wishes import Dreaming, Styling, stem
from convscope.web.sources import Source

if TYPE_CHECKING:
    from convscope.lens.dreams import Dream
    from convscope.lens.models import Network
    from convscope.lens.objectives import Objective
    from convscope.lens.shown import Remade
    from convscope.lens.styles import Stage, Styled
    from convscope.pictures import Picture

EVERY = 0.6
"""Seconds between the pictures that are shown on the way."""
PREVIEW = "preview.webp"
QUALITY = 80


@final
class _Developing:
    """Shows the picture every now and then, and how far it is each time."""

    def __init__(self, report: Report):
        self.report = report
        self._version = 0
        self._shown = -math.inf

    def __call__(self, picture: "Picture | None", done: int, total: int, **more: Any) -> None:
        if picture is not None:
            self._version += 1
            self._shown = time.monotonic()
            self.report.file(PREVIEW, webp(picture, QUALITY), "image/webp")
        self.report(done, total, version=self._version, **more)

    @property
    def due(self) -> bool:
        return time.monotonic() - self._shown >= EVERY


def dreaming(lab: Lab, wish: Dreaming) -> Work:
    """The job of a dream."""

    def work(report: Report) -> Outcome:
        from convscope.lens import dreams

        network, show = networks.load(wish.network), _Developing(report)
        photo = Source.parse(wish.picture).pixels(lab)

        def watch(at: dreams.Glimpse) -> None:
            _heed(report)
            picture = at.picture() if show.due else None
            done = at.octave * at.steps + at.step + 1
            show(picture, done, at.octaves * at.steps, part=at.octave + 1, parts=at.octaves, value=_finite(at.value))

        try:
            objective = _objective(network, wish)
            made = dreams.dream(photo, objective, model=network, **wish.settings, watch=watch)
        except dreams.DreamStopped as stop:
            raise Stopped(None if stop.dream is None else _dreamt(stop.dream, wish, stopped=True)) from None
        return _dreamt(made, wish)

    return work


def styling(lab: Lab, wish: Styling) -> Work:
    """The job of a style."""

    def work(report: Report) -> Outcome:
        from convscope.lens import styles

        network, show = networks.load("squeezenet"), _Developing(report)
        photo, painting = (Source.parse(text).pixels(lab) for text in (wish.picture, wish.style))

        def watch(at: "Stage") -> None:
            _heed(report)
            picture = at.picture if show.due else None
            done = at.scale * at.steps + at.step
            loss = _finite(float(at.losses["total"]))
            show(picture, done, at.scales * at.steps, part=at.scale + 1, parts=at.scales, value=loss)

        try:
            made = styles.style(photo, painting, model=network, **wish.settings, watch=watch)
        except styles.StyleStopped as stop:
            raise Stopped(None if stop.styled is None else _styled(stop.styled, wish, stopped=True)) from None
        return _styled(made, wish)

    return work


def _heed(report: Report) -> None:
    """Ends the work as Ctrl-C does, which leaves what there is."""
    if report.stopping:
        raise KeyboardInterrupt


def _objective(network: "Network", wish: Dreaming) -> "Objective | str | None":
    """Raises InputError for a layer or unit that the network has not."""
    from convscope.lens.objectives import channel, layer

    known = {info.name: info for info in networks.worth_looking_at(wish.network) if len(info.shape) == 3}
    for name in wish.layers:
        if name not in known:
            raise InputError(f"layers: {wish.network} has no {name!r} to dream of; choose of {', '.join(known)}")
    if wish.unit is not None:
        units = known[wish.layers[0]].units
        if wish.unit >= units:
            raise InputError(f"unit={wish.unit}: {wish.layers[0]} has {units}; choose 0 to {units - 1}")
        return channel(wish.layers[0], wish.unit)
    parts = [layer(name) for name in wish.layers]
    return sum(parts[1:], parts[0]) if len(parts) > 1 else next(iter(wish.layers), None)


def _dreamt(made: "Dream", wish: Dreaming, stopped: bool = False) -> Outcome:
    return _outcome(made, wish, {"picture": f"{stem(wish.picture)}.png"}, stopped)


def _styled(made: "Styled", wish: Styling, stopped: bool = False) -> Outcome:
    about = {"content": f"{stem(wish.picture)}.png", "style": [f"{wish.painting}.png"]}
    return _outcome(made, wish, about, stopped)


def _outcome(made: "Remade", wish: Dreaming | Styling, about: Mapping[str, Any], stopped: bool) -> Outcome:
    """The picture as a file that says how it was made; of one that was stopped no command makes the same."""
    recipe = {**made.recipe, **about, "command": wish.command, **({"stopped": True} if stopped else {})}
    made = replace(made, recipe=recipe)
    rows, columns = made.picture.shape[:2]
    files = {wish.file: File(encoded(made.picture, ".png", recipe), "image/png")}
    told = {"file": wish.file, "rows": rows, "columns": columns, "command": wish.command, "recipe": recipe}
    return Outcome(told, files)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
