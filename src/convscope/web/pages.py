"""The pages themselves: one template a room, all words from the catalogue."""

from importlib.resources import files
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.templating import Jinja2Templates
from markupsafe import Markup, escape

from convscope import __version__
from convscope.web.rooms import ROOMS
from convscope.web.texts import LANGUAGES, catalogue, language_of

HOME = files("convscope.web")
_templates = Jinja2Templates(str(HOME / "templates"))


def add_pages(app: FastAPI) -> None:
    """The way in, a page for each room, and the words for the scripts."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def entrance(request: Request) -> HTMLResponse:
        return _page(request, "home.html", "home")

    @router.get("/texts.json")
    def texts() -> JSONResponse:
        return JSONResponse(catalogue())

    for room in ROOMS:
        router.add_api_route(f"/{room.name}", _of(room.name), response_class=HTMLResponse, name=room.name)
    app.include_router(router)


def _of(name: str) -> Any:
    def page(request: Request) -> HTMLResponse:
        return _page(request, f"rooms/{name}.html", name)

    return page


def _page(request: Request, template: str, name: str) -> HTMLResponse:
    language = language_of(request)
    words = catalogue()[language]

    def t(key: str) -> Markup:
        """The text of a key in an element of its own, so that the scripts can change its language in place."""
        return Markup('<span data-t="{}">{}</span>').format(key, words[key])

    def label(key: str, attribute: str = "aria-label") -> Markup:
        """... as an attribute."""
        return Markup('{}="{}" data-t-{}="{}"').format(Markup(attribute), words[key], Markup(attribute), key)

    return _templates.TemplateResponse(
        request,
        template,
        {
            "t": t,
            "label": label,
            "words": words,
            "language": language,
            "html_language": LANGUAGES[language],
            "name": name,
            "rooms": ROOMS,
            "version": escape(__version__),
        },
    )
