"""At the door: who may ask, from where, and how much may come in. Everything passes here first."""

import asyncio
import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from convscope.web.problems import answer
from convscope.web.settings import Settings

COOKIE = "convscope-lab"
UPLOADS = ("/api/uploads", "/api/worlds/sound")
"""Where whole files may arrive."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
}


class Guard:
    """ASGI middleware around the whole lab."""

    def __init__(self, app: ASGIApp, settings: Settings):
        self.app = app
        self.settings = settings
        self._uploading = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # nothing here speaks WebSocket
            return
        headers = Headers(scope=scope)
        refused = self._refused(scope, headers) or self._asked_for_token(scope, headers)
        if refused is not None:
            await refused(scope, receive, _with_headers(send))
            return
        upload = scope["method"] == "POST" and scope["path"].rstrip("/") in UPLOADS
        limits = self.settings.limits
        if upload and self._uploading >= limits.uploading:
            busy = answer(429, f"{limits.uploading} files arrive already; try again in a moment", {"Retry-After": "5"})
            await busy(scope, receive, _with_headers(send))
            return
        with self._counting(upload):
            body = await self._body(receive, headers, limits.upload if upload else limits.body)
            if isinstance(body, Response):
                await body(scope, receive, _with_headers(send))
            elif body is not None:  # else the visitor has gone
                await self.app(scope, _again(body, receive), _with_headers(send))

    @contextmanager
    def _counting(self, upload: bool) -> Iterator[None]:
        self._uploading += upload
        try:
            yield
        finally:
            self._uploading -= upload

    def _refused(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer to what no page of this lab would ask."""
        host = headers.get("host", "")
        if _name(host) not in self.settings.hosts:
            return answer(
                421, f"Host {host[:80]!r}: this lab is called {' or '.join(sorted(self.settings.hosts))}; use that name"
            )
        safe = scope["method"] in ("GET", "HEAD")
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host and not (safe and origin == "null"):
            return answer(403, "another page's request: use the lab from its own pages")
        site = headers.get("sec-fetch-site", "none")
        visit = safe and headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        if site not in ("none", "same-origin") and not visit:
            return answer(403, "another page's request: use the lab from its own pages")
        return None

    def _asked_for_token(self, scope: Scope, headers: Headers) -> Response | None:
        """Whoever brings the token in the address gets it as a cookie; whoever has none is sent away."""
        token = self.settings.token
        if token is None:
            return None
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        if _same(query.pop("token", ""), token):
            target = "/" + scope["path"].lstrip("/") + (f"?{urlencode(query)}" if query else "")
            welcome = RedirectResponse(target, 303)
            # lax: whoever follows a link from a mail or a chat brings it along; others' POSTs are refused anyway
            welcome.set_cookie(COOKIE, _as_cookie(token), httponly=True, samesite="lax")
            return welcome
        bearer = headers.get("authorization", "").removeprefix("Bearer ").encode("latin-1").decode(errors="replace")
        if _same(_cookie(headers), _as_cookie(token)) or _same(bearer, token):
            return None
        return PlainTextResponse("This lab asks for its token: open the address that convscope lab printed.\n", 401)

    async def _body(self, receive: Receive, headers: Headers, most: int) -> bytes | Response | None:
        """The whole body, or the answer to one that is too long or too slow; None when the visitor has gone."""
        too_long = answer(413, f"more than {most} bytes; send less")
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > most:
            return too_long
        body = bytearray()
        try:
            async with asyncio.timeout(self.settings.limits.seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    body += message.get("body", b"")
                    if len(body) > most:
                        return too_long
                    if not message.get("more_body"):
                        return bytes(body)
        except TimeoutError:
            return answer(408, f"not arrived within {self.settings.limits.seconds:g} seconds; send it again")


def _name(host: str) -> str:
    """The name in a Host header, without the port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _as_cookie(token: str) -> str:
    """In letters that a header can hold, whatever the token is made of."""
    return hashlib.sha256(token.encode()).hexdigest()


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sending


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives the body once more to whom reads it, then what else the connection says."""
    given = False

    async def receiving() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving
