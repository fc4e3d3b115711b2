"""Room: a network sees. LeNet-5 looks at a drawing; every number that it makes on the way can be asked about."""

from convscope.web.rooms.sees.api import router

__all__ = ["router"]
