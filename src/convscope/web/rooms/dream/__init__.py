"""Room: what a layer sees grows in a picture, or a picture takes the style of another, while one looks on."""

from typing import Any

from fastapi import APIRouter

from convscope.web import networks
from convscope.web.lab import TheLab
from convscope.web.rooms.dream.making import dreaming, styling
from convscope.web.rooms.dream.wishes import Dreaming, Model, Styling

router = APIRouter()

GROWS = (("edges", 0.08), ("textures", 0.25), ("parts", 0.6))
"""What a layer's dreams look like, by how much of the network's input its units see at most, as a share of its side."""


@router.get("/layers")
def layers(network: Model) -> dict[str, Any]:
    """The layers of a network that can be dreamt of, which one is dreamt of where none is named, and what the units of
    a layer are called where they are classes.
    """
    from convscope.lens.dreams.dreaming import DREAMY
    from convscope.lens.models.builtin import imagenet_names

    return {
        "usual": DREAMY[network],
        "classes": list(imagenet_names()),
        "layers": [
            {"name": info.name, "units": info.units, "sees": list(info.field.size), "grows": _grows(info.field.size)}
            for info in networks.worth_looking_at(network)
            if len(info.shape) == 3 and info.field is not None
        ],
    }


@router.post("/dream")
def dream(lab: TheLab, wish: Dreaming) -> dict[str, str]:
    """Dream a picture: a job that shows the file preview.webp on its way."""
    wish.check()
    return {"job": lab.jobs.submit("dream", dreaming(lab, wish)).id}


@router.post("/style")
def style(lab: TheLab, wish: Styling) -> dict[str, str]:
    """Style a picture: a job that shows the file preview.webp on its way."""
    wish.check()
    return {"job": lab.jobs.submit("dream", styling(lab, wish)).id}


@router.post("/dream/again")
def dream_again(wish: Dreaming) -> dict[str, str]:
    """The command and the program that make the same dream."""
    wish.check()
    return {"command": wish.command, "python": wish.python()}


@router.post("/style/again")
def style_again(wish: Styling) -> dict[str, str]:
    """The command and the program that make the same picture."""
    wish.check()
    return {"command": wish.command, "python": wish.python()}


def _grows(sees: tuple[int, ...]) -> str:
    share = min(sees) / INPUT
    return next((name for name, most in GROWS if share < most), "things")


INPUT = 224
"""The side of the pictures that both networks were trained on."""
