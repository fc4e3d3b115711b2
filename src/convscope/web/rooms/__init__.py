"""The rooms of the lab: each has an API of its own, a page, a script and a file of words, all under its name."""

from dataclasses import dataclass

from fastapi import APIRouter

from convscope.web.rooms import atlases, dream, kernel, learn, sees, worlds


@dataclass(frozen=True)
class Room:
    """`name` is its path, the name of its template, its script and its words; `router` answers under /api/name."""

    name: str
    router: APIRouter


ROOMS = (
    Room("kernel", kernel.router),
    Room("learn", learn.router),
    Room("sees", sees.router),
    Room("atlases", atlases.router),
    Room("dream", dream.router),
    Room("worlds", worlds.router),
)
