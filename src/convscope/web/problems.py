"""What goes wrong as an answer: one line that says what was given, the rule and the smallest fix."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from convscope.errors import InputError

log = logging.getLogger("convscope.web")


class Problem(BaseModel):
    """What every answer that is no success says."""

    problem: str


ANSWERS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "Cannot be used; the line says why, and the smallest fix"},
    403: {"model": Problem, "description": "Another page's request"},
    404: {"model": Problem, "description": "Not here, or no longer"},
    408: {"model": Problem, "description": "The body did not arrive in time"},
    413: {"model": Problem, "description": "The body is too long"},
    421: {"model": Problem, "description": "The lab is not called by that name"},
    422: {"model": Problem, "description": "Not what this request takes"},
    429: {"model": Problem, "description": "Too much is going on; Retry-After says when to come back, in seconds"},
}
"""Beside success, what any request may be answered, as OpenAPI describes it."""


class Busy(Exception):
    """Too much is going on; `seconds` says when to come back."""

    def __init__(self, problem: str, seconds: int):
        super().__init__(problem)
        self.seconds = seconds


def answer(status: int, problem: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"problem": problem}, status, headers)


def answer_problems(app: FastAPI) -> None:
    """From now on the app answers them all as `{"problem": one line}`."""

    @app.exception_handler(InputError)
    def _(request: Request, problem: InputError) -> JSONResponse:
        return answer(400, str(problem))

    @app.exception_handler(RequestValidationError)
    def _(request: Request, problem: RequestValidationError) -> JSONResponse:
        return answer(422, "; ".join(map(_told, problem.errors()[:3])))

    @app.exception_handler(HTTPException)
    def _(request: Request, problem: HTTPException) -> JSONResponse:
        return answer(problem.status_code, str(problem.detail), dict(problem.headers or {}))

    @app.exception_handler(Busy)
    def _(request: Request, problem: Busy) -> JSONResponse:
        return answer(429, str(problem), {"Retry-After": str(problem.seconds)})

    @app.exception_handler(Exception)
    def _(request: Request, problem: Exception) -> JSONResponse:
        return answer(500, "a mistake of convscope itself, not yours; the terminal says more")


def _told(error: dict[str, Any]) -> str:
    """One finding of pydantic's, with the value cut short."""
    place = ".".join(str(part) for part in error["loc"] if part not in ("body", "query", "path"))
    given = repr(error.get("input"))
    given = given if len(given) <= 60 else f"{given[:57]}..."
    message = error["msg"]
    return f"{place or 'request'}={given}: {message[:1].lower()}{message[1:]}"
