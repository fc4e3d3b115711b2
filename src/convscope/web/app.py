"""The web application: the rooms behind the guard."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from convscope import __version__
from convscope.web import bringing, following
from convscope.web.guard import Guard
from convscope.web.lab import Lab
from convscope.web.pages import add_pages
from convscope.web.problems import ANSWERS, answer_problems
from convscope.web.rooms import ROOMS, atlases
from convscope.web.settings import Settings


def create_app(settings: Settings) -> tuple[ASGIApp, Lab]:
    """The lab as an ASGI application, and what its rooms share: who stops the server closes that first."""
    lab = Lab(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        lab.close()

    app = FastAPI(
        title="convscope lab",
        version=__version__,
        docs_url=None,  # those pages would load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        responses=ANSWERS,
    )
    app.state.lab = lab
    answer_problems(app)
    app.include_router(bringing.router)
    app.include_router(following.router)
    for room in ROOMS:
        app.include_router(room.router, prefix=f"/api/{room.name}", tags=[room.name])
    app.include_router(atlases.pages)
    add_pages(app)
    app.mount("/static/shared", StaticFiles(directory=str(files("convscope.atlas.site") / "static")))
    app.mount("/static", StaticFiles(directory=str(files("convscope.web") / "static")), name="static")
    return Guard(app, settings), lab
